"""The only way to PostgreSQL: sessions with literal SQL, and the pool behind them.

Three sessions, chosen by a handler through the annotation of its first parameter:
`Reader` (statements run without BEGIN), `Snapshot` (reads that must agree), `Transaction` (writes).
Timestamps travel as integers of microseconds, `jsonb` as raw JSON bytes, `uuid` as `UUID`.
"""

import asyncio
import hashlib
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, LiteralString, TypeAlias, TypeVar

import asyncpg
import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import Instant, now
from orbit_contacts.core.copying import Encoded
from orbit_contacts.core.errors import ServiceUnavailable

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[Record]
else:
    Connection = asyncpg.Connection

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

_PG_EPOCH = 946_684_800_000_000  # 2000-01-01 in microseconds since 1970


def _encode_timestamp(instant: Instant) -> tuple[int]:
    return (instant - _PG_EPOCH,)


def _decode_timestamp(value: tuple[int]) -> Instant:
    return value[0] + _PG_EPOCH


def _encode_jsonb(document: bytes | str) -> bytes:
    # The queue's library passes text.
    return b"\x01" + (document.encode() if isinstance(document, str) else document)


def _decode_jsonb(document: bytes) -> msgspec.Raw:
    return msgspec.Raw(document[1:])


async def connect(dsn: str, **settings: str) -> Connection:
    """One connection with this program's codecs; `settings` are PostgreSQL run-time parameters."""
    connection: Connection = await asyncpg.connect(
        dsn,
        server_settings={"application_name": "orbit", "timezone": "UTC", "jit": "off", **settings},
        timeout=30,
    )
    try:
        await connection.set_type_codec(
            "timestamptz",
            schema="pg_catalog",
            format="tuple",
            encoder=_encode_timestamp,
            decoder=_decode_timestamp,
        )
        await connection.set_type_codec(
            "jsonb", schema="pg_catalog", format="binary", encoder=_encode_jsonb, decoder=_decode_jsonb
        )
    except BaseException:
        connection.terminate()
        raise
    return connection


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

    async def fetch_all(self, query: LiteralString, *args: Any) -> list[Record]:
        if executed is not None:
            executed.add(query)
        return await self.connection.fetch(query, *args)

    async def fetch_one(self, query: LiteralString, *args: Any) -> Record | None:
        if executed is not None:
            executed.add(query)
        return await self.connection.fetchrow(query, *args)

    async def fetch_value(self, query: LiteralString, *args: Any) -> Any:
        """The first column of the first row, or None."""
        if executed is not None:
            executed.add(query)
        return await self.connection.fetchval(query, *args)

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


class Snapshot(Reader):
    """Reads that see the database at one instant (REPEATABLE READ, read only)."""

    __slots__ = ()


class Transaction(Reader):
    """Reads and writes that commit together, before the answer leaves."""

    __slots__ = ("_after_commit",)

    def __init__(self, database: "Database", connection: Connection, caller: Caller, at: Instant) -> None:
        super().__init__(database, connection, caller, at)
        self._after_commit: list[Callable[[], None]] = []

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Run `callback` once the transaction is durable (never on rollback)."""
        self._after_commit.append(callback)

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

    def committed(self) -> None:
        for callback in self._after_commit:
            callback()


class Unbound:
    """No connection yet: for uploads, streams and long reads, which open their own short sessions."""

    __slots__ = ("caller", "database", "now")

    def __init__(self, database: "Database", caller: Caller, at: Instant) -> None:
        self.database = database
        self.caller = caller
        self.now = at

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self.database.session(Transaction, self.caller)

    def reader(self) -> AbstractAsyncContextManager[Reader]:
        return self.database.session(Reader, self.caller)


BEGIN: dict[type[Reader], str | None] = {
    Reader: None,
    Snapshot: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    Transaction: "BEGIN",
}


class Pool:
    """Last in, first out: the warmest connection serves next, idle ones stay idle.

    No reset query runs between uses, so session state may only be changed with SET LOCAL.
    """

    def __init__(self, dsn: str, size: int, **settings: str) -> None:
        self._dsn = dsn
        self._settings = settings
        self._size = size
        self._idle: list[Connection] = []
        self._open = 0
        self._waiters: list[asyncio.Future[None]] = []
        self._closed = False

    async def acquire(self) -> Connection:
        while True:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._open -= 1
            if self._closed:
                raise ServiceUnavailable("The server is shutting down.")
            if self._open < self._size:
                self._open += 1
                try:
                    return await connect(self._dsn, **self._settings)
                except BaseException:
                    self._open -= 1
                    self._wake()
                    raise
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake()
                raise
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)

    def release(self, connection: Connection) -> None:
        if connection.is_closed():
            self._open -= 1
        elif connection.is_in_transaction() or self._closed:
            # Cancelled half way, or a failed COMMIT: its state is unknown, so it is not used again.
            connection.terminate()
            self._open -= 1
        else:
            self._idle.append(connection)
        self._wake()

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.pop(0)
            if not waiter.done():
                waiter.set_result(None)
                return

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        connection = await self.acquire()
        try:
            yield connection
        finally:
            self.release(connection)

    async def close(self) -> None:
        self._closed = True
        for connection in self._idle:
            await connection.close(timeout=5)
        self._idle.clear()


class Database:
    """The pools of a process: prepared statements, statements planned for their values, and claims of keys."""

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
        self.ad_hoc = Pool(dsn, ad_hoc_size, plan_cache_mode="force_custom_plan", work_mem="32MB", **limits)
        # A claim is held while work on other connections goes on, so it must never wait for one of those.
        self.claims = Pool(dsn, 4, **limits | {"idle_in_transaction_session_timeout": "600000"})

    async def run(
        self, kind: type[S], caller: Caller, work: Callable[[S], Awaitable[T]], at: Instant | None = None
    ) -> T:
        """Do `work` in one session. A `Transaction` commits before this returns, and is done again from
        the start when PostgreSQL gave it up for a deadlock or a serialization failure."""
        begin = BEGIN[kind]
        attempt = 0
        while True:
            connection = await self.prepared.acquire()
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
                if isinstance(session, Transaction):
                    session.committed()
                return result
            except RETRYABLE:
                attempt += 1
                if attempt == 4:
                    raise
            finally:
                self.prepared.release(connection)
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
            if isinstance(session, Transaction):
                session.committed()

    def transaction(self, caller: Caller, at: Instant | None = None) -> AbstractAsyncContextManager[Transaction]:
        return self.session(Transaction, caller, at)

    def reader(self, caller: Caller, at: Instant | None = None) -> AbstractAsyncContextManager[Reader]:
        return self.session(Reader, caller, at)

    async def close(self) -> None:
        await self.prepared.close()
        await self.ad_hoc.close()
        await self.claims.close()
