"""One thing done to many contacts: asked from the list, followed while it runs, taken back."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.responses import Response

from orbit_contacts.core import ids
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.bulk_actions import service
from orbit_contacts.features.bulk_actions.models import BulkAction, NewBulkAction, TooManyContacts
from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.interfaces.console.pages.address import Address
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()

DONE = {
    "add_tags": "Tag added to {n} contacts.",
    "remove_tags": "Tag removed from {n} contacts.",
    "set_lifecycle_stage": "Stage set on {n} contacts.",
    "add_to_list": "{n} contacts put on the list.",
    "remove_from_list": "{n} contacts taken off the list.",
    "block": "{n} contacts blocked.",
    "unblock": "{n} contacts unblocked.",
    "opt_in": "{n} contacts opted in.",
    "opt_out": "{n} contacts opted out.",
    "delete": "{n} contacts deleted.",
    "restore": "{n} contacts restored.",
}

ASKED = {
    "add_tags": "Add the tag to {n} contacts?",
    "remove_tags": "Remove the tag from {n} contacts?",
    "set_lifecycle_stage": "Set the stage of {n} contacts?",
    "add_to_list": "Put {n} contacts on the list?",
    "remove_from_list": "Take {n} contacts off the list?",
    "block": "Block {n} contacts?",
    "opt_out": "Opt {n} contacts out?",
    "delete": "Delete {n} contacts?",
}


@views.post("/contacts/bulk", "contacts:write")
async def start(visit: Visit) -> Response:
    given: dict[str, Any] = {"action": visit.field("action"), "params": _params(visit)}
    if visit.field("all_matching"):
        given["filter"] = Address(parse_qsl(visit.field("filter"))).filters
        count = visit.field("expected_count")
        given["expected_count"] = int(count) if count.isdecimal() else None
    else:
        given["contact_ids"] = visit.fields("contact_id")
        if not given["contact_ids"]:
            raise InvalidRequest("Select contacts first.", field="contact_id", value=None, expected="contacts")
    try:
        new = msgspec.convert(given, NewBulkAction)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error), field="action", value=None, expected="a bulk action") from None
    try:
        async with visit.transaction() as tx:
            action, is_done = await service.start(tx, new)
    except TooManyContacts as refusal:
        return _confirm(visit, refusal)
    if not is_done or action.failed:
        return visit.go(f"/bulk/{action.id}")
    return visit.go(_back(visit), said(visit, action), **_undo(visit, action))


def _confirm(visit: Visit, refusal: TooManyContacts) -> Response:
    """Asks once more, with the number that the filter matches at this moment."""
    expected = refusal.details["expected"]
    now = expected if isinstance(expected, int) else refusal.details["value"]
    kept = {name: visit.field(name) for name in visit.form if name not in ("csrf", "expected_count", "contact_id")}
    asked = ASKED.get(visit.field("action"), "Change {n} contacts?")
    return visit.page("bulk/confirm.html", refusal.status, count=now, asked=asked, kept=kept, back=_back(visit))


def _params(visit: Visit) -> dict[str, Any]:
    """The parameter that the chosen action needs, out of the bar's fields."""
    match visit.field("action"):
        case "add_tags" | "remove_tags":
            return {"tags": [tag.strip() for tag in visit.field("tag").split(",") if tag.strip()]}
        case "set_lifecycle_stage":
            return {"lifecycle_stage": visit.field("stage")}
        case "add_to_list" | "remove_from_list":
            return {"list_id": visit.field("list_id")}
        case "opt_in" | "opt_out":
            channel = visit.field("channel")
            return {"channels": list(CHANNELS) if channel == "all" else [channel]}
        case _:
            return {}


def said(visit: Visit, action: BulkAction) -> str:
    return visit.t(DONE.get(action.action, "{n} contacts changed."), n=visit.wording.number(action.succeeded))


def _undo(visit: Visit, action: BulkAction) -> dict[str, str]:
    if not action.undoable or not action.succeeded:
        return {}
    return {"action": f"/bulk/{action.id}/undo", "label": visit.t("Undo")}


def _back(visit: Visit) -> str:
    canonical = Address(parse_qsl(visit.field("place"))).canonical()
    return "/contacts" + (f"?{canonical}" if canonical else "")


@views.get("/bulk", "contacts:read")
async def history(visit: Visit) -> Response:
    cursor = visit.request.query_params.get("cursor")
    async with visit.reader() as reader:
        page = await service.list_actions(reader, PageQuery(cursor=cursor, limit=25))
    return visit.page("bulk/list.html", actions=page, said=said, visit=visit)


@views.get("/bulk/{id}", "contacts:read")
async def show(visit: Visit) -> Response:
    async with visit.reader() as reader:
        action = await service.get(reader, visit.id("act"))
    return visit.page("bulk/page.html", action=action, said=said, visit=visit)


@views.post("/bulk/{id}/undo", "contacts:write")
async def undo(visit: Visit) -> Response:
    id = visit.id("act")
    async with visit.transaction() as tx:
        undone = await service.undo(tx, id)
    text = visit.t("Taken back for {n} contacts.", n=visit.wording.number(undone.undone))
    if undone.kept:
        text += " " + visit.t("{n} were changed since and stay as they are.", n=len(undone.kept))
        return visit.go(f"/bulk/{ids.text('act', id)}", text)
    return visit.go("/contacts", text)


@views.post("/bulk/{id}/cancel", "contacts:write")
async def cancel(visit: Visit) -> Response:
    id = visit.id("act")
    async with visit.transaction() as tx:
        await service.cancel(tx, id)
    return visit.go(f"/bulk/{ids.text('act', id)}", visit.t("Stopped; what was done stays done."))
