"""What every reader yields: numbered rows of text, each with the fault that makes it unusable, if any."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from orbit_contacts.core.errors import InvalidRequest, PayloadTooLarge, UnsupportedMediaType
from orbit_contacts.features.imports.readers.bad_bytes import BAD_CHARACTER, describe_bad, show_bad

MEBIBYTE = 1024 * 1024


class Fault(NamedTuple):
    """Why one row cannot be imported. `code` is one of the contract's skip codes, `reason` says which
    trouble it is (`bad_byte`, `unclosed_quote`, …), `field` is the column's header where there is one."""

    reason: str
    message: str
    field: str | None = None
    code: str = "VALIDATION_ERROR"


class Row(NamedTuple):
    """One record. `number` counts records as a spreadsheet does (the header is 1, blank rows count);
    `cells` has the header's length unless the fault is about just that."""

    number: int
    cells: list[str]
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Bounds of one read. The defaults are those of an upload (contract, section 30); a job that reads a
    local file may raise them. Memory is bounded by `record_bytes`, never by the size of the file."""

    max_bytes: int = 25 * MEBIBYTE  # of the file as it is sent
    max_expanded_bytes: int = 512 * MEBIBYTE  # of what it unpacks to (gzip, XLSX, ODS)
    max_ratio: int = 200  # unpacked to packed, looked at from the first MiB on
    max_rows: int = 100_000
    max_columns: int = 1_000
    cell_characters: int = 65_536
    record_bytes: int = 16 * MEBIBYTE  # one line, one quoted record, one card, one JSON object


@dataclass(frozen=True, slots=True)
class Table:
    """An opened file: its header as written, and its rows, read while iterating.

    Iterating raises `Refusal` only when the file as a whole is beyond a limit."""

    header: list[str]
    rows: Iterator[Row]
    guarded: bool = False  # written by this product: apostrophe guards were taken off


def too_large(what: str, value: int, limit: int) -> PayloadTooLarge:
    """The refusal for a file beyond a limit: field `file`, the value, and what is expected."""
    return PayloadTooLarge(
        f"The file has more than {limit:,} {what}.",
        field="file",
        value=value,
        expected=f"at most {limit} {what}",
    )


def unreadable(message: str, value: Any, expected: str) -> UnsupportedMediaType:
    """The refusal for a file of a kind that cannot be read."""
    return UnsupportedMediaType(message, field="file", value=value, expected=expected)


def nothing_to_read(message: str, value: Any = "") -> InvalidRequest:
    """The refusal for a file without a single row."""
    return InvalidRequest(message, field="file", value=value, expected="a file with a header and rows")


class RowShaper:
    """Gives every record of a table the header's width, and finds the faults a cell can have by itself."""

    def __init__(self, header: list[str], limits: ReadLimits) -> None:
        self.header = header
        self._width = len(header)
        self._limits = limits

    def shape(self, number: int, cells: list[str], fault: Fault | None = None) -> Row | None:
        """The row, or None when it is blank. Cells that a program left away at the end are empty ones;
        surplus empty cells are dropped; a surplus cell with text means shifted columns, hence a fault."""
        if not fault and not any(cells):
            return None
        text = "\x1f".join(cells)
        if "\0" in text or BAD_CHARACTER.search(text):
            if not any(cell.strip(" \0\x1a") for cell in cells):
                return None  # a file padded with NUL
            fault = fault or self._character_fault(cells)
            cells = [show_bad(cell) for cell in cells]
        elif text == "\x1a":
            return None
        if len(text) > self._limits.cell_characters:
            cells, fault = self._cut(cells, fault)
        if len(cells) < self._width:
            cells = cells + [""] * (self._width - len(cells))
        elif len(cells) > self._width:
            if not any(cells[self._width :]):
                cells = cells[: self._width]
            else:
                fault = fault or Fault("too_many_cells", self._surplus(cells))
                cells = cells[: self._limits.max_columns]
        return Row(number, cells, fault)

    def _character_fault(self, cells: list[str]) -> Fault:
        for index, cell in enumerate(cells):
            where = self._name(index)
            if "\0" in cell:
                return Fault("nul", f"A NUL character is in column {where!r}; it cannot be stored.", where)
            if BAD_CHARACTER.search(cell):
                return Fault(
                    "bad_byte",
                    f"Column {where!r} holds {describe_bad(cell)}; shown as Windows-1252 would read it.",
                    where,
                )
        return Fault("bad_byte", "The line holds a byte that is not of the file's encoding.")

    def _cut(self, cells: list[str], fault: Fault | None) -> tuple[list[str], Fault | None]:
        limit = self._limits.cell_characters
        for index, cell in enumerate(cells):
            if len(cell) > limit:
                where = self._name(index)
                message = f"Column {where!r} has {len(cell):,} characters, the limit is {limit:,}; cut to it here."
                return [each[:limit] for each in cells], fault or Fault("cell_too_large", message, where)
        return cells, fault

    def _surplus(self, cells: list[str]) -> str:
        return (
            f"The row has {len(cells)} cells, the header has {self._width}; "
            "is a delimiter inside a cell without quotes?"
        )

    def _name(self, index: int) -> str:
        return (self.header[index] if index < self._width else "") or f"Column {index + 1}"
