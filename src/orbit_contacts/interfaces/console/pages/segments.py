"""Segments: the list, one with its members, and why somebody belongs."""

from starlette.responses import Response

from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.segments import explain, service
from orbit_contacts.interfaces.console.pages.segment_builder import READY_MADE
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()


@views.get("/segments", "contacts:read")
async def show_segments(visit: Visit) -> Response:
    query = PageQuery(cursor=visit.request.query_params.get("cursor"), limit=50)
    async with visit.reader() as reader:
        page = await service.list_segments(reader, query)
    return visit.page("segments/list.html", segments=page, ready_made=READY_MADE)


@views.get("/segments/{id}", "contacts:read")
async def show_segment(visit: Visit) -> Response:
    query = PageQuery(cursor=visit.request.query_params.get("cursor"), limit=50)
    async with visit.reader() as reader:
        segment = await service.get(reader, visit.id("seg"))
        members = await service.list_members(reader, visit.id("seg"), query)
    return visit.page("segments/segment.html", segment=segment, members=members)


@views.get("/segments/{id}/why/{contact_id}", "contacts:read")
async def why(visit: Visit) -> Response:
    """Why a contact belongs to the segment or not."""
    async with visit.reader() as reader:
        segment = await service.get(reader, visit.id("seg"))
        explanation = await explain.explain(reader, visit.id("seg"), visit.id("con", "contact_id"))
    return visit.page("segments/why.html", segment=segment, explanation=explanation)


@views.post("/segments/{id}/delete", "contacts:write")
async def delete(visit: Visit) -> Response:
    async with visit.transaction() as tx:
        await service.delete(tx, visit.id("seg"))
    return visit.go("/segments", visit.t("The segment was deleted; contacts are not affected."))
