"""NDJSON and JSON as a stream of records, each decoded by itself."""

import re
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

import msgspec

from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.imports.readers.detect import FileFormat
from orbit_contacts.features.imports.readers.lines import read_lines
from orbit_contacts.features.imports.readers.rows import (
    MEBIBYTE,
    Fault,
    ReadLimits,
    nothing_to_read,
    too_large,
    unreadable,
)
from orbit_contacts.features.imports.readers.sources import CHUNK_BYTES, Readable, Source, open_source

T = TypeVar("T")
MAX_OBJECT_BYTES = MEBIBYTE
SHOWN_BYTES = 65_536


class Record(NamedTuple, Generic[T]):
    """One JSON object: its line (NDJSON) or its place in the array (JSON), both from 1; the decoded value,
    None when there is a fault; and the bytes it was read from."""

    number: int
    value: T | None
    fault: Fault | None
    raw: bytes


def open_records(
    readable: Readable, form: FileFormat, decode: Callable[[bytes], T], limits: ReadLimits | None = None
) -> Iterator[Record[T]]:
    """The objects of an NDJSON file, of a JSON array, or of the array `contacts` in a JSON object.

    `decode` is a msgspec decoder's method; what it refuses is the record's fault. Raises `Refusal`, here or
    while iterating, only about the file as a whole."""
    limits = limits or ReadLimits()
    if form.kind not in ("ndjson", "json"):
        raise unreadable("The file holds rows, not records.", form.kind, "ndjson or json")
    source = open_source(readable, compression=form.compression, encoding=form.encoding, limits=limits)
    pieces = _lines(source) if form.kind == "ndjson" else _elements(source)
    return _decoded(pieces, source, decode, limits)


def _decoded(
    pieces: Iterator[tuple[int, bytes, Fault | None]],
    source: Source,
    decode: Callable[[bytes], T],
    limits: ReadLimits,
) -> Iterator[Record[T]]:
    count, number = 0, 0
    for number, raw, fault in pieces:
        count += 1
        if count > limits.max_rows:
            raise too_large("records", count, limits.max_rows)
        value: T | None = None
        if fault is None:
            try:
                value = decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                fault = _decode_fault(error)
        yield Record(number, value, fault, raw if fault is None else raw[:SHOWN_BYTES])
    if source.damage:
        yield Record(number + 1, None, Fault("damaged_file", source.damage), b"")
    elif not count:
        raise nothing_to_read("There is no record in the file.")


def _decode_fault(error: Exception) -> Fault:
    """msgspec says where: `Expected str, got int - at $.phone` is about the field `phone`."""
    message, _, path = str(error).partition(" - at `")
    field = path.rstrip("`").removeprefix("$").lstrip(".") or None
    if isinstance(error, msgspec.ValidationError):
        return Fault("wrong_type", f"{message}.", field)
    return Fault("bad_json", f"This is not valid JSON: {message or 'nested too deeply'}.", field)


def _lines(source: Source) -> Iterator[tuple[int, bytes, Fault | None]]:
    for number, line in enumerate(read_lines(source, MAX_OBJECT_BYTES), 1):
        if line.cut:
            yield (
                number,
                line.data,
                Fault("line_too_long", f"The line is longer than {MAX_OBJECT_BYTES:,} bytes."),
            )
        elif line.data.strip(b" \t\0\x1a"):
            yield number, line.data, None


_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_FLAT = rb'(?:[^{}\[\]"]++|' + _STRING + rb")*+"
_SIMPLE_OBJECT = re.compile(
    rb'\{(?:[^{}\[\]"]++|' + _STRING + rb"|\{" + _FLAT + rb"\}|\[" + _FLAT + rb"\])*+\}", re.DOTALL
)
_TOKEN = re.compile(_STRING + rb'|["{}\[\]]', re.DOTALL)
_CONTACTS = re.compile(rb'"contacts"\s*:\s*\[')
_BETWEEN = re.compile(rb"[\s,]*")
_NEXT_OBJECT = re.compile(rb'\}\s*,\s*(?=\{\s*")')
_SCALAR = re.compile(_STRING + rb'|[^\s,{}\[\]"]++', re.DOTALL)


def _elements(source: Source) -> Iterator[tuple[int, bytes, Fault | None]]:
    """The elements of the array, found by their braces, so that one bad element stays one."""
    buffer = _array_start(source)
    number, at, ended, failures = 0, 0, False, 0
    while True:
        between = _BETWEEN.match(buffer, at)
        at = between.end() if between else at
        if len(buffer) - at < CHUNK_BYTES and not ended:
            data = source.read(CHUNK_BYTES)
            buffer, at, ended = buffer[at:] + data, 0, not data
            continue
        if at == len(buffer):
            if not source.damage:
                yield number + 1, b"", Fault("bad_json", "The array is not closed: the file ends early.")
            return
        if buffer.startswith(b"]", at):
            return
        number += 1
        patience = max(1024, MAX_OBJECT_BYTES >> (failures // 4))  # a hostile file must not make it quadratic
        end = _element_end(buffer, at, at + patience)
        while end is None and not ended and len(buffer) - at < patience:
            data = source.read(CHUNK_BYTES)
            buffer, at, ended = buffer[at:] + data, 0, not data
            end = _element_end(buffer, at, at + patience)
        if end is not None:
            yield number, buffer[at:end], None
            at = end
            continue
        failures += 1
        message = "A brace, a bracket or a quote of this object is not closed, or it is too long."
        yield number, buffer[at : at + SHOWN_BYTES], Fault("bad_json", message)
        found = _NEXT_OBJECT.search(buffer, at + 1)
        while found is None and not ended:
            data = source.read(CHUNK_BYTES)
            buffer, at, ended = buffer[-1024:] + data, 0, not data
            found = _NEXT_OBJECT.search(buffer)
        if found is None:
            return
        at = found.end()


def _array_start(source: Source) -> bytes:
    """What follows the bracket that opens the array of contacts."""
    data = b""
    while len(data) < MAX_OBJECT_BYTES and (more := source.read(CHUNK_BYTES)):
        data = (data + more).removeprefix(b"\xef\xbb\xbf").lstrip()
        if data.startswith(b"["):
            return data[1:]
        found = _CONTACTS.search(data)
        if data.startswith(b"{") and found:
            return data[found.end() :]
    raise InvalidRequest(
        "The JSON holds no array of contacts.",
        field="file",
        value=data[:100].decode(errors="replace"),
        expected='[{…}, …] or {"contacts": [{…}, …]}',
    )


def _element_end(buffer: bytes, at: int, most: int) -> int | None:
    """Where the element that begins at `at` ends, if it does before `most`."""
    simple = _SIMPLE_OBJECT.match(buffer, at, most)
    if simple:
        return simple.end()
    if buffer[at] not in b"{[":
        scalar = _SCALAR.match(buffer, at, most)
        return scalar.end() if scalar else None
    open_ones = bytearray()
    for token in _TOKEN.finditer(buffer, at, most):
        character = buffer[token.start()]
        if character in b"{[":
            open_ones.append(character)
        elif character in b"}]":
            if open_ones.pop() != character - 2:  # in ASCII each closes the one two before it
                return None
            if not open_ones:
                return token.end()
        elif token.end() == token.start() + 1:
            return None  # a quote that nothing closes
    return None
