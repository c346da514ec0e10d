"""Every file of the corpus gives just what its line says: good rows, faults by row number, or a refusal."""

import time
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.imports.readers import ReadLimits, detect_file, open_records, open_rows, sheet_names
from orbit_contacts.features.imports.readers.vcard import VCARD_COLUMNS
from tests.imports.make_corpus import CORPUS, large_files, text_files, workbooks

ADA_BO = [["Ada", "ada@example.com"], ["Bo", "bo@example.com"]]
TURKS = [
    ["Ayşe", "Yılmaz", "ayse@example.com", "+90 532 111 22 33"],
    ["Çağlar", "Öztürk", "caglar@example.com", "+90 533 444 55 66"],
]
FRENCH = [["Renée", "Lefèvre", "renee@example.com"], ["François", "Müller", "francois@example.com"]]


@dataclass
class Case:
    """What a file must give. `rows` are the good ones (None: not compared), `faults` reasons by number."""

    file: str
    rows: list[Any] | None = None
    faults: dict[int, str] = field(default_factory=dict)
    refusal: str | None = None
    count: int | None = None
    encoding: str | None = None
    header: list[str] | None = None
    seconds: float = 5.0


ENCODINGS = [
    Case("utf8.csv", [["Zoë 🦄", "zoe@example.com"]], encoding="utf-8"),
    Case("utf8_bom.csv", ADA_BO, encoding="utf-8", header=["name", "email"]),
    Case("utf16_le_bom.csv", TURKS, encoding="utf-16-le"),
    Case("utf16_be_bom.csv", ADA_BO, encoding="utf-16-be"),
    Case("utf16_le_no_bom.csv", TURKS, encoding="utf-16-le"),
    Case("utf32_bom.csv", ADA_BO, encoding="utf-32-le"),
    Case("windows_1254_turkish.csv", TURKS, encoding="cp1254"),
    Case("windows_1252_french.csv", FRENCH, encoding="cp1252"),
    Case(
        "windows_1250_polish.csv",
        [["Łukasz", "Żółty", "lukasz@example.com"], ["Świętosława", "Gęś", "swieta@example.com"]],
        encoding="cp1250",
    ),
    Case(
        "windows_1251_russian.csv",
        [["Иван", "Петров", "ivan@example.com"], ["Ольга", "Смирнова", "olga@example.com"]],
        encoding="cp1251",
    ),
    Case("windows_1256_arabic.csv", [["محمد علي", "mohamed@example.com"]], encoding="cp1256"),
    Case(
        "shift_jis_japanese.csv",
        [["山田太郎", "taro@example.com"], ["鈴木花子", "hanako@example.com"]],
        encoding="cp932",
    ),
    Case(
        "gb18030_chinese.csv",
        [["王小明", "ming@example.com"], ["李娜", "lina@example.com"]],
        encoding="gb18030",
    ),
    Case("mac_roman.csv", FRENCH, encoding="mac_roman"),
    Case("first_accent_far_down.csv", count=20_001, encoding="cp1252"),
]

DIALECTS = [
    Case("semicolons.csv", ADA_BO),
    Case("tabs.tsv", ADA_BO),
    Case("bars.txt", ADA_BO),
    Case("excel_sep_line.csv", ADA_BO, header=["name", "email"]),
    Case("single_quotes.csv", [["Ada", "a, b"], ["Bo", "it's"]]),
    Case("spaced_quotes.csv", [["Ada", "a, b", "ada@example.com"], ["Bo", "c, d", "bo@example.com"]]),
    Case("old_mac_line_ends.csv", ADA_BO),
    Case("mixed_line_ends.csv", [*ADA_BO, ["Cy", "cy@example.com"]]),
    Case("no_final_line_end.csv", ADA_BO),
    Case(
        "no_header.csv",
        [["Ada", "ada@example.com", "+14155550101"], ["Bo", "bo@example.com", "+14155550102"]],
        header=["Column 1", "Column 2", "Column 3"],
    ),
    Case("one_column.csv", [["ada@example.com"], ["bo@example.com"]]),
    Case("commas_in_quotes.csv", [["Lovelace; Ada", "1, Row St, London"], ["Bo", "2, Row St, York"]]),
    Case(
        "line_breaks_in_quotes.csv",
        [["Ada", "one\r\ntwo\r\n\r\nfour", "ada@example.com"], ["Bo", "", "bo@example.com"]],
    ),
    Case(
        "duplicate_headers.csv",
        [["ada@example.com", "+14155550101", "+14155550102"]],
        header=["email", "phone", "phone"],
    ),
    Case("blank_lines.csv", ADA_BO),
]

TROUBLE = [
    Case("empty.csv", refusal="The file is empty."),
    Case("only_blank_lines.csv", refusal="The file is empty."),
    Case("header_only.csv", []),
    Case(
        "one_bad_byte.csv",
        [["Ada", "ada@example.com"], ["José", "jose@example.com"], ["Zoë", "zoe@example.com"]],
        {4: "bad_byte"},
        encoding="utf-8",
    ),
    Case(
        "unclosed_quote.csv",
        [["Bo", "York", "bo@example.com"], ["Cy", "Bath", "cy@example.com"]],
        {2: "unclosed_quote"},
    ),
    Case("unclosed_quote_last_line.csv", [["Ada", "ada@example.com"]], {3: "unclosed_quote"}),
    Case(
        "unclosed_quote_no_other_quotes.csv",
        [["Bo", "York", "bo@example.com"], ["Cy", "Bath", "cy@example.com"]],
        {2: "unclosed_quote"},
    ),
    Case(
        "quotes_not_doubled.csv",
        [['Ada "Countess" King', "ada", "ada@example.com"], ["Bo", '5" tall', "bo@example.com"]],
    ),
    Case("nul_in_a_cell.csv", [["Ada", "ada@example.com"], ["Cy", "cy@example.com"]], {3: "nul"}),
    Case("nul_padding_at_the_end.csv", [["Ada", "ada@example.com"]]),
    Case("ctrl_z_at_the_end.csv", [["Ada", "ada@example.com"]]),
    Case(
        "too_many_cells.csv",
        [["Bo", "bo@example.com"], ["Cy", "cy@example.com"]],
        {2: "too_many_cells"},
    ),
    Case(
        "too_few_cells.csv",
        [["Ada", "ada@example.com", ""], ["Bo", "bo@example.com", "+14155550102"]],
    ),
    Case("truncated.csv.gz", count=2582, faults={2582: "damaged_file"}),
    Case("web_page.xls", refusal="The file is a web page"),
    Case("picture.csv", refusal="The file is a picture."),
    Case("ten_megabyte_cell.csv", [["Bo", "bo@example.com"]], {2: "cell_too_large"}),
    Case("ten_megabyte_quoted_cell.csv", [["Bo", "", "bo@example.com"]], {2: "cell_too_large"}),
    Case("twenty_megabyte_line.csv", [["Bo", "bo@example.com"]], {2: "line_too_long"}),
    Case("no_line_end_at_all.csv", [], header=["x" * 65_536]),
    Case("unclosed_quote_in_a_large_file.csv", count=20_001, faults={2: "unclosed_quote"}),
    Case(
        "thousands_of_unclosed_quotes.csv",
        [],
        dict.fromkeys(range(2, 5002), "unclosed_quote"),
    ),
    Case("twenty_thousand_columns.csv", refusal="The file has more than 1,000 columns."),
    Case("gzip_bomb.csv.gz", refusal="The file has more than 200 bytes of content per packed byte."),
]

WORKBOOKS = [
    Case("plain.xlsx", [[str(14155550100 + n), f"Ada {n}"] for n in range(1, 30)]),
    Case("prefixed.xlsx", [[str(14155550100 + n), f"Ada {n}"] for n in range(1, 30)]),
    Case(
        "quirks.xlsx",
        [
            [
                *["+14155550101", "00123", "2024-03-01", "2024-03-01T12:30:00", "TRUE", "Ada Lovelace"],
                *["1.23456789012346E+18", "0.3"],
            ],
            ["'+14155550102", "", "", "", "", "Bo\r\nDiaz", "", "#N/A"],
        ],
    ),
    Case("hidden_first_sheet.xlsx", [["ada@example.com"]], header=["email"]),
    Case("far_corner.xlsx", [["ada@example.com", "Ada"]], {1_048_576: "too_many_cells"}),
    Case("damaged_sheet.xlsx", count=29, faults={30: "damaged_file"}),
    Case("entity_bomb.xlsx", refusal="The file cannot be opened: xl/sharedStrings.xml: it declares a document"),
    Case("zip_bomb.xlsx", refusal="The file has more than 200 bytes of content per packed byte."),
    Case("many_parts.xlsx", refusal="The file has more than 5,000 parts."),
    Case("macro_free.zip", refusal="The file is no XLSX workbook."),
    Case("plain.ods", [["14155550101", "Ada  L\ntwo", "", "00123", "2024-03-01"]]),
    Case("repeated_rows.ods", refusal="The file has more than 100,000 rows."),
    Case("repeated_text.ods", refusal="The file has more than 536,870,912 characters."),
    Case("far_corner.xls", refusal="The workbook is damaged or needs too much memory."),
    Case("plain.xls", [["14155550101", "Ayşe Yılmaz", "2024-03-01", "TRUE"], ["", "Bo", "", ""]]),
]

LEAVINGS = [
    Case("excel_leavings.csv", count=4),  # what becomes of the cells: test_transforms.py
    Case("rtl_names.csv", [["משה כהן", "moshe@example.com"], ["\u200fمريم\u200f", "maryam@example.com"]]),
    Case("emoji.csv", [["👩\u200d👩\u200d👧 Family", "fam@example.com"], ["🇹🇷 Elif", "elif@example.com"]]),
    Case(
        "own_export.csv",
        [
            [
                "con_1",
                "+14155550101",
                "ada@example.com",
                "=Ada",
                'vip,"Berlin, DE"',
                "7",
                "00123",
                "opted_out",
            ],
            ["con_2", "+14155550102", "bo@example.com", "'=Bo", "", '"7"', "-x", "unknown"],
        ],
    ),
]

PRODUCTS = [  # what becomes of the columns: test_mapping.py
    Case("google_contacts.csv", count=1),
    Case("google_contacts_old.csv", count=1, encoding="utf-16-le"),
    Case("outlook.csv", count=1),
    Case("mailchimp_subscribed.csv", count=1),
    Case("mailchimp_unsubscribed.csv", count=1),
    Case("mailchimp_cleaned.csv", count=1),
    Case("hubspot.csv", count=1),
]

CARDS = [
    Case(
        "cards_2_1.vcf",
        [
            {
                "phone": "+905331234567",
                "first_name": "Çağlar",
                "last_name": "Öztürk",
                "metadata.phone_2": "+902121234567",
            }
        ],
    ),
    Case(
        "cards_3_0.vcf",
        [
            {
                "external_id": "urn:uuid:1",
                "phone": "+447700900101",
                "email": "ada@example.com",
                "first_name": "Ada",
                "last_name": "Lovelace",
                "display_name": "Ada Lovelace",
                "company": "Engine, Ltd",
                "country_code": "United Kingdom",
                "tags": 'Friends,"V,I,P"',
                "metadata.middle_name": "King",
                "metadata.name_prefix": "Ms.",
                "metadata.department": "Analysis",
                "metadata.birthday": "1815-12-10",
                "metadata.address": "1 Row St, London, N1, United Kingdom",
                "metadata.notes": "first line\nsecond line that is long enough to be folded here",
                "metadata.phone_2": "+442079460101",
                "metadata.email_2": "ada.home@example.com",
            }
        ],
    ),
    Case(
        "cards_4_0.vcf",
        [
            {
                "phone": "+81-3-1234-5678",
                "phone_extension": "12",
                "email": "taro@example.com",
                "first_name": "太郎",
                "last_name": "山田",
                "display_name": "山田太郎",
                "timezone": "Asia/Tokyo",
                "language": "ja",
            }
        ],
        {2: "not_a_person"},
    ),
    Case(
        "cards_one_broken.vcf",
        [
            {"email": "ada@example.com", "display_name": "Ada"},
            {"email": "cy@example.com", "display_name": "Cy"},
            {"email": "di@example.com", "display_name": "Dé"},
        ],
        {2: "unfinished_card", 5: "unfinished_card"},
    ),
]

RECORDS = [
    Case(
        "records.ndjson",
        [
            {"email": "ada@example.com", "tags": ["vip"]},
            {"email": 7},
            {"email": "cy@example.com", "metadata": {"a": [{"b": 1}]}},
        ],
        {3: "bad_json", 4: "wrong_type"},
    ),
    Case(
        "records.json",
        [
            {"email": "ada@example.com"},
            {"email": "bo@example.com", "metadata": {"x": {"y": [1, "]}"]}}},
            {"email": 'c"y@example.com'},
        ],
        {3: "wrong_type"},
    ),
    Case("contacts_document.json", [{"email": "ada@example.com"}, {"email": "bo@example.com"}]),
    Case("broken_brace.json", [{"email": "bo@example.com"}, {"email": "cy@example.com"}], {1: "bad_json"}),
    Case("unfinished.json", [{"email": "ada@example.com"}], {2: "bad_json"}),
]

CASES = [*ENCODINGS, *DIALECTS, *TROUBLE, *WORKBOOKS, *LEAVINGS, *PRODUCTS, *CARDS, *RECORDS]


@pytest.fixture(scope="module")
def large() -> dict[str, bytes]:
    return large_files()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_file_gives_what_is_expected(case: Case, large: dict[str, bytes]) -> None:
    data = large[case.file] if case.file in large else (CORPUS / case.file).read_bytes()
    started = time.perf_counter()
    if case.refusal is not None:
        with pytest.raises(Refusal) as refused:
            _read(case.file, data)
        assert refused.value.message.startswith(case.refusal)
        assert {"field", "value", "expected"} <= set(refused.value.details)
    else:
        encoding, header, rows = _read(case.file, data)
        good = [row[1] for row in rows if row[2] is None]
        assert {row[0]: row[2].reason for row in rows if row[2]} == case.faults
        assert case.rows is None or good == case.rows
        assert case.count is None or len(rows) == case.count
        assert case.encoding in (None, encoding)
        assert case.header in (None, header)
    assert time.perf_counter() - started < case.seconds


def _read(name: str, data: bytes) -> tuple[str, list[str], list[Any]]:
    form = detect_file(data, name)
    if form.kind in ("ndjson", "json"):
        decode = msgspec.json.Decoder(dict[str, Any]).decode
        return form.encoding, [], [record[:3] for record in open_records(data, form, decode)]
    table = open_rows(data, form, ReadLimits())
    rows: list[Any] = list(table.rows)
    if form.kind == "vcard":
        rows = [
            (
                row.number,
                {key: cell for key, cell in zip(VCARD_COLUMNS, row.cells, strict=True) if cell},
                row.fault,
            )
            for row in rows
        ]
    return form.encoding, table.header, rows


def test_the_corpus_is_what_its_script_makes() -> None:
    made = {**text_files(), **workbooks()}
    kept = {path.name for path in CORPUS.iterdir()}
    assert kept == set(made) | {"plain.xls", "far_corner.xls"}
    assert [name for name, data in text_files().items() if (CORPUS / name).read_bytes() != data] == []


def test_every_file_of_the_corpus_has_an_expectation() -> None:
    assert {case.file for case in CASES} >= {path.name for path in CORPUS.iterdir()}
    assert len({case.file for case in CASES}) == len(CASES) >= 40


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("plain.xlsx", ["People"]),
        ("hidden_first_sheet.xlsx", ["Empty", "People"]),
        ("semicolons.csv", []),
    ],
)
def test_a_workbook_names_the_sheets_that_a_person_sees(name: str, names: list[str]) -> None:
    content = (CORPUS / name).read_bytes()
    assert sheet_names(content, detect_file(content, name)) == names


@pytest.mark.parametrize("name", ["plain.xls", "plain.ods"])
def test_a_named_sheet_is_the_one_that_is_read(name: str) -> None:
    content = (CORPUS / name).read_bytes()
    form = detect_file(content, name)
    last = sheet_names(content, form)[-1]
    told = msgspec.structs.replace(form, sheet=last)
    assert open_rows(content, told).header == open_rows(content, form).header
