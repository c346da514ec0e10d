"""Settings: API keys, custom fields, the audit log, and one's own session and looks."""

from typing import Any, get_args

import msgspec
from starlette.responses import Response

from orbit_contacts.core.access import SCOPES
from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.errors import InvalidRequest, Refusal
from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.custom_fields import service as custom_fields
from orbit_contacts.features.custom_fields.models import NewCustomField, Type
from orbit_contacts.features.timeline import retention
from orbit_contacts.features.timeline.models import EventSettings
from orbit_contacts.features.workspaces import service as workspaces
from orbit_contacts.features.workspaces.models import CreatedApiKey, NewApiKey
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()

LIFETIMES = {"never": "never", "30d": "30 days", "90d": "90 days", "1y": "1 year"}


@views.get("/settings", None)
async def show(visit: Visit) -> Response:
    assert visit.session is not None
    return visit.page("settings/page.html", signed_in_at=format_instant(visit.session.created_at))


@views.get("/settings/keys", "api_keys:read")
async def show_keys(visit: Visit) -> Response:
    return await _keys(visit, None, None)


async def _keys(visit: Visit, created: CreatedApiKey | None, refusal: Refusal | None) -> Response:
    query = PageQuery(cursor=visit.request.query_params.get("cursor"), limit=50)
    async with visit.reader() as reader:
        page = await workspaces.list_keys(reader, query)
    return visit.page(
        "settings/keys.html",
        200 if refusal is None else refusal.status,
        keys=page,
        created=created,
        refusal=refusal,
        scopes=SCOPES,
        lifetimes=LIFETIMES,
    )


@views.post("/settings/keys", "api_keys:write")
async def create_key(visit: Visit) -> Response:
    """The key is in this answer only, so there is no redirect after it."""
    given = {
        "name": visit.field("name"),
        "scopes": visit.fields("scopes"),
        "expiresIn": visit.field("expires_in") or "never",
        "mode": visit.field("mode") or None,
    }
    try:
        new = msgspec.convert(given, NewApiKey)
        async with visit.transaction() as tx:
            created = await workspaces.create_key(tx, new)
    except msgspec.ValidationError as error:
        refusal = InvalidRequest(str(error), field="name", value=None, expected="1-120 characters")
        return await _keys(visit, None, refusal)
    except Refusal as refusal:
        return await _keys(visit, None, refusal)
    return await _keys(visit, created, None)


@views.post("/settings/keys/{id}/revoke", "api_keys:write")
async def revoke_key(visit: Visit) -> Response:
    async with visit.transaction() as tx:
        await workspaces.revoke_key(tx, visit.id("key"))
    return visit.go("/settings/keys", visit.t("The key is revoked; its sessions ended with it."))


@views.get("/settings/fields", "custom_fields:read")
async def show_fields(visit: Visit) -> Response:
    return await _fields(visit, None, {})


async def _fields(visit: Visit, refusal: Refusal | None, values: dict[str, str]) -> Response:
    async with visit.reader() as reader:
        page = await custom_fields.list_fields(reader, PageQuery(limit=200))
    status = 200 if refusal is None else refusal.status
    return visit.page("settings/fields.html", status, fields=page, refusal=refusal, values=values, types=get_args(Type))


@views.post("/settings/fields", "custom_fields:write")
async def create_field(visit: Visit) -> Response:
    values = {name: visit.field(name) for name in ("key", "label", "type", "options")}
    given = {
        "key": values["key"],
        "type": values["type"],
        "label": values["label"] or None,
        "options": [option.strip() for option in values["options"].split(",") if option.strip()],
    }
    try:
        new = msgspec.convert(given, NewCustomField)
        async with visit.transaction() as tx:
            await custom_fields.create(tx, new)
    except msgspec.ValidationError as error:
        refusal = InvalidRequest(str(error), field="type", value=values["type"], expected="a type of field")
        return await _fields(visit, refusal, values)
    except Refusal as refusal:
        return await _fields(visit, refusal, values)
    return visit.go("/settings/fields", visit.t("The field was added."))


@views.post("/settings/fields/{id}/delete", "custom_fields:write")
async def delete_field(visit: Visit) -> Response:
    async with visit.transaction() as tx:
        await custom_fields.delete(tx, visit.id("cf"))
    return visit.go("/settings/fields", visit.t("The field was deleted with all its values."))


@views.get("/settings/audit", "audit:read")
async def show_audit(visit: Visit) -> Response:
    query = PageQuery(cursor=visit.request.query_params.get("cursor"), limit=50)
    async with visit.reader() as reader:
        page = await workspaces.list_audit(reader, query)
    return visit.page("settings/audit.html", entries=page, details_of=_details)


def _details(details: Any) -> str:
    """The details of an entry on one line."""
    return msgspec.json.encode(details).decode()


@views.get("/settings/retention", "contacts:read")
async def show_retention(visit: Visit) -> Response:
    async with visit.reader() as reader:
        kept = (await retention.get(reader)).event_retention_days
    return _retention(visit, None, "" if kept is None else str(kept))


def _retention(visit: Visit, refusal: Refusal | None, days: str) -> Response:
    status = 200 if refusal is None else refusal.status
    return visit.page("settings/retention.html", status, values={"days": days}, refusal=refusal)


@views.post("/settings/retention", "settings:write")
async def change_retention(visit: Visit) -> Response:
    days = visit.field("days")
    try:
        given = {"event_retention_days": int(days) if days.isdecimal() and len(days) < 9 else days or None}
        body = msgspec.convert(given, EventSettings)
    except msgspec.ValidationError:
        expected = "1 to 36,500, or nothing for always"
        return _retention(
            visit, InvalidRequest("That is no number of days.", field="days", value=days, expected=expected), days
        )
    async with visit.transaction() as tx:
        await retention.change(tx, body)
    return visit.go("/settings/retention", visit.t("Saved."))
