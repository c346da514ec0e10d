"""What search compares: one folding for stored text and for queries, and the words of a query.

The database holds `search_text` of each contact; a query becomes `SearchWord`s, each a LIKE pattern and
at times a substring to check again. `matches` says in Python what the SQL must say.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from orbit_contacts.core.errors import InvalidEmail, InvalidPhoneNumber
from orbit_contacts.features.contacts.emails import parse_email
from orbit_contacts.features.contacts.folding import fold
from orbit_contacts.features.contacts.phones import parse_phone

__all__ = ["SearchQuery", "SearchWord", "fold", "matches", "search_text", "search_words"]

MAX_QUERY_LENGTH = 200
MAX_WORDS = 10

# Shorter fragments hold no trigram, except at the start of a word.
_SHORTEST_INFIX = 3
# The index intersects every trigram of a pattern. Of a long text those that do not overlap find as few rows.
_LONGEST_WHOLE = 7
_PIECES_AT_MOST = 10
# How many digits can be one whole phone number; the parser reads two more than E.164 allows.
_SHORTEST_NUMBER = 7
_LONGEST_NUMBER = 17


class SearchWord(NamedTuple):
    """One condition on `search_text`; all words of a query must hold.

    `index_pattern` is for `LIKE … ESCAPE '\\'` and can use the trigram index; None where the word has no
    trigram. `recheck`, if not None, is a plain substring (`strpos(search_text, …) > 0`) that must be
    there as well. Never are both None.
    """

    index_pattern: str | None
    recheck: str | None = None


class SearchQuery(NamedTuple):
    """The words of a query; none means no filter.

    `phone` (E.164) or `email` is set if the query is nothing but one complete number or address. They are
    offers, for an equality on the identifiers: `words` holds the same as words, and must be asked when
    the equality finds nobody, since a number still being typed can be complete by length (`+49 30 1234`).
    """

    words: tuple[SearchWord, ...]
    phone: str | None = None
    email: str | None = None


def search_text(
    first_name: str | None,
    last_name: str | None,
    display_name: str | None,
    company: str | None,
    email: str | None,
    phone: str | None,
) -> str:
    """The text of a contact that search reads: folded words, each after one space, the phone as bare digits.

    The leading space makes `LIKE '% ju%'` mean "a word begins with ju" for the first word too.
    """
    named = (first_name, last_name, display_name, company, email)
    words = fold(" ".join(filter(None, named))).split()
    if phone:
        words.append(phone.removeprefix("+"))
    return " " + " ".join(words)


def search_words(query: str) -> SearchQuery:
    """Read what someone typed into a search box. Accepts any text; `%` and `_` are ordinary characters.

    * Words are folded and match anywhere; those under three characters match only where a word begins.
    * What looks like a phone number or a part of one is compared by its digits, also when written in
      groups (`+1 (415) 555-1234`). After `+` or `00` the number must begin so. A leading zero of a long
      one is dropped, since it is a trunk prefix that the stored number lacks, and so is an extension behind it.
    * Of `local@domain` the index is asked for `local@` only, and of `@domain` for its first label: what follows is
      common, and its trigrams cost more than they select. The whole is checked again.

    At most 200 characters and 10 words are read.
    """
    text = query[:MAX_QUERY_LENGTH]
    terms = list(_terms(_EXTENSION.sub(r"\1", fold(text).strip()).split()))
    if len(terms) == 1:
        if isinstance(terms[0], _Digits):
            return _phone_query(terms[0])
        if "@" in terms[0] and len(query) <= MAX_QUERY_LENGTH:
            return _email_query(text, terms[0])
    return SearchQuery(tuple(_word(term) for term in terms[:MAX_WORDS]))


class _Digits(NamedTuple):
    """A phone number or part of one: as written, its digits, and whether a number must begin with them."""

    written: str
    digits: str
    anchored: bool


# Behind at least seven digits, at the end: ` x77`, ` ext. 77`, `;ext=77`, ` #77`.
_EXTENSION = re.compile(r"((?:[0-9][()\[\].\-/ ]*){7}) ?(?:;ext=|extension|ext\.?|x|#) ?[0-9]{1,7}$")
_NUMBER_PART = re.compile(r"[()\[\]]*\+?[()\[\].\-/]*[0-9][0-9()\[\].\-/]*")
_BEGINS_NUMBER = re.compile(r"[()\[\]]*\+")
_BRACKET = re.compile(r"[()\[\]]")
_SEPARATOR = re.compile(r"[.\-/]+")


def _terms(tokens: list[str]) -> Iterator[str | _Digits]:
    """Words as they are, and each run of number parts either as one number or part by part."""
    run: list[str] = []
    for token in tokens:
        if _NUMBER_PART.fullmatch(token):
            if _BEGINS_NUMBER.match(token):
                yield from _numbers(run)
                run = []
            run.append(token)
        elif run and _SEPARATOR.fullmatch(token):
            run.append(token)
        else:
            yield from _numbers(run)
            run = []
            yield token
    yield from _numbers(run)


def _numbers(run: list[str]) -> Iterator[str | _Digits]:
    parts = [token for token in run if _NUMBER_PART.fullmatch(token)]
    written = " ".join(run)
    length = len(_digits_of(written))
    marked = "+" in written or _BRACKET.search(written) is not None
    looks_whole = length >= _SHORTEST_NUMBER and all(len(_digits_of(part)) > 1 for part in parts)
    if len(parts) > 1 and length <= _LONGEST_NUMBER and (marked or looks_whole):
        yield _as_digits(written)
    else:
        for token in run:
            yield _as_digits(token) if _NUMBER_PART.fullmatch(token) else token


def _as_digits(written: str) -> _Digits:
    international = "+" in written
    # "(0)" reminds of the trunk prefix in numbers that are written to be called from abroad, without it.
    digits = _digits_of(written.replace("(0)", "") if international else written)
    if len(digits) >= _SHORTEST_NUMBER and digits.startswith("0") and not international:
        international = digits.startswith("00")
        digits = digits.lstrip("0") or digits
    return _Digits(written, digits or _digits_of(written), international)


def _digits_of(written: str) -> str:
    return re.sub("[^0-9]", "", written)


def _phone_query(term: _Digits) -> SearchQuery:
    phone = None
    if term.anchored:
        try:
            phone = parse_phone(term.written, None).e164
        except InvalidPhoneNumber:
            pass
        else:
            term = term._replace(digits=phone.removeprefix("+"))
    return SearchQuery((_word(term),), phone=phone)


def _email_query(text: str, term: str) -> SearchQuery:
    try:
        email = parse_email(text)
    except InvalidEmail:
        return SearchQuery((_word(term),))
    # The stored address has its domain in Unicode, so an ASCII spelling of it is looked for in that form.
    return SearchQuery(tuple(_word(word) for word in fold(email).split()), email=email)


def _word(term: str | _Digits) -> SearchWord:
    if isinstance(term, _Digits):
        return _containing(term.digits, at_word_start=term.anchored)
    local, at, domain = term.partition("@")
    if local and domain and _has_trigram(local + at):
        return SearchWord(f"%{_pieces(local + at)}%", recheck=term)
    label = domain.partition(".")[0]
    if at and not local and label != domain and _has_trigram(at + label):
        return SearchWord(f"%{_split(at + label)}%", recheck=term)
    return _containing(term)


def _containing(fragment: str, *, at_word_start: bool = False) -> SearchWord:
    if at_word_start or len(fragment) < _SHORTEST_INFIX:
        fragment = " " + fragment
    if not _has_trigram(fragment):
        return SearchWord(None, recheck=fragment)
    pieces = _pieces(fragment)
    if pieces == _escape(fragment):
        return SearchWord(f"%{pieces}%")
    return SearchWord(f"%{pieces}%", recheck=fragment)


def _pieces(fragment: str) -> str:
    """A pattern that a text with `fragment` fits."""
    return _escape(fragment) if len(fragment) <= _LONGEST_WHOLE else _split(fragment)


def _split(fragment: str) -> str:
    """The pattern of a fragment with few trigrams: `mar%ia.%gar%cia` for `maria.garcia`.

    A piece is three characters that make a trigram; what makes none is left out, and so is what is over at the
    beginning, since numbers differ at their end.
    """
    pieces: list[str] = []
    at = 0 if fragment.startswith(" ") else len(fragment) % 3
    while at <= len(fragment) - 3:
        piece = fragment[at : at + 3]
        if _has_trigram(piece):
            pieces.append(_escape(piece))
            at += 3
        else:
            at += 1
    return "%".join(pieces[-_PIECES_AT_MOST:]) or _escape(fragment)


# pg_trgm takes words of letters and digits, with two blanks before and one after a word whose end is in
# the pattern.
_TRIGRAM = re.compile(r"[^\W_]{3}|[\W_][^\W_]|[^\W_]{2}[\W_]")


def _has_trigram(fragment: str) -> bool:
    return _TRIGRAM.search(fragment) is not None


def _escape(fragment: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", fragment)


def matches(text: str, query: SearchQuery) -> bool:
    """Whether a contact's `search_text` satisfies every word: what the SQL conditions answer, in Python."""
    return all(
        (word.index_pattern is None or _like(text, word.index_pattern))
        and (word.recheck is None or word.recheck in text)
        for word in query.words
    )


def _like(text: str, pattern: str) -> bool:
    """SQL's LIKE, for the patterns made here: pieces of escaped text, in order, with `%` around each."""
    at = 0
    for piece in _PIECE.findall(pattern):
        wanted = re.sub(r"\\(.)", r"\1", piece, flags=re.DOTALL)
        found = text.find(wanted, at)
        if found < 0:
            return False
        at = found + len(wanted)
    return True


_PIECE = re.compile(r"(?:\\.|[^%\\])+", re.DOTALL)
