"""Why a contact belongs to a segment or not: every node of the rule, with what the contact has.

The contact's own values are read once, its behaviours counted in one statement; then the rule is evaluated in Python.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, LiteralString, cast
from uuid import UUID

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant, format_instant
from orbit_contacts.core.database import Reader
from orbit_contacts.core.where import Where
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.queries import find as find_contact
from orbit_contacts.features.lists import queries as lists
from orbit_contacts.features.segments import counts, joins, stored
from orbit_contacts.features.segments.binding import Binder
from orbit_contacts.features.segments.counts import Members
from orbit_contacts.features.segments.evaluate import Person, holds, matches, value_of
from orbit_contacts.features.segments.fields import FIELDS, Kind, Source
from orbit_contacts.features.segments.models import Explained, Explanation
from orbit_contacts.features.segments.tree import AllOf, AnyOf, Condition, Happened, InSegment, Not, Rule, nodes
from orbit_contacts.features.segments.words import Names, say

_exact = msgspec.json.Decoder(float_hook=Decimal)


async def explain(reader: Reader, segment_id: UUID, contact_id: UUID) -> Explanation:
    """The segment's rule applied to one live contact, node by node."""
    row = await stored.found(reader, segment_id)
    rule = await stored.tree_of(reader, row)
    members = await stored.members_of(reader, rule)
    person = await person_of(reader, contact_id, members)
    names = await stored.names_in(reader, [rule, *members.segments.values()])
    tree = _Explaining(person, members.segments, names, reader.now).node(rule)
    return Explanation(
        segment_id=ids.text("seg", segment_id),
        contact_id=ids.contact_text(contact_id),
        matches=tree.passed,
        words=tree.words,
        tree=tree,
        as_of=format_instant(reader.now),
    )


async def person_of(reader: Reader, contact_id: UUID, members: Members) -> Person:
    """What a rule may ask of one contact. Raises `NotFound`."""
    cell_id = reader.caller.cell(ids.cell_number(contact_id))
    row = await find_contact(reader, cell_id, contact_id)
    if row is None:
        raise contacts.not_found(contact_id)
    known = dict(row)
    columns = {name: known[name] for name, field in FIELDS.items() if field.source is Source.COLUMN and name in known}
    happened = await _behaviours(reader, cell_id, contact_id, members)
    return Person(
        columns={**columns, "blocked": row["blocked_at"] is not None},
        metadata=_exact.decode(row["metadata"]),
        custom_fields=_exact.decode(row["custom_fields"]),
        lists=frozenset(found["id"] for found in await lists.lists_of(reader, contact_id)),
        consent=await _consent(reader, cell_id, contact_id),
        last_activity_at=await _last_activity(reader, cell_id, contact_id),
        count=happened.__getitem__,
    )


async def _consent(reader: Reader, cell_id: int, contact_id: UUID) -> dict[str, str]:
    row = await reader.fetch_one(
        "SELECT opted_in, opted_out FROM consent_states WHERE cell_id = $1 AND contact_id = $2", cell_id, contact_id
    )
    if row is None:
        return {}
    return dict.fromkeys(row["opted_in"], "opted_in") | dict.fromkeys(row["opted_out"], "opted_out")


async def _last_activity(reader: Reader, cell_id: int, contact_id: UUID) -> Instant | None:
    return await reader.fetch_value(
        "SELECT last_activity_at FROM contact_stats WHERE cell_id = $1 AND contact_id = $2", cell_id, contact_id
    )


async def _behaviours(reader: Reader, cell_id: int, contact_id: UUID, members: Members) -> dict[Happened, int]:
    """How often each behaviour of the rule happened, in one statement."""
    asked = [node for rule in (members.rule, *members.segments.values()) for node in nodes(rule, Happened)]
    where = Where()
    binder = Binder(where, counts.scope_of(reader, members))
    if not asked:
        return {}
    found: LiteralString = ", ".join(
        ["count(*) FILTER (WHERE " + joins.matching(binder, happened) + ")" for happened in asked]
    )
    of_contact: LiteralString = "e.cell_id = " + where.bind(cell_id) + " AND e.contact_id = " + where.bind(contact_id)
    row = await reader.fetch_one("SELECT " + found + " FROM events e WHERE " + of_contact, *where.args)
    assert row is not None
    return dict(zip(asked, row, strict=True))


class _Explaining:
    def __init__(self, person: Person, segments: Mapping[UUID, Rule], names: Names, now: Instant) -> None:
        self._person = person
        self._segments = segments
        self._names = names
        self._now = now

    def node(self, rule: Rule) -> Explained:
        passed = matches(rule, self._person, self._now, self._segments)
        words = say(rule, self._names)
        match rule:
            case AllOf() | AnyOf():
                kind = "all" if isinstance(rule, AllOf) else "any"
                children = [self.node(child) for child in rule.children]
                return Explained(kind=kind, passed=passed, words=words, path=rule.path, children=children)
            case Not():
                return Explained(
                    kind="not", passed=passed, words=words, path=rule.path, children=[self.node(rule.child)]
                )
            case InSegment():
                child = self.node(self._segments[rule.segment_id])
                return Explained(kind="segment", passed=passed, words=words, path=rule.path, children=[child])
            case Condition():
                return self._condition(rule, words)
            case Happened():
                return Explained(
                    kind="event", passed=passed, words=words, path=rule.path, actual=self._person.count(rule)
                )
            case _:
                path = getattr(rule, "path", "rules")
                return Explained(kind="unreadable", passed=passed, words=words, path=path)

    def _condition(self, condition: Condition, words: str) -> Explained:
        value = value_of(condition.field, self._person)
        counts_days = condition.operator.base.endswith("_days")
        is_stored_instant = condition.field.kind is Kind.DATE and condition.field.source is not Source.CUSTOM_FIELDS
        return Explained(
            kind="condition",
            passed=holds(condition, value, self._now),
            words=words,
            path=condition.path,
            field=condition.field.name,
            operator=condition.operator.name,
            expected=_plain(condition.field.kind, condition.operand, is_instant=condition.is_date and not counts_days),
            actual=_plain(condition.field.kind, value, is_instant=is_stored_instant),
        )


def _plain(kind: Kind, value: Any, *, is_instant: bool) -> Any:
    """A value as the API writes it: ids and instants as text, numbers as numbers."""
    if isinstance(value, frozenset):
        return sorted(ids.text("lst", id) for id in cast(frozenset[UUID], value))
    if isinstance(value, list | tuple):
        return [_plain(kind, item, is_instant=is_instant) for item in cast(list[Any], value)]
    if isinstance(value, UUID):
        return ids.text("con" if kind is Kind.ID else "lst", value)
    if is_instant and isinstance(value, int):
        return format_instant(value)
    return float(value) if isinstance(value, Decimal) else value
