"""Files for browsers, out of the installed package: packed, cached for a year, and never stale.

An address carries the content's hash, so a browser asks once, and a new release has a new address.
"""

import hashlib
import json
import mimetypes
from functools import cache, cached_property
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from orbit_contacts.core.errors import ServiceUnavailable

WEB = Path(__file__).parent / "web"
FOREVER = "public, max-age=31536000, immutable"
ASK_EACH_TIME = "no-cache"


class Asset:
    """One file below `web/`, served at `path`.

    A third-party file (`vendor/…`) was checked against its pinned hash when it was fetched; that hash
    is its version. A file of our own is hashed at first use.
    """

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path = path

    @cached_property
    def version(self) -> str:
        """16 hex digits of the content's SHA-256."""
        sha256 = pinned_hashes().get(self.name) or hashlib.sha256((WEB / self.name).read_bytes()).hexdigest()
        return sha256[:16]

    def url(self, root_path: str = "") -> str:
        """The address to write into a page; `root_path` is the prefix a reverse proxy took off."""
        return f"{root_path}{self.path}?v={self.version}"

    async def serve(self, request: Request) -> Response:
        """The file, its gzip twin where the browser takes it, or 304 where it has it."""
        if not (WEB / self.name).is_file():
            raise ServiceUnavailable(
                "The browser files are not in this installation: run `make setup`, or install a release.",
                file=self.name,
            )
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
        packed = WEB / f"{self.name}.gz"
        media_type = mimetypes.guess_type(self.name)[0] or "application/octet-stream"
        if packed.is_file() and takes_gzip(request.headers):
            headers["Content-Encoding"] = "gzip"
            return FileResponse(packed, headers=headers, media_type=media_type)
        return FileResponse(WEB / self.name, headers=headers, media_type=media_type)


@cache
def pinned_hashes() -> dict[str, str]:
    """Name below `web/` to SHA-256, for every third-party file."""
    pins = json.loads((WEB / "vendor.json").read_text())
    return {f"vendor/{file['to']}": file["sha256"] for package in pins["packages"] for file in package["files"]}


def holds(headers: Headers, etag: str) -> bool:
    """Whether If-None-Match names the version we would send (weak comparison, RFC 9110 section 13.1.2)."""
    known = {tag.strip() for tag in headers.get("if-none-match", "").split(",")}
    return "*" in known or etag in known or etag.removeprefix("W/") in known


def takes_gzip(headers: Headers) -> bool:
    """Whether Accept-Encoding allows gzip; `gzip;q=0` says no (RFC 9110 section 12.5.3)."""
    for item in headers.get("accept-encoding", "").lower().split(","):
        coding, _, parameters = item.partition(";")
        if coding.strip() in {"gzip", "*"}:
            return parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
