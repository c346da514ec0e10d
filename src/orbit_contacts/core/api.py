"""The life of a request: path > key > rate limit > decode > idempotency > transaction > commit > answer.

One plain ASGI callable. Nothing leaves before the commit, and every failure leaves in the one error shape.
"""

# Annotations of inner functions are not evaluated at every request.
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, Protocol
from urllib.parse import unquote
from uuid import UUID

import asyncpg
import structlog

from orbit_contacts.core import envelope, errors, idempotency, ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import now
from orbit_contacts.core.database import UNREACHABLE, Database, Reader, Transaction, Unbound
from orbit_contacts.core.decoding import decode_body, decode_query
from orbit_contacts.core.operations import Answer, Operation, Request, Router, Stream
from orbit_contacts.core.pagination import Page, PagedObject
from orbit_contacts.core.rate_limit import RateLimit
from orbit_contacts.core.telemetry import RequestLog, metrics

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PREFIXES = ("/api/v1", "/v1")
_JSON_HEADER = (b"content-type", b"application/json")
_TEST_HEADER = (b"x-orbit-env", b"sandbox")
_NO_STORE = (b"cache-control", b"no-store")
_REQUEST_ID = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")

log = structlog.get_logger()


class Authenticate(Protocol):
    """Gives the caller of a request, or raises a 401 or 403 refusal."""

    async def __call__(self, headers: dict[bytes, bytes], client_ip: str, query: bytes) -> Caller: ...


class Reply:
    """A finished answer: status, headers of its own, and the bytes."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes, headers: Headers) -> None:
        self.status = status
        self.body = body
        self.headers = headers


class Api:
    def __init__(
        self,
        operations: Sequence[Operation],
        database: Database,
        authenticate: Authenticate,
        *,
        reads: RateLimit,
        writes: RateLimit,
        max_body: int = 1 << 20,
        request_log: RequestLog | None = None,
    ) -> None:
        self.operations = tuple(operations)
        self.database = database
        self._router = Router(operations)
        self._authenticate = authenticate
        self._reads = reads
        self._writes = writes
        self._max_body = max_body
        self._log = request_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        given = headers.get(b"x-request-id")
        request_id = given.decode() if given and _usable_id(given) else envelope.new_request_id()
        extra: Headers = []
        method: str = scope["method"]
        operation: Operation | None = None
        counted = False
        try:
            operation, parameters = self._route(method, scope)
            client_ip = scope["client"][0] if scope.get("client") else ""
            query: bytes = scope["query_string"]
            caller = await self._authenticate(headers, client_ip, query if operation.token_in_query else b"")
            if caller.mode == "test":
                extra.append(_TEST_HEADER)
            if operation.scope is not None and not (operation.public and caller.public):
                caller.require(operation.scope)
            limit = self._reads if operation.method == "GET" else self._writes
            counted = True
            extra += limit.count(caller.actor_id, operation.id, operation.per_minute)
            body = await _read_body(receive, headers, operation.max_body or self._max_body)
            reply = await self._perform(
                operation, caller, parameters, Request(headers, body, query, client_ip, request_id)
            )
            if isinstance(reply, Stream):
                reply.first = await anext(reply.chunks, b"")  # what fails now can still be answered as a failure
        except asyncio.CancelledError:
            raise
        except Exception as error:
            reply = _failure(error, request_id, operation)
        if isinstance(reply, Stream):
            await self._stream(reply, receive, send, request_id, extra)
            self._account(operation, method, 200, started, request_id)
            return
        if not counted:
            extra += self._reads.untouched()
        await _send(send, method, reply, request_id, extra)
        self._account(operation, method, reply.status, started, request_id)

    def _route(self, method: str, scope: Scope) -> tuple[Operation, list[str]]:
        """Both prefixes, with and without the trailing slash, reach the same operation; nothing redirects."""
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        path = raw.decode("latin-1").partition("?")[0].rstrip("/")
        for prefix in PREFIXES:
            if path.startswith(prefix):
                path = path[len(prefix) :]
                break
        segments = path.lstrip("/").split("/")
        if "%" in path:
            segments = [unquote(segment) for segment in segments]
        found = self._router.find(segments)
        if found is None:
            raise errors.NotFound(
                "There is no such path.", field="path", value=path[:200], expected="a path of this API"
            )
        methods, parameters = found
        operation = methods.get("GET" if method == "HEAD" else method)
        if operation is None:
            raise errors.MethodNotAllowed(
                allowed=sorted(methods), field="method", value=method, expected=sorted(methods)
            )
        return operation, parameters

    async def _perform(
        self, operation: Operation, caller: Caller, parameters: list[str], request: Request
    ) -> Reply | Stream:
        values: dict[str, Any] = {"request": request}
        for (name, prefix), value in zip(operation.prefixes, parameters, strict=True):
            values[f"path:{name}"] = _path_value(name, prefix, value)
        if operation.query is not None:
            values["query"] = decode_query(request.query, operation.query, operation.query_lists)
        if operation.decoder is not None:
            content_type = request.headers.get(b"content-type", b"application/json")
            values["body"] = decode_body(request.body, operation.decoder, b"json" in content_type)

        async def work(session: Reader | Unbound) -> Reply | Stream:
            values["session"] = session
            result = await operation.handler(*[values[name] for name in operation.arguments])
            return _render(operation, result, request.request_id)

        session = operation.session
        given = request.headers.get(b"idempotency-key") if operation.method != "GET" else None
        key = None if given is None else idempotency.check_key(given.decode("latin-1"))
        target = "/".join((operation.path, *parameters))
        fingerprint = idempotency.fingerprint(operation.method, target, request.query, request.body) if key else b""

        async def work_once(tx: Transaction) -> Reply | Stream:
            return await _once(tx, key or "", fingerprint, lambda: work(tx))

        if issubclass(session, Unbound):
            unbound = session(self.database, caller, now())
            if key is None:
                return await work(unbound)
            if operation.claims_key:
                once = _once_for(operation, request.request_id, key, fingerprint)
                values["request"] = request._replace(once=once)
                try:
                    return await work(unbound)
                except idempotency.Replayed as replayed:
                    return _replay(replayed.answer)
            async with self.database.session(Transaction, caller, pool=self.database.claims) as tx:
                return await _once(tx, key, fingerprint, lambda: work(unbound))
        if key is None or operation.method == "GET" or not issubclass(session, Transaction):
            return await self.database.run(session, caller, work)
        return await self.database.run(Transaction, caller, work_once)

    async def _stream(self, stream: Stream, receive: Receive, send: Send, request_id: str, extra: Headers) -> None:
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

    def _account(self, operation: Operation | None, method: str, status: int, started: float, request_id: str) -> None:
        seconds = perf_counter() - started
        name = operation.id if operation else "unknown"
        metrics.observe(name, status, seconds)
        if self._log is not None:
            self._log.write(method, name, status, seconds, request_id)


def _usable_id(given: bytes) -> bool:
    return 1 <= len(given) <= 64 and _REQUEST_ID.issuperset(given)


def _path_value(name: str, prefix: str | None, value: str) -> str | UUID:
    """An id as uuid; a malformed one is simply not found, as a foreign one would be."""
    if prefix is None:
        if "\0" in value:
            raise errors.NotFound(field=name, value=value[:100], expected="text without NUL")
        return value
    id = ids.parse(prefix, value)
    if id is None:
        raise errors.NotFound(
            f"There is no `{value[:64]}`.", field=name, value=value[:100], expected=f"an id `{prefix}_…`"
        )
    return id


async def _read_body(receive: Receive, headers: dict[bytes, bytes], limit: int) -> bytes:
    length = headers.get(b"content-length")
    if length is None and b"transfer-encoding" not in headers:
        return b""
    if length == b"0":
        return b""
    if length is not None and length.isdigit() and int(length) > limit:
        raise errors.PayloadTooLarge(field="body", value=int(length), expected=f"at most {limit} bytes")
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise errors.MalformedBody("The client went away.", field="body", value=None, expected="a whole body")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise errors.PayloadTooLarge(field="body", value=size, expected=f"at most {limit} bytes")
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


async def _once(
    tx: Transaction, key: str, fingerprint: bytes, work: Callable[[], Awaitable[Reply | Stream]]
) -> Reply | Stream:
    """The stored answer of a key, or that of `work`, stored with it. A stream is not stored: its key stays free."""
    stored = await idempotency.claim(tx, key, fingerprint)
    if stored is not None:
        return _replay(stored)
    reply = await work()
    if isinstance(reply, Reply):
        await idempotency.store(tx, key, _stored(reply))
    else:
        await idempotency.release(tx, key)
    return reply


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


def _once_for(operation: Operation, request_id: str, key: str, fingerprint: bytes) -> idempotency.Once:
    """For a handler that claims the key and stores its answer in its own transaction."""

    def render(result: Any) -> idempotency.StoredAnswer:
        reply = _render(operation, result, request_id)
        assert isinstance(reply, Reply)
        return _stored(reply)

    return idempotency.Once(key, fingerprint, render)


def _stored(reply: Reply) -> idempotency.StoredAnswer:
    lines = [f"{name.decode()}: {value.decode('latin-1')}" for name, value in reply.headers]
    return idempotency.StoredAnswer(reply.status, lines, reply.body)


def _replay(stored: idempotency.StoredAnswer) -> Reply:
    headers: Headers = []
    for line in stored.headers:
        name, _, value = line.partition(": ")
        headers.append((name.encode("latin-1"), value.encode("latin-1")))
    return Reply(stored.status, stored.body, [*headers, (b"idempotent-replayed", b"true")])


def _render(operation: Operation, result: Any, request_id: str) -> Reply | Stream:
    status, headers = operation.status, list[tuple[bytes, bytes]]()
    if isinstance(result, Answer):
        answer: Answer[Any] = result  # pyright: ignore[reportUnknownVariableType]
        status = answer.status or status
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
        result = answer.data
    if isinstance(result, Stream):
        return result
    if result is None:
        return Reply(204, b"", headers)
    if isinstance(result, Page):
        page: Page[Any] = result  # pyright: ignore[reportUnknownVariableType]
        body = envelope.page(page.items, page.cursor, page.total, page.total_is_exact, request_id)
    elif isinstance(result, PagedObject):
        sheet: PagedObject[Any] = result  # pyright: ignore[reportUnknownVariableType]
        body = envelope.page(sheet.data, sheet.cursor, sheet.total, sheet.total_is_exact, request_id)
    else:
        body = envelope.success(result, request_id)
    return Reply(status, body, headers)


def _failure(error: Exception, request_id: str, operation: Operation | None) -> Reply:
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


async def _send(send: Send, method: str, reply: Reply, request_id: str, extra: Headers) -> None:
    headers: Headers = [(b"x-request-id", request_id.encode()), *extra, *reply.headers]
    if reply.status != 204:
        headers.append(_JSON_HEADER)
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body})
