"""What stands behind an operator: checked for its kind and brought into the form in which values are stored. Pure."""

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.clock import parse_instant
from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.contacts.emails import parse_email
from orbit_contacts.features.contacts.phones import parse_phone
from orbit_contacts.features.contacts.places import parse_country, parse_language, parse_timezone
from orbit_contacts.features.segments.fields import Field, Kind
from orbit_contacts.features.segments.operators import Shape
from orbit_contacts.features.segments.tree import Operand, Value

MAX_VALUES = 1000
MAX_TEXT = 1000
MAX_NUMBER = 10**30
MAX_DAYS = 36_500

STATES = ("opted_in", "opted_out", "unknown")

_NORMALISED: dict[str, Callable[[str], str]] = {
    "email": parse_email,
    "country": parse_country,
    "language": parse_language,
    "timezone": parse_timezone,
}


class Unfit(Exception):
    """An operand of the wrong type or range; `expected` says what it should be, `at` where in an array."""

    def __init__(self, value: Any, expected: str, at: str = "") -> None:
        self.value = value
        self.expected = expected
        self.at = at
        super().__init__(expected)


def read(field: Field, shape: Shape, given: Any, region: str | None) -> tuple[Operand, bool]:
    """The operand, and whether it is a date. `region` is where national phone numbers belong."""
    match shape:
        case Shape.ONE:
            return value_of(field, given, region), field.kind is Kind.DATE
        case Shape.MANY:
            return _values(field, given, region), field.kind is Kind.DATE
        case Shape.PART:
            return _part(given), False
        case Shape.BOUND:
            return _bound(field, given)
        case Shape.DAYS:
            return days(given), True
        case Shape.FLAG:
            if not isinstance(given, bool):
                raise Unfit(given, "true or false")
            return given, False


def value_of(field: Field, given: Any, region: str | None) -> Value:
    """One value of the field's kind."""
    if given is None:
        raise Unfit(given, 'a value; to ask whether there is one, use {"$exists": false}')
    match field.kind:
        case Kind.TEXT:
            return _normalised(field, _text(given), region)
        case Kind.TEXTS:
            return _text(given)
        case Kind.BOOLEAN:
            if not isinstance(given, bool):
                raise Unfit(given, "true or false")
            return given
        case Kind.NUMBER:
            return number(given)
        case Kind.DATE:
            return date(given)
        case Kind.ID:
            return id_of(given, "con")
        case Kind.LISTS:
            return id_of(given, "lst")
        case Kind.SEGMENTS:
            return id_of(given, "seg")
        case Kind.STATE:
            return _state(given)
        case Kind.JSON:
            if isinstance(given, str | bool):
                return _text(given) if isinstance(given, str) else given
            return number(given, "a text, a number, true or false")


def _values(field: Field, given: Any, region: str | None) -> tuple[Value, ...]:
    if not isinstance(given, list) or not 1 <= len(cast(list[Any], given)) <= MAX_VALUES:
        raise Unfit(given, f"an array of 1-{MAX_VALUES} values")
    found: list[Value] = []
    for index, value in enumerate(cast(list[Any], given)):
        try:
            found.append(value_of(field, value, region))
        except Unfit as fault:
            raise Unfit(fault.value, fault.expected, f"[{index}]") from None
    return tuple(found)


def _text(given: Any) -> str:
    if not isinstance(given, str) or len(given) > MAX_TEXT:
        raise Unfit(given, f"a text of at most {MAX_TEXT} characters")
    return given


def _normalised(field: Field, text: str, region: str | None) -> str:
    """As the field is stored: `us` is US, `+1 (415) 555-2671` is +14155552671."""
    try:
        if field.format == "phone":
            return parse_phone(text, region).e164
        normalise = _NORMALISED.get(field.format)
        return normalise(text) if normalise else text
    except Refusal as refusal:
        raise Unfit(text, str(refusal.details.get("expected", "a value of this field"))) from None


def _part(given: Any) -> str:
    if not isinstance(given, str) or not 1 <= len(given) <= MAX_TEXT:
        raise Unfit(given, f"a text of 1-{MAX_TEXT} characters")
    return given


def _bound(field: Field, given: Any) -> tuple[Value, bool]:
    if field.kind is Kind.DATE or (field.kind is Kind.JSON and isinstance(given, str)):
        return date(given), True
    return number(given, "a number" if field.kind is Kind.NUMBER else "a number, or a date as text"), False


def number(given: Any, expected: str = "a number") -> int | float:
    # Python counts True as 1; a rule does not.
    if isinstance(given, bool) or not isinstance(given, int | float) or abs(given) > MAX_NUMBER:
        raise Unfit(given, expected)
    return given


def days(given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= MAX_DAYS:
        raise Unfit(given, f"a number of days, 0-{MAX_DAYS}")
    return given


def date(given: Any) -> int:
    if not isinstance(given, str):
        raise Unfit(given, "a date (2026-03-08) or an RFC 3339 date-time, as text")
    try:
        return parse_instant(given, "rules")
    except Refusal as refusal:
        raise Unfit(given, str(refusal.details["expected"])) from None


def id_of(given: Any, prefix: str) -> UUID:
    id = ids.parse(prefix, given) if isinstance(given, str) else None
    if id is None:
        raise Unfit(given, f"an id `{prefix}_…`")
    return id


def _state(given: Any) -> str:
    if isinstance(given, bool):
        return "opted_in" if given else "opted_out"
    if given not in STATES:
        raise Unfit(given, "opted_in, opted_out or unknown")
    return str(given)
