"""Operations: a typed handler, declared once, becomes an ASGI endpoint and a part of the OpenAPI document.

    routes = Routes("Contacts")

    @routes.post("/contacts", scope="contacts:write", status=201, refuses=(ContactAlreadyExists,))
    async def create_contact(tx: Transaction, query: CreateQuery, body: NewContact) -> Contact: ...

The annotations decide: a `Reader`, `Snapshot`, `Transaction` or `Unbound` is the session; names in the path
are ids or texts; `query` and `body` are Structs; `Request` gives headers and raw bytes. The answer is a Struct,
a `Page`, an `Answer` (other status, more headers), a `Stream`, or None (204).
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from types import UnionType
from typing import Any, Generic, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.database import Reader, Unbound
from orbit_contacts.core.decoding import list_fields
from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.idempotency import Once
from orbit_contacts.core.pagination import Page, PagedObject

T = TypeVar("T")
H = TypeVar("H", bound=Callable[..., Awaitable[Any]])

JSON = "application/json"


class Answer(msgspec.Struct, Generic[T]):
    """A result with another status than the declared one, or with headers of its own.

    `again` is what a repetition of the request (`Idempotency-Key`) is told instead, where `data` may not be kept.
    """

    data: T
    status: int | None = None
    headers: dict[str, str] = {}
    again: T | None = None


class Stream(msgspec.Struct):
    """Bytes sent as they are made: CSV files and event streams.

    The head is sent with the first chunk, so that a failure up to then is an ordinary refusal; an event stream
    therefore begins with a comment.
    """

    content_type: str
    chunks: AsyncIterator[bytes]
    headers: dict[str, str] = {}
    first: bytes = b""
    """The chunk that was made before the head was sent."""


class Request(NamedTuple):
    """What a handler may need beside its typed arguments; header names are lower case."""

    headers: dict[bytes, bytes]
    body: bytes
    query: bytes
    client_ip: str
    request_id: str
    once: Once = Once()

    def header(self, name: str) -> str | None:
        value = self.headers.get(name.lower().encode())
        return value.decode("latin-1") if value is not None else None


class Operation:
    """One method on one path, with everything the binding and the document need.

    `reads`: the Struct of a JSON body that the handler decodes itself from the `Request`. `public`: public keys may
    call it too. `token_in_query`: the key may come as `?token=`, where a browser cannot send a header. `etag`: its
    answer has an `ETag`.
    """

    def __init__(
        self,
        method: str,
        path: str,
        handler: Callable[..., Awaitable[Any]],
        *,
        tag: str,
        scope: str | None,
        status: int = 200,
        refuses: Sequence[type[Refusal]] = (),
        accepts: Sequence[str] = (JSON,),
        produces: Sequence[str] = (JSON,),
        max_body: int | None = None,
        also: Sequence[int] = (),
        reads: type[msgspec.Struct] | None = None,
        answers: Any = None,
        public: bool = False,
        token_in_query: bool = False,
        claims_key: bool = False,
        per_minute: int | None = None,
        etag: bool = False,
    ) -> None:
        self.method = method
        self.path = path
        self.handler = handler
        self.tag = tag
        self.scope = scope
        self.status = status
        self.also = tuple(also)
        self.refuses = tuple(refuses)
        self.accepts = tuple(accepts)
        self.produces = tuple(produces)
        self.max_body = max_body
        self.reads = reads
        # For the document alone: the type of an answer that the handler gives as finished JSON.
        self.answers = answers
        self.public = public
        self.token_in_query = token_in_query
        # An `Unbound` handler that holds `Request.once` in the transaction of its work.
        self.claims_key = claims_key
        # Calls per key, where they are fewer than the limit of all writes (or reads).
        self.per_minute = per_minute
        self.etag = etag
        self.id: str = getattr(handler, "__name__", path)
        self.segments = tuple(path.strip("/").split("/"))
        self._inspect()

    def _inspect(self) -> None:
        hints = get_type_hints(self.handler, include_extras=True)
        in_path = {segment[1:-1] for segment in self.segments if segment.startswith("{")}
        self.session: type[Reader] | type[Unbound] = Unbound
        self.path_types: dict[str, object] = {}
        self.query: type[msgspec.Struct] | None = None
        self.body: type[msgspec.Struct] | None = None
        self.arguments: list[str] = []
        for name in inspect.signature(self.handler).parameters:
            hint = hints[name]
            if isinstance(hint, type) and issubclass(hint, Reader | Unbound):
                self.session = hint
                self.arguments.append("session")
            elif name in in_path and name not in ("session", "request", "query", "body"):
                self.path_types[name] = hint
                self.arguments.append(name)
            elif hint is Request:
                self.arguments.append("request")
            elif name in ("query", "body"):
                setattr(self, name, hint)
                self.arguments.append(name)
            else:
                raise TypeError(f"{self.id}: cannot bind the parameter `{name}`")
        if in_path != self.path_types.keys():
            raise TypeError(f"{self.id}: {self.path} and the handler name different path parameters")
        self.query_lists = list_fields(self.query) if self.query else frozenset[str]()
        self.decoder = msgspec.json.Decoder(self.body) if self.body else None
        self.result, self.is_page = self._result(hints["return"])
        self.is_list = self.is_page and get_origin(_inside(hints["return"])) is Page
        self.result = self.answers or self.result
        self.is_stream = self.result is Stream
        self.prefixes = [(name, ids.PREFIXES.get(hint)) for name, hint in self.path_types.items()]

    @staticmethod
    def _result(hint: Any) -> tuple[Any, bool]:
        """The type inside `Answer[…]`, `Page[…]` or `PagedObject[…]`, and whether it is a page."""
        hint = _inside(hint)
        if get_origin(hint) in (Page, PagedObject):
            return get_args(hint)[0], True
        return hint, False


def _inside(hint: Any) -> Any:
    """The type inside `Answer[…]`; of `Answer[Export] | Stream` the first, which the document describes."""
    while get_origin(hint) in (Union, UnionType, Answer):
        hint = get_args(hint)[0]
    return hint


class Routes:
    """The operations of one feature; `tag` groups them in the document."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.operations: list[Operation] = []

    def _add(self, method: str, path: str, options: dict[str, Any]) -> Callable[[H], H]:
        def bind(handler: H) -> H:
            self.operations.append(Operation(method, path, handler, tag=self.tag, **options))
            return handler

        return bind

    def get(self, path: str, **options: Any) -> Callable[[H], H]:
        return self._add("GET", path, options)

    def post(self, path: str, **options: Any) -> Callable[[H], H]:
        return self._add("POST", path, options)

    def put(self, path: str, **options: Any) -> Callable[[H], H]:
        return self._add("PUT", path, options)

    def patch(self, path: str, **options: Any) -> Callable[[H], H]:
        return self._add("PATCH", path, options)

    def delete(self, path: str, **options: Any) -> Callable[[H], H]:
        return self._add("DELETE", path, options)


class Router:
    """Finds the operation of a path; literal segments win over parameters."""

    class _Node:
        __slots__ = ("literals", "methods", "parameter")

        def __init__(self) -> None:
            self.literals: dict[str, Router._Node] = {}
            self.parameter: Router._Node | None = None
            self.methods: dict[str, Operation] = {}

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._root = Router._Node()
        for operation in operations:
            node = self._root
            for segment in operation.segments:
                if segment.startswith("{"):
                    node.parameter = node.parameter or Router._Node()
                    node = node.parameter
                else:
                    node = node.literals.setdefault(segment, Router._Node())
            if operation.method in node.methods:
                raise TypeError(f"{operation.method} {operation.path} is declared twice")
            node.methods[operation.method] = operation

    def find(self, segments: Sequence[str]) -> tuple[dict[str, Operation], list[str]] | None:
        """The methods at a path, and its parameters in order; None when there is nothing."""
        node = self._root
        values: list[str] = []
        for segment in segments:
            if (literal := node.literals.get(segment)) is not None:
                node = literal
            elif node.parameter is not None and segment:
                node = node.parameter
                values.append(segment)
            else:
                return None
        return (node.methods, values) if node.methods else None
