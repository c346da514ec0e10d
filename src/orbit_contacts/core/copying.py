"""Rows as `COPY … FROM STDIN (FORMAT binary)` reads them, encoded before the transaction needs them.

`Transaction.copy_in` encodes while PostgreSQL waits; a large load encodes the next rows elsewhere and hands over
bytes (`Transaction.copy_encoded`). Each function here gives one value with its length in front, of the type that it is
named after; a row is their concatenation, in the order of the columns, behind the number of them (PostgreSQL's
documentation of COPY, "Binary Format").
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from struct import Struct
from typing import TypeAlias
from uuid import UUID

from orbit_contacts.core.clock import Instant

Encoded: TypeAlias = list[bytes]
"""A stream for one COPY, in pieces."""

NULL = b"\xff\xff\xff\xff"

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_PIECE_ROWS = 500
_PG_EPOCH = 946_684_800_000_000
_TEXT_OID, _UUID_OID = 25, 2950

_int16 = Struct("!h").pack
_int32 = Struct("!i").pack
_integer = Struct("!ii").pack
_bigint = Struct("!iq").pack
_array = Struct("!iiiii").pack


def columns(count: int) -> bytes:
    """The beginning of a row."""
    return _int16(count)


def text(value: str | None) -> bytes:
    if value is None:
        return NULL
    data = value.encode()
    return _int32(len(data)) + data


def integer(value: int) -> bytes:
    return _integer(4, value)


def bigint(value: int) -> bytes:
    return _bigint(8, value)


def boolean(value: bool) -> bytes:
    return b"\0\0\0\1\1" if value else b"\0\0\0\1\0"


def uuid(value: UUID) -> bytes:
    return b"\0\0\0\x10" + value.bytes


def timestamptz(value: Instant) -> bytes:
    return _bigint(8, value - _PG_EPOCH)


def jsonb(document: bytes) -> bytes:
    return _int32(len(document) + 1) + b"\x01" + document


def texts(values: Sequence[str]) -> bytes:
    """text[]"""
    return _elements([text(value) for value in values], _TEXT_OID)


def uuids(values: Sequence[UUID]) -> bytes:
    """uuid[]"""
    return _elements([uuid(value) for value in values], _UUID_OID)


def _elements(values: Sequence[bytes], oid: int) -> bytes:
    data = b"".join(values)
    if not values:
        return _int32(12) + bytes(8) + _int32(oid)
    return _int32(20 + len(data)) + _array(1, 0, oid, len(values), 1) + data


def stream(rows: Iterable[bytes]) -> Encoded:
    """Rows as what goes over the wire; an empty list for none, which is not worth a COPY."""
    pieces = list(_pieces(iter(rows)))
    if not pieces:
        return []
    return [_HEADER, *pieces, _TRAILER]


def _pieces(rows: Iterator[bytes]) -> Iterator[bytes]:
    while piece := b"".join(islice(rows, _PIECE_ROWS)):
        yield piece
