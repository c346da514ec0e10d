"""The page of one contact."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from starlette.datastructures import QueryParams
from starlette.responses import Response

from orbit_contacts.core import ids
from orbit_contacts.core.database import Reader
from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.consent import history
from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.consent.models import AtQuery, ConsentRecord
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.custom_fields import service as custom_fields
from orbit_contacts.features.custom_fields.models import CustomField
from orbit_contacts.features.lists import service as lists
from orbit_contacts.features.notes import service as notes
from orbit_contacts.features.timeline import listing as timeline
from orbit_contacts.features.timeline.kinds import CHANNELS as TIMELINE_CHANNELS
from orbit_contacts.features.timeline.kinds import KINDS
from orbit_contacts.features.timeline.models import Item, TimelineQuery
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()

# The channels people use most come first; the rest fold away.
FIRST = ("sms", "whatsapp", "email", "voice", "rcs", "viber")
ORDER = (*FIRST, *(channel for channel in CHANNELS if channel not in FIRST))
# How the summaries of our own events name a source.
_BY = re.compile(r"(?:(\S+) )?[Bb]y (\S+)")


class FieldValue(NamedTuple):
    """A custom field of one contact and its value as text; empty when it has none."""

    field: CustomField
    value: str


@views.get("/contacts/{id}", "contacts:read")
async def show(visit: Visit) -> Response:
    return await render(visit, visit.id("con"))


async def render(
    visit: Visit, id: UUID, *, values: dict[str, str] | None = None, refusal: Refusal | None = None
) -> Response:
    """The page; with `values`, its details are a form that says what was wrong with them."""
    params = visit.request.query_params
    async with visit.reader() as reader:
        contact = await contacts.get(reader, id)
        preferences = await history.preferences(reader, id)
        proofs = await _proofs(visit, reader, id)
        own_lists = await lists.lists_of(reader, id)
        all_lists = (await lists.list_lists(reader, PageQuery(limit=200))).items
        page = await notes.list_notes(reader, id, PageQuery(limit=50))
        fields = await _fields(visit, reader, contact.custom_fields)
        happened = await timeline.timeline(reader, id, _asked(params))
    is_editing = values is not None or params.get("edit") == "details"
    mine = {known.id for known in own_lists}
    return visit.page(
        "contact/page.html",
        200 if refusal is None else refusal.status,
        contact=contact,
        preferences=preferences,
        channels=ORDER,
        first=FIRST,
        lists=own_lists,
        other_lists=[known for known in all_lists if known.id not in mine],
        notes=sorted(page.items, key=_unpinned),
        edited_note=params.get("note"),
        fields=fields,
        proofs=proofs,
        happened=happened,
        told_of=partial(_told, visit),
        filters=_filters(params),
        last_day=params.get("day", ""),
        kinds=KINDS,
        timeline_channels=TIMELINE_CHANNELS,
        is_editing=is_editing and visit.can("contacts:write"),
        values=values,
        refusal=refusal,
    )


def _told(visit: Visit, item: Item) -> str | None:
    """The line below a title; where our own events name a channel and a source, in the reader's language."""
    found = _BY.fullmatch(item.summary or "") if item.kind in ("consent", "contact") else None
    if found is None:
        return item.summary
    where, source = found.groups()
    said = visit.t("by {source}", source=visit.t(source.replace("_", " ")))
    return said if where in (None, item.channel) else f"{visit.t(where)} {said}"


def _filters(params: QueryParams) -> dict[str, str]:
    """What the address asks of the timeline, as it is written on."""
    return {name: params.get(name, "").strip()[:64] for name in ("kind", "channel", "from", "to")}


def _asked(params: QueryParams) -> TimelineQuery:
    """The page of the timeline that the address means."""
    given = _filters(params)
    return TimelineQuery(
        kind=[given["kind"]] if given["kind"] else [],
        channel=[given["channel"]] if given["channel"] else [],
        from_=given["from"] or None,
        to=given["to"] or None,
        cursor=params.get("cursor"),
        limit=25,
    )


async def _proofs(visit: Visit, reader: Reader, id: UUID) -> dict[str, ConsentRecord]:
    """The record that decided each channel: who wrote it and what proves it."""
    if not visit.can("compliance:read"):
        return {}
    state = await history.at(reader, id, AtQuery())
    return {name: channel.record for name, channel in state.channels.items() if channel.record is not None}


def _unpinned(note: Any) -> bool:
    return not note.pinned


async def _fields(visit: Visit, reader: Reader, stored: msgspec.Raw) -> list[FieldValue]:
    if not visit.can("custom_fields:read"):
        return []
    known = (await custom_fields.list_fields(reader, PageQuery(limit=200))).items
    return fields_of(known, msgspec.json.decode(stored))


def fields_of(known: Sequence[CustomField], stored: dict[str, Any]) -> list[FieldValue]:
    return [FieldValue(field, text_of(stored.get(field.key))) for field in known]


def text_of(value: Any) -> str:
    """The value of a custom field as a form and a list show it."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType]
    return str(value).lower() if isinstance(value, bool) else str(value)


@views.get("/contacts/{id}/consent", "compliance:read")
async def consent_history(visit: Visit) -> Response:
    id = visit.id("con")
    query = PageQuery(cursor=visit.request.query_params.get("cursor"), limit=50)
    async with visit.reader() as reader:
        contact = await contacts.get(reader, id)
        records = await history.of_contact(reader, id, query)
    return visit.page("contact/consent.html", contact=contact, records=records)


@views.get("/contacts/{id}/delete", "contacts:write")
async def confirm_deletion(visit: Visit) -> Response:
    async with visit.reader() as reader:
        contact = await contacts.get(reader, visit.id("con"))
    return visit.page("contact/delete.html", contact=contact)


@views.post("/contacts/{id}/delete", "contacts:write")
async def delete(visit: Visit) -> Response:
    id = visit.id("con")
    soft = visit.field("mode") != "erase"
    async with visit.transaction() as tx:
        await contacts.delete(tx, id, soft=soft)
    if not soft:
        return visit.go("/contacts", visit.t("The contact was erased with everything attached to it."))
    action = f"/contacts/{ids.contact_text(id)}/restore"
    return visit.go("/contacts", visit.t("The contact was deleted."), action=action, label=visit.t("Restore"))


@views.post("/contacts/{id}/restore", "contacts:write")
async def restore(visit: Visit) -> Response:
    id = visit.id("con")
    async with visit.transaction() as tx:
        await contacts.restore(tx, id)
    return visit.go(f"/contacts/{ids.contact_text(id)}", visit.t("The contact is back."))
