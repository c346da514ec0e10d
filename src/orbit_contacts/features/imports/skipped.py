"""`skipped.csv`: the rows that did not get in, with their reasons, ready to be corrected and sent again."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from orbit_contacts.core.csv_safety import guard_all
from orbit_contacts.features.imports.contact_fields import REPORT_COLUMNS

CHUNK_ROWS = 1_000


class SkippedRow(NamedTuple):
    """A row as it was read, and why it was skipped (`code` is one of the contract's skip codes)."""

    number: int
    code: str
    message: str
    field: str | None
    cells: Sequence[str]


def write_skipped(header: Sequence[str], rows: Iterable[SkippedRow]) -> Iterator[bytes]:
    """The file in chunks of UTF-8: RFC 4180, every cell guarded against formulas. The header comes always.

    Read again by this product's reader it yields the header and the cells given here, exactly."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([*REPORT_COLUMNS, *guard_all(header)])
    for count, row in enumerate(rows, 1):
        report = (str(row.number), row.code, row.message, row.field or "")
        writer.writerow([*guard_all(report), *guard_all(row.cells)])
        if count % CHUNK_ROWS == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    data = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return data
