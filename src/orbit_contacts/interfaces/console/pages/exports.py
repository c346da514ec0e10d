"""Exports: asked from the contact list, downloaded for a day."""

from urllib.parse import parse_qsl

import msgspec
from starlette.responses import Response, StreamingResponse

from orbit_contacts.core.clock import now
from orbit_contacts.core.database import Unbound
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.core.ids import ExportId
from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.exports import service
from orbit_contacts.features.exports.models import NewExport
from orbit_contacts.interfaces.console import guard
from orbit_contacts.interfaces.console.pages.address import Address
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()


@views.get("/exports", "contacts:read")
async def show(visit: Visit) -> Response:
    query = PageQuery(cursor=visit.request.query_params.get("cursor"), limit=50)
    async with visit.reader() as reader:
        page = await service.list_exports(reader, query)
    running = any(export.status in ("queued", "processing") for export in page.items)
    return visit.page("exports/page.html", exports=page, running=running)


@views.post("/exports", "contacts:read")
async def start(visit: Visit) -> Response:
    given = {"format": visit.field("format"), "filters": Address(parse_qsl(visit.field("filter"))).filters}
    try:
        new = msgspec.convert(given, NewExport)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error), field="format", value=given["format"], expected="a format") from None
    async with visit.transaction() as tx:
        _, is_done = await service.start(tx, new)
    said = "The file is ready; it is kept for a day." if is_done else "The file is being written."
    return visit.go("/exports", visit.t(said))


@views.get("/exports/{id}/download", "contacts:read")
async def download(visit: Visit) -> Response:
    id = ExportId(visit.id("exp"))
    stream = await service.download(Unbound(visit.database, visit.caller, now()), id)
    headers = {**guard.HEADERS, **stream.headers}
    return StreamingResponse(stream.chunks, headers=headers, media_type=stream.content_type)
