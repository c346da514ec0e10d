"""The HTTP API for commands that act as a client: a key, a base URL, JSON in and out."""

import http.client
import json
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, cast
from urllib.parse import urlencode

import typer

from orbit_contacts.core.errors import Refusal

DEFAULT_URL = "http://127.0.0.1:8000"
TIMEOUT = 120
_PIECE = 1 << 16

Url = Annotated[
    str | None, typer.Option("--url", envvar="ORBIT_URL", help=f"Where the server is; {DEFAULT_URL} when absent.")
]
Key = Annotated[
    str | None,
    typer.Option("--api-key", envvar="ORBIT_API_KEY", help="A key, from `orbit keys create` or the console."),
]


class Answered(Refusal):
    """What the server refused, in its words."""

    code, status, summary = "REFUSED", 422, "The server refused the request."


class Lost(Answered):
    """No answer came, or none that says anything about the request: asking again may help."""


class Client:
    """Calls of the API; a refusal is raised as `Answered`."""

    def __init__(self, url: str | None, key: str | None) -> None:
        self._base = (url or os.environ.get("ORBIT_URL") or DEFAULT_URL).rstrip("/").removesuffix("/api/v1")
        if not key:
            raise Answered("An API key is needed: set ORBIT_API_KEY or give --api-key; `orbit keys create` makes one.")
        self._key = key

    def get(self, path: str, **query: Any) -> Any:
        return json.loads(self.raw("GET", path, query=query))

    def post(self, path: str, body: bytes = b"", *, content_type: str = "application/json", **query: Any) -> Any:
        return json.loads(self.raw("POST", path, body, content_type=content_type, query=query))

    def raw(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        content_type: str = "application/json",
        query: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The body of the answer."""
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        url = self._url(f"/api/v1{path}" + (f"?{urlencode(asked, doseq=True)}" if asked else ""))
        headers = {"X-API-Key": self._key, "Content-Type": content_type}
        if method != "GET":
            # Sent again after a lost answer, the request is still done once.
            headers["Idempotency-Key"] = secrets.token_hex(16)
        request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
                return response.read()
        except urllib.error.HTTPError as error:
            raise (Lost if error.code >= 500 or error.code == 429 else Answered)(_message(error)) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Lost(f"{self._base} cannot be reached: {error}. Is the server running? See --url.") from None

    def download(self, path: str) -> Iterator[bytes]:
        """The bytes behind a signed path, as they come; no key is sent."""
        try:
            with urllib.request.urlopen(self._url(path), timeout=TIMEOUT) as response:  # noqa: S310
                while data := response.read(_PIECE):
                    yield data
        except urllib.error.HTTPError as error:
            raise Answered(_message(error)) from None
        except (OSError, http.client.HTTPException) as error:
            raise Answered(f"The file broke off: {error}.") from None

    def _url(self, path: str) -> str:
        if not self._base.startswith(("http://", "https://")):
            raise Answered(f"{self._base} is not an http or https address.")
        return self._base + path


def _message(error: urllib.error.HTTPError) -> str:
    try:
        failure = json.loads(error.read())["error"]
        details: dict[str, Any] = failure.get("details") or {}
        expected = details.get("expected")
        if isinstance(expected, list):
            expected = ", ".join(map(str, cast("list[Any]", expected)))
        more = f" (expected {expected})" if expected else ""
        return f"{failure['code']}: {failure['message']}{more}"
    except (ValueError, KeyError, TypeError):
        return f"The server answered {error.code}."
