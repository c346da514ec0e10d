"""`/downloads/{link}`: the file of an export for whoever holds the link; outside `/api`, whose requests are logged."""

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from orbit_contacts.core import envelope
from orbit_contacts.core.database import UNREACHABLE, Database
from orbit_contacts.core.errors import Refusal, ServiceUnavailable
from orbit_contacts.features.exports import links

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def routes(database: Database) -> list[BaseRoute]:
    async def answer(request: Request) -> Response:
        try:
            stream = await links.open_link(database, request.path_params["link"])
        except UNREACHABLE:
            return _refused(ServiceUnavailable("The database cannot be reached right now."))
        except Refusal as refusal:
            return _refused(refusal)
        return StreamingResponse(stream.chunks, 200, {**_HEADERS, **stream.headers}, stream.content_type)

    return [Route("/downloads/{link}", answer, methods=["GET"])]


def _refused(refusal: Refusal) -> Response:
    body = envelope.failure(refusal, envelope.new_request_id())
    return Response(body, refusal.status, _HEADERS, "application/json")
