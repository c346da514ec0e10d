"""Whether two contacts may be the same person: what to look each other up by, a score, and its reasons. Pure.

Live contacts never share a phone, an e-mail or an external id, so duplicates are those that share something weaker: a
name and an employer, a mailbox at two providers, the end of a phone number. The weights are judgement, not learned:
each is about how often the agreement means one person, and independent agreements add up (noisy or).
"""

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from orbit_contacts.features.contacts.folding import fold

# Below this, nobody is asked to look.
THRESHOLD = 0.5

# How many contacts may share a key before it says nothing: beyond, it is a common name, a role, a call centre.
CAPS = {"name": 6, "near+company": 20, "near+domain": 20, "mailbox": 10, "phone": 10, "external_id": 10}
MOST = max(CAPS.values())

_FREE_MAIL = frozenset(
    "gmail.com googlemail.com yahoo.com hotmail.com outlook.com live.com msn.com icloud.com me.com aol.com gmx.de "
    "gmx.net web.de t-online.de mail.ru yandex.ru yandex.com proton.me protonmail.com qq.com 163.com 126.com naver.com "
    "free.fr orange.fr libero.it hotmail.fr yahoo.fr yahoo.co.uk hotmail.co.uk btinternet.com comcast.net".split()
)
_ROLES = frozenset(
    "admin billing booking career contact enquiries finance hello help hostmaster info jobs kontakt mail marketing "
    "newsletter noreply office order orders postmaster press reception reservations root sales service support team "
    "test user webmaster".split()
)
_WORDS = re.compile(r"[^\W_]+")
_VOWELS = str.maketrans({**dict.fromkeys("aeiouhy", None), "c": "k", "q": "k", "z": "s", "w": "v"})
_REPEATED = re.compile(r"(.)\1+")


class Person(NamedTuple):
    """What of a contact is compared."""

    id: UUID
    first_name: str | None
    last_name: str | None
    display_name: str | None
    company: str | None
    email: str | None
    phone: str | None
    external_id: str | None
    country_code: str | None


class Reason(NamedTuple):
    """One thing that two contacts have in common, or that speaks against them being one."""

    code: str
    detail: str
    weight: float


def keys(person: Person, workspace_id: int) -> dict[int, str]:
    """Hashes under which a contact finds others like it, with the kind of each; at most one of a kind."""
    return {_hash(f"{workspace_id}/{kind}/{text}"): kind for kind, text in _key_texts(person)}


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True)


def _key_texts(person: Person) -> Iterator[tuple[str, str]]:
    words = name_words(person)
    mailbox, domain = mail_parts(person.email)
    if _is_full_name(words):
        yield "name", " ".join(words)
        near = _near(words)
        if company := _company(person):
            yield "near+company", f"{near}/{company}"
        if domain and domain not in _FREE_MAIL:
            yield "near+domain", f"{near}/{domain}"
    if _is_personal(mailbox):
        yield "mailbox", mailbox
    if person.phone and len(person.phone) > 9:
        yield "phone", person.phone[-8:]
    external_id = _bare(person.external_id)
    if len(external_id) >= 3:
        yield "external_id", external_id


def name_words(person: Person) -> list[str]:
    """The words of a name, folded and sorted: `Doe, Jane` is `Jane Doe`."""
    name = " ".join(filter(None, (person.first_name, person.last_name))) or person.display_name or ""
    return sorted(_WORDS.findall(fold(name)))


def _is_full_name(words: list[str]) -> bool:
    """Enough of a name to tell people apart; Chinese, Japanese and Korean ones are short and need no blank."""
    if any(character >= "\u2e80" for word in words for character in word):
        return sum(map(len, words)) >= 3
    return len(words) >= 2 and sum(map(len, words)) >= 5


def _near(words: list[str]) -> str:
    return " ".join(sorted(map(_skeleton, words)))


def _skeleton(word: str) -> str:
    """What remains of a word under usual misspellings: consonants, alike ones as one."""
    return _REPEATED.sub(r"\1", word.replace("ph", "f").replace("ck", "k").translate(_VOWELS)) or word[:1]


def _company(person: Person) -> str:
    return "".join(_WORDS.findall(fold(person.company or "")))


def mail_parts(email: str | None) -> tuple[str, str]:
    """The mailbox without dots and tags, and the domain."""
    local, _, domain = (email or "").rpartition("@")
    return fold(local).partition("+")[0].replace(".", ""), fold(domain)


def _is_personal(mailbox: str) -> bool:
    return len(mailbox) >= 5 and mailbox not in _ROLES and not mailbox.isdigit()


def _bare(text: str | None) -> str:
    return "".join(_WORDS.findall(fold(text or "")))


def compare(one: Person, other: Person) -> tuple[float, list[Reason]]:
    """A score from 0 to 1, rounded to hundredths, and what it rests on; the strongest reason first."""
    names = _name_reason(one, other)
    given = (names, _company_reason(one, other), *_other_reasons(one, other))
    found = [reason for reason in given if reason is not None]
    doubt = 1.0
    for reason in found:
        if reason.weight > 0:
            doubt *= 1 - reason.weight
    score = 1 - doubt
    for reason in found:
        if reason.weight < 0:
            score *= 1 + reason.weight
    if _has_both(one) and _has_both(other):
        # Two phones and two e-mails: two people more often than not.
        score *= 0.85
    elif names is not None and len(found) == 1 and not _complement(one, other):
        # A name alone, and each has its own address of the same kind.
        score *= 0.6
    return round(score, 2), sorted(found, key=lambda reason: -reason.weight)


def _name_reason(one: Person, other: Person) -> Reason | None:
    mine, theirs = name_words(one), name_words(other)
    if not mine or not theirs:
        return None
    my_name, their_name = " ".join(mine), " ".join(theirs)
    if mine == theirs:
        return Reason("same_name", my_name, 0.55 if _is_full_name(mine) else 0.2)
    both = f"{my_name} / {their_name}"
    alike = likeness(my_name, their_name)
    sounds_alike = alike >= 0.2 and len(_near(mine)) >= 5 and _near(mine) == _near(theirs)
    if alike >= 0.4 or sounds_alike or _abbreviates(mine, theirs) or _abbreviates(theirs, mine):
        return Reason("similar_name", both, 0.35)
    return Reason("different_name", both, -0.6)


def _abbreviates(short: list[str], long: list[str]) -> bool:
    """`J Doe` for `Jane Doe`: every word begins one of the other's, and one of them is whole."""
    left = list(long)
    for word in sorted(short, key=len, reverse=True):
        match = next((candidate for candidate in left if candidate.startswith(word)), None)
        if match is None:
            return False
        left.remove(match)
    return any(word in long for word in short)


def likeness(one: str, other: str) -> float:
    """Trigrams in common, of all there are: 1 for the same words, 0 for nothing alike."""
    mine, theirs = _trigrams(one), _trigrams(other)
    return len(mine & theirs) / len(mine | theirs) if mine or theirs else 0.0


def _trigrams(text: str) -> set[str]:
    return {padded[n : n + 3] for word in text.split() for padded in [f"  {word} "] for n in range(len(word) + 1)}


def _company_reason(one: Person, other: Person) -> Reason | None:
    mine, theirs = _company(one), _company(other)
    if not mine or not theirs:
        return None
    if mine == theirs:
        return Reason("same_company", one.company or "", 0.25)
    if mine.startswith(theirs) or theirs.startswith(mine) or likeness(mine, theirs) >= 0.5:
        return None
    return Reason("different_company", f"{one.company} / {other.company}", -0.2)


def _other_reasons(one: Person, other: Person) -> Iterator[Reason]:
    (mailbox, domain), (their_mailbox, their_domain) = mail_parts(one.email), mail_parts(other.email)
    if mailbox == their_mailbox and _is_personal(mailbox):
        yield Reason("same_mailbox", mailbox, 0.6 if len(mailbox) >= 8 else 0.5)
    if domain and domain == their_domain and domain not in _FREE_MAIL:
        yield Reason("same_email_domain", domain, 0.25)
    if one.phone and other.phone and one.phone[-8:] == other.phone[-8:]:
        yield Reason("same_phone_ending", one.phone[-8:], 0.55 if one.phone[-9:] == other.phone[-9:] else 0.35)
    if len(_bare(one.external_id)) >= 3 and _bare(one.external_id) == _bare(other.external_id):
        yield Reason("same_external_id", one.external_id or "", 0.8)
    if one.country_code and other.country_code and one.country_code != other.country_code:
        yield Reason("different_country", f"{one.country_code} / {other.country_code}", -0.15)


def _has_both(person: Person) -> bool:
    return bool(person.phone and person.email)


def _complement(one: Person, other: Person) -> bool:
    """Whether neither has a phone or an e-mail of its own where the other has one too."""
    return not (one.phone and other.phone) and not (one.email and other.email)
