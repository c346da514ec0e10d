"""Lists and their members."""

from starlette.responses import Response

from orbit_contacts.core import ids
from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.lists import service
from orbit_contacts.features.lists.models import ListChange, NewList
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()


@views.get("/lists", "contacts:read")
async def show_lists(visit: Visit) -> Response:
    return await _lists(visit, None, {})


async def _lists(visit: Visit, refusal: Refusal | None, values: dict[str, str]) -> Response:
    async with visit.reader() as reader:
        query = PageQuery(cursor=visit.request.query_params.get("cursor"), limit=50)
        page = await service.list_lists(reader, query)
    status = 200 if refusal is None else refusal.status
    return visit.page("lists/page.html", status, lists=page, refusal=refusal, values=values)


@views.post("/lists", "contacts:write")
async def create(visit: Visit) -> Response:
    values = {"name": visit.field("name"), "description": visit.field("description")}
    try:
        async with visit.transaction() as tx:
            made = await service.create(tx, NewList(name=values["name"], description=values["description"] or None))
    except Refusal as refusal:
        return await _lists(visit, refusal, values)
    return visit.go(f"/lists/{made.id}", visit.t("The list was made; add contacts from the contact list."))


@views.get("/lists/{id}", "contacts:read")
async def show_list(visit: Visit) -> Response:
    query = PageQuery(cursor=visit.request.query_params.get("cursor"), limit=50)
    async with visit.reader() as reader:
        known = await service.get(reader, visit.id("lst"))
        members = await service.members(reader, visit.id("lst"), query)
    return visit.page("lists/list.html", list=known, members=members)


@views.post("/lists/{id}", "contacts:write")
async def change(visit: Visit) -> Response:
    id = visit.id("lst")
    async with visit.transaction() as tx:
        if is_deletion := visit.field("do") == "delete":
            await service.delete(tx, id)
        else:
            new = ListChange(name=visit.field("name"), description=visit.field("description") or None)
            await service.change(tx, id, new)
    if is_deletion:
        return visit.go("/lists", visit.t("The list was deleted; its members remain contacts."))
    return visit.go(f"/lists/{ids.text('lst', id)}", visit.t("Saved."))


@views.post("/lists/{id}/remove", "contacts:write")
async def remove(visit: Visit) -> Response:
    id = visit.id("lst")
    async with visit.transaction() as tx:
        removed = await service.remove_members(tx, id, visit.fields("contact_id"))
    text = visit.wording.count("1 contact taken off the list.", "{n} contacts taken off the list.", removed.removed)
    return visit.go(f"/lists/{ids.text('lst', id)}", text)
