"""CSV, TSV and their relatives as a stream of rows.

Clean stretches go through the standard library's reader in one call per chunk. A chunk that fails to
decode, holds a NUL, breaks a rule of quoting or has a cell beyond its bound is read again record by
record (`careful.py`), so that only the records at fault are lost.
"""

import csv
import io
import re
from collections.abc import Generator, Iterable, Iterator
from itertools import chain
from typing import Any

from orbit_contacts.features.imports.cell_text import clean_header
from orbit_contacts.features.imports.readers.bad_bytes import MARK_BAD, show_bad
from orbit_contacts.features.imports.readers.careful import take_record
from orbit_contacts.features.imports.readers.dialect import Dialect
from orbit_contacts.features.imports.readers.rows import (
    MEBIBYTE,
    Fault,
    ReadLimits,
    Row,
    RowShaper,
    Table,
    nothing_to_read,
    too_large,
)
from orbit_contacts.features.imports.readers.sources import CHUNK_BYTES, Source

FAST_TRIES = 8  # in one chunk; then the rest of it is read with care
_ODD = re.compile("[\0\ud800-\udfff]")
_Numbered = tuple[int, list[str], Fault | None]
_UNCHECKED = Fault("unchecked", "")  # in place of None: the cells have not been looked at


def read_delimited(source: Source, encoding: str, dialect: Dialect, limits: ReadLimits) -> Table:
    """Open a delimited text. Raises `Refusal` for an empty file and for a header beyond the limits."""
    reader = _Reader(source, encoding, dialect, limits)
    records = reader.records()
    first = next((record for record in records if any(cell.strip() for cell in record[1])), None)
    if first is None:
        raise nothing_to_read("The file is empty.")
    cells = first[1]
    if len(cells) > limits.max_columns:
        raise too_large("columns", len(cells), limits.max_columns)
    reader.width = len(cells)
    if dialect.has_header:
        shaper = RowShaper([clean_header(show_bad(cell))[: limits.cell_characters] for cell in cells], limits)
        return Table(shaper.header, _shaped(records, shaper, limits))
    shaper = RowShaper([f"Column {index + 1}" for index in range(len(cells))], limits)
    return Table(shaper.header, _shaped(chain([first], records), shaper, limits))


def _shaped(records: Iterable[_Numbered], shaper: RowShaper, limits: ReadLimits) -> Iterator[Row]:
    """The hot loop: a row from a clean chunk that is as wide as the header is passed on as it is."""
    width, count, most = len(shaper.header), 0, limits.max_rows
    for record in records:
        if record[2] is None and len(record[1]) == width and any(record[1]):
            row = Row._make(record)
        else:
            number, cells, fault = record
            shaped = shaper.shape(number, cells, None if fault is _UNCHECKED else fault)
            if shaped is None:
                continue
            row = shaped
        count += 1
        if count > most:
            raise too_large("rows", count, most)
        yield row


class _Reader:
    """Records of a delimited text, numbered from 1, blank ones included."""

    def __init__(self, source: Source, encoding: str, dialect: Dialect, limits: ReadLimits) -> None:
        self.width: int | None = None  # set once the header is known
        self._source = source
        self._encoding = encoding
        self._dialect = dialect
        self._limits = limits
        self._number = 0

    def records(self) -> Iterator[_Numbered]:
        pending: list[str] = []  # lines of a record that is still open
        odd, size, enough = False, 0, 0  # characters pending, and how many it takes to look again
        for text, overlong in self._texts():
            if overlong:
                yield from self._parsed(pending, odd=True, long=True, final=True)
                pending, size, enough = [], 0, 0
                yield self._overlong(text)
                continue
            lines = pending + list(io.StringIO(text, newline=""))
            long = size > self._limits.cell_characters
            odd = (odd and bool(pending)) or _ODD.search(text) is not None or long
            size += len(text)
            if size < enough:
                pending = lines
                continue
            start = yield from self._parsed(lines, odd=odd, long=long, final=False)
            pending = lines[start:]
            size = sum(map(len, pending))
            enough = min(2 * size, self._limits.record_bytes) if size > self._limits.cell_characters else 0
        yield from self._last(pending)

    def _parsed(self, lines: list[str], *, odd: bool, long: bool, final: bool) -> Generator[_Numbered, None, int]:
        """Records by the fast reader as far as it gets, by the careful one where it does not; returns the
        index of the first line not read. `long` lines begin with a record that has been open for long."""
        start, before, tries = 0, -1, 0
        while before < start < len(lines):
            before = start
            if self.width is not None and not long and tries < FAST_TRIES:
                start = yield from self._fast(lines, start, odd)
                tries += 1
            most = 1 if tries < FAST_TRIES else None
            start = yield from self._careful(lines, start, final=final, most=most)
            long = False
        return start

    def _fast(self, lines: list[str], start: int, odd: bool) -> Generator[_Numbered, None, int]:
        """Records read by the standard library; returns the index of the first line not read."""
        chunk = lines[start:] if start else lines
        longest = max(map(len, chunk), default=0)
        if longest > MEBIBYTE:
            return start  # it may have a million cells, and the fast reader makes them all
        rows: list[list[str]] = []
        try:
            rows.extend(self._csv_reader(chunk))
            used = len(chunk)
        except csv.Error:  # an open quote at the end of the chunk, most often
            again = self._csv_reader(chunk)
            for _ in rows:
                next(again)
            used = again.line_num
        several = used != len(rows)
        if several and any(len(cells) not in (0, self.width) for cells in rows):
            return start  # a record over several lines that may have swallowed others
        odd = odd or several or longest > self._limits.cell_characters
        check = _UNCHECKED if odd else None
        number = self._number
        for cells in rows:
            number += 1
            yield number, cells, check
        self._number = number
        return start + used

    def _csv_reader(self, lines: list[str]) -> Any:
        dialect = self._dialect
        return csv.reader(
            lines,
            delimiter=dialect.delimiter,
            quotechar=dialect.quote,
            skipinitialspace=dialect.skip_space,
            strict=True,
        )

    def _careful(
        self, lines: list[str], start: int, *, final: bool, most: int | None = None
    ) -> Generator[_Numbered, None, int]:
        """At most so many records read one by one; returns the index of the first line not read, which is
        `start` when the record is still open at the end of the lines."""
        end = None if most is None else self._number + most
        while start < len(lines) and self._number != end:
            record = take_record(lines, start, self._dialect, self.width, self._limits, final=final)
            if record is None:
                break
            start = record.end
            self._number += 1
            yield self._number, record.cells, record.fault or _UNCHECKED
        return start

    def _last(self, pending: list[str]) -> Iterator[_Numbered]:
        """What is left at the end; the last record of a file that ends early is not to be trusted."""
        held: _Numbered | None = None
        for record in self._parsed(pending, odd=True, long=True, final=True):
            if held:
                yield held
            held = record
        damage = self._source.damage
        if damage:
            number, cells, _ = held or (self._number + 1, [], None)
            yield number, cells, Fault("damaged_file", damage)
        elif held:
            yield held

    def _overlong(self, text: str) -> _Numbered:
        self._number += 1
        record = take_record([text], 0, self._dialect, self.width, self._limits, final=True)
        message = f"The line is longer than {self._limits.record_bytes:,} bytes; cut to that here."
        return self._number, record.cells if record else [], Fault("line_too_long", message)

    def _texts(self) -> Iterator[tuple[str, bool]]:
        """Whole lines, decoded; with True, the beginning of one line beyond the bound. The last text need
        not end with a line end. Line ends are cut in the bytes: every encoding here keeps ASCII as it is."""
        most = self._limits.record_bytes
        line_end, carry, first, skipping = b"\n", b"", True, False
        while data := self._source.read(CHUNK_BYTES):
            if first:
                first = False
                line_end = b"\n" if b"\n" in data or b"\r" not in data else b"\r"
                data = self._without_preamble(data, line_end)
            cut = data.rfind(line_end) + 1
            if skipping:
                begin = data.find(line_end) + 1
                if not begin:
                    continue
                data, skipping, cut = data[begin:], False, cut - begin
            if cut:
                yield self._decode(carry + data[:cut]), False
                carry = data[cut:]
            else:
                carry += data
            if len(carry) > most and line_end == b"\n" and b"\r" in carry:
                line_end, cut = b"\r", carry.rfind(b"\r") + 1
                yield self._decode(carry[:cut]), False
                carry = carry[cut:]
            if len(carry) > most:
                yield self._decode(carry[:most]), True
                carry, skipping = b"", True
        if carry:
            yield self._decode(carry), False

    def _without_preamble(self, data: bytes, line_end: bytes) -> bytes:
        data = data.removeprefix(b"\xef\xbb\xbf")
        for _ in range(self._dialect.preamble_lines):
            data = data[data.find(line_end) + 1 :]
        return data

    def _decode(self, data: bytes) -> str:
        try:
            return data.decode(self._encoding)
        except UnicodeDecodeError:
            return data.decode(self._encoding, errors=MARK_BAD)
