"""`/contacts/{id}/notes`."""

from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import MissingField
from orbit_contacts.core.ids import ContactId, NoteId
from orbit_contacts.core.operations import Routes
from orbit_contacts.core.pagination import Page, PageQuery
from orbit_contacts.features.notes import service
from orbit_contacts.features.notes.models import NewNote, Note, NoteChange

routes = Routes("Notes")


@routes.get("/contacts/{id}/notes", scope="contacts:read")
async def list_notes(reader: Reader, id: ContactId, query: PageQuery) -> Page[Note]:
    """List the notes of a contact, newest first."""
    return await service.list_notes(reader, id, query)


@routes.post("/contacts/{id}/notes", scope="contacts:write", status=201, refuses=(MissingField,))
async def create_note(tx: Transaction, id: ContactId, body: NewNote) -> Note:
    """Write a note about a contact; the caller is its author."""
    return await service.create(tx, id, body)


@routes.patch("/contacts/{id}/notes/{note_id}", scope="contacts:write")
async def update_note(tx: Transaction, id: ContactId, note_id: NoteId, body: NoteChange) -> Note:
    """Change the text of a note, or pin it."""
    return await service.change(tx, id, note_id, body)


@routes.delete("/contacts/{id}/notes/{note_id}", scope="contacts:write", status=204)
async def delete_note(tx: Transaction, id: ContactId, note_id: NoteId) -> None:
    """Delete a note."""
    await service.delete(tx, id, note_id)
