"""The forms on the page of one contact: details, consent, block, lists, notes."""

from typing import Any
from uuid import UUID

import msgspec
from starlette.responses import Response

from orbit_contacts.core import ids
from orbit_contacts.core.database import Reader
from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.blocking import service as blocking
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.consent.records import Evidence
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import ContactInput
from orbit_contacts.features.custom_fields import service as custom_fields
from orbit_contacts.features.custom_fields.models import CustomField
from orbit_contacts.features.lists import service as lists
from orbit_contacts.features.notes import service as notes
from orbit_contacts.features.notes.models import NewNote, NoteChange
from orbit_contacts.interfaces.console.pages import contact as contact_page
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()

DETAILS = (
    "first_name",
    "last_name",
    "display_name",
    "phone",
    "email",
    "company",
    "country_code",
    "timezone",
    "language",
    "lifecycle_stage",
    "external_id",
)


def _page(id: UUID) -> str:
    return f"/contacts/{ids.contact_text(id)}"


@views.post("/contacts/{id}", "contacts:write")
async def update(visit: Visit) -> Response:
    """Change the details; an emptied field is cleared, one that the form did not have stays."""
    id = visit.id("con")
    given = {name: visit.field(name) for name in DETAILS if name in visit.form}
    try:
        async with visit.transaction() as tx:
            change: dict[str, Any] = {name: value or None for name, value in given.items()}
            if visit.can("custom_fields:read") and (values := await _custom_values(visit, tx)):
                change["custom_fields"] = values
            await contacts.update(tx, id, msgspec.convert(change, ContactInput))
    except Refusal as refusal:
        return await contact_page.render(visit, id, values=given, refusal=refusal)
    return visit.go(_page(id), visit.t("Saved."))


async def _custom_values(visit: Visit, reader: Reader) -> dict[str, Any]:
    known = (await custom_fields.list_fields(reader, PageQuery(limit=200))).items
    return {field.key: _typed(field, visit) for field in known if f"custom.{field.key}" in visit.form}


def _typed(field: CustomField, visit: Visit) -> Any:
    """The form's text as the type the service checks; what is no number is sent as it is, to be refused by name."""
    text = visit.field(f"custom.{field.key}")
    if not text:
        return None
    match field.type:
        case "number":
            try:
                return int(text) if text.lstrip("-").isdecimal() else float(text)
            except ValueError:
                return text
        case "boolean":
            return {"true": True, "false": False}.get(text, text)
        case "multi_select":
            return [part.strip() for part in text.split(",") if part.strip()]
        case _:
            return text


@views.post("/contacts/{id}/consent", "contacts:write")
async def set_consent(visit: Visit) -> Response:
    id = visit.id("con")
    channel, _, status = visit.field("set").partition("=")
    wanted = consent.read_preferences({channel: status})
    async with visit.transaction() as tx:
        if not await consent.set_preferences(tx, [id], wanted, Evidence(source="console")):
            raise contacts.not_found(id)
        now = (await consent.of_contact(tx, id)).channels[channel].status
    if now != status:
        return visit.go(
            _page(id),
            visit.t("An opt-out stays until the person opts in again; it cannot be forgotten."),
            is_error=True,
        )
    return visit.go(_page(id), visit.t("Consent for {channel} saved.", channel=visit.t(channel)))


@views.post("/contacts/{id}/block", "contacts:write")
async def block(visit: Visit) -> Response:
    id = visit.id("con")
    async with visit.transaction() as tx:
        await blocking.block(tx, id, visit.field("reason")[:500])
    return visit.go(_page(id), visit.t("The contact is blocked."), action=f"{_page(id)}/unblock", label=visit.t("Undo"))


@views.post("/contacts/{id}/unblock", "contacts:write")
async def unblock(visit: Visit) -> Response:
    id = visit.id("con")
    async with visit.transaction() as tx:
        await blocking.unblock(tx, id)
    return visit.go(_page(id), visit.t("The block was lifted."))


@views.post("/contacts/{id}/lists", "contacts:write")
async def join_list(visit: Visit) -> Response:
    id = visit.id("con")
    async with visit.transaction() as tx:
        wanted = await lists.hold(tx, [visit.field("list_id")], "list_id")
        await contacts.locked(tx, id)
        await lists.join(tx, wanted, [id])
    return visit.go(_page(id))


@views.post("/contacts/{id}/lists/{list_id}/leave", "contacts:write")
async def leave_list(visit: Visit) -> Response:
    id = visit.id("con")
    async with visit.transaction() as tx:
        await lists.leave(tx, visit.id("lst", "list_id"), id)
    return visit.go(_page(id))


@views.post("/contacts/{id}/notes", "contacts:write")
async def add_note(visit: Visit) -> Response:
    id = visit.id("con")
    async with visit.transaction() as tx:
        await notes.create(tx, id, NewNote(body=visit.field("body")))
    return visit.go(_page(id), visit.t("The note was added."))


@views.post("/contacts/{id}/notes/{note_id}", "contacts:write")
async def change_note(visit: Visit) -> Response:
    id, note_id = visit.id("con"), visit.id("note", "note_id")
    async with visit.transaction() as tx:
        match visit.field("do"):
            case "delete":
                await notes.delete(tx, id, note_id)
            case "pin":
                await notes.change(tx, id, note_id, NoteChange(pinned=True))
            case "unpin":
                await notes.change(tx, id, note_id, NoteChange(pinned=False))
            case _:
                await notes.change(tx, id, note_id, NoteChange(body=visit.field("body")))
    return visit.go(_page(id))
