"""Connections to PostgreSQL, with this program's codecs, and the pool that lends them.

Timestamps travel as integers of microseconds, `jsonb` as raw JSON bytes, `uuid` as `UUID`.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.errors import ServiceUnavailable

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[Record]
else:
    Connection = asyncpg.Connection

_RECOVERY_SECONDS = 5.0
_PG_EPOCH = 946_684_800_000_000  # 2000-01-01 in microseconds since 1970


def _encode_timestamp(instant: Instant) -> tuple[int]:
    return (instant - _PG_EPOCH,)


def _decode_timestamp(value: tuple[int]) -> Instant:
    return value[0] + _PG_EPOCH


def _encode_jsonb(document: bytes | str) -> bytes:
    # The queue's library passes text.
    return b"\x01" + (document.encode() if isinstance(document, str) else document)


_EMPTY = msgspec.Raw(b"{}")


def _decode_jsonb(document: bytes) -> msgspec.Raw:
    return _EMPTY if document == b"\x01{}" else msgspec.Raw(document[1:])


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
        self._recovering: set[asyncio.Future[None]] = set()

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

    def release(self, connection: Connection, *, interrupted: bool = False) -> None:
        """Give a connection back. `interrupted`: its user was cancelled, perhaps in the middle of a statement."""
        if interrupted and not connection.is_closed() and not self._closed:
            task = asyncio.ensure_future(self._recover(connection))
            self._recovering.add(task)
            task.add_done_callback(self._recovering.discard)
            return
        if connection.is_closed():
            self._open -= 1
        elif connection.is_in_transaction() or self._closed:
            # A failed COMMIT: its state is unknown, so it is not used again.
            connection.terminate()
            self._open -= 1
        else:
            self._idle.append(connection)
        self._wake()

    async def _recover(self, connection: Connection) -> None:
        """Wait until PostgreSQL has dropped the statement, and end what it left open: a BEGIN that was under way may
        have been done, and whoever came next would write into a transaction that nobody commits."""
        try:
            await connection.reset(timeout=_RECOVERY_SECONDS)
        except Exception:
            connection.terminate()
        except asyncio.CancelledError:
            connection.terminate()
            raise
        finally:
            self.release(connection)

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.pop(0)
            if not waiter.done():
                waiter.set_result(None)
                return

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        connection = await self.acquire()
        interrupted = False
        try:
            yield connection
        except (asyncio.CancelledError, GeneratorExit):
            interrupted = True
            raise
        finally:
            self.release(connection, interrupted=interrupted)

    async def close(self) -> None:
        self._closed = True
        for task in list(self._recovering):
            task.cancel()
        await asyncio.gather(*self._recovering, return_exceptions=True)
        for connection in self._idle:
            await connection.close(timeout=5)
        self._idle.clear()
