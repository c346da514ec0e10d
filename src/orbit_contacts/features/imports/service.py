"""Imports: received, done at once when small, else queued; shown, cancelled, and their skipped rows given back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.database import Reader, Transaction, Unbound
from orbit_contacts.core.errors import Conflict, NotFound
from orbit_contacts.core.idempotency import Once
from orbit_contacts.core.jobs import enqueue
from orbit_contacts.core.operations import Answer
from orbit_contacts.core.pagination import Page, PageQuery, decode_cursor, limit_of, page_of
from orbit_contacts.features.imports import file_queries, limits, queries, running, shown
from orbit_contacts.features.imports.models import ImportJob, ImportOptions, ImportResult, Reading, RunImport
from orbit_contacts.features.imports.readers import FileFormat, detect_file
from orbit_contacts.features.imports.readers.encoding import known_encoding
from orbit_contacts.features.imports.skipped import SkippedRow, write_skipped
from orbit_contacts.features.imports.sources import (
    RECORD_HEADER,
    SourceRow,
    Survey,
    count_rows,
    header_hash,
    read_rows,
    rows_of_records,
    survey,
)
from orbit_contacts.features.imports.upload import Upload
from orbit_contacts.features.lists import service as lists
from orbit_contacts.features.workspaces import service as workspaces

INLINE_ROWS = 1_000
_PAGE = 1_000


async def receive(work: Unbound, upload: Upload, once: Once) -> Answer[ImportResult]:
    """Up to 1,000 rows are in when this returns (200), more are queued (202)."""
    if upload.contacts is not None:
        reading = Reading(format=FileFormat(kind="json"), header=RECORD_HEADER)
        total = len(upload.contacts)
        content = b""
    else:
        reading = (await look_into(work, upload)).reading
        total = await asyncio.to_thread(count_rows, upload.content, reading, limits.upload)
        content = upload.content
    if total <= INLINE_ROWS:
        rows = await asyncio.to_thread(_all_rows, upload, reading)
        prepared = await asyncio.to_thread(running.prepare_rows, rows, upload.options, work.caller.default_region)

        async def at_once(tx: Transaction) -> Answer[ImportResult]:
            await once.claim(tx)
            id, options = await _insert(tx, upload, reading, total, "processing")
            await queries.start(tx, id)
            row = await running.do_all(tx, id, prepared, options)
            answer = Answer(await shown.result(tx, row), status=200)
            await once.store(tx, answer)
            return answer

        return await running.persistently(work, at_once)
    if upload.contacts is not None:
        content = await asyncio.to_thread(_as_array, upload.contacts)

    async def queue(tx: Transaction) -> Answer[ImportResult]:
        await once.claim(tx)
        id, _ = await _insert(tx, upload, reading, total, "queued")
        await file_queries.insert_file(tx, id, content)
        await enqueue(tx, "imports.run", RunImport(import_id=id))
        answer = Answer(await shown.result(tx, await _found(tx, id)), status=202)
        await once.store(tx, answer)
        return answer

    return await work.database.run(Transaction, work.caller, queue)


async def look_into(work: Unbound, upload: Upload) -> Survey:
    """Detect the format and decide the columns of a file, without blocking anybody."""
    form = await asyncio.to_thread(detect_file, upload.content, upload.file_name, upload.content_type)
    if upload.encoding:
        form = msgspec.structs.replace(form, encoding=known_encoding(upload.encoding))
    if upload.delimiter:
        form = form.with_delimiter("\t" if upload.delimiter in ("tab", "\\t") else upload.delimiter)
    if upload.sheet:
        form = msgspec.structs.replace(form, sheet=upload.sheet)
    found = await asyncio.to_thread(survey, upload.content, form, upload.mapping, {}, limits.upload)
    if not upload.mapping and found.proposals:
        hash = header_hash(found.reading.header)
        async with work.reader() as reader:
            known = await file_queries.remembered_mapping(reader, hash)
        if known is not None:
            fields = msgspec.json.decode(known, type=list[str | None])
            found = await asyncio.to_thread(survey, upload.content, form, {}, {hash: fields}, limits.upload)
    return found


def _all_rows(upload: Upload, reading: Reading) -> list[SourceRow]:
    if upload.contacts is not None:
        return list(rows_of_records(upload.contacts))
    return list(read_rows(upload.content, reading, limits.upload))


def _as_array(contacts: Sequence[bytes]) -> bytes:
    """The contacts of a JSON body as the file of a job."""
    return b"[" + b",\n".join(contacts) + b"]"


async def _insert(
    tx: Transaction, upload: Upload, reading: Reading, total: int, status: str
) -> tuple[UUID, ImportOptions]:
    options = upload.options
    if upload.list_ids:
        options = msgspec.structs.replace(options, list_ids=await lists.hold(tx, upload.list_ids, "list_ids"))
    id = ids.mint(tx.now)
    await queries.insert(
        tx,
        id,
        status,
        options.dry_run,
        msgspec.json.encode(options),
        msgspec.json.encode(reading),
        upload.file_name,
        total,
    )
    if reading.remember:
        fields = {each.column: each.field for each in reading.mapping}
        mapping = [fields.get(place) for place in range(len(reading.header))]
        await file_queries.remember_mapping(tx, header_hash(reading.header), msgspec.json.encode(mapping))
    text = ids.text("imp", id)
    await workspaces.audit(tx, "import.started", text, {"rows": total, "dry_run": options.dry_run})
    return id, options


async def _found(reader: Reader, id: UUID) -> Record:
    row = await queries.find(reader, id)
    if row is None:
        raise not_found(id)
    return row


def not_found(id: UUID) -> NotFound:
    text = ids.text("imp", id)
    return NotFound(f"There is no import `{text}`.", field="id", value=text, expected="the id of an import job")


async def locked(tx: Transaction, id: UUID) -> Record:
    row = await queries.lock(tx, id)
    if row is None:
        raise not_found(id)
    return row


async def get(reader: Reader, id: UUID) -> ImportJob:
    return (await shown.results(reader, [await _found(reader, id)]))[0]


async def list_jobs(reader: Reader, query: PageQuery) -> Page[ImportJob]:
    """Newest first."""
    limit = limit_of(query)
    rows = await queries.page(reader, decode_cursor(reader, "imports", query, UUID), limit + 1)
    page, cursor = page_of(reader, "imports", query, rows, limit, _id_of)
    return Page(await shown.results(reader, page), cursor, await queries.count(reader))


def _id_of(row: Record) -> UUID:
    return row["id"]


async def cancel(tx: Transaction, id: UUID) -> ImportJob:
    """Stop an import; what is in by then stays, and can be rolled back."""
    row = await locked(tx, id)
    if row["status"] not in ("queued", "processing", "cancelled"):
        raise Conflict(
            f"The import is {row['status']}.", field="status", value=row["status"], expected="queued or processing"
        )
    if row["status"] != "cancelled":
        await running.finish(tx, row, "cancelled")
        await workspaces.audit(tx, "import.cancelled", ids.text("imp", id), {"processed": row["position"]})
    return await get(tx, id)


async def skipped_csv(work: Unbound, id: UUID) -> AsyncIterator[bytes]:
    """The skipped rows as they came, with number, code and message in front; the header alone when there are none."""
    async with work.reader() as reader:
        row = await _found(reader, id)
    return _skipped_chunks(work, id, msgspec.json.decode(row["reading"], type=Reading).header)


async def _skipped_chunks(work: Unbound, id: UUID, header: list[str]) -> AsyncIterator[bytes]:
    title = b"".join(write_skipped(header, []))
    after = -1
    first = True
    while True:
        async with work.reader() as reader:
            rows = await file_queries.skipped(reader, id, after, _PAGE)
        page = [SkippedRow(r["row_number"], r["code"], r["message"], r["field"], r["cells"]) for r in rows]
        data = b"".join(write_skipped(header, page))
        if not first:
            data = data[len(title) :]
        yield data
        if len(rows) < _PAGE:
            return
        first = False
        after = rows[-1]["place"]
