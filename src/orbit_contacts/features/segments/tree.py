"""A rule after it was read: a tree of typed nodes, the same for SQL, for Python and for plain words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar
from uuid import UUID

from orbit_contacts.core.clock import Instant
from orbit_contacts.features.segments.fields import Field, Source
from orbit_contacts.features.segments.operators import Operator

# A value as it is compared: texts normalised like stored ones, dates as instants, ids as uuids.
Value: TypeAlias = str | int | float | bool | UUID
Operand: TypeAlias = Value | tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every child holds; without children, every contact matches."""

    children: tuple["Rule", ...]
    path: str = "rules"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one child holds."""

    children: tuple["Rule", ...]
    path: str


@dataclass(frozen=True, slots=True)
class Not:
    """The child does not hold."""

    child: "Rule"
    path: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one field. `is_date` tells a bound on a JSON value that is a date from a number."""

    field: Field
    operator: Operator
    operand: Operand
    path: str
    is_date: bool = False


@dataclass(frozen=True, slots=True)
class Times:
    """How often: between `least` and `most` (None: no limit), and none of `never`."""

    least: int = 1
    most: int | None = None
    never: tuple[int, ...] = ()

    def allow(self, count: int) -> bool:
        return self.least <= count and (self.most is None or count <= self.most) and count not in self.never


@dataclass(frozen=True, slots=True)
class Happened:
    """A behaviour: events of these types, in `[since, until)`, so and so often.

    Days count back from the instant of evaluation; `after` and `before` are absolute.
    """

    types: tuple[str, ...]
    path: str
    channels: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    within_days: float | None = None
    older_than_days: float | None = None
    after: Instant | None = None
    before: Instant | None = None
    where: tuple[Condition, ...] = ()
    times: Times = Times()


@dataclass(frozen=True, slots=True)
class InSegment:
    """Membership in another segment."""

    segment_id: UUID
    path: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A stored condition that can no longer be read, as its custom field is gone or changed: it never holds."""

    text: str
    path: str


@dataclass(frozen=True, slots=True)
class OnList:
    """On one of these lists; on any at all when there is none. Only SQL is made of this and the next two."""

    list_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Consents:
    """The state of a channel is `opted_in` or `opted_out`."""

    channel: str
    state: str


@dataclass(frozen=True, slots=True)
class Active:
    """The time of the last activity meets a condition, whose negation is not looked at."""

    condition: Condition


Rule: TypeAlias = AllOf | AnyOf | Not | Condition | Happened | InSegment | Unreadable | OnList | Consents | Active

N = TypeVar("N", Condition, Happened, InSegment)


def nodes(rule: Rule, kind: type[N]) -> Iterator[N]:
    """Every node of one kind, in the order written."""
    if isinstance(rule, kind):
        yield rule
    if isinstance(rule, AllOf | AnyOf):
        for child in rule.children:
            yield from nodes(child, kind)
    elif isinstance(rule, Not):
        yield from nodes(rule.child, kind)


def segments_named(rule: Rule) -> list[UUID]:
    """Ids of the segments a rule asks for, each once."""
    return list(dict.fromkeys(node.segment_id for node in nodes(rule, InSegment)))


def lists_named(rule: Rule) -> list[UUID]:
    """Ids of the lists a rule asks for, each once."""
    found: dict[UUID, None] = {}
    for node in nodes(rule, Condition):
        if node.field.source is Source.LISTS:
            operands = node.operand if isinstance(node.operand, tuple) else (node.operand,)
            found |= dict.fromkeys(value for value in operands if isinstance(value, UUID))
    return list(found)


def conditions_in(rule: Rule) -> int:
    """How many conditions were written; each on an event's data counts too."""
    match rule:
        case AllOf() | AnyOf():
            return sum(conditions_in(child) for child in rule.children)
        case Not():
            return conditions_in(rule.child)
        case Happened():
            return 1 + len(rule.where)
        case _:
            return 1
