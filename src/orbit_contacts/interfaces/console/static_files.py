"""The console's own style sheet, script and icon: packed once, cached for a year, their address holding their hash."""

import gzip
import hashlib
import mimetypes
from functools import cached_property
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orbit_contacts.interfaces.assets import ASK_EACH_TIME, FOREVER, Asset, holds, takes_gzip

FOLDER = Path(__file__).parent / "static"


class StaticFile:
    """One file of `static/`, small enough to be kept in memory."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = f"/static/{name}"

    @cached_property
    def content(self) -> bytes:
        return (FOLDER / self.name).read_bytes()

    @cached_property
    def packed(self) -> bytes:
        return gzip.compress(self.content, 9, mtime=0)

    @cached_property
    def version(self) -> str:
        """16 hex digits of the content's SHA-256."""
        return hashlib.sha256(self.content).hexdigest()[:16]

    def url(self, root_path: str = "") -> str:
        return f"{root_path}{self.path}?v={self.version}"

    async def serve(self, request: Request) -> Response:
        etag = f'W/"{self.version}"'
        current = request.query_params.get("v") == self.version
        headers = {
            "Cache-Control": FOREVER if current else ASK_EACH_TIME,
            "ETag": etag,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if holds(request.headers, etag):
            return Response(status_code=304, headers=headers)
        media_type = mimetypes.guess_type(self.name)[0] or "application/octet-stream"
        if takes_gzip(request.headers):
            return Response(self.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=media_type)
        return Response(self.content, headers=headers, media_type=media_type)


STYLE = StaticFile("console.css")
SCRIPT = StaticFile("console.js")
ICON = StaticFile("icon.svg")
HTMX = Asset("vendor/htmx.min.js", "/static/htmx.js")

routes = [Route(file.path, file.serve) for file in (STYLE, SCRIPT, ICON, HTMX)]
