"""Many lookups at once: fewer statements, and everybody has their own row."""

import asyncio
import random
from collections.abc import AsyncGenerator, Coroutine
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from orbit_contacts.core.errors import ServiceUnavailable
from orbit_contacts.core.gathering import Gathering, Lookup
from orbit_contacts.core.pool import Connection, Pool

BY_KEY = Lookup(
    "SELECT cell_id, id FROM gathered.things WHERE cell_id = $1 AND id = $2",
    """
    SELECT t.cell_id, t.id, asked.place
    FROM unnest($1::bigint[], $2::uuid[]) WITH ORDINALITY AS asked (cell_id, id, place)
    JOIN gathered.things t ON t.cell_id = asked.cell_id AND t.id = asked.id
    """,
)
BROKEN = Lookup(BY_KEY.one, "SELECT 1 / 0 FROM unnest($1::bigint[], $2::uuid[])")
IDS = [uuid4() for _ in range(40)]


class CountingPool(Pool):
    taken = 0

    async def acquire(self) -> Connection:
        self.taken += 1
        return await super().acquire()


@pytest.fixture
async def pool(dsn: str) -> AsyncGenerator[CountingPool]:
    pool = CountingPool(dsn, 4)
    async with pool.connection() as connection:
        await connection.execute("CREATE SCHEMA gathered")
        await connection.execute("CREATE TABLE gathered.things (cell_id bigint, id uuid, PRIMARY KEY (cell_id, id))")
        await connection.executemany(
            "INSERT INTO gathered.things VALUES ($1, $2)", [(n % 2, id) for n, id in enumerate(IDS)]
        )
    yield pool
    async with pool.connection() as connection:
        await connection.execute("DROP SCHEMA gathered CASCADE")
    await pool.close()


async def crowd(gathering: Gathering, asked: list[tuple[int, UUID]]) -> list[Any]:
    """What each of many simultaneous lookups gives: its row's key, None, or its failure."""

    async def one(cell_id: int, id: UUID) -> Any:
        row = await gathering.find(cell_id, id)
        return row and (row["cell_id"], row["id"])

    tasks: list[Coroutine[Any, Any, Any]] = [one(*key) for key in asked]
    return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)


async def test_everybody_has_their_own_row_or_none(pool: CountingPool) -> None:
    gathering = Gathering(pool, BY_KEY)
    held = {(n % 2, id) for n, id in enumerate(IDS)}
    before = pool.taken
    for _ in range(5):
        # The same id in the other cell is nobody's, and some ids are asked for twice.
        asked = random.choices([(cell, id) for id in [*IDS, uuid4()] for cell in (0, 1)], k=200)
        assert await crowd(gathering, asked) == [key if key in held else None for key in asked]
    assert pool.taken - before < 1000 / 4


async def test_who_is_alone_asks_at_once(pool: CountingPool) -> None:
    gathering = Gathering(pool, BROKEN)
    for n, id in enumerate(IDS):
        assert await gathering.find(n % 2, id) is not None


async def test_a_failure_is_everybodys_and_ends_there(pool: CountingPool) -> None:
    gathering = Gathering(pool, BROKEN)
    asked = [(n % 2, id) for n, id in enumerate(IDS)] * 5
    found = await crowd(gathering, asked)
    failed = [result for result in found if isinstance(result, asyncpg.DivisionByZeroError)]
    assert failed
    assert [result for result in found if result not in failed] == [
        key for key, result in zip(asked, found, strict=True) if result not in failed
    ]


async def test_nobody_waits_for_one_that_was_given_up(pool: CountingPool) -> None:
    gathering = Gathering(pool, BY_KEY)
    tasks = [asyncio.create_task(gathering.find(n % 2, id)) for n, id in enumerate(IDS * 3)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.wait(tasks, timeout=10)
    for n, task in enumerate(tasks):
        assert task.done()
        if not task.cancelled() and not isinstance(task.exception(), ServiceUnavailable):
            row = task.result()
            assert row is not None
            assert row["id"] == IDS[n % 40]
    assert await crowd(gathering, [(0, IDS[0])]) == [(0, IDS[0])]
