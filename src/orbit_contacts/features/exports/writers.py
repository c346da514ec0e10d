"""One writer for each format: bytes for the beginning, for rows as they come, and for the end.

All write as they go; a workbook and Parquet need a file to seek in, so theirs is a temporary one.
"""

import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Protocol

import msgspec

from orbit_contacts.core.csv_safety import guard
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.exports.columns import cell_of
from orbit_contacts.features.exports.tables import Contacts, Row

_PIECE = 1 << 18
_MOST_SHEET_ROWS = 1_048_575
_MOST_CELL_CHARACTERS = 32_767


class Writer(Protocol):
    """`rows` may give nothing until `end`."""

    def begin(self) -> bytes: ...
    def rows(self, page: Contacts) -> bytes: ...
    def end(self) -> Iterator[bytes]: ...


class CsvWriter:
    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._buffer = io.StringIO(newline="")
        self._writer = csv.writer(self._buffer, lineterminator="\r\n")

    def _take(self) -> bytes:
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return text.encode()

    def begin(self) -> bytes:
        self._writer.writerow(self._columns)
        return self._take()

    def rows(self, page: Contacts) -> bytes:
        self._writer.writerows(zip(*page.columns(), strict=True))
        return self._take()

    def end(self) -> Iterator[bytes]:
        return iter(())


def nested(row: Row) -> Row:
    """`preferences.sms` as `{"preferences": {"sms": …}}`."""
    document: Row = {}
    for name, value in row.items():
        prefix, dot, key = name.partition(".")
        if dot:
            document.setdefault(prefix, {})[key] = value
        else:
            document[name] = value
    return document


class NdjsonWriter:
    def begin(self) -> bytes:
        return b""

    def rows(self, page: Contacts) -> bytes:
        return msgspec.json.Encoder().encode_lines([nested(row) for row in page.rows()])

    def end(self) -> Iterator[bytes]:
        return iter(())


class JsonWriter:
    """`{"contacts": […]}`: what `POST /contacts/bulk` takes."""

    def __init__(self) -> None:
        self._first = True

    def begin(self) -> bytes:
        return b'{"contacts":['

    def rows(self, page: Contacts) -> bytes:
        documents = b",\n".join(msgspec.json.encode(nested(row)) for row in page.rows())
        start = b"" if self._first or not documents else b",\n"
        self._first = self._first and not documents
        return start + documents

    def end(self) -> Iterator[bytes]:
        return iter((b"]}",))


_VCARD_ESCAPES = str.maketrans({"\\": "\\\\", ",": "\\,", ";": "\\;", "\n": "\\n", "\r": ""})


class VcardWriter:
    """vCard 4.0 (RFC 6350): names, phone, e-mail, company, tags as categories."""

    def begin(self) -> bytes:
        return b""

    def rows(self, page: Contacts) -> bytes:
        return "".join(self._card(row) for row in page.rows()).encode()

    def _card(self, row: Row) -> str:
        def text(name: str) -> str:
            return str(row.get(name) or "").translate(_VCARD_ESCAPES)

        whole = text("display_name") or " ".join(filter(None, (text("first_name"), text("last_name"))))
        lines = ["BEGIN:VCARD", "VERSION:4.0", f"FN:{whole or text('email') or text('phone') or text('external_id')}"]
        lines.append(f"N:{text('last_name')};{text('first_name')};;;")
        if row.get("phone"):
            extension = f";ext={row['phone_extension']}" if row.get("phone_extension") else ""
            lines.append(f"TEL;VALUE=uri:tel:{row['phone']}{extension}")
        for name, field in (("EMAIL", "email"), ("ORG", "company"), ("TZ", "timezone"), ("LANG", "language")):
            if row.get(field):
                lines.append(f"{name}:{text(field)}")
        if row.get("tags"):
            lines.append("CATEGORIES:" + ",".join(str(tag).translate(_VCARD_ESCAPES) for tag in row["tags"]))
        if row.get("external_id"):
            lines.append(f"UID:{text('external_id')}")
        return "".join(_fold(line) for line in [*lines, "END:VCARD"])

    def end(self) -> Iterator[bytes]:
        return iter(())


def _fold(line: str) -> str:
    """Lines of at most 75 bytes; a character is never cut."""
    parts: list[str] = []
    part, size = "", 0
    for character in line:
        width = len(character.encode())
        if size + width > 74:
            parts.append(part)
            part, size = "", 0
        part += character
        size += width
    return "\r\n ".join([*parts, part]) + "\r\n"


class WorkbookWriter:
    """XLSX, row by row; every cell is text, so that no spreadsheet turns a phone into a number or runs a formula."""

    def __init__(self, columns: Sequence[str]) -> None:
        import xlsxwriter

        self._columns = columns
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives until `end`
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book: Any = xlsxwriter.Workbook(self._file, options | {"strings_to_numbers": False})
        self._sheet: Any = self._book.add_worksheet("contacts")
        self._row = 0

    def begin(self) -> bytes:
        self._write(self._columns)
        return b""

    def _write(self, cells: Sequence[str]) -> None:
        for column, cell in enumerate(cells):
            if len(cell) > _MOST_CELL_CHARACTERS:
                raise InvalidRequest(
                    f"A cell of a workbook holds {_MOST_CELL_CHARACTERS:,} characters; `{self._columns[column]}` of a "
                    "contact has more.",
                    field="format",
                    value="xlsx",
                    expected="csv, or without this field",
                )
            if cell:
                # Only what would be taken for one of our guards when it is read again: here nothing is a formula.
                self._sheet.write_string(self._row, column, guard(cell) if cell[0] == "'" else cell)
        self._row += 1

    def rows(self, page: Contacts) -> bytes:
        rows = page.rows()
        if self._row + len(rows) > _MOST_SHEET_ROWS:
            raise InvalidRequest(
                "A worksheet holds 1,048,576 rows.", field="format", value="xlsx", expected="csv, or fewer contacts"
            )
        for row in rows:
            self._write([cell_of(name, row[name]) for name in self._columns])
        return b""

    def end(self) -> Iterator[bytes]:
        self._book.close()
        return _pieces(self._file)


class ParquetWriter:
    """Text columns, zstd; the tags are a list."""

    def __init__(self, columns: Sequence[str]) -> None:
        try:
            pyarrow: Any = import_module("pyarrow")
            parquet: Any = import_module("pyarrow.parquet")
        except ImportError:
            raise InvalidRequest(
                "This server cannot write Parquet.",
                field="format",
                value="parquet",
                expected="pip install 'orbit-contacts[parquet]'",
            ) from None
        self._columns = columns
        self._arrow: Any = pyarrow
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives until `end`
        kinds = [(name, pyarrow.list_(pyarrow.string()) if name == "tags" else pyarrow.string()) for name in columns]
        self._schema: Any = pyarrow.schema(kinds)
        self._writer: Any = parquet.ParquetWriter(self._file, self._schema, compression="zstd")

    def begin(self) -> bytes:
        return b""

    def rows(self, page: Contacts) -> bytes:
        rows = page.rows()
        arrays = [
            [row[name] if name == "tags" else cell_of(name, row[name]) or None for row in rows]
            for name in self._columns
        ]
        if rows:
            self._writer.write_table(self._arrow.table(arrays, schema=self._schema))
        return b""

    def end(self) -> Iterator[bytes]:
        self._writer.close()
        return _pieces(self._file)


def _pieces(file: Any) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


def writer_for(format: str, columns: Sequence[str]) -> Writer:
    match format:
        case "csv":
            return CsvWriter(columns)
        case "json":
            return JsonWriter()
        case "ndjson":
            return NdjsonWriter()
        case "vcard":
            return VcardWriter()
        case "xlsx":
            return WorkbookWriter(columns)
        case _:
            return ParquetWriter(columns)
