"""Fills a workspace with invented people and their history, by COPY: what `orbit demo load` does.

Rows go in chunks, oldest people first, each chunk in one transaction. Two are under way at a time, on two
connections, but they are committed in order; so a load that was broken off goes on where it stopped.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import numpy as np

from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import Instant, from_datetime, now, to_datetime
from orbit_contacts.core.database import Database, Transaction, connect
from orbit_contacts.core.errors import Conflict
from orbit_contacts.features.contacts.buckets import ROWS_PER_BUCKET
from orbit_contacts.features.contacts.total_queries import count_ever
from orbit_contacts.features.timeline import stats
from orbit_contacts.interfaces.demo.consents import give_consent
from orbit_contacts.interfaces.demo.draws import Draws
from orbit_contacts.interfaces.demo.history import events
from orbit_contacts.interfaces.demo.people import EXTERNAL_ID_PREFIX, Person, people
from orbit_contacts.interfaces.demo.rows import (
    CONTACT_COLUMNS,
    COUNT_COLUMNS,
    EVENT_COLUMNS,
    IDENTIFIER_COLUMNS,
    STATS_COLUMNS,
    Chunk,
    cells_of,
    contact_ids,
    contact_rows,
    count_rows,
    event_rows,
    identifier_rows,
    is_of_seed,
    stats_rows,
    timeline_events,
)

SEED = 20_260_101
YEARS = 4
CHUNK = 10_000
LANES = 2

Progress = Callable[[int, int], None]
"""Told after each chunk how many contacts are in, and how many events this load has added."""


class Loaded(NamedTuple):
    """What one load added, and how many rows of its seed the workspace held before it."""

    contacts: int
    events: int
    before: int


async def load(
    database: Database,
    caller: Caller,
    contacts: int,
    *,
    events_per_contact: float = 10.0,
    seed: int = SEED,
    until: Instant | None = None,
    bulk_import_domains: float = 0.0,
    add: bool = False,
    consent: bool = False,
    chunk: int = CHUNK,
    progress: Progress | None = None,
) -> Loaded:
    """Bring the caller's workspace to `contacts` invented people of the four years before `until` (now).

    A workspace that holds contacts is refused, unless `add`: then people of the seed that are there already stay
    and only the rest are made, so an interrupted load goes on and a small one grows; whatever else is there stays
    too. With `consent` they have said what may be sent to them, which the ledger takes about a millisecond each to
    write down. Raises Conflict when the workspace is in use or somebody in it holds an identifier of the invented,
    InvalidRequest when an argument is out of range.
    """
    end = until or now()
    first = to_datetime(end) - timedelta(days=365 * YEARS)
    everybody = people(
        seed, contacts, since=first, until=to_datetime(end), batch=chunk, bulk_import_domains=bulk_import_domains
    )
    events(seed, (), per_contact=events_per_contact, until=to_datetime(end))
    lanes: list[Transaction] = []
    under_way: deque[tuple[asyncio.Task[int], int]] = deque()
    told = 0

    async def settle() -> None:
        """Wait for the oldest chunk under way."""
        nonlocal told
        task, rows = under_way[0]
        told += await task
        under_way.popleft()
        if progress is not None:
            progress(rows, told)

    try:
        for _ in range(LANES):
            lanes.append(await _lane(database, caller))
        loading = _Loading(caller, seed, events_per_contact, end, consent=consent)
        before = await loading.prepare(lanes[0], add)
        for persons in everybody:
            fresh = [person for person in persons if person.row >= before]
            if not fresh:
                continue
            if len(under_way) == LANES:
                await settle()
            previous = under_way[-1][0] if under_way else None
            task = asyncio.create_task(loading.write(lanes[0], fresh, previous))
            lanes.append(lanes.pop(0))
            under_way.append((task, fresh[-1].row + 1))
        while under_way:
            await settle()
        await _finish(lanes[0])
        return Loaded(max(contacts - before, 0), told, before)
    finally:
        tasks = [task for task, _ in under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for lane in lanes:
            await lane.connection.close(timeout=10)


async def _lane(database: Database, caller: Caller) -> Transaction:
    # A long pending list of the search index is sorted in seldom, in large pieces: that halves the cost of a row.
    connection = await connect(
        database.dsn,
        statement_timeout="0",
        lock_timeout="30000",
        gin_pending_list_limit="64MB",
        maintenance_work_mem="256MB",
    )
    return Transaction(database, connection, caller, now())


class _Loading:
    """What all chunks of a load have in common."""

    def __init__(self, caller: Caller, seed: int, events_per_contact: float, until: Instant, *, consent: bool) -> None:
        self._caller = caller
        self._consent = consent
        self._seed = seed
        self._draws = Draws(seed)
        self._events_per_contact = events_per_contact
        self._until = to_datetime(until)
        self._made = np.zeros(caller.cell_count, dtype=np.int64)

    async def prepare(self, tx: Transaction, add: bool) -> int:
        """How many rows of the seed the workspace holds. Refuses a workspace in use unless `add`."""
        for number, cell_id in enumerate(self._caller.cells):
            self._made[number] = await count_ever(tx, cell_id)
        if not await tx.fetch_value("SELECT EXISTS (SELECT FROM contacts WHERE cell_id = ANY($1))", self._caller.cells):
            return 0
        if not add:
            raise Conflict(
                "The workspace already holds contacts; `--add` goes on in it.",
                field="workspace",
                value=self._caller.workspace_id,
                expected="an empty workspace, or the wish to add to it",
            )
        last = await tx.fetch_one(
            """
            SELECT value, contact_id FROM contact_identifiers
            WHERE workspace_id = $1 AND kind = 'external_id' AND value ~ ('^' || $2 || '[0-9]{10}$')
            ORDER BY value DESC LIMIT 1
            """,
            self._caller.workspace_id,
            EXTERNAL_ID_PREFIX,
        )
        if last is None:
            return 0
        row = int(last["value"].removeprefix(EXTERNAL_ID_PREFIX))
        if not is_of_seed(self._draws, row, last["contact_id"]):
            raise Conflict(
                "The workspace holds invented people of another seed.",
                field="seed",
                value=self._seed,
                expected="the seed of the first load",
            )
        return row + 1

    async def write(self, tx: Transaction, persons: Sequence[Person], previous: asyncio.Task[int] | None) -> int:
        """Write these persons, all or none, and not before the `previous` chunk; gives the number of their events."""
        chunk = self._chunk(persons)
        told = 0
        sums: dict[UUID, list[Any]] = {}
        try:
            async with tx.connection.transaction():
                await tx.copy_in("contact_identifiers", IDENTIFIER_COLUMNS, identifier_rows(self._caller, chunk))
                await tx.copy_in("contacts", CONTACT_COLUMNS, contact_rows(self._caller, chunk))
                await tx.copy_in("contact_counts", COUNT_COLUMNS, count_rows(self._caller, chunk))
                for batch in events(self._seed, persons, per_contact=self._events_per_contact, until=self._until):
                    happened = timeline_events(chunk, batch)
                    await tx.copy_in("events", EVENT_COLUMNS, event_rows(self._caller, happened))
                    for id, added in stats.added_by(happened).items():
                        sums[id] = stats.united(sums[id], added) if id in sums else added
                    told += len(batch.at)
                await tx.copy_in("contact_stats", STATS_COLUMNS, stats_rows(self._caller, sums.items()))
                if self._consent:
                    await give_consent(tx, chunk.ids)
                if previous is not None:
                    await previous
        except (asyncpg.UniqueViolationError, asyncpg.LockNotAvailableError):
            raise Conflict(
                "Somebody in the workspace holds an identifier of the invented people.",
                field="workspace",
                value=self._caller.workspace_id,
                expected="a workspace without their addresses and numbers, which nobody else fills meanwhile",
            ) from None
        return told

    def _chunk(self, persons: Sequence[Person]) -> Chunk:
        rows = np.array([person.row for person in persons], dtype=np.uint64)
        created = np.array([from_datetime(person.created_at) for person in persons], dtype=np.int64)
        cells = cells_of(self._draws, rows, self._caller.cell_count)
        buckets = np.zeros(len(rows), dtype=np.int64)
        for number in range(self._caller.cell_count):
            own = cells == number
            count = int(own.sum())
            buckets[own] = (self._made[number] + np.arange(count)) // ROWS_PER_BUCKET
            self._made[number] += count
        return Chunk(
            persons,
            cells,
            [self._caller.cell(number) for number in cells.tolist()],
            contact_ids(self._draws, rows, created, cells),
            created.tolist(),
            buckets.tolist(),
        )


async def _finish(tx: Transaction) -> None:
    """Leave the tables ready to be searched and planned for."""
    await tx.fetch_value("SELECT gin_clean_pending_list('contacts_search')")
    await tx.execute("ANALYZE contacts, contact_identifiers, contact_counts, contact_stats, events")
