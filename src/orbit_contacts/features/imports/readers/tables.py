"""Opens whatever holds a table as one: header and rows."""

from collections.abc import Iterator

from orbit_contacts.core.csv_safety import unguard_all
from orbit_contacts.features.imports.cell_text import clean_header
from orbit_contacts.features.imports.contact_fields import REPORT_COLUMNS, is_own_header, is_report
from orbit_contacts.features.imports.readers.archives import open_archive
from orbit_contacts.features.imports.readers.bad_bytes import show_bad
from orbit_contacts.features.imports.readers.delimited import read_delimited
from orbit_contacts.features.imports.readers.detect import FileFormat
from orbit_contacts.features.imports.readers.ods import OdsWorkbook
from orbit_contacts.features.imports.readers.rows import (
    ReadLimits,
    Row,
    RowShaper,
    Table,
    nothing_to_read,
    too_large,
    unreadable,
)
from orbit_contacts.features.imports.readers.sheet_cells import SheetRow
from orbit_contacts.features.imports.readers.sources import Readable, open_source
from orbit_contacts.features.imports.readers.vcard import read_vcards
from orbit_contacts.features.imports.readers.xls import XlsWorkbook
from orbit_contacts.features.imports.readers.xlsx import XlsxWorkbook


def open_rows(readable: Readable, form: FileFormat, limits: ReadLimits | None = None) -> Table:
    """The table in a file: CSV, XLSX, XLS, ODS or vCard, in the format that `detect` found or a person chose.

    Nothing in the file's content raises but a `Refusal` about the file as a whole, here or while iterating;
    whatever is wrong with one row is that row's `fault`. A file that this product wrote loses its
    apostrophe guards, and a `skipped.csv` the columns that say why its rows were skipped.
    Reading goes forward only: to read again, open again."""
    limits = limits or ReadLimits()
    if form.kind == "xlsx":
        table = _from_sheet(XlsxWorkbook(open_archive(readable, limits), limits).rows(form.sheet), limits)
    elif form.kind == "ods":
        table = _from_sheet(OdsWorkbook(open_archive(readable, limits), limits).rows(form.sheet), limits)
    elif form.kind == "xls":
        table = _from_sheet(XlsWorkbook(readable, limits).rows(form.sheet), limits)
    elif form.kind in ("csv", "vcard"):
        source = open_source(readable, compression=form.compression, encoding=form.encoding, limits=limits)
        encoding = "utf-8" if form.encoding.startswith(("utf-16", "utf-32")) else form.encoding
        if form.kind == "vcard":
            return read_vcards(source, encoding, limits)
        table = read_delimited(source, encoding, form.dialect, limits)
    else:
        raise unreadable("The file holds records, not rows.", form.kind, "csv, xlsx, xls, ods or vcard")
    return _own(table)


def sheet_names(readable: Readable, form: FileFormat, limits: ReadLimits | None = None) -> list[str]:
    """The sheets of a workbook that a person can choose from, in their order; none for other files. Raises
    `Refusal` for a file that cannot be opened."""
    limits = limits or ReadLimits()
    if form.kind == "xlsx":
        return XlsxWorkbook(open_archive(readable, limits), limits).names
    if form.kind == "ods":
        return OdsWorkbook(open_archive(readable, limits), limits).names()
    return XlsWorkbook(readable, limits).names() if form.kind == "xls" else []


def _from_sheet(rows: Iterator[SheetRow], limits: ReadLimits) -> Table:
    first = next((row for row in rows if any(row.cells)), None)
    if first is None:
        raise nothing_to_read("The workbook has no sheet with anything in it.")
    if first.fault:
        raise too_large("columns", len(first.cells), limits.max_columns)
    header = [clean_header(show_bad(cell))[: limits.cell_characters] for cell in first.cells]
    return Table(header, _shaped(rows, RowShaper(header, limits), limits))


def _shaped(rows: Iterator[SheetRow], shaper: RowShaper, limits: ReadLimits) -> Iterator[Row]:
    count = size = 0
    for number, cells, fault in rows:
        size += sum(map(len, cells))
        if size > limits.max_expanded_bytes:  # a file can name one long text a million times
            raise too_large("characters", size, limits.max_expanded_bytes)
        row = shaper.shape(number, cells, fault)
        if row is None:
            continue
        count += 1
        if count > limits.max_rows:
            raise too_large("rows", count, limits.max_rows)
        yield row


def _own(table: Table) -> Table:
    """Undo what this product adds to the files it writes."""
    report = len(REPORT_COLUMNS) if is_report(table.header) else 0
    if report:
        header = unguard_all(table.header[report:])
    elif is_own_header(table.header):
        header = table.header
    else:
        return table
    return Table(header, _unguarded(table.rows, report), guarded=True)


def _unguarded(rows: Iterator[Row], report: int) -> Iterator[Row]:
    for row in rows:
        if report or "'" in "".join(row.cells):
            row = row._replace(cells=unguard_all(row.cells[report:]))
        yield row
