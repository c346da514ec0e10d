"""The only way to PostgreSQL: sessions with literal SQL, on connections of the pools.

Three sessions, chosen by a handler through the annotation of its first parameter: `Reader` (statements run without
BEGIN, each its own transaction), `Snapshot` (reads that must agree), `Transaction` (writes).
"""

import asyncio
import hashlib
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import asyncpg
from asyncpg.protocol import Record

from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import Instant, now
from orbit_contacts.core.copying import Encoded
from orbit_contacts.core.gathering import Gathering, Lookup
from orbit_contacts.core.pool import Connection, Pool, connect

__all__ = ["Connection", "Database", "Pool", "Reader", "Snapshot", "Transaction", "Unbound", "connect"]

S = TypeVar("S", bound="Reader")
T = TypeVar("T")

# Tests put a set here; every statement that runs is added and linted at the end (design, section 5).
executed: set[str] | None = None

RETRYABLE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
UNREACHABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)


async def _pieces(data: Encoded) -> AsyncGenerator[bytes]:
    for piece in data:
        yield piece


class Reader:
    """Statements on one connection, bound to a caller; each statement is its own snapshot."""

    __slots__ = ("_database", "caller", "connection", "now")

    def __init__(self, database: "Database", connection: Connection, caller: Caller, at: Instant) -> None:
        self._database = database
        self.connection = connection
        self.caller = caller
        self.now = at

    @property
    def database_name(self) -> str:
        """Tells databases apart in caches of this process."""
        return self._database.dsn

    # These give the driver's coroutine itself: one frame less for every statement.
    def fetch_all(self, query: LiteralString, *args: Any) -> Coroutine[Any, Any, list[Record]]:
        if executed is not None:
            executed.add(query)
        return self.connection.fetch(query, *args)

    def fetch_one(self, query: LiteralString, *args: Any) -> Coroutine[Any, Any, Record | None]:
        if executed is not None:
            executed.add(query)
        return self.connection.fetchrow(query, *args)

    def fetch_value(self, query: LiteralString, *args: Any) -> Coroutine[Any, Any, Any]:
        """The first column of the first row, or None."""
        if executed is not None:
            executed.add(query)
        return self.connection.fetchval(query, *args)

    async def execute(self, query: LiteralString, *args: Any) -> int:
        """The number of rows the statement touched."""
        if executed is not None:
            executed.add(query)
        status = await self.connection.execute(query, *args)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def copy_in(
        self, table: LiteralString, columns: Sequence[LiteralString], records: Iterable[Sequence[Any]]
    ) -> None:
        """COPY records into a table, in binary."""
        await self.connection.copy_records_to_table(table, columns=list(columns), records=records)

    async def copy_encoded(self, table: LiteralString, columns: Sequence[LiteralString], data: Encoded) -> None:
        """COPY rows that `core.copying` encoded; an empty list does nothing."""
        if data:
            source = _pieces(data)
            await self.connection.copy_to_table(table, columns=list(columns), source=source, format="binary")

    async def copy_out(
        self,
        query: LiteralString,
        *args: Any,
        output: Callable[[bytes], Coroutine[Any, Any, None]],
        plain: bool = False,
    ) -> int:
        """COPY the rows of a query as CSV, lines ended by LF; gives how many. `output` takes the bytes as they come.

        `plain`: rows of one text without control characters, which stands as it is on a line of its own.
        """
        if executed is not None:
            executed.add(query)
        # COPY quotes what holds its own marks; these two no such text holds.
        delimiter, quote = ("\x02", "\x01") if plain else (None, None)
        status = await self.connection.copy_from_query(
            query, *args, output=output, format="csv", delimiter=delimiter, quote=quote
        )
        return int(status.rpartition(" ")[2])

    def unbound(self) -> "Unbound":
        """The same caller without this connection, for what goes on after the answer began."""
        return Unbound(self._database, self.caller, self.now)

    def secret(self, purpose: str) -> bytes:
        """32 bytes of the installation's secret, derived for one purpose."""
        return hashlib.blake2b(purpose.encode(), key=self._database.secret, digest_size=32).digest()

    @asynccontextmanager
    async def ad_hoc(self) -> AsyncGenerator["Reader"]:
        """A second connection that plans every statement for its values: searches and segments.

        A cached generic plan cannot know whether a word is common or rare, and those need other plans.
        """
        async with self._database.ad_hoc.connection() as connection:
            yield Reader(self._database, connection, self.caller, self.now)

    @asynccontextmanager
    async def unhurried(self) -> AsyncGenerator["Reader"]:
        """Like `ad_hoc`, for what reads for minutes and must not keep searches waiting: exports."""
        async with self._database.unhurried.connection() as connection:
            yield Reader(self._database, connection, self.caller, self.now)


class Snapshot(Reader):
    """Reads that see the database at one instant (REPEATABLE READ, read only)."""

    __slots__ = ()


class Transaction(Reader):
    """Reads and writes that commit together, before the answer leaves."""

    __slots__ = ()

    @asynccontextmanager
    async def savepoint(self) -> AsyncGenerator[None]:
        """A part that may fail alone: what it did is undone, the transaction goes on."""
        await self.connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if not self.connection.is_closed():
                await self.connection.execute("ROLLBACK TO SAVEPOINT part")
            raise
        await self.connection.execute("RELEASE SAVEPOINT part")

    def as_caller(self, caller: Caller) -> "Transaction":
        """The same transaction on behalf of another workspace: for maintenance over all of them."""
        return Transaction(self._database, self.connection, caller, self.now)


class Unbound:
    """No connection yet: for uploads, streams and long reads, which open their own short sessions."""

    __slots__ = ("caller", "database", "now")

    def __init__(self, database: "Database", caller: Caller, at: Instant) -> None:
        self.database = database
        self.caller = caller
        self.now = at

    def find(self, lookup: Lookup, cell_id: int, id: UUID) -> Coroutine[Any, Any, Record | None]:
        """One row by its key, asked for together with those of other requests."""
        if executed is not None:
            executed.update(lookup)
        return self.database.gathering(lookup).find(cell_id, id)

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self.database.session(Transaction, self.caller)

    def reader(self) -> AbstractAsyncContextManager[Reader]:
        return self.database.session(Reader, self.caller)


BEGIN: dict[type[Reader], str | None] = {
    Reader: None,
    Snapshot: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    Transaction: "BEGIN",
}


class Database:
    """The pools of a process: prepared statements, statements planned for their values, long reads, claims of keys."""

    def __init__(self, dsn: str, *, size: int = 10, ad_hoc_size: int = 4, statement_timeout: float = 15.0) -> None:
        self.dsn = dsn
        self.secret = b""
        milliseconds = str(int(statement_timeout * 1000))
        limits = {
            "statement_timeout": milliseconds,
            "lock_timeout": "10000",
            "idle_in_transaction_session_timeout": "60000",
        }
        self.prepared = Pool(dsn, size, **limits)
        planned = {"plan_cache_mode": "force_custom_plan", "work_mem": "32MB", **limits}
        self.ad_hoc = Pool(dsn, ad_hoc_size, **planned)
        # One export writes two pages at once and looks for a third.
        self.unhurried = Pool(dsn, 3, **planned)
        # A claim is held while work on other connections goes on, so it must never wait for one of those.
        self.claims = Pool(dsn, 4, **limits | {"idle_in_transaction_session_timeout": "600000"})
        self._gatherings: dict[Lookup, Gathering] = {}

    def gathering(self, lookup: Lookup) -> Gathering:
        """Where the lookups of this kind meet."""
        found = self._gatherings.get(lookup)
        if found is None:
            found = self._gatherings[lookup] = Gathering(self.prepared, lookup)
        return found

    async def run(
        self, kind: type[S], caller: Caller, work: Callable[[S], Awaitable[T]], at: Instant | None = None
    ) -> T:
        """Do `work` in one session. A `Transaction` commits before this returns, and is done again from
        the start when PostgreSQL gave it up for a deadlock or a serialization failure."""
        begin = BEGIN[kind]
        attempt = 0
        while True:
            connection = await self.prepared.acquire()
            interrupted = False
            try:
                session = kind(self, connection, caller, at or now())
                if begin is None:
                    return await work(session)
                await connection.execute(begin)
                try:
                    result = await work(session)
                except BaseException:
                    if not connection.is_closed():
                        await connection.execute("ROLLBACK")
                    raise
                await connection.execute("COMMIT")
                return result
            except RETRYABLE:
                attempt += 1
                if attempt == 4:
                    raise
            except asyncio.CancelledError:
                interrupted = True
                raise
            finally:
                self.prepared.release(connection, interrupted=interrupted)
            await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))

    @asynccontextmanager
    async def session(
        self, kind: type[S], caller: Caller, at: Instant | None = None, *, pool: Pool | None = None
    ) -> AsyncGenerator[S]:
        """A session as a block, for jobs, the console and tests; a `Transaction` commits at its good end."""
        async with (pool or self.prepared).connection() as connection:
            session = kind(self, connection, caller, at or now())
            if (begin := BEGIN[kind]) is None:
                yield session
                return
            await connection.execute(begin)
            try:
                yield session
            except BaseException:
                if not connection.is_closed():
                    await connection.execute("ROLLBACK")
                raise
            await connection.execute("COMMIT")

    def transaction(self, caller: Caller, at: Instant | None = None) -> AbstractAsyncContextManager[Transaction]:
        return self.session(Transaction, caller, at)

    def reader(self, caller: Caller, at: Instant | None = None) -> AbstractAsyncContextManager[Reader]:
        return self.session(Reader, caller, at)

    async def close(self) -> None:
        await self.prepared.close()
        await self.ad_hoc.close()
        await self.unhurried.close()
        await self.claims.close()
