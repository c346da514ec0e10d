"""Conditions that other tables answer, as EXISTS over one table each. Pure.

At the top of a rule PostgreSQL turns EXISTS into a semi-join and NOT EXISTS into an anti-join; `compile` keeps them
there. "At least three times" is one grouping over the index of types and times, not a count for each contact.
"""

from dataclasses import replace
from typing import LiteralString
from uuid import UUID

from orbit_contacts.features.segments import conditions
from orbit_contacts.features.segments.binding import Binder
from orbit_contacts.features.segments.conditions import ago
from orbit_contacts.features.segments.fields import Source
from orbit_contacts.features.segments.tree import (
    Active,
    AllOf,
    AnyOf,
    Condition,
    Consents,
    Happened,
    Not,
    OnList,
    Operand,
    Rule,
    Times,
)

SOURCES = (Source.LISTS, Source.CONSENT, Source.ACTIVITY)

_ONCE = Times()
_NEVER = Times(0, 0)


def expand(condition: Condition) -> Rule:
    """A condition on lists, consent or activity, without its negation, as memberships to look up."""
    base, operand = condition.operator.base, condition.operand
    match condition.field.source:
        case Source.LISTS:
            return _lists(base, operand)
        case Source.CONSENT:
            return _consent(condition.field.path[0], base, operand)
        case _:
            return _activity(condition)


def _lists(base: str, operand: Operand) -> Rule:
    if base == "exists":
        return OnList(()) if operand else Not(OnList(()), "")
    named = tuple(id for id in (operand if isinstance(operand, tuple) else (operand,)) if isinstance(id, UUID))
    if base == "contains_all":
        return AllOf(tuple(OnList((id,)) for id in named))
    return OnList(named)


def _consent(channel: str, base: str, operand: Operand) -> Rule:
    known = AnyOf((Consents(channel, "opted_in"), Consents(channel, "opted_out")), "")
    if base == "exists":
        return known if operand else Not(known, "")
    states = operand if isinstance(operand, tuple) else (operand,)
    wanted: list[Rule] = [Consents(channel, state) for state in ("opted_in", "opted_out") if state in states]
    if "unknown" in states:
        wanted.append(Not(known, ""))
    return AnyOf(tuple(wanted), "")


def _activity(condition: Condition) -> Rule:
    if condition.operator.base == "exists" and not condition.operand:
        return Not(Active(replace(condition, operand=True)), "")
    return Active(condition)


def exists(b: Binder, atom: OnList | Consents | Active | Happened, positive: bool) -> LiteralString:
    """EXISTS or NOT EXISTS; never NULL."""
    if isinstance(atom, Happened):
        return _happened(b, atom, positive)
    match atom:
        case OnList():
            rows = _memberships(b, atom)
        case Consents():
            rows = _consents(b, atom)
        case Active():
            rows = _activity_at(b, atom)
    return _exists(rows, positive)


def _exists(rows: LiteralString, positive: bool) -> LiteralString:
    return ("EXISTS (" if positive else "NOT EXISTS (") + rows + ")"


def _memberships(b: Binder, atom: OnList) -> LiteralString:
    # A removed list is gone at once, its rows a little later: hence the join.
    rows: LiteralString = (
        "SELECT FROM list_members m JOIN lists l ON l.workspace_id = m.workspace_id AND l.id = m.list_id WHERE "
        + b.cell("m")
        + " AND "
        + b.workspace("m")
        + " AND m.cell_id = c.cell_id AND m.contact_id = c.id"
    )
    if atom.list_ids:
        rows += " AND m.list_id = ANY(" + b.bind(list(atom.list_ids), "uuid[]") + ")"
    return rows + b.window("m.contact_id")


def _consents(b: Binder, atom: Consents) -> LiteralString:
    # The first half of each condition is the one of the partial index.
    state: LiteralString = "s.opted_in <> '{}' AND s.opted_in @> "
    if atom.state == "opted_out":
        state = "s.opted_out_at IS NOT NULL AND s.opted_out @> "
    return (
        "SELECT FROM consent_states s WHERE "
        + b.cell("s")
        + " AND s.cell_id = c.cell_id AND s.contact_id = c.id AND "
        + state
        + b.bind([atom.channel], "text[]")
        + b.window("s.contact_id")
    )


def _activity_at(b: Binder, atom: Active) -> LiteralString:
    return (
        "SELECT FROM contact_stats a WHERE "
        + b.cell("a")
        + " AND a.cell_id = c.cell_id AND a.contact_id = c.id AND "
        + conditions.dates(b, atom.condition, "a.last_activity_at")
        + b.window("a.contact_id")
    )


def _happened(b: Binder, happened: Happened, positive: bool) -> LiteralString:
    """Those who never did anything have no row to count: if 0 times will do, the others are excluded."""
    times = happened.times
    rows = matching(b, happened) + b.window("e.contact_id")
    if times in (_ONCE, _NEVER):
        one: LiteralString = "SELECT FROM events e WHERE " + rows + " AND e.cell_id = c.cell_id AND e.contact_id = c.id"
        return _exists(one, positive == (times == _ONCE))
    b.works_ahead = True
    allowed: LiteralString = "count(*) >= " + b.bind(times.least, "bigint")
    if times.most is not None:
        allowed += " AND count(*) <= " + b.bind(times.most, "bigint")
    if times.never:
        allowed += " AND count(*) <> ALL(" + b.bind(list(times.never), "bigint[]") + ")"
    if times.allow(0):
        allowed, positive = "NOT (" + allowed + ")", not positive
    counted: LiteralString = (
        "SELECT FROM (SELECT e.cell_id, e.contact_id FROM events e WHERE "
        + rows
        + " GROUP BY e.cell_id, e.contact_id HAVING "
        + allowed
        + ") g WHERE g.cell_id = c.cell_id AND g.contact_id = c.id"
    )
    return _exists(counted, positive)


def matching(b: Binder, happened: Happened) -> LiteralString:
    """The events `e` of a behaviour, its `times` aside."""
    types = list(happened.types)
    text = b.cell("e") + " AND e.type = "
    text += b.bind(types[0], "text") if len(types) == 1 else "ANY(" + b.bind(types, "text[]") + ")"
    now = b.scope.now
    since = [happened.after] if happened.after is not None else []
    until = [happened.before] if happened.before is not None else []
    if happened.within_days is not None:
        since.append(ago(now, happened.within_days))
    if happened.older_than_days is not None:
        until.append(ago(now, happened.older_than_days))
    for instant in since:
        text += " AND e.occurred_at >= " + b.bind(instant, "timestamptz")
    for instant in until:
        text += " AND e.occurred_at < " + b.bind(instant, "timestamptz")
    if happened.channels:
        text += " AND e.channel = ANY(" + b.bind(list(happened.channels), "text[]") + ")"
    if happened.directions:
        text += " AND e.direction = ANY(" + b.bind(list(happened.directions), "text[]") + ")"
    for condition in happened.where:
        found = conditions.sql(b, condition)
        text += " AND ((" + found + ") IS NOT TRUE)" if condition.operator.negated else " AND (" + found + ")"
    return text
