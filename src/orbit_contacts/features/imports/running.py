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
from typing import IO, TypeVar
from uuid import UUID

import asyncpg
import msgspec
import structlog
from asyncpg.protocol import Record

from orbit_contacts.core.clock import DAY
from orbit_contacts.core.database import RETRYABLE, Transaction, Unbound
from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.imports import queries
from orbit_contacts.features.imports.models import ImportOptions, Reading, Warning
from orbit_contacts.features.imports.preparation import Prepared, Skip, prepare
from orbit_contacts.features.imports.readers import ReadLimits
from orbit_contacts.features.imports.seen import Seen, decode, encode
from orbit_contacts.features.imports.sources import SourceRow, read_rows
from orbit_contacts.features.imports.writing import Contended, Outcome, write

CHUNK_ROWS = 5_000
ATTEMPTS = 5
MAX_WARNINGS = 100
_TRIES = 10
_RUNNING = ("queued", "processing")

T = TypeVar("T")
Prepare = tuple[int, list[Prepared], list[Skip]]
"""How many rows were read, those that can be stored, those that cannot."""

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
        for row in await queries.chunks(reader, id):
            seen.add(decode(row["seen"]))
    with tempfile.TemporaryFile() as file:
        await _fetch_file(work, id, file)
        position = job["position"]
        rows = read_rows(file, reading, limits)
        await asyncio.to_thread(_leave_out, rows, position)
        following = asyncio.create_task(asyncio.to_thread(_next_chunk, rows, options, region))
        try:
            while True:
                count, prepared, skipped = await following
                if count == CHUNK_ROWS:
                    # The next chunk is read and validated while PostgreSQL works on this one.
                    following = asyncio.create_task(asyncio.to_thread(_next_chunk, rows, options, region))
                if not await _commit_chunk(work, id, position, (count, prepared, skipped), seen, options, region):
                    return
                position += count
                if count < CHUNK_ROWS:
                    return
        finally:
            # The thread reads from the file that is about to be closed.
            await asyncio.wait([following])


async def _fetch_file(work: Unbound, id: UUID, file: IO[bytes]) -> None:
    part = 0
    async with work.reader() as reader:
        while (data := await queries.file_part(reader, id, part)) is not None:
            file.write(data)
            part += 1
    file.seek(0)


def _leave_out(rows: Iterator[SourceRow], count: int) -> None:
    for _ in islice(rows, count):
        pass


def _next_chunk(rows: Iterator[SourceRow], options: ImportOptions, region: str | None) -> Prepare:
    chunk = list(islice(rows, CHUNK_ROWS))
    good, skipped = prepare(chunk, region, options.tags)
    return len(chunk), good, skipped


def prepare_rows(rows: Sequence[SourceRow], options: ImportOptions, region: str | None) -> Prepare:
    good, skipped = prepare(rows, options.default_country_code or region, options.tags)
    return len(rows), good, skipped


async def _commit_chunk(
    work: Unbound,
    id: UUID,
    position: int,
    prepared: Prepare,
    seen: Seen,
    options: ImportOptions,
    region: str | None,
) -> bool:
    """False when the import was cancelled, or another worker was here."""
    count = prepared[0]

    async def commit(tx: Transaction) -> list[int] | None:
        row = await queries.lock(tx, id)
        if row is None or row["status"] != "processing" or row["position"] != position:
            return None
        outcome = await _bring_in(tx, row, prepared, seen, options, region)
        if count < CHUNK_ROWS:
            await finish(tx, await _locked_again(tx, id), "completed")
        else:
            await queries.insert_chunk(tx, id, position, encode(outcome.seen))
        return outcome.seen

    met = await persistently(work, commit)
    if met is not None:
        seen.add(met)
    return met is not None


async def _locked_again(tx: Transaction, id: UUID) -> Record:
    row = await queries.lock(tx, id)
    assert row is not None
    return row


async def _bring_in(
    tx: Transaction, job: Record, prepared: Prepare, seen: Seen, options: ImportOptions, region: str | None
) -> Outcome:
    """Write the rows, and in the same transaction what became of them."""
    count, good, refused = prepared
    id, position = job["id"], job["position"]
    outcome = await write(tx, id, good, seen, options, region) if good else Outcome()
    skipped = sorted([*refused, *outcome.skipped], key=number_of)
    await queries.insert_skipped(
        tx,
        id,
        [
            (job["skipped"] + place, each.row.number, each.code, each.field, each.message[:500], each.row.as_cells())
            for place, each in enumerate(skipped)
        ],
    )
    warnings = msgspec.json.decode(job["warnings"], type=list[Warning])
    warnings = [*warnings, *outcome.warnings][:MAX_WARNINGS]
    changed = outcome.created + outcome.updated > 0 and not options.dry_run
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


async def do_all(tx: Transaction, id: UUID, prepared: Prepare, options: ImportOptions) -> Record:
    """A small import in one transaction."""
    region = options.default_country_code or tx.caller.default_region
    await _bring_in(tx, await _locked_again(tx, id), prepared, Seen(), options, region)
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


async def persistently(work: Unbound, attempt: Callable[[Transaction], Awaitable[T]]) -> T:
    """Do it in a transaction, again and again while others hold what it needs."""
    tries = 0
    while True:
        try:
            return await work.database.run(Transaction, work.caller, attempt)
        except (*RETRYABLE, asyncpg.LockNotAvailableError, Contended):
            tries += 1
            if tries == _TRIES:
                raise
        await asyncio.sleep(random.uniform(0, 0.02 * 2**tries))
