"""A refusal names every field at fault, with the value it got and what was expected."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from orbit_contacts.core.decoding import decode_body, decode_query, list_fields
from orbit_contacts.core.errors import Refusal


class Window(msgspec.Struct):
    start: Annotated[str, Meta(pattern="^[0-9]{2}:[0-9]{2}$")]


class Visit(msgspec.Struct):
    name: str
    day: Literal["monday", "friday"]
    limit: Annotated[int, Meta(ge=1)] | None = None
    windows: dict[str, Window | None] = {}
    days: list[Literal["monday", "friday"]] = []
    flags: dict[str, bool | str | None] = {}


_visit = msgspec.json.Decoder(Visit)
_good: dict[str, Any] = {"name": "Ada", "day": "friday"}


def refused(**fields: Any) -> dict[str, Any]:
    with pytest.raises(Refusal) as caught:
        decode_body(msgspec.json.encode(fields), _visit, True)
    return caught.value.details


@pytest.mark.parametrize(
    ("fields", "field", "value", "expected"),
    [
        ({"day": "sunday"}, "day", "sunday", ["friday", "monday"]),
        ({"days": ["friday", "sunday"]}, "days.1", "sunday", ["friday", "monday"]),
        ({"limit": 0}, "limit", 0, "integer >= 1"),
        ({"windows": {"sms": None, "voice": {"start": "25"}}}, "windows.voice.start", "25", None),
        ({"flags": {"sms": True, "email": 1}}, "flags.email", 1, "boolean | string | null"),
        ({"flags": {"a.b": 1}}, "flags.a.b", 1, "boolean | string | null"),
        ({"windows": {"sms": {}}}, "windows.sms.start", None, "a value"),
    ],
)
def test_a_fault_is_named(fields: dict[str, Any], field: str, value: Any, expected: Any) -> None:
    details = refused(**(_good | fields))
    assert (details["field"], details["value"]) == (field, value)
    if expected is not None:
        assert details["expected"] == expected
    assert "errors" not in details


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        (b'{"name": "A\\u0000da", "day": "friday"}', "name", "A\\u0000da"),
        (b'{"name": "Ada", "day": "friday", "days": ["monday", "\\u0000"]}', "days.1", "\\u0000"),
        (b'{"name": "Ada", "flags": {"a\\u0000b": true}}', "flags.a\\u0000b", "a\\u0000b"),
        (b'["\\u0000"]', "0", "\\u0000"),
    ],
)
def test_a_text_with_nul_is_named(body: bytes, field: str, value: str) -> None:
    with pytest.raises(Refusal) as caught:
        decode_body(body, _visit, True)
    assert (caught.value.details["field"], caught.value.details["value"]) == (field, value)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"[]", "array"),
        (b'"x"', "string"),
        (b"null", "null"),
        (b"5", "integer"),
        (b"1.5", "number"),
        (b"true", "boolean"),
    ],
)
def test_a_body_that_is_no_object_is_called_what_json_calls_it(body: bytes, kind: str) -> None:
    with pytest.raises(Refusal) as caught:
        decode_body(body, _visit, True)
    assert (caught.value.status, caught.value.details["value"]) == (400, kind)


def test_a_byte_order_mark_does_not_count() -> None:
    assert decode_body(b'\xef\xbb\xbf{"name": "Ada", "day": "friday"}', _visit, True).name == "Ada"
    with pytest.raises(Refusal) as caught:
        decode_body(b"\xef\xbb\xbf[]", _visit, True)
    assert caught.value.details["value"] == "array"
    with pytest.raises(Refusal) as caught:
        decode_body(b"\xef\xbb\xbf" * 5_000, _visit, True)
    assert caught.value.status == 400


def test_types_are_called_what_json_calls_them() -> None:
    with pytest.raises(Refusal) as caught:
        decode_body(b'{"name": {"first": ["Ada"]}, "day": "friday"}', _visit, True)
    assert caught.value.message == "`name`: Expected `string`, got `object`."
    assert (caught.value.details["value"], caught.value.details["expected"]) == ('{"first":["Ada"]}', "string")


class Filter(msgspec.Struct):
    limit: int | None = None
    blocked: bool | None = None


@pytest.mark.parametrize(
    ("query", "message", "expected"),
    [
        (b"limit=1.5", "`limit`: Expected `integer`.", "integer"),
        (b"blocked=maybe", "`blocked`: Expected `true or false`.", "true or false"),
    ],
)
def test_a_query_is_text_and_told_so(query: bytes, message: str, expected: str) -> None:
    with pytest.raises(Refusal) as caught:
        decode_query(query, Filter, list_fields(Filter))
    assert (caught.value.message, caught.value.details["expected"]) == (message, expected)


def test_all_faults_are_told_in_one_answer() -> None:
    details = refused(name=1, limit="x", flags={"sms": 5})
    assert details["field"] == "name"
    told = [(each["field"], each["code"]) for each in details["errors"]]
    assert told == [
        ("name", "VALIDATION_ERROR"),
        ("limit", "VALIDATION_ERROR"),
        ("flags.sms", "VALIDATION_ERROR"),
        ("day", "MISSING_REQUIRED_FIELD"),
    ]


def test_what_is_missing_is_told_together() -> None:
    details = refused()
    assert [each["field"] for each in details["errors"]] == ["name", "day"]


def test_a_query_tells_all_faults() -> None:
    with pytest.raises(Refusal) as caught:
        decode_query(b"name=Ada&day=sunday&limit=x", Visit, list_fields(Visit))
    assert [each["field"] for each in caught.value.details["errors"]] == ["day", "limit"]


def test_a_large_body_is_told_its_first_fault() -> None:
    details = refused(name=1, limit="x", flags={str(number): True for number in range(20_000)})
    assert details["field"] == "name"
    assert "errors" not in details


_scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["friday", "x", "", "a.b"])
_values = _scalars | st.lists(_scalars, max_size=2) | st.dictionaries(st.sampled_from(["start", "a.b", "0"]), _scalars)


@given(st.dictionaries(st.sampled_from([*Visit.__struct_fields__, "other"]), _values))
def test_any_document_is_read_or_refused_by_its_fields(document: dict[str, Any]) -> None:
    details: dict[str, Any] = {"field": "name"}
    try:
        decode_body(msgspec.json.encode(document), _visit, True)
    except Refusal as refusal:
        details = refusal.details
    told = [each["field"] for each in details.get("errors", [details])]
    assert {field.partition(".")[0] for field in told} <= {*Visit.__struct_fields__}
    assert len(told) == len(set(told))
