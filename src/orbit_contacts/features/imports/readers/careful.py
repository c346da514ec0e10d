"""Splits records out of lines that are not clean CSV, so that the trouble stays in its own record.

Used only for the stretch of a file where the fast reader met something odd. The danger is a quote that
is never closed: taken at its word it swallows the rest of the file.
"""

import re
from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from orbit_contacts.features.imports.readers.dialect import Dialect
from orbit_contacts.features.imports.readers.rows import Fault, ReadLimits

CONVINCING_LINES = 5
JOINED_AFTER_LINES = 64
MAX_OPEN_LINES = 1_000_000


class Record(NamedTuple):
    """Cells of one record, the index of the line after it, and what is wrong with it."""

    cells: list[str]
    end: int
    fault: Fault | None


class _Split(NamedTuple):
    cells: list[str]
    end: int
    stray: bool  # a quote inside a quoted cell that ends nothing, kept as text
    unclosed: bool


def take_record(
    lines: list[str], start: int, dialect: Dialect, width: int | None, limits: ReadLimits, *, final: bool
) -> Record | None:
    """The record that begins at `lines[start]`, or None when more lines are needed to know.

    An open quote is followed over at most `record_bytes` characters and a million lines. It counts as closed only by
    a quote that a delimiter or a line end follows; a record over several lines with the wrong number of cells is
    not believed if its second line is a good record by itself, nor is a cell beyond its bound if the next
    lines all are. Otherwise the first line alone is the faulty record, and reading goes on with the next."""
    split = _split(lines, start, dialect, limits, final=final)
    if split is None:
        following = lines[start + 1 : start + 1 + CONVINCING_LINES]
        far = sum(map(len, lines[start:])) > limits.cell_characters
        good = [_stands_alone(each, dialect, limits, width) for each in following] if far else []
        if len(lines) - start < MAX_OPEN_LINES and good != [True] * CONVINCING_LINES:
            return None
        split = _Split([], start + 1, False, True)
    wide = width is None or len(split.cells) == width
    several = split.end > start + 1
    if split.unclosed or (
        several and (split.stray or (not wide and _stands_alone(lines[start + 1], dialect, limits, width)))
    ):
        cells = _split_literally(lines[start], dialect)
        message = "A quote is opened and never closed in this line; the line was read without it."
        return Record(cells, start + 1, Fault("unclosed_quote", message))
    if split.stray and not wide:
        message = f"A quote inside a quoted cell is not doubled, and the row has {len(split.cells)} cells."
        return Record(split.cells, split.end, Fault("stray_quote", message))
    return Record(split.cells, split.end, None)


def _split(lines: list[str], start: int, dialect: Dialect, limits: ReadLimits, *, final: bool) -> _Split | None:
    delimiter, quote, patience = dialect.delimiter, dialect.quote, limits.record_bytes
    cells: list[str] = []
    index, text, at, stray = start, lines[start], 0, False
    while True:
        if len(cells) > limits.max_columns:  # too many to look at each: the rest is one
            return _Split([*cells, text[at:].rstrip("\r\n")], index + 1, stray, False)
        opening = _opening(text, at, dialect)
        if opening is None:
            end = text.find(delimiter, at)
            if end < 0:
                cells.append(text[at:].rstrip("\r\n"))
                return _Split(cells, index + 1, stray, False)
            cells.append(text[at:end])
            at = end + 1
            continue
        parts: list[str] = []
        at = opening
        while True:
            found = text.find(quote, at)
            if found < 0:
                parts.append(text[at:])
                patience -= len(text) - at
                index, at = index + 1, 0
                if index == len(lines) or patience < 0:
                    if not final and patience >= 0:
                        return None
                    return _Split(cells, start + 1, stray, True)
                text = lines[index]
                if index - start == JOINED_AFTER_LINES:
                    later = lines[index:]
                    rest = "".join(later)
                    lone = _lone_quote(rest, quote)
                    if lone == len(rest):
                        ended = final or patience < len(rest)
                        return _Split(cells, start + 1, stray, True) if ended else None
                    ends = list(accumulate(map(len, later)))
                    line = bisect_right(ends, lone)  # the line it is in; whole lines before it are text
                    parts.append(rest[: ends[line - 1] if line else 0].replace(quote + quote, quote))
                    index += line
                    text = lines[index]
                continue
            parts.append(text[at:found])
            following = text[found + 1 : found + 2]
            if following == quote:
                parts.append(quote)
                at = found + 2
                continue
            after = _closing(text, found + 1, delimiter)
            if after is not None:
                cells.append("".join(parts))
                if after < 0:
                    return _Split(cells, index + 1, stray, False)
                at = after
                break
            if index > start:
                return _Split(cells, start + 1, stray, True)
            parts.append(quote)
            stray, at = True, found + 1


def _lone_quote(text: str, quote: str) -> int:
    """The position of the first quote that is not doubled, or the length of the text: found in one go, for
    a cell of very many lines."""
    found = re.match(f"[^{quote}]*+(?:{quote}{quote}[^{quote}]*+)*+", text)
    return found.end() if found else 0


def _opening(text: str, at: int, dialect: Dialect) -> int | None:
    """The position after an opening quote at the start of a cell."""
    if text.startswith(dialect.quote, at):
        return at + 1
    if dialect.skip_space and text.startswith(" ", at):
        stripped = len(text) - len(text[at:].lstrip(" "))
        return stripped + 1 if text.startswith(dialect.quote, stripped) else None
    return None


def _closing(text: str, at: int, delimiter: str) -> int | None:
    """Where the next cell begins after a closing quote; -1 at the end of the line; None if it is no
    closing quote. Blanks in between are not text."""
    while text.startswith(" ", at):
        at += 1
    if at == len(text) or text[at] in "\r\n":
        return -1
    return at + 1 if text[at] == delimiter else None


def _stands_alone(line: str, dialect: Dialect, limits: ReadLimits, width: int | None) -> bool:
    alone = _split([line], 0, dialect, limits, final=True)
    return alone is not None and not alone.unclosed and not alone.stray and len(alone.cells) == width


def _split_literally(line: str, dialect: Dialect) -> list[str]:
    """One line by itself: quoted cells that end in it are read as such, any other quote is text."""
    cells: list[str] = []
    at = 0
    line = line.rstrip("\r\n")
    while True:
        opening = _opening(line, at, dialect)
        closing = line.find(dialect.quote, opening) if opening is not None else -1
        after = _closing(line, closing + 1, dialect.delimiter) if closing >= 0 else None
        if after is not None and opening is not None:
            cells.append(line[opening:closing])
            if after < 0:
                return cells
            at = after
            continue
        end = line.find(dialect.delimiter, at)
        if end < 0:
            cells.append(line[at:])
            return cells
        cells.append(line[at:end])
        at = end + 1
