"""The operators of the rule language, as data: parser, words and the language reference all read this table."""

from dataclasses import dataclass
from enum import StrEnum

from orbit_contacts.features.segments.fields import Kind


class Shape(StrEnum):
    """What stands behind an operator."""

    ONE = "a value"
    MANY = "an array of values"
    PART = "a text"
    BOUND = "a number or date"
    DAYS = "a number of days"
    FLAG = "true or false"


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """`base` is the operator that says the same when `negated` is false.

    Only negated operators are met by a contact that lacks the value: each is exactly the opposite of its base.
    """

    name: str
    base: str
    negated: bool
    takes: dict[Kind, Shape]
    meaning: str


_VALUES: tuple[Kind, ...] = (Kind.TEXT, Kind.ID, Kind.BOOLEAN, Kind.NUMBER, Kind.DATE, Kind.STATE, Kind.JSON)
_ARRAYS: tuple[Kind, ...] = (Kind.TEXTS, Kind.LISTS, Kind.SEGMENTS)
_ORDERED: tuple[Kind, ...] = (Kind.NUMBER, Kind.DATE, Kind.JSON)
_DATES: tuple[Kind, ...] = (Kind.DATE, Kind.JSON)
_TEXTUAL: tuple[Kind, ...] = (Kind.TEXT, Kind.JSON)

_ONE: dict[Kind, Shape] = dict.fromkeys((*_VALUES, *_ARRAYS), Shape.ONE)
_MANY: dict[Kind, Shape] = dict.fromkeys((*_VALUES, *_ARRAYS), Shape.MANY)
_ELEMENT: dict[Kind, Shape] = dict.fromkeys((*_ARRAYS, Kind.JSON), Shape.ONE) | {Kind.TEXT: Shape.PART}
_ELEMENTS: dict[Kind, Shape] = dict.fromkeys((*_ARRAYS, Kind.JSON), Shape.MANY)
_PART: dict[Kind, Shape] = dict.fromkeys(_TEXTUAL, Shape.PART)
_BOUND: dict[Kind, Shape] = dict.fromkeys(_ORDERED, Shape.BOUND)
_DAYS: dict[Kind, Shape] = dict.fromkeys(_DATES, Shape.DAYS)
_FLAG: dict[Kind, Shape] = dict.fromkeys([kind for kind in Kind if kind is not Kind.SEGMENTS], Shape.FLAG)

_TABLE = (
    Operator("$eq", "eq", False, _ONE, "Equal; texts exactly, dates to the second. An array has the element."),
    Operator("$ne", "eq", True, _ONE, "Not equal, or not there."),
    Operator("$in", "in", False, _MANY, "Equal to one of the values. An array has one of them."),
    Operator("$nin", "in", True, _MANY, "Equal to none of the values, or not there."),
    Operator("$contains", "contains", False, _ELEMENT, "An array has the element; a text has the part, in any case."),
    Operator("$not_contains", "contains", True, _ELEMENT, "The opposite of `$contains`, or not there."),
    Operator("$contains_any", "contains_any", False, _ELEMENTS, "An array has at least one of the elements."),
    Operator("$contains_all", "contains_all", False, _ELEMENTS, "An array has every one of the elements."),
    Operator("$starts_with", "starts_with", False, _PART, "A text begins so, in any case."),
    Operator("$ends_with", "ends_with", False, _PART, "A text ends so, in any case."),
    Operator("$gt", "gt", False, _BOUND, "Greater, or later."),
    Operator("$gte", "gte", False, _BOUND, "Greater or equal, or not earlier."),
    Operator("$lt", "lt", False, _BOUND, "Less, or earlier."),
    Operator("$lte", "lte", False, _BOUND, "Less or equal, or not later."),
    Operator("$within_days", "within_days", False, _DAYS, "In the last so many times 24 hours."),
    Operator("$older_than_days", "older_than_days", False, _DAYS, "More than so many times 24 hours ago."),
    Operator("$exists", "exists", False, _FLAG, "True: present, not null, not an empty array. False: the opposite."),
)

OPERATORS: dict[str, Operator] = {operator.name: operator for operator in _TABLE}

LOGIC: dict[str, str] = {
    "$and": "An array of rules, all of which hold.",
    "$or": "An array of rules, at least one of which holds.",
    "$nor": "An array of rules, none of which holds.",
    "$not": "A rule that does not hold; behind a field, operators that do not.",
}

# Number comparisons of `count` in a behaviour.
COUNTS: dict[str, str] = {
    "$eq": "exactly",
    "$ne": "any number of times but",
    "$gt": "more than",
    "$gte": "at least",
    "$lt": "fewer than",
    "$lte": "at most",
}
