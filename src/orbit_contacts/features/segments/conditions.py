"""One condition on a contact's own row (or on an event's data) as SQL. Pure.

What is missing gives NULL, which counts as false: whoever negates a condition writes `(…) IS NOT TRUE`.
JSON is compared by type: a number in quotes is no number.
"""

import re
from typing import Any, LiteralString

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY, SECOND, Instant
from orbit_contacts.features.segments.binding import Binder
from orbit_contacts.features.segments.evaluate import fold
from orbit_contacts.features.segments.fields import Field, Kind, Source
from orbit_contacts.features.segments.tree import Condition, Operand

_COMPARISONS: dict[str, LiteralString] = {"gt": " > ", "gte": " >= ", "lt": " < ", "lte": " <= "}

# RFC 3339, with a blank for the T if need be and without a zone meaning UTC; `evaluate` has the same expression.
_DATE: LiteralString = (
    "'^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    "([Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?([Zz]|[+-](0[0-9]|1[0-4]):[0-5][0-9])?)?$'"
)


def sql(b: Binder, condition: Condition) -> LiteralString:
    """The condition without its negation; NULL where the value is missing."""
    field = condition.field
    if field.source in (Source.METADATA, Source.CUSTOM_FIELDS, Source.EVENT_DATA):
        return _json(b, condition)
    match field.kind:
        case Kind.TEXT:
            return _text(b, condition)
        case Kind.DATE:
            return _date(b, condition)
        case Kind.TEXTS:
            return _texts(b, condition)
        case Kind.BOOLEAN:
            return _boolean(b, condition)
        case _:
            return _id(b, condition)


def _values(operand: Operand) -> list[Any]:
    return list(operand) if isinstance(operand, tuple) else [operand]


def _truth(value: bool) -> LiteralString:
    return "TRUE" if value else "FALSE"


def _text(b: Binder, condition: Condition) -> LiteralString:
    column, operand = condition.field.sql, condition.operand
    match condition.operator.base:
        case "eq":
            assert isinstance(operand, str)
            return column + " = " + b.bind(operand, "text") + _candidates(b, condition.field, operand)
        case "in":
            return column + " = ANY(" + b.bind(_values(operand), "text[]") + ")"
        case "exists":
            return column + " IS NOT NULL" if operand else column + " IS NULL"
        case _:
            assert isinstance(operand, str)
            return _part(b, condition, column) + _candidates(b, condition.field, operand)


def _part(b: Binder, condition: Condition, text: LiteralString) -> LiteralString:
    """Contains, starts with, ends with: both sides folded."""
    part = fold(str(condition.operand))
    folded: LiteralString = "lower(" + text + ")"
    # The letters that lower-casing leaves apart, replaced only where the answer can depend on them.
    if "i" in part:
        folded = "replace(" + folded + ", U&'\\0131', 'i')"
    if "σ" in part:
        folded = "replace(" + folded + ", U&'\\03C2', U&'\\03C3')"
    place = b.bind(part, "text")
    match condition.operator.base:
        case "starts_with":
            return "starts_with(" + folded + ", " + place + ")"
        case "ends_with":
            return "right(" + folded + ", " + b.bind(len(part), "integer") + ") = " + place
        case _:
            return "strpos(" + folded + ", " + place + ") > 0"


def _candidates(b: Binder, field: Field, text: str) -> LiteralString:
    """What must stand in `search_text` for the condition to hold: its trigram index then finds the few to look at.

    Only plain letters and digits: how search folds the others is its own affair.
    """
    plain = max(re.findall("[a-z0-9]+", fold(text)), key=len, default="")
    if not field.searchable or len(plain) < 3:
        return ""
    b.wants_workspace = True
    return " AND c.search_text LIKE " + b.bind(f"%{plain}%", "text")


def _date(b: Binder, condition: Condition) -> LiteralString:
    column = condition.field.sql
    text = dates(b, condition, column)
    # Ids are time-ordered, so the primary key serves what is asked of the time of creation.
    if column == "c.created_at" and condition.operator.base not in ("in", "exists"):
        earliest, latest = _bounds(b, condition)
        if earliest is not None:
            text += " AND c.id >= " + b.bind(ids.floor(earliest), "uuid")
        if latest is not None:
            text += " AND c.id < " + b.bind(ids.floor(latest + 1000), "uuid")
    return text


def _bounds(b: Binder, condition: Condition) -> tuple[Instant | None, Instant | None]:
    """The instants between which a date that meets the condition lies."""
    now, operand = b.scope.now, condition.operand
    assert isinstance(operand, int | float)
    match condition.operator.base:
        case "eq":
            return int(operand), int(operand) + SECOND
        case "gt" | "gte":
            return int(operand), None
        case "lt" | "lte":
            return None, int(operand)
        case "within_days":
            return ago(now, operand), now
        case _:
            return None, ago(now, operand)


def ago(now: Instant, days: float) -> Instant:
    return now - int(days * DAY)


def dates(b: Binder, condition: Condition, value: LiteralString) -> LiteralString:
    """A comparison of `value`, an expression of type timestamptz."""
    operand = condition.operand
    match condition.operator.base:
        case "eq" | "in":
            return "(" + " OR ".join([_second(b, value, instant) for instant in _values(operand)]) + ")"
        case "exists":
            return value + " IS NOT NULL" if operand else value + " IS NULL"
        case "within_days" | "older_than_days":
            assert isinstance(operand, int | float)
            since = b.bind(ago(b.scope.now, operand), "timestamptz")
            if condition.operator.base == "older_than_days":
                return value + " < " + since
            if condition.field.source is Source.ACTIVITY:
                # Events may be stamped some minutes ahead; who did something "later than now" is active all the same.
                return value + " >= " + since
            return "(" + value + " >= " + since + " AND " + value + " <= " + b.bind(b.scope.now, "timestamptz") + ")"
        case base:
            return value + _COMPARISONS[base] + b.bind(operand, "timestamptz")


def _second(b: Binder, value: LiteralString, instant: Instant) -> LiteralString:
    """Dates are shown in whole seconds, so they are equal when they show the same."""
    start = instant // SECOND * SECOND
    end = b.bind(start + SECOND, "timestamptz")
    return "(" + value + " >= " + b.bind(start, "timestamptz") + " AND " + value + " < " + end + ")"


def _texts(b: Binder, condition: Condition) -> LiteralString:
    column, values = condition.field.sql, _values(condition.operand)
    b.wants_workspace = True
    match condition.operator.base:
        case "exists":
            return column + (" <> '{}'" if condition.operand else " = '{}'")
        case "in" | "contains_any":
            return column + " && " + b.bind(values, "text[]")
        case _:
            return column + " @> " + b.bind(values, "text[]")


def _boolean(b: Binder, condition: Condition) -> LiteralString:
    column, values = condition.field.sql, _values(condition.operand)
    if condition.operator.base == "exists":
        return _truth(condition.operand is True)
    if True in values:
        return column if False not in values else "TRUE"
    return "NOT " + column


def _id(b: Binder, condition: Condition) -> LiteralString:
    if condition.operator.base == "exists":
        return _truth(condition.operand is True)
    return condition.field.sql + " = ANY(" + b.bind(_values(condition.operand), "uuid[]") + ")"


def _json(b: Binder, condition: Condition) -> LiteralString:
    field, base = condition.field, condition.operator.base
    if base == "exists":
        value = _at_path(b, field, " -> ")
        present: LiteralString = "jsonb_typeof(" + value + ") <> 'null' AND " + value + " <> '[]'::jsonb"
        return present if condition.operand else "(" + present + ") IS NOT TRUE"
    if condition.is_date:
        text = _at_path(b, field, " ->> ")
        is_date: LiteralString = text + " ~ " + _DATE + " AND pg_input_is_valid(" + text + ", 'timestamptz')"
        return dates(b, condition, "(CASE WHEN " + is_date + " THEN (" + text + ")::timestamptz END)")
    if base in _COMPARISONS:
        value = _at_path(b, field, " -> ")
        bound = b.bind(msgspec.json.encode(condition.operand), "jsonb")
        return "(jsonb_typeof(" + value + ") = 'number' AND " + value + _COMPARISONS[base] + bound + ")"
    if base in ("starts_with", "ends_with") or (base == "contains" and field.kind is Kind.TEXT):
        return _json_part(b, condition)
    if base == "contains" and field.kind is Kind.JSON and isinstance(condition.operand, str):
        return "(" + _contained(b, condition) + " OR " + _json_part(b, condition) + ")"
    return _contained(b, condition)


def _contained(b: Binder, condition: Condition) -> LiteralString:
    """Equality, by containment, which the GIN index on both maps serves: `{"plan": "pro"}`, `{"sports": ["golf"]}`."""
    field, values, base = condition.field, _values(condition.operand), condition.operator.base
    if field.source is not Source.EVENT_DATA:
        b.wants_workspace = True
    if base == "contains_all":
        return field.sql + " @> " + b.bind(_document(field, values), "jsonb")
    is_array = field.kind is Kind.TEXTS or base.startswith("contains")
    documents = [_document(field, [value] if is_array else value) for value in values]
    if len(documents) == 1:
        return field.sql + " @> " + b.bind(documents[0], "jsonb")
    return field.sql + " @> ANY(" + b.bind(documents, "jsonb[]") + ")"


def _json_part(b: Binder, condition: Condition) -> LiteralString:
    part = _part(b, condition, _at_path(b, condition.field, " ->> "))
    return "(jsonb_typeof(" + _at_path(b, condition.field, " -> ") + ") = 'string' AND " + part + ")"


def _at_path(b: Binder, field: Field, last: LiteralString) -> LiteralString:
    """The value below the keys of a map, never below a place in an array."""
    text: LiteralString = field.sql
    for key in field.path[:-1]:
        text += " -> " + b.bind(key, "text")
    return "(" + text + last + b.bind(field.path[-1], "text") + ")"


def _document(field: Field, value: Any) -> bytes:
    """The smallest map that holds `value` at the field's path."""
    for key in reversed(field.path):
        value = {key: value}
    return msgspec.json.encode(value)
