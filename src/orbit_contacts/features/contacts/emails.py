"""E-mail addresses as contacts carry them: lower-cased, with a readable domain.

Stored and answered is the lower-case address with its domain in Unicode (`jörg@müller.example`),
whichever way the domain was written: people read it, search finds it, and every mail library makes the
ASCII form of it. Contact directories compare addresses without regard to case, so the local part is
lower-cased too. Identity is `email_key`.

`email-validator` decides, without DNS; an expression answers first for ordinary ASCII addresses, in a
microsecond instead of thirty. The library (4 MB with its IDNA tables) is loaded by the first address that
needs it.
"""

import re
from functools import cache
from typing import TYPE_CHECKING
from unicodedata import normalize

from orbit_contacts.core.errors import InvalidEmail

if TYPE_CHECKING:
    from email_validator import ValidatedEmail

MAX_LENGTH = 254  # octets, RFC 5321 4.5.3.1.3 with erratum 1690

_ATOM = r"[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+"
_NOT_RESERVED = "(?!..--)"  # labels with "--" there are Punycode, or reserved: for the library
_LABEL = rf"{_NOT_RESERVED}[A-Za-z0-9](?:[A-Za-z0-9\-]{{0,61}}[A-Za-z0-9])?"
_TOP_LABEL = rf"{_NOT_RESERVED}(?:[A-Za-z0-9][A-Za-z0-9\-]{{0,61}})?[A-Za-z]"
_ORDINARY = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_TOP_LABEL}")

# Copied text brings them along: zero-width spaces and joiners, byte order marks, marks of writing
# direction.
_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"


def parse_email(text: str, field: str = "email") -> str:
    """Read an e-mail address: trimmed, Unicode-normalised, lower-cased, an internationalised domain in
    Unicode.

    Any syntactically good address of a domain with a dot is accepted; special-use domains
    (`jane@example.test`, `jane@nas.local`) are not told apart. At most 254 octets. The result, parsed
    again, gives itself.

    Raises `InvalidEmail` naming `field`, the value and what was expected.
    """
    if len(text) <= MAX_LENGTH and _ORDINARY.fullmatch(text):
        return text.lower()
    trimmed = text.strip().strip(_INVISIBLE).strip()
    if len(trimmed) <= MAX_LENGTH and _ORDINARY.fullmatch(trimmed):
        return trimmed.lower()
    return _parse_by_library(trimmed, field)


def _parse_by_library(text: str, field: str) -> str:
    reason = f"It is longer than {MAX_LENGTH} octets."
    if len(text) <= MAX_LENGTH:
        from email_validator import EmailNotValidError

        try:
            valid = _validate(text)
        except EmailNotValidError as fault:
            reason = str(fault)
        else:
            address = f"{normalize('NFC', valid.local_part.lower())}@{valid.domain}"
            # Lower-casing can lengthen: U+0130 becomes two characters.
            if len(address.encode()) <= MAX_LENGTH:
                return address
    value = text[:MAX_LENGTH].encode(errors="replace").decode()
    raise InvalidEmail(
        f"The e-mail address is not valid: {reason}",
        field=field,
        value=value,
        expected="an address such as jane@example.com",
    )


def _validate(text: str) -> "ValidatedEmail":
    import email_validator

    _accept_special_use_domains()
    return email_validator.validate_email(
        text,
        allow_smtputf8=True,
        allow_quoted_local=False,
        allow_domain_literal=False,
        allow_display_name=False,
        check_deliverability=False,
        globally_deliverable=True,
    )


@cache
def _accept_special_use_domains() -> None:
    # The library's documented setting. Which domains can receive mail is the sender's question; sandboxes
    # and intranets of self-hosters live in .test, .local and .internal.
    import email_validator

    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


def email_key(email: str) -> str:
    """The key under which a mailbox is found: one for both ways to write its domain, blind to case.

    The domain in its ASCII form by IDNA 2008, the local part case-folded and in NFC. For comparison only:
    what is stored and shown is the result of `parse_email`.
    """
    if email.isascii() and "xn--" not in email:
        return email.lower()
    import idna

    local, at, domain = email.rpartition("@")
    # Unicode's canonical caseless matching decomposes before it folds.
    local = normalize("NFC", normalize("NFD", local).casefold())
    try:
        domain = idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        domain = normalize("NFC", domain).lower()
    return f"{local}{at}{domain}"
