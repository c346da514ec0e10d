"""Cells to a contact's fields, by a confirmed mapping."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.imports.cell_text import LostDigitsError, clean_code, clean_text, whole_number
from orbit_contacts.features.imports.contact_fields import CONSENT_FIELDS, CONTACT_FIELDS
from orbit_contacts.features.imports.dates import parse_date, parse_moment
from orbit_contacts.features.imports.readers import Fault, detect_file, open_rows
from orbit_contacts.features.imports.transforms import ColumnMapping, RowTransform, split_name
from orbit_contacts.features.imports.truth import read_truth
from tests.imports.make_corpus import CORPUS


def transform(
    fields: list[str], cells: list[str], *, own: bool = False, **options: Any
) -> tuple[dict[str, Any], Fault | None]:
    mapping = [ColumnMapping(column=n, field=field, **options) for n, field in enumerate(fields) if field]
    return RowTransform([f"c{n}" for n in range(len(fields))], mapping, own=own).apply(cells)


def test_cells_become_fields() -> None:
    contact, fault = transform(
        ["phone", "email", "first_name", "country_code", "tags", "metadata.plan", "custom_fields.size", ""],
        [
            " +1 415 555 0101",
            "ada@example.com ",
            "\u00a0Ada\u200b",
            "United Kingdom",
            "vip; old",
            "pro",
            "7",
            "x",
        ],
    )
    assert fault is None
    assert contact == {
        "phone": "+1 415 555 0101",
        "email": "ada@example.com",
        "first_name": "Ada",
        "country_code": "GB",
        "tags": ["vip", "old"],
        "metadata": {"plan": "pro"},
        "custom_fields": {"size": "7"},
    }


def test_blank_cells_leave_their_field_out() -> None:
    assert transform(["phone", "email", "tags", "metadata.x", "country_code"], ["", " ", ",", "\u00a0", "NULL"]) == (
        {},
        None,
    )


def test_an_unknown_country_is_left_for_the_contact_to_refuse() -> None:
    assert transform(["country_code"], ["Atlantis"])[0] == {"country_code": "Atlantis"}


def test_the_leavings_of_a_spreadsheet_are_taken_off() -> None:
    data = (CORPUS / "excel_leavings.csv").read_bytes()
    table = open_rows(data, detect_file(data))
    mapping = [
        ColumnMapping(column=0, field="phone"),
        ColumnMapping(column=1, field="first_name"),
        ColumnMapping(column=2, field="external_id"),
    ]
    apply = RowTransform(table.header, mapping, own=table.guarded).apply
    results = [apply(row.cells) for row in table.rows]
    assert [contact for contact, _ in results] == [
        {"first_name": "Ada", "external_id": "00123"},
        {"phone": "+14155550102", "first_name": "Bo", "external_id": "007"},
        {"phone": "14155550103", "first_name": "Cy"},
        {"phone": "+1 415 555 0104", "first_name": "Di", "external_id": "12"},
    ]
    fault = results[0][1]
    assert fault is not None
    assert (fault.reason, fault.field) == ("lost_digits", "phone")
    assert "only 6 of its 11 digits are left" in fault.message
    assert [fault for _, fault in results[1:]] == [None, None, None]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("1.4155551234E+10", "14155551234"),
        ("1,4155551234e10", "14155551234"),
        ("14155551234", "14155551234"),
        ("E+10", "E+10"),
    ],
)
def test_all_digits_of_a_shortened_number_are_brought_back(text: str, digits: str) -> None:
    assert whole_number(text) == digits


@pytest.mark.parametrize("text", ["1.41556E+10", "1,41556E+10", "9E+11", "1.23456789012345E+18"])
def test_lost_digits_are_named(text: str) -> None:
    with pytest.raises(LostDigitsError, match="digits are left"):
        whole_number(text)


@given(st.integers(10**6, 10**15 - 1))
def test_a_number_written_in_full_scientific_notation_is_whole(number: int) -> None:
    assert whole_number(f"{number:.{len(str(number)) - 1}E}") == str(number)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("'Okina", "'Okina"),
        ("'=x", "=x"),
        ("'0123", "0123"),
        ('="a""b"', 'a"b'),
        ("\u202bمريم\u202c", "مريم"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("a\u00a0b\u3000", "a b"),
        ("=A1+B1", "=A1+B1"),
    ],
)
def test_text_is_cleaned_but_not_changed(cell: str, text: str) -> None:
    assert clean_text(cell) == text


def test_codes_lose_every_invisible_character() -> None:
    assert clean_code("\u202a+1\u200b415\u202c") == "+1415"
    assert clean_code("#N/A") == clean_code("null") == clean_code("'") == ""


def test_a_name_is_split_only_when_asked() -> None:
    assert transform(["display_name"], ["Ada Lovelace"])[0] == {"display_name": "Ada Lovelace"}
    assert transform(["display_name"], ["Ada King Lovelace"], split_name="first_last")[0] == {
        "display_name": "Ada King Lovelace",
        "first_name": "Ada King",
        "last_name": "Lovelace",
    }


def test_a_split_name_does_not_overwrite_a_column_of_its_own() -> None:
    contact, _ = transform(["first_name", "display_name"], ["Augusta", "Ada Lovelace"], split_name="first_last")
    assert contact["first_name"] == "Augusta"


@pytest.mark.parametrize(
    ("name", "order", "parts"),
    [
        ("Lovelace, Ada", "first_last", ("Ada", "Lovelace")),
        ("Ada", "first_last", ("Ada", "")),
        ("山田 太郎", "last_first", ("太郎", "山田")),
        ("Kovács Anna Mária", "last_first", ("Anna Mária", "Kovács")),
    ],
)
def test_names_are_split(name: str, order: Any, parts: tuple[str, str]) -> None:
    assert split_name(name, order) == parts


def test_google_labels_and_second_numbers() -> None:
    contact, _ = transform(["tags", "phone"], ["* myContacts ::: Friends ::: VIP", "+1 415 ::: +1 416"])
    assert contact == {"tags": ["Friends", "VIP"], "phone": "+1 415"}


def test_tags_of_several_columns_are_united() -> None:
    assert transform(["tags", "tags"], ["a,b", "b,c"])[0] == {"tags": ["a", "b", "c"]}


def test_values_of_our_own_files_keep_their_types() -> None:
    cells = ["7", '"7"', '{"a":[1]}', "00123", '{"k":1}']
    fields = ["metadata.number", "metadata.text", "metadata.object", "custom_fields.zip", "metadata"]
    assert transform(fields, cells, own=True)[0] == {
        "metadata": {"number": 7, "text": "7", "object": {"a": [1]}, "k": 1},
        "custom_fields": {"zip": "00123"},
    }
    assert transform(["metadata.number"], ["7"])[0] == {"metadata": {"number": "7"}}


def test_consent_of_other_products() -> None:
    contact, fault = transform(
        [
            "consent.email.opted_out",
            "consent.proof.time",
            "consent.proof.ip",
            "preferences.sms",
            "preferences.email",
        ],
        ["2023-02-03 04:05:06", "2022-01-01 10:00:00", "192.0.2.2", "no", "unknown"],
    )
    assert fault is None
    assert contact == {
        "consent": {
            "email.opted_out": "2023-02-03T04:05:06Z",
            "proof.time": "2022-01-01T10:00:00Z",
            "proof.ip": "192.0.2.2",
        },
        "preferences": {"sms": "opted_out"},
    }
    assert transform(["consent.email.opted_out"], ["No"])[0] == {"consent": {"email.opted_out": False}}


def test_a_consent_that_cannot_be_read_is_a_fault() -> None:
    contact, fault = transform(["email", "preferences.sms"], ["ada@example.com", "perhaps"])
    assert fault is not None
    assert (fault.reason, fault.field, fault.code) == ("bad_value", "c1", "VALIDATION_ERROR")
    assert "preferences" not in contact


def test_read_only_columns_of_an_export_are_passed_over() -> None:
    fields = ["id", "email", "blocked", "created_at", "dnc"]
    assert transform(fields, ["con_1", "ada@example.com", "true", "2024-01-01", "true"])[0] == {
        "email": "ada@example.com"
    }


@pytest.mark.parametrize(
    "mapping",
    [
        [ColumnMapping(column=2, field="email")],
        [ColumnMapping(column=-1, field="email")],
        [ColumnMapping(column=0, field="shoe_size")],
        [ColumnMapping(column=0, field="preferences.pigeon")],
        [ColumnMapping(column=0, field="email"), ColumnMapping(column=1, field="email")],
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(mapping: list[ColumnMapping]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        RowTransform(["a", "b"], mapping, own=False)
    assert {"field", "value", "expected"} <= set(refused.value.details)


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("2024-03-01", "day_first", "2024-03-01"),
        ("01.03.2024", "day_first", "2024-03-01"),
        ("3/1/2024", "month_first", "2024-03-01"),
        ("13/2/2024", "month_first", "2024-02-13"),
        ("2/13/24", "day_first", "2024-02-13"),
        ("2024年3月1日", "day_first", "2024-03-01"),
        ("2024-03-01T10:00:00Z", "day_first", "2024-03-01"),
    ],
)
def test_dates(text: str, order: Any, day: str) -> None:
    assert parse_date(text, order).isoformat() == day


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2023-05-06 07:08:09", "2023-05-06T07:08:09Z"),
        ("2023-05-06", "2023-05-06T00:00:00Z"),
        ("2023-05-06T07:08:09.123+02:00", "2023-05-06T05:08:09Z"),
        ("06.05.2023 7:08", "2023-05-06T07:08:00Z"),
        ("6/5/2023 12:30 AM", "2023-05-06T00:30:00Z"),
    ],
)
def test_moments(text: str, moment: str) -> None:
    assert parse_moment(text, "day_first") == moment


@pytest.mark.parametrize("text", ["yesterday", "31.02.2024", "2024-13-01", "", "9999-99-99"])
def test_what_is_no_date_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no date"):
        parse_date(text, "day_first")


def test_yes_and_no_in_several_languages() -> None:
    assert all(map(read_truth, ["Yes", "1", "EVET", "да", "wahr", "Oui", "TRUE", "はい"]))
    assert not any(map(read_truth, ["No", "0", "Hayır", "нет", "falsch", "FALSE", "いいえ"]))


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4), st.data())
def test_any_text_in_any_field_gives_fields_or_a_fault(cells: list[str], data: st.DataObject) -> None:
    names = [*CONTACT_FIELDS, *CONSENT_FIELDS, "metadata.x", "custom_fields.y", "preferences.sms"]
    fields = data.draw(st.lists(st.sampled_from(names), min_size=len(cells), max_size=len(cells), unique=True))
    contact, fault = transform(fields, cells, own=data.draw(st.booleans()), as_date=data.draw(st.booleans()))
    assert isinstance(contact, dict)
    assert fault is None or fault.field in {f"c{n}" for n in range(len(cells))}


@given(st.text(st.sampled_from("0123456789-/.: TZ+APM年月日"), max_size=25))
def test_any_date_like_text_is_a_date_or_a_value_error(text: str) -> None:
    try:
        moment = parse_moment(text, "day_first")
    except ValueError:
        return
    assert moment.endswith("Z")
