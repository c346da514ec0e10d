"""The work of an import: its file in chunks, each of which commits its rows together with how far it came.

Whoever runs it may be killed at any moment: another worker reads the file from the start, leaves out what was
committed and goes on. A chunk holds the job's row locked and checks where it stands, so that two workers at one job
do nothing twice.
"""

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from typing import IO, NamedTuple, TypeVar
from uuid import UUID

import asyncpg
import msgspec
import structlog
from asyncpg.protocol import Record

from orbit_contacts.core.clock import DAY, Instant
from orbit_contacts.core.database import RETRYABLE, Transaction, Unbound
from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.imports import file_queries, lookups, queries
from orbit_contacts.features.imports.deciding import UNSTORABLE, Batch, Decision
from orbit_contacts.features.imports.models import ImportOptions, Reading, Warning
from orbit_contacts.features.imports.preparation import Prepared, Skip, prepare
from orbit_contacts.features.imports.readers import ReadLimits
from orbit_contacts.features.imports.seen import Seen, decode, encode
from orbit_contacts.features.imports.sources import SourceRow, read_rows
from orbit_contacts.features.imports.steadiness import aside, steady
from orbit_contacts.features.imports.writing import Contended, Outcome, write

CHUNK_ROWS = 5_000
ATTEMPTS = 5
MAX_WARNINGS = 100
_TRIES = 10
_RUNNING = ("queued", "processing")

T = TypeVar("T")


class Chunk(NamedTuple):
    """How many rows were read, those that can be stored, those that cannot."""

    read: int
    good: list[Prepared]
    skipped: list[Skip]


class _LostChunks(Exception):
    """The database was restored to a time before chunks that this worker had committed: it has to begin again there."""


log = structlog.get_logger()


async def run(work: Unbound, id: UUID, limits: ReadLimits) -> None:
    """Do an import, or what is left of it."""
    job = await _begin(work, id)
    if job is None:
        return
    try:
        await _do(work, id, job, limits)
    except Refusal as refusal:
        await _fail(work, id, refusal.message)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        async with work.transaction() as tx:
            attempts = await queries.count_attempt(tx, id)
        if attempts < ATTEMPTS:
            raise
        log.exception("import failed", import_id=str(id), exc_info=error)
        await _fail(work, id, "Something went wrong on our side; what is in can be rolled back.")


async def _begin(work: Unbound, id: UUID) -> Record | None:
    async with work.transaction() as tx:
        row = await queries.lock(tx, id)
        if row is None or row["status"] not in _RUNNING:
            return None
        if row["status"] == "queued":
            await queries.start(tx, id)
        return row


async def _do(work: Unbound, id: UUID, job: Record, limits: ReadLimits) -> None:
    options = msgspec.json.decode(job["options"], type=ImportOptions)
    reading = msgspec.json.decode(job["reading"], type=Reading)
    region = options.default_country_code or work.caller.default_region
    seen = Seen()
    async with work.reader() as reader:
        for row in await file_queries.chunks(reader, id):
            seen.add(decode(row["seen"]))
    with tempfile.TemporaryFile() as file, steady():
        await _fetch_file(work, id, file)
        position = job["position"]
        rows = read_rows(file, reading, limits)
        await aside(_leave_out, rows, position)
        chunks = _Chunks(rows, options, region)
        try:
            await _through(work, Batch(id, options, region), chunks, position, seen)
        finally:
            # A thread reads from the file that is about to be closed.
            await chunks.stop()


class _Chunks:
    """The rows of a file, validated, one chunk ahead of whoever takes them."""

    def __init__(self, rows: Iterator[SourceRow], options: ImportOptions, region: str | None) -> None:
        self._rows = rows
        self._options = options
        self._region = region
        self._next = self._read()

    def _read(self) -> asyncio.Task[Chunk]:
        return asyncio.create_task(aside(_next_chunk, self._rows, self._options, self._region))

    async def take(self) -> Chunk:
        """The next one; the last has fewer rows than `CHUNK_ROWS`."""
        chunk = await asyncio.shield(self._next)
        if chunk.read == CHUNK_ROWS:
            self._next = self._read()
        return chunk

    async def stop(self) -> None:
        await asyncio.wait([self._next])


async def _through(work: Unbound, batch: Batch, chunks: _Chunks, position: int, seen: Seen) -> None:
    """Chunk after chunk. While PostgreSQL writes one, the next is looked up, decided and encoded, and the one after
    that is read and validated."""
    following = asyncio.create_task(_look_ahead(work, batch, chunks, seen))
    try:
        while True:
            chunk, decision = await following
            last = chunk.read < CHUNK_ROWS
            expected = seen.copy()
            if not last:
                expected.add(decision.plan.seen if decision else [])
                following = asyncio.create_task(_look_ahead(work, batch, chunks, expected))
            met = await _commit_chunk(work, batch, position, chunk, seen, decision)
            if met is None or last:
                return
            position += chunk.read
            if met == (decision.plan.seen if decision else []):
                seen = expected
            else:
                seen.add(met)
                # The next one was decided without knowing this one: it is decided again when its turn comes.
                following = asyncio.create_task(_undecided(following))
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _look_ahead(work: Unbound, batch: Batch, chunks: _Chunks, seen: Seen) -> tuple[Chunk, Decision | None]:
    chunk = await chunks.take()
    if not chunk.good:
        return chunk, None
    try:
        async with work.transaction() as tx:
            await lookups.plan_for_values(tx)
            return chunk, await batch.decide(tx, chunk.good, seen, lock=False)
    except (*UNSTORABLE, *RETRYABLE, asyncpg.LockNotAvailableError):
        return chunk, None


async def _undecided(following: asyncio.Task[tuple[Chunk, Decision | None]]) -> tuple[Chunk, Decision | None]:
    chunk, _ = await following
    return chunk, None


async def _fetch_file(work: Unbound, id: UUID, file: IO[bytes]) -> None:
    part = 0
    async with work.reader() as reader:
        while (data := await file_queries.file_part(reader, id, part)) is not None:
            file.write(data)
            part += 1
    file.seek(0)


def _leave_out(rows: Iterator[SourceRow], count: int) -> None:
    for _ in islice(rows, count):
        pass


def _next_chunk(rows: Iterator[SourceRow], options: ImportOptions, region: str | None) -> Chunk:
    return prepare_rows(list(islice(rows, CHUNK_ROWS)), options, region)


def prepare_rows(rows: Sequence[SourceRow], options: ImportOptions, region: str | None) -> Chunk:
    good, skipped = prepare(rows, options.default_country_code or region, options.tags)
    return Chunk(len(rows), good, skipped)


async def _commit_chunk(
    work: Unbound, batch: Batch, position: int, chunk: Chunk, seen: Seen, decision: Decision | None
) -> list[int] | None:
    """What the chunk has met; None when the import was cancelled, or another worker was here."""
    id, last = batch.import_id, chunk.read < CHUNK_ROWS

    async def commit(tx: Transaction) -> list[int] | None:
        row = await queries.lock(tx, id)
        if row is None or row["status"] != "processing" or row["position"] > position:
            return None
        if row["position"] < position:
            raise _LostChunks
        if not last:
            # Rows and position are lost together or not at all, and then done again: no need to wait for the disk.
            await queries.commit_without_waiting(tx)
        outcome = await _bring_in(tx, row, batch, chunk, seen, decision)
        if last:
            await finish(tx, await _locked_again(tx, id), "completed")
        else:
            await file_queries.insert_chunk(tx, id, position, encode(outcome.seen))
        return outcome.seen

    return await persistently(work, commit, decision.at if decision else None)


async def _locked_again(tx: Transaction, id: UUID) -> Record:
    row = await queries.lock(tx, id)
    assert row is not None
    return row


async def _bring_in(
    tx: Transaction, job: Record, batch: Batch, chunk: Chunk, seen: Seen, decision: Decision | None
) -> Outcome:
    """Write the rows, and in the same transaction what became of them."""
    count, good, refused = chunk
    id, position = job["id"], job["position"]
    outcome = await write(tx, batch, good, seen, decision) if good else Outcome()
    skipped = sorted([*refused, *outcome.skipped], key=number_of)
    await file_queries.insert_skipped(
        tx,
        id,
        [
            (job["skipped"] + place, each.row.number, each.code, each.field, each.message[:500], each.row.as_cells())
            for place, each in enumerate(skipped)
        ],
    )
    warnings = msgspec.json.decode(job["warnings"], type=list[Warning])
    warnings = [*warnings, *outcome.warnings][:MAX_WARNINGS]
    changed = outcome.created + outcome.updated > 0 and not batch.options.dry_run
    await queries.advance(
        tx,
        id,
        position + count,
        outcome.created,
        outcome.updated,
        outcome.unchanged,
        len(skipped),
        msgspec.json.encode(warnings),
        changed,
    )
    return outcome


def number_of(skip: Skip) -> int:
    return skip.row.number


async def do_all(tx: Transaction, id: UUID, prepared: Chunk, options: ImportOptions) -> Record:
    """A small import in one transaction."""
    region = options.default_country_code or tx.caller.default_region
    await _bring_in(tx, await _locked_again(tx, id), Batch(id, options, region), prepared, Seen(), None)
    return await finish(tx, await _locked_again(tx, id), "completed")


async def finish(tx: Transaction, job: Record, status: str, error: str | None = None) -> Record:
    expires = None if job["dry_run"] else tx.now + DAY
    total = job["position"] if status == "completed" else job["total"]
    return await queries.finish(tx, job["id"], status, total, error, expires)


async def _fail(work: Unbound, id: UUID, reason: str) -> None:
    async with work.transaction() as tx:
        row = await queries.lock(tx, id)
        if row is not None and row["status"] in _RUNNING:
            await finish(tx, row, "failed", reason)


async def persistently(work: Unbound, attempt: Callable[[Transaction], Awaitable[T]], at: Instant | None = None) -> T:
    """Do it in a transaction, again and again while others hold what it needs."""
    tries = 0
    while True:
        try:
            return await work.database.run(Transaction, work.caller, attempt, at)
        except (*RETRYABLE, asyncpg.LockNotAvailableError, Contended):
            tries += 1
            if tries == _TRIES:
                raise
        await asyncio.sleep(random.uniform(0, 0.02 * 2**tries))
