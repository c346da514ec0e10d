"""What holds for every table and for every run of bytes."""

import codecs
import csv
import gzip
import io
import json
import random
import time
import zipfile
from typing import Any

import msgspec
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.imports.readers import (
    FileFormat,
    ReadLimits,
    detect_file,
    open_records,
    open_rows,
)
from orbit_contacts.features.imports.readers import delimited as delimited_reader
from orbit_contacts.features.imports.readers import sources as byte_sources
from orbit_contacts.features.imports.readers.dialect import Dialect
from tests.imports.make_corpus import CORPUS

ANY_TEXT = st.text(
    st.sampled_from("\"',;|\t\r\n\x0c\u2028 ab=+-@é\u200b🦄") | st.characters(exclude_categories=["Cs"]), max_size=12
)
LIMITS = ReadLimits(record_bytes=1 << 20)


@st.composite
def tables(draw: st.DrawFn, alphabet: st.SearchStrategy[str] = ANY_TEXT) -> list[list[str]]:
    width = draw(st.integers(1, 5))
    rows = draw(st.lists(st.lists(alphabet, min_size=width, max_size=width), max_size=6))
    return [[f"column {index}" for index in range(width)], *rows]


def written(table: list[list[str]], **dialect: Any) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n", **dialect).writerows(table)
    return out.getvalue()


def readable(rows: list[list[str]]) -> list[list[str]]:
    """The rows that are read without fault: not blank, no NUL."""
    return [row for row in rows if any(row) and not any("\0" in cell for cell in row)]


@given(
    tables(),
    st.sampled_from(",;\t|"),
    st.sampled_from("\"'"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "gb18030"]),
    st.sampled_from([None, "gzip"]),
    st.integers(1, 64),
)
def test_a_table_that_python_writes_is_read_as_it_was(
    table: list[list[str]],
    delimiter: str,
    quote: str,
    quoting: int,
    encoding: str,
    compression: Any,
    chunk: int,
) -> None:
    text = written(table, delimiter=delimiter, quotechar=quote, quoting=quoting)
    data = text.encode(encoding)
    form = FileFormat(
        kind="csv",
        compression=compression,
        encoding="utf-8" if encoding == "utf-8-sig" else encoding,
        dialect=Dialect(delimiter=delimiter, quote=quote),
    )
    with pytest.MonkeyPatch.context() as patch:  # chunks so small that every record is cut somewhere
        patch.setattr(delimited_reader, "CHUNK_BYTES", 3 + chunk)
        patch.setattr(byte_sources, "CHUNK_BYTES", 3 + chunk)
        read = open_rows(gzip.compress(data) if compression else data, form, LIMITS)
        rows = list(read.rows)
    assert read.header == table[0]
    assert [row.cells for row in rows if row.fault is None] == readable(table[1:])
    assert {row.fault.reason for row in rows if row.fault} <= {"nul"}


@pytest.mark.parametrize(
    "encoding", ["cp1252", "cp1254", "cp1250", "cp1251", "cp1256", "cp932", "big5", "euc_kr", "koi8_r"]
)
@given(data=st.data())
@settings(max_examples=20)
def test_a_table_in_a_code_page_is_read_as_it_was(encoding: str, data: st.DataObject) -> None:
    table = data.draw(tables(st.text(st.characters(codec=encoding, exclude_characters="¢£¬‖−〜\u3164"), max_size=8)))
    form = FileFormat(kind="csv", encoding=encoding)
    rows = list(open_rows(written(table).encode(encoding), form, LIMITS).rows)
    assert [row.cells for row in rows if row.fault is None] == readable(table[1:])


@given(tables(), st.sampled_from(",;\t|"), st.booleans())
def test_what_detection_says_of_a_plain_table_is_right(table: list[list[str]], delimiter: str, marked: bool) -> None:
    letters = str.maketrans(dict.fromkeys("\"',;|\t\r\n\0=", "x"))
    table = [[cell.translate(letters) for cell in row] for row in table]
    assume(len(table[0]) > 1 and all(row[0].isprintable() for row in table))
    data = written(table, delimiter=delimiter).encode("utf-8-sig" if marked else "utf-8")
    form = detect_file(data)
    assert (form.kind, form.encoding, form.dialect.delimiter) == ("csv", "utf-8", delimiter)
    assert form.dialect.has_header


@given(tables(), st.integers(0, 10_000), st.integers(0x80, 0xFF))
def test_one_bad_byte_costs_one_row(table: list[list[str]], at: int, byte: int) -> None:
    clean = [[f"{cell.replace(chr(0), '')}." for cell in row] for row in table]
    rows = [written([row]).encode() for row in clean]
    assume(len(rows) > 1)
    index = 1 + at % (len(rows) - 1)
    position = rows[index].rindex(b".")  # before the last cell's end: the record's frame stays whole
    rows[index] = rows[index][:position] + bytes([byte]) + rows[index][position:]
    read = list(open_rows(b"".join(rows), FileFormat(kind="csv"), LIMITS).rows)
    assert [row.number for row in read if row.fault] == [index + 1]
    assert [row.cells for row in read if not row.fault] == [row for n, row in enumerate(clean) if n not in (0, index)]


@given(st.lists(st.sampled_from(['Ada,"x', 'Ada,x"', '"Ada"x,y', 'Ada,"x"', "Ada,x"]), min_size=1, max_size=12))
def test_good_lines_after_an_unclosed_quote_are_read(lines: list[str]) -> None:
    data = "\n".join(["name,note", *lines, "Bo,1", "Cy,2", "Di,3", "Eve,4"]).encode()
    read = list(open_rows(data, FileFormat(kind="csv"), LIMITS).rows)
    assert [row.cells for row in read[-3:]] == [["Cy", "2"], ["Di", "3"], ["Eve", "4"]]
    assert [row.number for row in read] == sorted({row.number for row in read})


TOKENS = st.sampled_from(
    [
        *(
            b'"',
            b'""',
            b",",
            b";",
            b"\n",
            b"\r\n",
            b"\r",
            b"\0",
            b"email",
            b"a@b.org",
            b"\xff",
            b"\xe9",
            b"'",
        ),
        *(b"BEGIN:VCARD\n", b"END:VCARD\n", b"TEL:+1\n", b"N;CHARSET=x;ENCODING=QUOTED-PRINTABLE:=4\n"),
        *(
            b"PHOTO;ENCODING=b:\n AA\n",
            b"AGENT:\n",
            b"{",
            b"}",
            b"[",
            b"]",
            b":",
            b'"contacts":[',
            b"\\",
            b" ",
        ),
        *(b"sep=;\n", b"|", b"\t", "ş".encode(), codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b"\x1a", b"x" * 3000),
        *(b"\x1f\x8b\x08", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)),
    ]
)


@given(st.binary(max_size=400) | st.lists(TOKENS, max_size=60).map(b"".join), st.booleans())
@example(b"\xff\xfea", False)
@example(b"PK\x03\x04", False)
@example(b"[", False)
@settings(max_examples=300, deadline=3000)
def test_any_bytes_give_rows_faults_or_a_refusal(data: bytes, compressed: bool) -> None:
    read_whatever_it_is(gzip.compress(data) if compressed else data)


@pytest.mark.parametrize(
    "name", ["plain.xlsx", "quirks.xlsx", "plain.ods", "cards_3_0.vcf", "records.json", "truncated.csv.gz"]
)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=3000)
def test_a_damaged_file_gives_rows_faults_or_a_refusal(name: str, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray((CORPUS / name).read_bytes())
    for _ in range(chance.randint(1, 20)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    read_whatever_it_is(bytes(data[: chance.randrange(1, len(data) + 1)]) if chance.random() < 0.3 else bytes(data))


@given(seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=3000)
def test_a_workbook_with_a_damaged_part_gives_rows_faults_or_a_refusal(seed: int) -> None:
    chance = random.Random(seed)
    name = chance.choice(["quirks.xlsx", "plain.ods"])
    out = io.BytesIO()
    with zipfile.ZipFile(CORPUS / name) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.namelist():
            data = bytearray(old.read(part))
            for _ in range(chance.randint(0, 3)):
                at = chance.randrange(len(data))
                data[at : at + chance.randint(0, 9)] = chance.randbytes(chance.randint(0, 3))
            new.writestr(part, bytes(data))
    read_whatever_it_is(out.getvalue())


def test_random_bytes_in_an_xls_are_refused() -> None:
    head = (CORPUS / "plain.xls").read_bytes()
    for seed in range(3):
        data = bytearray(head)
        data[512 + seed :] = random.Random(seed).randbytes(len(data) - 512 - seed)
        with pytest.raises(Refusal):
            list(open_rows(bytes(data), FileFormat(kind="xls"), LIMITS).rows)


def read_whatever_it_is(data: bytes) -> None:
    started, refused = time.perf_counter(), None
    try:
        form = detect_file(data)
        if form.kind in ("json", "ndjson"):
            for record in open_records(data, form, msgspec.json.Decoder(dict[str, Any]).decode, LIMITS):
                assert (record.value is None) == (record.fault is not None)
        else:
            table = open_rows(data, form, LIMITS)
            for row in table.rows:
                assert row.fault or len(row.cells) == len(table.header)
                json.dumps(row.cells).encode()
                assert not any("\0" in cell for cell in row.cells)
    except Refusal as refusal:
        refused = refusal
    if refused is not None:
        assert refused.status in (413, 415, 422)
        assert {"field", "value", "expected"} <= set(refused.details)
    assert time.perf_counter() - started < 3
