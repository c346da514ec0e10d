"""PostgreSQL and plain Python agree on every rule and contact."""

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orbit_contacts.core import database as core_database
from orbit_contacts.core import ids
from orbit_contacts.core.database import Connection, connect
from orbit_contacts.core.where import Where
from orbit_contacts.features.contacts.text import search_text
from orbit_contacts.features.segments import evaluate, rules
from orbit_contacts.features.segments.binding import Scope, Window
from orbit_contacts.features.segments.compile import compile_rule
from orbit_contacts.features.segments.conditions import ago
from orbit_contacts.features.segments.evaluate import Person
from orbit_contacts.features.segments.tree import Happened
from orbit_contacts.features.timeline.kinds import kind_of
from tests.features.segments import generated
from tests.features.segments.generated import DEFINITIONS, LISTS, NOW, SEGMENTS, Event, Stored

WORKSPACE = 77_777
ACTIVITY = ("message", "call", "ticket", "event")
_exact = msgspec.json.Decoder(float_hook=Decimal)


@pytest.fixture(scope="module")
def run(dsn: str) -> Iterator[Callable[[Any], Any]]:
    """Runs a coroutine function with one connection, in a loop of its own: Hypothesis calls tests synchronously."""
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(connect(dsn))

    def run(work: Callable[[Connection], Any]) -> Any:
        return loop.run_until_complete(work(connection))

    yield run
    loop.run_until_complete(connection.close())
    loop.close()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
@given(
    people=st.lists(generated.people, min_size=1, max_size=6, unique_by=lambda person: person.id),
    asked=st.lists(generated.rules, min_size=1, max_size=8),
    named=st.tuples(generated.plain_rules, generated.plain_rules),
    one_cell=st.booleans(),
    windowed=st.booleans(),
    has_nearly_all=st.booleans(),
)
def test_sql_and_python_agree(
    run: Callable[[Any], Any],
    people: list[Stored],
    asked: list[dict[str, Any]],
    named: tuple[dict[str, Any], dict[str, Any]],
    one_cell: bool,
    windowed: bool,
    has_nearly_all: bool,
) -> None:
    segments = {id: rules.read(rule, DEFINITIONS, "US") for id, rule in zip(SEGMENTS, named, strict=True)}
    cells = (WORKSPACE * 1024,) if one_cell else (WORKSPACE * 1024, WORKSPACE * 1024 + 1)
    middle = sorted(person.id for person in people)[len(people) // 2]
    scope = Scope(WORKSPACE, cells, NOW, segments, Window(middle, None) if windowed else None, has_nearly_all)
    seen = [p for p in people if not (one_cell and ids.cell_number(p.id)) and not (windowed and p.id < middle)]

    async def agree(connection: Connection) -> None:
        await connection.execute("BEGIN")
        try:
            await _store(connection, people)
            for rule in asked:
                tree = rules.read(rule, DEFINITIONS, "US")
                expected = {p.id for p in seen if evaluate.matches(tree, _person(p), NOW, segments)}
                assert await _members(connection, tree, scope) == expected, rule
        finally:
            await connection.execute("ROLLBACK")

    run(agree)


async def _members(connection: Connection, tree: Any, scope: Scope) -> set[UUID]:
    where = Where()
    where.add("c.cell_id = ANY(" + where.bind(list(scope.cells)) + "::bigint[])")
    where.add("c.deleted_at IS NULL")
    if scope.window is not None:
        where.add("c.id >= " + where.bind(scope.window.first))
    compile_rule(tree, where, scope)
    query = "SELECT c.id FROM contacts c WHERE " + where.text
    if core_database.executed is not None:
        core_database.executed.add(query)
    return {row["id"] for row in await connection.fetch(query, *where.args)}


async def _store(connection: Connection, people: list[Stored]) -> None:
    await connection.executemany(
        """
        INSERT INTO lists (workspace_id, id, name, name_key, created_at, updated_at) VALUES ($1, $2, $3, $3, $4, $4)
        """,
        # Members of a list that was just removed still have their rows.
        [(WORKSPACE, id, str(id), NOW) for id in LISTS[:2]],
    )
    names = [name for name in people[0].columns if name != "blocked"]
    columns = ", ".join(names)
    places = ", ".join(f"${n + 7}" for n in range(len(names)))
    await connection.executemany(
        f"""
        INSERT INTO contacts (workspace_id, cell_id, bucket, metadata, custom_fields, search_text, {columns})
        VALUES ($1, $2, $3, $4, $5, $6, {places})
        """,
        [
            (
                WORKSPACE,
                _cell(p),
                0,
                msgspec.json.encode(p.metadata),
                msgspec.json.encode(p.custom_fields),
                search_text(
                    *(p.columns[n] for n in ("first_name", "last_name", "display_name", "company", "email", "phone"))
                ),
                *(p.columns[name] for name in names),
            )
            for p in people
        ],
    )
    await connection.executemany(
        "INSERT INTO list_members (workspace_id, cell_id, list_id, contact_id, added_at) VALUES ($1, $2, $3, $4, $5)",
        [(WORKSPACE, _cell(p), id, p.id, NOW) for p in people for id in p.lists],
    )
    await connection.executemany(
        """
        INSERT INTO consent_states (workspace_id, cell_id, contact_id, opted_in, opted_out, opted_out_at, addresses,
                                    state)
        VALUES ($1, $2, $3, $4, $5, $6, '{}', '{}')
        """,
        [(WORKSPACE, _cell(p), p.id, *_channels(p)) for p in people if p.consent],
    )
    await connection.executemany(
        """
        INSERT INTO contact_stats (workspace_id, cell_id, contact_id, messages_sent, messages_received, calls_started,
                                   calls_ended, tickets_opened, tickets_closed, events, orders, order_value,
                                   last_activity_at)
        VALUES ($1, $2, $3, 0, 0, 0, 0, 0, 0, 0, 0, 0, $4)
        """,
        [(WORKSPACE, _cell(p), p.id, _last_activity(p)) for p in people if p.events],
    )
    await connection.executemany(
        """
        INSERT INTO events (workspace_id, cell_id, contact_id, id, recorded_at, occurred_at, type, channel, direction,
                            data)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        [
            (
                WORKSPACE,
                _cell(p),
                p.id,
                ids.mint(NOW),
                NOW,
                e.occurred_at,
                e.type,
                e.channel,
                e.direction,
                msgspec.json.encode(e.data),
            )
            for p in people
            for e in p.events
        ],
    )


def _last_activity(person: Stored) -> int | None:
    return max((e.occurred_at for e in person.events if kind_of(e.type) in ACTIVITY), default=None)


def _cell(person: Stored) -> int:
    return WORKSPACE * 1024 + ids.cell_number(person.id)


def _channels(person: Stored) -> tuple[list[str], list[str], int | None]:
    opted_in = [channel for channel, state in person.consent.items() if state == "opted_in"]
    opted_out = [channel for channel, state in person.consent.items() if state == "opted_out"]
    return opted_in, opted_out, NOW if opted_out else None


def _person(stored: Stored) -> Person:
    return Person(
        columns=stored.columns,
        metadata=_exact.decode(msgspec.json.encode(stored.metadata)),
        custom_fields=_exact.decode(msgspec.json.encode(stored.custom_fields)),
        lists=stored.lists & frozenset(LISTS[:2]),
        consent=stored.consent,
        last_activity_at=_last_activity(stored),
        count=lambda happened: sum(_is_of(event, happened) for event in stored.events),
    )


def _is_of(event: Event, happened: Happened) -> bool:
    """Whether an event is one of those a behaviour counts."""
    within, older = happened.within_days, happened.older_than_days
    data = _exact.decode(msgspec.json.encode(event.data))
    return (
        event.type in happened.types
        and (not happened.channels or event.channel in happened.channels)
        and (not happened.directions or event.direction in happened.directions)
        and (within is None or event.occurred_at >= ago(NOW, within))
        and (older is None or event.occurred_at < ago(NOW, older))
        and (happened.after is None or event.occurred_at >= happened.after)
        and (happened.before is None or event.occurred_at < happened.before)
        and all(evaluate.holds(c, evaluate.at_path(data, c.field.path), NOW) for c in happened.where)
    )
