"""The life of a request: path > key > rate limit > decode > idempotency > transaction > commit > answer.

One plain ASGI callable. Nothing leaves before the commit, and every failure leaves in the one error shape.
"""

# Annotations of inner functions are not evaluated at every request.
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, Protocol
from urllib.parse import unquote
from uuid import UUID

from orbit_contacts.core import envelope, errors, idempotency, ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import now
from orbit_contacts.core.database import Database, Reader, Transaction, Unbound
from orbit_contacts.core.decoding import decode_body, decode_query
from orbit_contacts.core.operations import Operation, Request, Router, Stream
from orbit_contacts.core.rate_limit import RateLimit
from orbit_contacts.core.replies import (
    Headers,
    Receive,
    Reply,
    Send,
    failed,
    from_store,
    rendered,
    send_reply,
    send_stream,
    to_store,
)
from orbit_contacts.core.telemetry import RequestLog, metrics

Scope = dict[str, Any]

PREFIXES = ("/api/v1", "/v1")
_TEST_HEADER = (b"x-orbit-env", b"sandbox")
_REQUEST_ID = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


class Authenticate(Protocol):
    """Gives the caller of a request, or raises a 401 or 403 refusal."""

    async def __call__(self, headers: dict[bytes, bytes], client_ip: str, query: bytes) -> Caller: ...


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
            reply = failed(error, request_id, operation)
        if isinstance(reply, Stream):
            await send_stream(reply, receive, send, request_id, extra)
            self._account(operation, method, 200, started, request_id)
            return
        if not counted:
            extra += self._reads.untouched()
        await send_reply(scope, send, reply, request_id, extra)
        self._account(operation, method, reply.status, started, request_id)

    def _route(self, method: str, scope: Scope) -> tuple[Operation, list[str]]:
        """Both prefixes, with and without the trailing slash, reach the same operation; nothing redirects."""
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        asked = raw.decode("latin-1").partition("?")[0]
        path = asked.rstrip("/")
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
                "There is no such path.", field="path", value=asked[:200], expected="a path of this API"
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
            values[name] = _path_value(name, prefix, value)
        if operation.query is not None:
            values["query"] = decode_query(request.query, operation.query, operation.query_lists)
        if operation.decoder is not None:
            content_type = request.headers.get(b"content-type", b"application/json")
            values["body"] = decode_body(request.body, operation.decoder, b"json" in content_type)

        async def work(session: Reader | Unbound) -> Reply | Stream:
            values["session"] = session
            result = await operation.handler(*[values[name] for name in operation.arguments])
            return rendered(operation, result, request.request_id)

        given = request.headers.get(b"idempotency-key")
        if given is not None and operation.method != "GET":
            key = idempotency.check_key(given.decode("latin-1"))
            target = "/".join((operation.path, *parameters))
            fingerprint = idempotency.fingerprint(operation.method, target, request.query, request.body)
            return await self._perform_once(operation, caller, values, key, fingerprint, work)
        if issubclass(operation.session, Unbound):
            return await work(operation.session(self.database, caller, now()))
        return await self.database.run(operation.session, caller, work)

    async def _perform_once(
        self,
        operation: Operation,
        caller: Caller,
        values: dict[str, Any],
        key: str,
        fingerprint: bytes,
        work: Callable[[Reader | Unbound], Awaitable[Reply | Stream]],
    ) -> Reply | Stream:
        """Do the work of an idempotency key, or give its stored answer."""
        session = operation.session
        if issubclass(session, Transaction):
            return await self.database.run(session, caller, lambda tx: _once(tx, key, fingerprint, lambda: work(tx)))
        if not issubclass(session, Unbound):
            return await self.database.run(session, caller, work)
        unbound = session(self.database, caller, now())
        if operation.claims_key:
            request: Request = values["request"]
            once = _once_for(operation, request.request_id, key, fingerprint)
            values["request"] = request._replace(once=once)
            try:
                return await work(unbound)
            except idempotency.Replayed as replayed:
                return from_store(replayed.answer)
        async with self.database.session(Transaction, caller, pool=self.database.claims) as tx:
            return await _once(tx, key, fingerprint, lambda: work(unbound))

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
        return from_store(stored)
    reply = await work()
    if isinstance(reply, Reply):
        await idempotency.store(tx, key, to_store(reply))
    else:
        await idempotency.release(tx, key)
    return reply


def _once_for(operation: Operation, request_id: str, key: str, fingerprint: bytes) -> idempotency.Once:
    """For a handler that claims the key and stores its answer in its own transaction."""

    def render(result: Any) -> idempotency.StoredAnswer:
        reply = rendered(operation, result, request_id)
        assert isinstance(reply, Reply)
        return to_store(reply)

    return idempotency.Once(key, fingerprint, render)
