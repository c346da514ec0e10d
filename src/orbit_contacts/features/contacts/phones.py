"""Phone numbers as contacts carry them: E.164, read from whatever people type.

`phonenumbers` decides; `numbering_plans` answers first where its answer is certain. The library is loaded
on the first call that needs it (7 MB, 80 ms).
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from orbit_contacts.core.errors import InvalidPhoneNumber
from orbit_contacts.features.contacts.numbering_plans import numbering_plan
from orbit_contacts.features.contacts.renumbering import phone_key

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

__all__ = ["Phone", "from_query", "parse_phone", "phone_key", "phone_region"]

MIN_LENGTH = 3
MAX_LENGTH = 100

_INTERNATIONAL = "an international number such as +14155551234"
_WITH_COUNTRY = f"{_INTERNATIONAL}; a national number needs a country"

# What people put between digits and the parser drops. Without it, the plan can read a display form.
_PUNCTUATION = str.maketrans("", "", " -.()[]/")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DOUBLE_ZERO = re.compile(r"[\s(\[]*[0０]{2}")
_MEXICAN_TRUNK = re.compile(r"(?:01|044|045)([2-9][0-9]{9})")


class Phone(NamedTuple):
    """`e164` as stored and answered, the digits of a PBX `extension`, the country as ISO alpha-2 if told."""

    e164: str
    extension: str | None
    region: str | None


def parse_phone(text: str, region: str | None, field: str = "phone") -> Phone:
    """Read a phone number in international, display, RFC 3966 or (given `region`) national form.

    `region` is an ISO alpha-2 code in any case, and only rules numbers written without `+` or `00`.
    Letters of vanity numbers, full-width and Arabic digits and extensions (`x12`, `ext. 12`, `;ext=12`)
    are understood. A number is accepted if its length is possible in its country, assigned or not, so
    test ranges pass; a local number that lacks its area code does not. Spellings by a plan the country
    has left (`+52 1 …`, eight digits in Benin) are accepted and kept as written; `phone_key` unites them.
    The result, parsed again, gives itself.

    Raises `InvalidPhoneNumber` naming `field`, the value and what was expected.
    """
    plan = numbering_plan(text)
    if plan and plan.accepts(text):
        return Phone(text, None, plan.region_of(text))
    if len(text) <= MAX_LENGTH and text.isascii():
        compact = text.translate(_PUNCTUATION)
        plan = numbering_plan(compact)
        if plan and plan.accepts(compact):
            return Phone(compact, None, plan.region_of(compact))
    phone = _parse_by_library(text.strip(), region)
    if phone is None:
        value = text[:MAX_LENGTH].encode(errors="replace").decode()
        expected = _INTERNATIONAL if region or "+" in text else _WITH_COUNTRY
        raise InvalidPhoneNumber(field=field, value=value, expected=expected)
    return phone


def from_query(text: str) -> str:
    """A number as a query string gave it: a plus sign that was not percent-encoded arrives as a space."""
    return "+" + text.strip() if text.startswith(" ") else text


def _parse_by_library(text: str, region: str | None) -> Phone | None:
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH or _CONTROL.search(text):
        return None
    from phonenumbers import NumberParseException, is_valid_number, normalize_digits_only, parse

    readings: list[tuple[str, PhoneNumber]] = []
    for written, country in _ways_to_read(text, region.upper() if region else None):
        try:
            number = parse(written, country)
        except NumberParseException:
            continue
        if e164 := _settle(number):
            readings.append((e164, number))
    if not readings:
        return None
    e164, number = readings[0]
    if len(readings) > 1:
        e164, number = next((reading for reading in readings if is_valid_number(reading[1])), readings[0])
    extension = normalize_digits_only(number.extension) if number.extension else None
    return Phone(e164, extension or None, phone_region(e164))


def _ways_to_read(text: str, region: str | None) -> Iterator[tuple[str, str | None]]:
    """The text as it stands, then as the two conventions the library does not read without a hint."""
    yield text, region
    if double_zero := _DOUBLE_ZERO.match(text):
        # 00 is the international prefix of most of the world, also written where it is not the local one.
        yield "+" + text[double_zero.end() :], None
    if region == "MX" and (trunk := _MEXICAN_TRUNK.fullmatch(re.sub("[^0-9]", "", text))):
        # Prefixes of calls inside Mexico until 2019; still in most address books.
        yield f"+52{trunk[1]}", None


def _settle(number: "PhoneNumber") -> str | None:
    """The E.164 form that parses to itself, or None if the number is not possible.

    The library takes off one national prefix per parse, so `+49 (0)(0)30…` is not done after the first.
    """
    from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, parse

    for _ in range(4):
        e164 = format_number(number, PhoneNumberFormat.E164)
        plan = numbering_plan(e164)
        if plan and plan.accepts(e164):
            return e164
        if not _is_complete(number, e164):
            return None
        try:
            again = parse(e164)
        except NumberParseException:
            return None
        if format_number(again, PhoneNumberFormat.E164) == e164:
            return e164
        number = again
    return None


def _is_complete(number: "PhoneNumber", e164: str) -> bool:
    from phonenumbers import ValidationResult, is_possible_number_with_reason, is_valid_number

    reason = is_possible_number_with_reason(number)
    if reason == ValidationResult.IS_POSSIBLE:
        return True
    if reason == ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        # The length of a local number in the main country of a shared code may be a whole one in another
        # (+1 310 xxxx).
        return is_valid_number(number)
    current = phone_key(e164)
    plan = numbering_plan(current)
    return current != e164 and plan is not None and plan.accepts(current) is not None


def phone_region(e164: str) -> str | None:
    """ISO alpha-2 of the country that `e164` belongs to; None for satellite phones and the like."""
    plan = numbering_plan(e164)
    return plan.region_of(e164) if plan else None
