"""XLSX as a stream of rows: one row in memory at a time, plus the workbook's shared strings, packed.

Written by hand on expat because the fast libraries hold the whole sheet as a dense grid: a file of 5 KB
with one cell at the far corner makes them ask for 550 GB.
"""

from array import array
from collections.abc import Iterator
from zipfile import ZipFile

from orbit_contacts.features.imports.readers.archives import damaged, open_part
from orbit_contacts.features.imports.readers.rows import Fault, ReadLimits, unreadable
from orbit_contacts.features.imports.readers.sheet_cells import SheetRow, clipped, no_such_sheet, unescape
from orbit_contacts.features.imports.readers.spreadsheet_values import (
    NumberFormat,
    number_format,
    number_text,
)
from orbit_contacts.features.imports.readers.xml_events import BadXmlError, parse, parse_all

_PLAIN = (NumberFormat.PLAIN, 0)


class XlsxWorkbook:
    """The parts of a workbook that its sheets need."""

    def __init__(self, archive: ZipFile, limits: ReadLimits) -> None:
        self._archive = archive
        self._limits = limits
        index = _WorkbookIndex()
        if not self._parse("xl/workbook.xml", index):
            raise unreadable(
                "The file is no XLSX workbook.",
                "zip",
                "XLSX, XLS, ODS, CSV, vCard or JSON (unpack a ZIP first)",
            )
        relations = _Relations()
        self._parse("xl/_rels/workbook.xml.rels", relations)
        self._date_1904 = index.date_1904
        self._paths = {
            name: relations.targets.get(relation, f"xl/worksheets/sheet{position}.xml")
            for position, (name, relation, _) in enumerate(index.sheets, 1)
        }
        self._visible = [name for name, _, hidden in index.sheets if not hidden] or list(self._paths)
        self._strings = _SharedStrings(limits)
        self._formats: list[tuple[NumberFormat, int]] = []

    @property
    def names(self) -> list[str]:
        """The sheets that a person sees, in their order."""
        return list(self._visible)

    def rows(self, sheet: str | None) -> Iterator[SheetRow]:
        """The rows that hold anything, by their number in the sheet of that name, or in the first visible
        one with any; a sheet that ends in a mess ends with a fault."""
        if sheet is not None and sheet not in self._paths:
            raise no_such_sheet(sheet, list(self._paths))
        styles = _Styles()
        self._parse("xl/sharedStrings.xml", self._strings)
        self._parse("xl/styles.xml", styles)
        self._formats = styles.formats()
        for name in self._visible if sheet is None else [sheet]:
            rows = self._sheet_rows(self._paths[name])
            first = next(rows, None)
            if first is not None:
                yield first
                yield from rows
                return

    def _sheet_rows(self, path: str) -> Iterator[SheetRow]:
        part = open_part(self._archive, path)
        if part is None:
            return
        handler = _Sheet(self._strings, self._formats, self._date_1904, self._limits)
        try:
            for _ in parse(part, handler):
                yield from handler.take()
        except BadXmlError as error:
            yield from handler.take()
            fault = Fault("damaged_file", f"The sheet is damaged here: {error}.")
            yield SheetRow(handler.number + 1, [], fault)

    def _parse(self, name: str, handler: "_WorkbookIndex | _Relations | _SharedStrings | _Styles") -> bool:
        part = open_part(self._archive, name)
        if part is None:
            return False
        try:
            parse_all(part, handler)
        except BadXmlError as error:
            raise damaged(f"{name}: {error}") from None
        return True


class _WorkbookIndex:
    def __init__(self) -> None:
        self.sheets: list[tuple[str, str, bool]] = []  # name, relation, hidden
        self.date_1904 = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            title = attributes.get("name", f"Sheet{len(self.sheets) + 1}")
            self.sheets.append((title, relation, attributes.get("state", "visible") != "visible"))
        elif name == "workbookPr":
            self.date_1904 = attributes.get("date1904", "0") in ("1", "true")

    def end(self, name: str) -> None: ...
    def text(self, text: str) -> None: ...


class _Relations:
    def __init__(self) -> None:
        self.targets: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship":
            target = attributes.get("Target", "")
            path = target[1:] if target.startswith("/") else "xl/" + target
            self.targets[attributes.get("Id", "")] = path

    def end(self, name: str) -> None: ...
    def text(self, text: str) -> None: ...


class _SharedStrings:
    """The shared strings as one run of UTF-8 and the end of each: a fifth of what `list[str]` takes."""

    def __init__(self, limits: ReadLimits) -> None:
        self._bytes = bytearray()
        self._ends = array("Q", [0])
        self._most = limits.cell_characters
        self._parts: list[str] = []
        self._in_text = self._in_phonetic = False

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self._ends) - 1:
            return ""
        return self._bytes[self._ends[index] : self._ends[index + 1]].decode("utf-8", errors="replace")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "t":
            self._in_text = not self._in_phonetic
        elif name == "si":
            self._parts = []
        elif name == "rPh":
            self._in_phonetic = True

    def text(self, text: str) -> None:
        if self._in_text:
            self._parts.append(text)

    def end(self, name: str) -> None:
        if name == "t":
            self._in_text = False
        elif name == "rPh":
            self._in_phonetic = False
        elif name == "si":
            text = unescape(clipped(self._parts, self._most))
            self._bytes += text.encode("utf-8", errors="replace")
            self._ends.append(len(self._bytes))


class _Styles:
    def __init__(self) -> None:
        self._codes: dict[str, str] = {}
        self._ids: list[str] = []
        self._in_cell_formats = False

    def formats(self) -> list[tuple[NumberFormat, int]]:
        """The number format of each cell style."""
        known: dict[str, tuple[NumberFormat, int]] = {}
        for each in self._ids:
            if each not in known:
                known[each] = number_format(int(each) if each.isdecimal() else 0, self._codes.get(each))
        return [known[each] for each in self._ids]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "numFmt":
            self._codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")[:1000]
        elif name == "cellXfs":
            self._in_cell_formats = True
        elif name == "xf" and self._in_cell_formats:
            self._ids.append(attributes.get("numFmtId", "0")[:9])

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._in_cell_formats = False

    def text(self, text: str) -> None: ...


class _Sheet:
    def __init__(
        self,
        strings: _SharedStrings,
        formats: list[tuple[NumberFormat, int]],
        date_1904: bool,
        limits: ReadLimits,
    ) -> None:
        self.number = 0
        self._strings = strings
        self._formats = formats
        self._date_1904 = date_1904
        self._limits = limits
        self._columns: dict[str, int] = {}
        self._ready: list[SheetRow] = []
        self._row = SheetRow(0, [], None)
        self._column = -1
        self._type = self._style = ""
        self._parts: list[str] = []
        self._collecting = self._in_phonetic = False

    def take(self) -> list[SheetRow]:
        """The rows that are complete, once."""
        ready, self._ready = self._ready, []
        return ready

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._column = self._column_of(attributes.get("r", ""))
            self._type = attributes.get("t", "n")
            self._style = attributes.get("s", "")
            self._parts = []
        elif name == "v" or name == "t":
            self._collecting = not self._in_phonetic
        elif name == "row":
            told = attributes.get("r", "")
            number = int(told) if told.isdecimal() and len(told) < 9 else 0
            self.number = number if number > self.number else self.number + 1
            self._row = SheetRow(self.number, [], None)
            self._column = -1
        elif name == "rPh":
            self._in_phonetic = True

    def text(self, text: str) -> None:
        if self._collecting:
            self._parts.append(text)

    def end(self, name: str) -> None:
        if name == "v" or name == "t":
            self._collecting = False
        elif name == "c":
            if self._parts:
                self._row = self._row.with_cell(self._column, self._value(), self._limits.max_columns)
        elif name == "row":
            if self._row.cells or self._row.fault:
                self._ready.append(self._row)
        elif name == "rPh":
            self._in_phonetic = False

    def _column_of(self, reference: str) -> int:
        letters = reference.rstrip("0123456789")
        column = self._columns.get(letters)
        if column is None:
            if not letters.isascii() or not letters.isalpha() or len(letters) > 3:
                return self._column + 1
            column = 0
            for letter in letters.upper():
                column = column * 26 + ord(letter) - 64
            column -= 1
            self._columns[letters] = column
        return column

    def _value(self) -> str:
        raw = self._parts[0] if len(self._parts) == 1 else clipped(self._parts, self._limits.cell_characters)
        if self._type == "s":
            return self._strings[int(raw)] if raw.isdecimal() and len(raw) < 10 else ""
        if self._type == "n":
            style = int(self._style) if self._style.isdecimal() and len(self._style) < 7 else -1
            kind, padding = self._formats[style] if 0 <= style < len(self._formats) else _PLAIN
            return number_text(raw, kind, padding, self._date_1904)
        if self._type == "b":
            return "TRUE" if raw.strip() == "1" else "FALSE"
        return unescape(raw)  # inlineStr, str (a formula's text), e (#N/A), d (an ISO date)
