"""Bytes as lines of bounded length."""

from collections.abc import Iterator
from typing import NamedTuple

from orbit_contacts.features.imports.readers.sources import CHUNK_BYTES, Source


class Line(NamedTuple):
    """A line without its end; `cut` when it is only the beginning of one that is too long."""

    data: bytes
    cut: bool


def read_lines(source: Source, most: int) -> Iterator[Line]:
    """The lines of a source, ended by LF, CRLF or CR; of a longer one than `most` bytes the beginning."""
    carry, skipping, first = b"", False, True
    while data := source.read(CHUNK_BYTES):
        if first:
            data, first = data.removeprefix(b"\xef\xbb\xbf"), False
        data = carry + data
        held = data.endswith(b"\r")  # the LF of it may come next
        lines = (data[:-1] if held else data).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        carry = lines.pop() + (b"\r" if held else b"")
        for line in lines:
            if not skipping:
                yield Line(line, False)
            skipping = False
        if len(carry) > most:
            if not skipping:
                yield Line(carry[:most], True)
            carry, skipping = b"", True
    if carry and not skipping:
        yield Line(carry.rstrip(b"\r"), False)
