"""Lets pages of any origin call a few operations: those that take public keys and tell nothing in return."""

from orbit_contacts.core.api import Api, Scope
from orbit_contacts.core.replies import WHOLE_ANSWER, Receive, Send

_ANY_ORIGIN = (b"access-control-allow-origin", b"*")
_PREFLIGHT = [
    _ANY_ORIGIN,
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"content-type, x-api-key, authorization, idempotency-key, x-request-id"),
    (b"access-control-max-age", b"86400"),
]
_EXPOSED = (b"access-control-expose-headers", b"x-request-id, retry-after, x-ratelimit-remaining, x-ratelimit-reset")


class OpenCors:
    """An ASGI application with open CORS around another; no credentials, so a page's cookies stay out of it."""

    def __init__(self, application: Api) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT})
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_with_origin(message: Scope) -> None:
            if message["type"] == "http.response.start":
                message = message | {"headers": [*message["headers"], _ANY_ORIGIN, _EXPOSED]}
            await send(message)

        scope.pop(WHOLE_ANSWER, None)  # every answer must pass above
        await self._application(scope, receive, send_with_origin)
