"""Exports: contacts in pages of five thousand, by COPY or through a writer, to a response or to stored pieces."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY, format_instant
from orbit_contacts.core.database import Reader, Transaction, Unbound
from orbit_contacts.core.errors import InvalidRequest, NotFound
from orbit_contacts.core.jobs import enqueue
from orbit_contacts.core.operations import Stream
from orbit_contacts.core.pagination import Page, PageQuery, decode_cursor, limit_of, page_of
from orbit_contacts.core.where import Where
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.contacts import filters, selection
from orbit_contacts.features.exports import columns, copying, queries
from orbit_contacts.features.exports.copying import Copied, Copying
from orbit_contacts.features.exports.models import (
    CONTENT_TYPES,
    ENDINGS,
    Export,
    ExportExpired,
    ExportNotReady,
    NewExport,
)
from orbit_contacts.features.exports.signing import path_of
from orbit_contacts.features.exports.tables import Contacts
from orbit_contacts.features.exports.writers import writer_for
from orbit_contacts.features.workspaces import service as workspaces

INLINE = 5000
_PAGE = 5000
_PIECE = 1 << 18
_KEPT_DAYS = 1


class RunExport(msgspec.Struct):
    """Payload of the job."""

    id: str


async def start(tx: Transaction, new: NewExport) -> tuple[Export, bool]:
    """Write a small export at once, queue a large one (then False)."""
    columns.chosen(new.fields)
    writer_for(new.format, columns.COLUMNS)
    where = await _where(tx, new)
    id = ids.mint(tx.now)
    await queries.insert_export(tx, id, msgspec.json.encode(new), new.format, tx.now + _KEPT_DAYS * DAY)
    await workspaces.audit(tx, "contacts.exported", ids.text("exp", id), {"format": new.format, "fields": new.fields})
    small = where is None or len(await selection.ids_of(tx, where, INLINE + 1)) <= INLINE
    if small:
        await _write(tx, id, new)
    else:
        await enqueue(tx, "exports.run", RunExport(str(id)))
    return await get(tx, id), small


async def _where(reader: Reader, new: NewExport) -> Where | None:
    query = selection.filter_of(new.filters, "filters")
    if new.list_id is not None:
        query.list_id = new.list_id
    if new.segment_id is not None:
        query.segment_id = new.segment_id
    where = await selection.where_of(reader, query)
    if where is not None and new.contact_ids is not None:
        filters.only(where, await _named(reader, new.contact_ids))
    return where


async def _named(reader: Reader, given: list[str]) -> list[UUID]:
    """The contacts named, all of which must be there: a file that lacks one without a word would deceive."""
    parsed = {text: ids.parse("con", text) for text in given}
    where = filters.live(reader)
    filters.only(where, [id for id in parsed.values() if id is not None])
    found = set(await selection.ids_of(reader, where, len(parsed)))
    for text, id in parsed.items():
        if id not in found:
            raise NotFound(
                f"There is no contact `{text[:64]}`.",
                field="contact_ids",
                value=text[:64],
                expected="ids of live contacts",
            )
    return list(found)


async def _parts(reader: Reader, new: NewExport) -> AsyncGenerator[Copied]:
    """The file as it is made, each part with the number of contacts that end in it."""
    names = columns.chosen(new.fields)
    writer = writer_for(new.format, names)
    yield Copied(writer.begin(), 0)
    where = await _where(reader, new)
    if where is not None and copying.can_write(new.format, names):
        everybody = not (new.filters or new.list_id or new.segment_id or new.contact_ids)
        async for part in copying.pages(reader, Copying(new.format, names, where, everybody)):
            yield part
    elif where is not None:
        async for page in _pages(reader, where, names):
            yield Copied(await asyncio.to_thread(writer.rows, page), len(page.records))
    for data in writer.end():
        yield Copied(data, 0)


async def _pages(reader: Reader, where: Where, names: Sequence[str]) -> AsyncGenerator[Contacts]:
    """The contacts of an export, a page at a time. The next page is read while one is written; memory holds two."""
    with_consent = any(name.startswith("preferences.") for name in names)

    async def read(after: UUID | None) -> Contacts:
        # On a connection of its own: the caller's may be storing the page before.
        async with reader.unhurried() as unhurried:
            found = await queries.contacts_page(unhurried, where, after, _PAGE)
            states = await consent.states(unhurried, [row["id"] for row in found]) if with_consent and found else {}
        return Contacts(names, found, states)

    following = asyncio.create_task(read(None))
    try:
        while (page := await following).records:
            following = asyncio.create_task(read(page.records[-1]["id"]))
            yield page
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _write(tx: Transaction, id: UUID, new: NewExport) -> None:
    """Store the file in pieces of a quarter megabyte."""
    await queries.clear_pieces(tx, id)
    number, size, rows, buffer = 0, 0, 0, bytearray()

    async def flush(least: int) -> None:
        nonlocal number, size, buffer
        while len(buffer) > least:
            piece, buffer = bytes(buffer[:_PIECE]), buffer[_PIECE:]
            await queries.insert_piece(tx, id, number, piece)
            number, size = number + 1, size + len(piece)

    async with aclosing(_parts(tx, new)) as parts:
        async for data, ended in parts:
            buffer += data
            rows += ended
            await flush(_PIECE)
    await flush(0)
    await queries.set_status(tx, id, "completed", rows, size, tx.now)


async def run(tx: Transaction, id: UUID) -> None:
    """The job: write a queued export; doing it again after a kill writes it anew."""
    row = await queries.find(tx, id)
    if row is None or row["status"] == "completed":
        return
    await _write(tx, id, msgspec.json.decode(row["request"], type=NewExport))


async def fail(tx: Transaction, id: UUID) -> None:
    await queries.set_status(tx, id, "failed", 0, 0, tx.now)


async def get(reader: Reader, id: UUID) -> Export:
    return _shown(reader, await _found(reader, id))


async def _found(reader: Reader, id: UUID) -> Record:
    row = await queries.find(reader, id)
    if row is None:
        text = ids.text("exp", id)
        raise NotFound(f"There is no export `{text}`.", field="id", value=text, expected="an export of yours")
    return row


def _shown(reader: Reader, row: Record) -> Export:
    id = ids.text("exp", row["id"])
    return Export(
        export_id=id,
        status=row["status"],
        format=row["format"],
        row_count=row["row_count"],
        size_bytes=row["size_bytes"],
        download_url=path_of(reader, row["id"], row["expires_at"]) if row["status"] == "completed" else None,
        created_at=format_instant(row["created_at"]),
        completed_at=None if row["completed_at"] is None else format_instant(row["completed_at"]),
        expires_at=format_instant(row["expires_at"]),
    )


async def list_exports(reader: Reader, query: PageQuery) -> Page[Export]:
    limit = limit_of(query)
    rows = await queries.page(reader, decode_cursor(reader, "exports", query, UUID), limit + 1)

    def key(row: Record) -> UUID:
        return row["id"]

    shown, cursor = page_of(reader, "exports", query, rows, limit, key)
    return Page([_shown(reader, row) for row in shown], cursor)


async def download(work: Unbound, id: UUID) -> Stream:
    """The finished file; nothing is read before the answer begins but its row."""
    async with work.reader() as reader:
        row = await _found(reader, id)
    if row["expires_at"] <= work.now:
        raise ExportExpired(field="id", value=ids.text("exp", id), expected="an export of the last 24 hours")
    if row["status"] != "completed":
        raise ExportNotReady(field="status", value=row["status"], expected="completed")

    async def pieces() -> AsyncIterator[bytes]:
        number = 0
        while True:
            async with work.reader() as reader:
                data = await queries.piece(reader, id, number)
            if data is None:
                return
            yield data
            number += 1

    return stream_of(row["format"], pieces())


def stream_of(format: str, pieces: AsyncIterator[bytes]) -> Stream:
    name = f"contacts.{ENDINGS.get(format, format)}"
    return Stream(CONTENT_TYPES[format], pieces, {"Content-Disposition": f'attachment; filename="{name}"'})


def check_streamable(new: NewExport) -> None:
    if new.format != "csv":
        raise InvalidRequest(
            "`Accept: text/csv` asks for CSV.", field="format", value=new.format, expected="csv, or another Accept"
        )
    columns.chosen(new.fields)


async def streamed(work: Unbound, new: NewExport) -> AsyncIterator[bytes]:
    """The file of an export that is not stored."""
    async with work.reader() as reader, aclosing(_parts(reader, new)) as parts:
        async for data, _ in parts:
            if data:
                yield data


async def forget_expired(tx: Transaction) -> None:
    await queries.forget_expired(tx, tx.now - 30 * DAY)
