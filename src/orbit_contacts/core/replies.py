"""What leaves: the bytes and headers of an answer, of a failure, of a stream, and of an answer told again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import asyncpg
import structlog

from orbit_contacts.core import envelope, errors
from orbit_contacts.core.database import UNREACHABLE
from orbit_contacts.core.idempotency import StoredAnswer
from orbit_contacts.core.operations import Answer, Operation, Stream
from orbit_contacts.core.pagination import Page, PagedObject

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# Where a scope holds a function that sends status, headers and body at once, or gives False: then `send` must do it.
WHOLE_ANSWER = "orbit.whole_answer"

_JSON_HEADER = (b"content-type", b"application/json")
_NO_STORE = (b"cache-control", b"no-store")

log = structlog.get_logger()


class Reply:
    """A finished answer: status, headers of its own, and the bytes; `again` are those an idempotency key keeps,
    where they are others."""

    __slots__ = ("again", "body", "headers", "status")

    def __init__(self, status: int, body: bytes, headers: Headers) -> None:
        self.status = status
        self.body = body
        self.headers = headers
        self.again: bytes | None = None


def rendered(operation: Operation, result: Any, request_id: str) -> Reply | Stream:
    """What a handler gave, as its operation answers: 204 for None, a stream as it is, else the JSON envelope."""
    status = operation.status
    headers: Headers = []
    again: Any = None
    if isinstance(result, Answer):
        answer = cast("Answer[Any]", result)
        status = answer.status or status
        for name, value in answer.headers.items():
            headers.append((name.lower().encode(), value.encode("latin-1")))
        result, again = answer.data, answer.again
    if isinstance(result, Stream):
        return result
    if result is None:
        return Reply(204, b"", headers)
    if isinstance(result, Page):
        page = cast("Page[Any]", result)
        body = envelope.page(page.items, page.cursor, page.total, page.total_is_exact, request_id)
    elif isinstance(result, PagedObject):
        sheet = cast("PagedObject[Any]", result)
        body = envelope.page(sheet.data, sheet.cursor, sheet.total, sheet.total_is_exact, request_id)
    else:
        body = envelope.success(result, request_id)
    reply = Reply(status, body, headers)
    if again is not None:
        reply.again = envelope.success(again, request_id)
    return reply


def failed(error: Exception, request_id: str, operation: Operation | None) -> Reply:
    """Expected failures keep their code; what the database or a bug did gets an honest one."""
    match error:
        case errors.Refusal():
            refusal = error
        case asyncpg.DataError() | asyncpg.exceptions.ProgramLimitExceededError() | asyncpg.StatementTooComplexError():
            refusal = errors.InvalidRequest(
                "A value cannot be stored.", field="body", value=None, expected="values PostgreSQL can hold"
            )
        case asyncpg.QueryCanceledError() | asyncpg.LockNotAvailableError():
            refusal = errors.ServiceUnavailable("The database took too long; nothing was changed.")
        case _ if isinstance(error, UNREACHABLE):
            refusal = errors.ServiceUnavailable()
        case _:
            name = operation.id if operation else None
            log.exception("request failed", request_id=request_id, operation=name, exc_info=error)
            refusal = errors.InternalError(f"Something went wrong on our side; quote {request_id}.")
    headers = [(name.lower().encode(), value.encode()) for name, value in refusal.headers.items()]
    return Reply(refusal.status, envelope.failure(refusal, request_id), headers)


def to_store(reply: Reply) -> StoredAnswer:
    """An answer as an idempotency key keeps it; `from_store` gives it again."""
    lines = [f"{name.decode()}: {value.decode('latin-1')}" for name, value in reply.headers]
    return StoredAnswer(reply.status, lines, reply.body if reply.again is None else reply.again)


def from_store(answer: StoredAnswer) -> Reply:
    headers: Headers = []
    for line in answer.headers:
        name, _, value = line.partition(": ")
        headers.append((name.encode("latin-1"), value.encode("latin-1")))
    return Reply(answer.status, answer.body, [*headers, (b"idempotent-replayed", b"true")])


async def send_reply(scope: dict[str, Any], send: Send, reply: Reply, request_id: str, extra: Headers) -> None:
    headers: Headers = [(b"x-request-id", request_id.encode()), *extra, *reply.headers]
    body = reply.body
    if reply.status != 204:
        headers.append(_JSON_HEADER)
        headers.append((b"content-length", b"%d" % len(body)))
    if scope["method"] == "HEAD":
        body = b""
    send_whole: Callable[[int, Headers, bytes], bool] | None = scope.get(WHOLE_ANSWER)
    if send_whole is not None and send_whole(reply.status, headers, body):
        return
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_stream(stream: Stream, receive: Receive, send: Send, request_id: str, extra: Headers) -> None:
    """Send the chunks as they are made; a reader who went away ends their making."""
    headers = [
        (b"content-type", stream.content_type.encode()),
        (b"x-request-id", request_id.encode()),
        _NO_STORE,
        *extra,
        *((name.lower().encode(), value.encode("latin-1")) for name, value in stream.headers.items()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        chunk: bytes | None = stream.first
        while chunk is not None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            chunk = await _chunk_unless(gone, stream.chunks)
    finally:
        gone.cancel()
        # A generator's own `finally` runs now, not when it is collected.
        if (close := getattr(stream.chunks, "aclose", None)) is not None:
            await close()
    await send({"type": "http.response.body", "body": b""})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _chunk_unless(gone: asyncio.Future[None], chunks: AsyncIterator[bytes]) -> bytes | None:
    """The next chunk; None after the last one, or when the reader is gone before it is made."""
    making = asyncio.ensure_future(_next(chunks))
    try:
        await asyncio.wait((making, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not making.done():
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)
    return None if making.cancelled() else making.result()


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)
