"""Background jobs, queued in the transaction that wants them: no commit, no job; no job lost after it.

    @job("imports.run")
    async def run_import(work: Unbound, payload: RunImport) -> None: ...

    await enqueue(tx, "imports.run", RunImport(import_id=…))

A job runs at least once: a worker killed in the middle leaves it to another one after half a minute, so every
job must be able to start again from what it has committed. A job that fails is tried again with growing
delays, five times in all.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar, get_type_hints

import msgspec
import structlog
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from orbit_contacts.core.database import Connection, Transaction, Unbound

MAX_ATTEMPTS = 5

log = structlog.get_logger()


class Envelope(msgspec.Struct):
    """What is stored with a queued job: for whom it runs, and its payload."""

    workspace_id: int
    payload: msgspec.Raw
    attempt: int = 1


class Job:
    def __init__(self, name: str, run: Callable[[Unbound, Any], Awaitable[None]]) -> None:
        self.name = name
        self.run = run
        hints = get_type_hints(run)
        self.payload: type[msgspec.Struct] = next(
            hint
            for key, hint in hints.items()
            if key != "return" and isinstance(hint, type) and issubclass(hint, msgspec.Struct)
        )


registry: dict[str, Job] = {}

P = TypeVar("P", bound=msgspec.Struct)
Run = Callable[[Unbound, P], Awaitable[None]]


def job(name: str) -> Callable[[Run[P]], Run[P]]:
    """Register a function as the job `name`; its second parameter is the payload's Struct."""

    def register(run: Run[P]) -> Run[P]:
        if name in registry:
            raise ValueError(f"job {name} is registered twice")
        registry[name] = Job(name, run)
        return run

    return register


async def enqueue(tx: Transaction, name: str, payload: msgspec.Struct, *, delay: timedelta | None = None) -> None:
    """Queue a job of the caller's workspace; it becomes visible when the transaction commits."""
    if name not in registry:
        raise ValueError(f"there is no job {name}")
    envelope = Envelope(tx.caller.workspace_id, msgspec.Raw(msgspec.json.encode(payload)))
    await _put(tx.connection, name, envelope, delay)


async def _put(connection: Connection, name: str, envelope: Envelope, delay: timedelta | None) -> None:
    await Queries(AsyncpgDriver(connection)).enqueue(name, msgspec.json.encode(envelope), execute_after=delay)


async def run(work_for: Callable[[int], Awaitable[Unbound]], name: str, stored: bytes, connection: Connection) -> None:
    """Run one queued job; a failure queues it again unless it was the last attempt."""
    envelope = msgspec.json.decode(stored, type=Envelope)
    known = registry[name]
    try:
        work = await work_for(envelope.workspace_id)
        await known.run(work, msgspec.json.decode(envelope.payload, type=known.payload))
    except Exception as error:
        last = envelope.attempt >= MAX_ATTEMPTS
        log.exception("job failed", job=name, attempt=envelope.attempt, gives_up=last, exc_info=error)
        if not last:
            envelope.attempt += 1
            await _put(connection, name, envelope, timedelta(seconds=2**envelope.attempt))


async def install_queue(connection: Connection) -> None:
    """Make the queue's own tables, once."""
    if await connection.fetchval("SELECT to_regclass('pgqueuer')") is None:
        await Queries(AsyncpgDriver(connection)).install()
