"""skipped.csv: what was skipped, harmless in a spreadsheet, and readable again as it is."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.core.csv_safety import guard_all
from orbit_contacts.features.imports.contact_fields import REPORT_COLUMNS
from orbit_contacts.features.imports.readers import detect_file, open_rows
from orbit_contacts.features.imports.skipped import SkippedRow, write_skipped

CELLS = st.text(st.sampled_from("'=+-@1,;|\"\n é\x0c") | st.characters(exclude_categories=["Cs"]), max_size=6).filter(
    lambda cell: "\0" not in cell
)
HEADER = ["Name", "E-mail", "=note"]
BO = SkippedRow(3, "INVALID_EMAIL", "The e-mail address is not valid.", "E-mail", ["'=Bo", "bo@", "+1 415"])


def test_columns_are_the_reasons_and_then_the_original_ones() -> None:
    rows = list(csv.reader(io.StringIO(b"".join(write_skipped(HEADER, [BO])).decode(), newline="")))
    assert rows[0] == ["row_number", "error_code", "error_message", "error_field", "Name", "E-mail", "'=note"]
    assert rows[1] == [
        *("3", "INVALID_EMAIL", "The e-mail address is not valid.", "E-mail"),
        *("''=Bo", "bo@", "'+1 415"),
    ]


def test_header_comes_even_when_nothing_was_skipped() -> None:
    assert b"".join(write_skipped(["email"], [])) == ",".join((*REPORT_COLUMNS, "email\r\n")).encode()


def test_it_is_sent_again_as_it_is() -> None:
    data = b"".join(write_skipped(HEADER, [BO]))
    table = open_rows(data, detect_file(data, "skipped.csv"))
    assert table.header == HEADER
    assert [(row.number, row.cells, row.fault) for row in table.rows] == [(2, BO.cells, None)]


def test_a_row_with_too_many_cells_keeps_them() -> None:
    row = SkippedRow(2, "VALIDATION_ERROR", "The row has 4 cells.", None, ["a", "b", "c", "d"])
    data = b"".join(write_skipped(HEADER, [row]))
    read = list(open_rows(data, detect_file(data)).rows)
    assert read[0].cells == ["a", "b", "c", "d"]
    assert read[0].fault is not None
    assert read[0].fault.reason == "too_many_cells"


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3).filter(any), max_size=4))
def test_every_cell_survives_the_journey(rows: list[list[str]]) -> None:
    skipped = [SkippedRow(n, "VALIDATION_ERROR", "=no", "", cells) for n, cells in enumerate(rows, 2)]
    data = b"".join(write_skipped(HEADER, skipped))
    assert [row.cells for row in open_rows(data, detect_file(data)).rows] == rows


def test_many_rows_come_in_chunks() -> None:
    chunks = list(write_skipped(["email"], (SkippedRow(n, "X", "m", None, ["a"]) for n in range(2_500))))
    assert len(chunks) == 3
    assert b"".join(chunks).count(b"\r\n") == 2_501


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3).filter(any), max_size=4))
def test_every_cell_of_our_own_export_comes_back(rows: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(map(guard_all, [["email", "metadata.=a|b", "tags"], *rows]))
    data = out.getvalue().encode()
    table = open_rows(data, detect_file(data))
    assert table.guarded
    assert table.header == ["email", "metadata.=a|b", "tags"]
    assert [row.cells for row in table.rows] == rows
