"""A rule applied to one person in plain Python: what `explain` shows, and what the SQL is tested against. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from orbit_contacts.core.clock import DAY, SECOND, Instant
from orbit_contacts.features.segments.fields import Field, Kind, Source
from orbit_contacts.features.segments.tree import (
    AllOf,
    AnyOf,
    Condition,
    Happened,
    InSegment,
    Not,
    Operand,
    Rule,
)

_EPOCH_DAY = date(1970, 1, 1)
_DATE = re.compile(
    r"([0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"(?:[Tt ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,6}))?)?"
    r"(?:[Zz]|([+-])(0[0-9]|1[0-4]):([0-5][0-9]))?)?"
)


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of one contact. `columns` by field name; numbers in the maps are exact (`int`, `Decimal`).

    `count` tells how many of the contact's events a behaviour speaks of, its `times` aside.
    """

    columns: Mapping[str, Any]
    metadata: Any
    custom_fields: Any
    lists: frozenset[UUID]
    consent: Mapping[str, str]
    last_activity_at: Instant | None
    count: Callable[[Happened], int]


def fold(text: str) -> str:
    """What "in any case" means: lower case, the four Turkish i's one letter, one sigma. Letters never change number."""
    # Lower-casing U+0130 gives two characters in Python and one in PostgreSQL.
    return text.replace("İ", "i").lower().replace("ı", "i").replace("ς", "σ")


def matches(rule: Rule, person: Person, now: Instant, segments: Mapping[UUID, Rule]) -> bool:
    """Whether the person belongs to the rule; `segments` are the rules it names."""
    match rule:
        case AllOf():
            return all(matches(child, person, now, segments) for child in rule.children)
        case AnyOf():
            return any(matches(child, person, now, segments) for child in rule.children)
        case Not():
            return not matches(rule.child, person, now, segments)
        case Condition():
            return holds(rule, value_of(rule.field, person), now)
        case Happened():
            return rule.times.allow(person.count(rule))
        case InSegment():
            return matches(segments[rule.segment_id], person, now, segments)
        case _:
            return False


def value_of(field: Field, person: Person) -> Any:
    """The person's value; None when it is missing."""
    match field.source:
        case Source.COLUMN:
            return person.columns[field.name]
        case Source.METADATA:
            return at_path(person.metadata, field.path)
        case Source.CUSTOM_FIELDS:
            return at_path(person.custom_fields, field.path)
        case Source.LISTS:
            return person.lists
        case Source.CONSENT:
            return person.consent.get(field.path[0], "unknown")
        case _:
            return person.last_activity_at


def at_path(document: Any, path: Iterable[str]) -> Any:
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return document  # pyright: ignore[reportUnknownVariableType]


def holds(condition: Condition, value: Any, now: Instant) -> bool:
    """One condition on its value; a negated one is the exact opposite of its base."""
    return _positive(condition, value, now) != condition.operator.negated


def _positive(condition: Condition, value: Any, now: Instant) -> bool:
    field, base, operand = condition.field, condition.operator.base, condition.operand
    if base == "exists":
        return _exists(field, value) == operand
    if field.kind in (Kind.TEXTS, Kind.LISTS):
        return _array(base, value, operand)
    if condition.is_date:
        instant = parse_date(value) if isinstance(value, str) else None if isinstance(value, bool) else value
        is_stored = field.source in (Source.COLUMN, Source.ACTIVITY)
        if field.source is Source.ACTIVITY and base == "within_days" and instant is not None:
            instant = min(instant, now)  # see `conditions.dates`
        return isinstance(instant, int) and (is_stored or isinstance(value, str)) and _date(base, instant, operand, now)
    match base:
        case "eq":
            return same(value, operand)
        case "in":
            return any(same(value, wanted) for wanted in _values(operand))
        case "contains" if isinstance(value, list) and field.kind is Kind.JSON:
            return any(same(element, operand) for element in value)  # pyright: ignore[reportUnknownVariableType]
        case "contains" | "starts_with" | "ends_with":
            return isinstance(value, str) and isinstance(operand, str) and _part(base, fold(value), fold(operand))
        case "contains_any" | "contains_all":
            return isinstance(value, list) and _array(base, value, operand)  # pyright: ignore[reportUnknownArgumentType]
        case _:
            return is_number(value) and _compare(base, value, exact(operand))


def _values(operand: Operand) -> tuple[Any, ...]:
    return operand if isinstance(operand, tuple) else (operand,)


def _exists(field: Field, value: Any) -> bool:
    if field.kind is Kind.STATE:
        return value != "unknown"
    return value is not None and value != [] and value != frozenset()


def _array(base: str, value: Any, operand: Operand) -> bool:
    if not isinstance(value, list | frozenset):
        return False
    has = [any(same(element, wanted) for element in value) for wanted in _values(operand)]  # pyright: ignore[reportUnknownVariableType]
    return all(has) if base == "contains_all" else any(has)


def same(value: Any, wanted: Any) -> bool:
    """Equal, and of one JSON type: neither is "1" the number 1, nor is true."""
    if is_number(wanted):
        return is_number(value) and exact(value) == exact(wanted)
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def exact(value: Any) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _part(base: str, text: str, part: str) -> bool:
    match base:
        case "starts_with":
            return text.startswith(part)
        case "ends_with":
            return text.endswith(part)
        case _:
            return part in text


def _compare(base: str, value: Any, bound: Any) -> bool:
    match base:
        case "gt":
            return value > bound
        case "gte":
            return value >= bound
        case "lt":
            return value < bound
        case _:
            return value <= bound


def _date(base: str, instant: Instant, operand: Any, now: Instant) -> bool:
    match base:
        case "eq" | "in":
            return any(instant // SECOND == wanted // SECOND for wanted in _values(operand))
        case "within_days":
            return now - int(operand * DAY) <= instant <= now
        case "older_than_days":
            return instant < now - int(operand * DAY)
        case _:
            return _compare(base, instant, operand)


def parse_date(text: str) -> Instant | None:
    """RFC 3339, with a blank for the T if need be and without a zone meaning UTC; None for any other text."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, ahead_hours, ahead_minutes = found.groups("")
    try:
        days = (date(int(year), int(month), int(day)) - _EPOCH_DAY).days
    except ValueError:
        return None
    seconds = int(hour or 0) * 3600 + int(minute or 0) * 60 + int(second or 0)
    ahead = int(ahead_hours or 0) * 3600 + int(ahead_minutes or 0) * 60
    seconds += ahead if sign == "-" else -ahead
    return days * DAY + seconds * SECOND + int((fraction or "0").ljust(6, "0"))
