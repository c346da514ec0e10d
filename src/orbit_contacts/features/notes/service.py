"""Notes of a contact: written, changed, deleted, and moved along when contacts are merged.

The timeline says that a note was written or deleted and by whom, never its text: deleting a note must leave none of it.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from asyncpg.protocol import Record
from msgspec import UNSET

from orbit_contacts.core import ids
from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import InvalidRequest, MissingField, NotFound
from orbit_contacts.core.pagination import Page, PageQuery, decode_cursor, limit_of, page_of
from orbit_contacts.features.contacts import lifecycle
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.lifecycle import Kept, Participant
from orbit_contacts.features.notes import queries
from orbit_contacts.features.notes.models import Author, NewNote, Note, NoteChange
from orbit_contacts.features.timeline import service as timeline

MAX_LENGTH = 10_000


async def list_notes(reader: Reader, contact_id: UUID, query: PageQuery) -> Page[Note]:
    """Newest first."""
    limit = limit_of(query)
    name = f"notes of {contact_id}"
    before = decode_cursor(reader, name, query, UUID)
    await contacts.get(reader, contact_id)
    cell_id = _cell(reader, contact_id)
    rows = await queries.page(reader, cell_id, contact_id, before, limit + 1)
    shown, cursor = page_of(reader, name, query, rows, limit, _id_of)
    whole = query.cursor is None and cursor is None
    total = len(shown) if whole else await queries.count(reader, cell_id, contact_id)
    return Page([_shown(row) for row in shown], cursor, total)


def _cell(reader: Reader, contact_id: UUID) -> int:
    return reader.caller.cell(ids.cell_number(contact_id))


def _id_of(row: Record) -> UUID:
    return row["id"]


def _shown(row: Record) -> Note:
    return Note(
        id=ids.text("note", row["id"]),
        contact_id=ids.contact_text(row["contact_id"]),
        body=row["body"],
        author=Author(id=row["author_id"], type=row["author_type"], name=row["author_name"]),
        pinned=row["pinned"],
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]),
    )


async def create(tx: Transaction, contact_id: UUID, new: NewNote) -> Note:
    body = _body(new)
    if body is None:
        raise MissingField("`body` is required.", field="body", value=None, expected=f"1-{MAX_LENGTH} characters")
    await contacts.locked(tx, contact_id)
    id = ids.mint(tx.now, ids.cell_number(contact_id))
    row = await queries.insert(tx, _cell(tx, contact_id), contact_id, id, body, new.pinned is True)
    note = _shown(row)
    await timeline.record(tx, contact_id, "note.created", _event(tx, note.id))
    return note


def _body(given: NoteChange) -> str | None:
    """The text that was sent, by whichever name."""
    for name in ("body", "content", "text", "note"):
        value = getattr(given, name)
        if value is not UNSET:
            body: str = value.strip()
            if not 1 <= len(body) <= MAX_LENGTH:
                raise InvalidRequest(
                    "The text of a note cannot be used.",
                    field=name,
                    value=value[:100],
                    expected=f"1-{MAX_LENGTH} characters that are not all blank",
                )
            return body
    return None


def _event(tx: Transaction, note_id: str) -> dict[str, Any]:
    caller = tx.caller
    author = {"id": caller.actor_id, "type": caller.actor_type, "name": caller.actor_name}
    return {"note_id": note_id, "author": author}


async def change(tx: Transaction, contact_id: UUID, id: UUID, change: NoteChange) -> Note:
    body = _body(change)
    row = await _locked(tx, contact_id, id)
    new = (row["body"] if body is None else body, row["pinned"] if change.pinned is UNSET else change.pinned)
    if new != (row["body"], row["pinned"]):
        row = await queries.update(tx, _cell(tx, contact_id), contact_id, id, *new)
    return _shown(row)


async def _locked(tx: Transaction, contact_id: UUID, id: UUID) -> Record:
    """A note of a live contact, which is locked."""
    await contacts.locked(tx, contact_id)
    row = await queries.find(tx, _cell(tx, contact_id), contact_id, id)
    if row is None:
        text = ids.text("note", id)
        raise NotFound(
            f"The contact has no note `{text}`.", field="note_id", value=text, expected="a note of this contact"
        )
    return row


async def delete(tx: Transaction, contact_id: UUID, id: UUID) -> None:
    await _locked(tx, contact_id, id)
    await queries.delete(tx, _cell(tx, contact_id), contact_id, id)
    await timeline.record(tx, contact_id, "note.deleted", _event(tx, ids.text("note", id)))


class Moved(msgspec.Struct):
    """The notes that one source gave to the survivor of a merge."""

    source: UUID
    notes: list[UUID]


async def merge(tx: Transaction, survivor: UUID, sources: Sequence[UUID]) -> list[Moved]:
    """All notes of the sources become the survivor's."""
    moved: list[Moved] = []
    for source in sources:
        notes = await queries.ids_of(tx, _cell(tx, source), source)
        await queries.move(tx, _cell(tx, source), source, _cell(tx, survivor), survivor, notes)
        moved.append(Moved(source, notes))
    return moved


async def unmerge(tx: Transaction, survivor: UUID, sources: Sequence[UUID], manifest: Any) -> list[Kept]:
    """Each source gets those of its notes back that still exist, as they are now."""
    for moved in msgspec.convert(manifest, list[Moved]):
        if moved.source in sources:
            await queries.move(tx, _cell(tx, survivor), survivor, _cell(tx, moved.source), moved.source, moved.notes)
    return []


lifecycle.participants.append(Participant("notes", frozenset({"notes"}), merge, unmerge))
