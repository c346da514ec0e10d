"""ODS as a stream of rows."""

from collections.abc import Iterator
from zipfile import ZipFile

from orbit_contacts.features.imports.readers.archives import damaged, open_part
from orbit_contacts.features.imports.readers.rows import Fault, ReadLimits
from orbit_contacts.features.imports.readers.sheet_cells import SheetRow, clipped, no_such_sheet
from orbit_contacts.features.imports.readers.spreadsheet_values import NumberFormat, number_text
from orbit_contacts.features.imports.readers.xml_events import BadXmlError, parse

_CELLS = ("table-cell", "covered-table-cell")
_SPACING = {"s": " ", "tab": "\t", "line-break": "\n"}


class OdsWorkbook:
    """The tables of an OpenDocument spreadsheet, all in one part."""

    def __init__(self, archive: ZipFile, limits: ReadLimits) -> None:
        self._archive = archive
        self._limits = limits

    def names(self) -> list[str]:
        """The tables, in their order; those before the damage where the file is damaged."""
        part = open_part(self._archive, "content.xml")
        if part is None:
            raise damaged("content.xml is missing")
        handler = _Names()
        try:
            for _ in parse(part, handler):
                pass
        except BadXmlError as error:
            if not handler.names:
                raise damaged(f"content.xml: {error} (protected by a password?)") from None
        return handler.names

    def rows(self, sheet: str | None) -> Iterator[SheetRow]:
        """The rows that hold anything, of the table of that name or of the first one with any; a table that
        ends in a mess ends with a fault."""
        part = open_part(self._archive, "content.xml")
        if part is None:
            raise damaged("content.xml is missing")
        handler = _Tables(self._limits, sheet)
        try:
            for _ in parse(part, handler):
                yield from handler.take()
                if handler.done:
                    return
        except BadXmlError as error:
            if not handler.names:
                raise damaged(f"content.xml: {error} (protected by a password?)") from None
            yield from handler.take()
            fault = Fault("damaged_file", f"The sheet is damaged here: {error}.")
            yield SheetRow(handler.number + 1, [], fault)
        if sheet is not None and sheet not in handler.names:
            raise no_such_sheet(sheet, handler.names)


class _Names:
    def __init__(self) -> None:
        self.names: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table":
            self.names.append(_title(attributes, len(self.names)))

    def end(self, name: str) -> None: ...
    def text(self, text: str) -> None: ...


class _Tables:
    def __init__(self, limits: ReadLimits, sheet: str | None) -> None:
        self.names: list[str] = []
        self.number = 0  # of the last row in the table
        self.done = False
        self._sheet = sheet
        self._limits = limits
        self._inside = False
        self._ready: list[tuple[int, SheetRow]] = []  # how often the row is repeated, its last number
        self._row = SheetRow(0, [], None)
        self._row_repeats = self._cell_repeats = 1
        self._column = 0
        self._attributes: dict[str, str] = {}
        self._parts: list[str] = []
        self._paragraphs = self._skipping = 0
        self._in_paragraph = self._found = False

    def take(self) -> Iterator[SheetRow]:
        """The rows that are complete, once, a repeated row as often as it says."""
        ready, self._ready = self._ready, []
        for repeats, row in ready:
            for number in range(row.number - repeats + 1, row.number + 1):
                yield SheetRow(number, list(row.cells), row.fault)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table":
            title = _title(attributes, len(self.names))
            self.names.append(title)
            self._inside = not self.done and self._sheet in (None, title)
            self.number = 0
        elif not self._inside:
            return
        elif name == "table-row":
            self._row_repeats = _repeats(attributes, "number-rows-repeated")
            self._row, self._column = SheetRow(0, [], None), 0
        elif name in _CELLS:
            self._cell_repeats = _repeats(attributes, "number-columns-repeated")
            self._attributes, self._parts, self._paragraphs = attributes, [], 0
        elif name == "annotation":
            self._skipping += 1
        elif name == "p" and not self._skipping:
            self._parts.append("\n" if self._paragraphs else "")
            self._paragraphs += 1
            self._in_paragraph = True
        elif self._in_paragraph and name in _SPACING:
            self._parts.append(_SPACING[name] * min(_repeats(attributes, "c"), 1000))

    def text(self, text: str) -> None:
        if self._in_paragraph and not self._skipping:
            self._parts.append(text)

    def end(self, name: str) -> None:
        if not self._inside:
            return
        if name in _CELLS:
            text = self._value()
            if text:
                last = min(self._column + self._cell_repeats, self._limits.max_columns + 1)
                for column in range(self._column, last):
                    self._row = self._row.with_cell(column, text, self._limits.max_columns)
            self._column += self._cell_repeats
        elif name == "p" and not self._skipping:
            self._in_paragraph = False
        elif name == "annotation":
            self._skipping = max(0, self._skipping - 1)
        elif name == "table-row":
            self.number += self._row_repeats
            if self._row.cells or self._row.fault:
                self._ready.append((self._row_repeats, self._row._replace(number=self.number)))
                self._found = True
        elif name == "table":
            self._inside = False
            self.done = self._found or self._sheet is not None

    def _value(self) -> str:
        shown = clipped(self._parts, self._limits.cell_characters)
        kind = _attribute(self._attributes, "value-type")
        if kind in ("float", "currency", "percentage"):
            text = number_text(_attribute(self._attributes, "value"), NumberFormat.PLAIN, 0)
            zeros = shown.lstrip("+")
            return shown if zeros.isdecimal() and zeros.lstrip("0") == text.lstrip("0") else text
        if kind == "date":
            return _attribute(self._attributes, "date-value").removesuffix("T00:00:00")
        if kind == "boolean":
            return _attribute(self._attributes, "boolean-value").upper()
        return shown


def _title(attributes: dict[str, str], before: int) -> str:
    return _attribute(attributes, "name") or f"Sheet{before + 1}"


def _attribute(attributes: dict[str, str], name: str) -> str:
    """The value of an attribute, whatever prefix the writer chose for its namespace."""
    return next((value for key, value in attributes.items() if key.rpartition(":")[2] == name), "")


def _repeats(attributes: dict[str, str], name: str) -> int:
    told = _attribute(attributes, name)
    return max(1, int(told)) if told.isdecimal() and len(told) < 9 else 1
