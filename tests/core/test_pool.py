"""The pool after its users were cancelled: what it lends next is idle, in no transaction, and soon there again."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, Transaction
from orbit_contacts.core.errors import ServiceUnavailable
from orbit_contacts.core.pool import Connection, Pool


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    pool = Pool(dsn, 1)
    yield pool
    await pool.close()


async def started(work: Any, steps: int) -> asyncio.Task[Any]:
    """A task that has run for so many turns of the event loop."""
    task = asyncio.create_task(work)
    for _ in range(steps):
        await asyncio.sleep(0)
    return task


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def asleep(pool: Pool, statement: str = "SELECT pg_sleep(60)") -> None:
    async with pool.connection() as connection:
        await connection.execute(statement)


async def test_a_cancelled_statement_ends_on_the_server_before_the_connection_is_lent_again(pool: Pool) -> None:
    async with pool.connection() as connection:
        pid: int = await connection.fetchval("SELECT pg_backend_pid()")
    task = asyncio.create_task(asleep(pool))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await cancelled(task)
    async with pool.connection() as connection:
        assert connection.is_in_transaction() is False
        assert await connection.fetchval("SELECT pg_backend_pid()") == pid
    assert time.monotonic() - began < 5


async def test_a_transaction_that_was_left_open_is_not_passed_on(pool: Pool) -> None:
    async def leave() -> None:
        async with pool.connection() as connection:
            await connection.execute("BEGIN")
            await asyncio.sleep(60)

    task = asyncio.create_task(leave())
    await asyncio.sleep(0.1)
    await cancelled(task)
    assert not await in_transaction(pool)


async def in_transaction(pool: Pool) -> bool:
    """Whether a statement on the next connection runs in a transaction that somebody else began."""
    async with pool.connection() as connection:
        await connection.execute("SELECT 1")
        return connection.is_in_transaction()


async def test_a_begin_that_is_cancelled_under_way_is_not_passed_on(dsn: str, caller: Caller) -> None:
    database = Database(dsn, size=1, ad_hoc_size=1)

    async def idle(tx: Transaction) -> None:
        await asyncio.sleep(60)

    try:
        assert not await in_transaction(database.prepared)
        for steps in range(1, 40):
            await cancelled(await started(database.run(Transaction, caller, idle), steps))
            assert not await in_transaction(database.prepared), steps
    finally:
        await database.close()


async def test_whoever_waits_is_served_after_a_cancellation(pool: Pool) -> None:
    task = asyncio.create_task(asleep(pool))
    await asyncio.sleep(0.1)
    waiting = [asyncio.create_task(in_transaction(pool)) for _ in range(3)]
    await asyncio.sleep(0)
    await cancelled(task)
    assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == [False, False, False]


async def test_a_connection_that_cannot_be_recovered_is_replaced(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(self: Connection, *, timeout: float | None = None) -> None:
        raise OSError("gone")

    async with pool.connection() as connection:
        kind = type(connection)
        pid: int = await connection.fetchval("SELECT pg_backend_pid()")
    with monkeypatch.context() as patch:
        patch.setattr(kind, "reset", fails)
        task = asyncio.create_task(asleep(pool))
        await asyncio.sleep(0.1)
        await cancelled(task)
        async with pool.connection() as connection:
            assert await connection.fetchval("SELECT pg_backend_pid()") != pid


async def test_a_pool_can_be_closed_while_it_recovers(dsn: str) -> None:
    pool = Pool(dsn, 1)
    task = asyncio.create_task(asleep(pool))
    await asyncio.sleep(0.1)
    await cancelled(task)
    await asyncio.wait_for(pool.close(), 5)
    with pytest.raises(ServiceUnavailable):
        await pool.acquire()
