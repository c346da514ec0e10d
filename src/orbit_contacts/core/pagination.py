"""Keyset pages: a cursor names the last row of a page, and is signed together with the query it belongs to."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from orbit_contacts.core.database import Reader
from orbit_contacts.core.errors import InvalidCursor, InvalidRequest

T = TypeVar("T")
K = TypeVar("K")

# Set from the settings when the application starts.
default_limit = 25
max_limit = 200


class PageQuery(msgspec.Struct, kw_only=True):
    cursor: Annotated[str | None, Meta(description="`meta.pagination.cursor` of the previous page.")] = None
    limit: Annotated[
        int | None,
        Meta(
            description="Rows of a page, 1-200; 25 when absent.",
            extra_json_schema={"minimum": 1, "maximum": 200},
        ),
    ] = None


class Page(msgspec.Struct, Generic[T]):
    """One page of a list. `cursor` is None on the last page; `total` counts all that match."""

    items: list[T]
    cursor: str | None = None
    total: int | None = None
    total_is_exact: bool = True


class PagedObject(msgspec.Struct, Generic[T]):
    """One object that holds a page of a list, e.g. a summary with its rows; the fields are those of `Page`."""

    data: T
    cursor: str | None = None
    total: int | None = None
    total_is_exact: bool = True


def limit_of(query: PageQuery) -> int:
    """The page size asked for; outside 1..max it is refused, never clamped."""
    limit = query.limit if query.limit is not None else default_limit
    if not 1 <= limit <= max_limit:
        raise InvalidRequest(
            f"`limit` must lie between 1 and {max_limit}.",
            field="limit",
            value=limit,
            expected=f"1-{max_limit}",
        )
    return limit


def _binding(reader: Reader, name: str, query: PageQuery) -> bytes:
    """What a cursor is good for: this list, this workspace, these filters (any page size)."""
    bare = msgspec.structs.replace(query, cursor=None, limit=None)
    return f"{name}/{reader.caller.workspace_id}/".encode() + msgspec.json.encode(bare, order="sorted")


def _signature(reader: Reader, binding: bytes, payload: bytes) -> bytes:
    return hashlib.blake2b(payload + binding, key=reader.secret("cursor"), digest_size=9).digest()


def encode_cursor(reader: Reader, name: str, query: PageQuery, key: Sequence[Any]) -> str:
    payload = msgspec.msgpack.encode(key)
    signature = _signature(reader, _binding(reader, name, query), payload)
    return "cur_" + urlsafe_b64encode(signature + payload).decode().rstrip("=")


def decode_cursor(reader: Reader, name: str, query: PageQuery, key: type[K]) -> K | None:
    """The key in `query.cursor`, or None on the first page; tampered or foreign cursors are refused."""
    if query.cursor is None:
        return None
    try:
        if not query.cursor.startswith("cur_"):
            raise ValueError
        token = query.cursor[4:].encode()
        raw = urlsafe_b64decode(token + b"=" * (-len(token) % 4))
        if _signature(reader, _binding(reader, name, query), raw[9:]) != raw[:9]:
            raise ValueError
        return msgspec.msgpack.decode(raw[9:], type=key)
    except (ValueError, msgspec.MsgspecError):
        raise InvalidCursor(
            field="cursor",
            value=query.cursor[:100],
            expected="a cursor of this very list with the same filters",
        ) from None


def page_of(
    reader: Reader,
    name: str,
    query: PageQuery,
    rows: Sequence[T],
    limit: int,
    key: Callable[[T], Any],
) -> tuple[list[T], str | None]:
    """Cut `limit + 1` fetched rows to a page; `key(row)` gives the sort key of the last one shown."""
    if len(rows) <= limit:
        return list(rows), None
    shown = list(rows[:limit])
    return shown, encode_cursor(reader, name, query, key(shown[-1]))
