"""Values of custom fields: typed on every way in, merged, cleared."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.custom_fields.models import Definition
from orbit_contacts.features.custom_fields.values import from_text, parse
from tests.conftest import Client

TYPES = ["text", "number", "boolean", "date", "datetime", "select", "multi_select", "url", "email", "phone"]
PLANS = ("free", "pro", "ünlimited")

GOOD: list[tuple[str, Any, Any]] = [
    ("text", " kept as is ", " kept as is "),
    ("number", 7, 7),
    ("number", 7.0, 7),
    ("number", -0.25, -0.25),
    ("boolean", False, False),
    ("date", "2026-03-08", "2026-03-08"),
    ("datetime", "2026-03-08T12:00:00.5+02:00", "2026-03-08T10:00:00Z"),
    ("datetime", "2026-03-08", "2026-03-08T00:00:00Z"),
    ("select", "ünlimited", "ünlimited"),
    ("multi_select", ["pro", "free", "pro"], ["pro", "free"]),
    ("multi_select", [], None),
    ("url", " https://example.com/a?b=c#d ", "https://example.com/a?b=c#d"),
    ("email", "Jane@Example.com", "jane@example.com"),
    ("phone", "+1 (415) 555-2671", "+14155552671"),
    ("phone", "0532 123 45 67", "+905321234567"),
    ("text", None, None),
    ("number", "  ", None),
]
BAD: list[tuple[str, Any]] = [
    ("text", 7),
    ("text", "x" * 5001),
    ("number", "7"),
    ("number", True),
    ("number", 1e300),
    ("number", 2**53 + 1),
    ("boolean", "true"),
    ("boolean", 1),
    ("date", "2026-02-30"),
    ("date", "2026-03-08T12:00:00Z"),
    ("date", "20260308"),
    ("date", 20260308),
    ("datetime", "yesterday"),
    ("datetime", 1),
    ("select", "Pro"),
    ("select", ["pro"]),
    ("multi_select", "pro"),
    ("multi_select", ["pro", "gold"]),
    ("multi_select", [["pro"]]),
    ("url", "example.com"),
    ("url", "javascript:alert(1)"),
    ("url", "https://exa mple.com"),
    ("url", "http://[::1"),
    ("email", "jane@"),
    ("email", {}),
    ("phone", "12"),
    ("phone", 14155552671),
]


def definition(type: Any) -> Definition:
    return Definition("f", type, PLANS if "select" in type else ())


@pytest.mark.parametrize(("type", "value", "stored"), GOOD)
def test_a_value_of_its_type_is_stored(type: str, value: Any, stored: Any) -> None:
    assert parse(definition(type), value, "TR") == stored


@pytest.mark.parametrize(("type", "value"), BAD)
def test_a_value_of_another_type_is_refused(type: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(definition(type), value)
    assert refused.value.details["field"] == "custom_fields.f"
    assert refused.value.details["expected"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(TYPES), JSON)
def test_any_json_is_stored_for_good_or_refused(type: str, value: Any) -> None:
    try:
        stored = parse(definition(type), value)
    except InvalidRequest:
        return
    assert stored is None or parse(definition(type), stored) == stored


@pytest.mark.parametrize(
    ("type", "text", "stored"),
    [
        ("number", " 7.50 ", 7.5),
        ("number", "12", 12),
        ("boolean", "Yes", True),
        ("boolean", "0", False),
        ("multi_select", "pro; free;", ["pro", "free"]),
        ("date", "2026-03-08", "2026-03-08"),
        ("number", "", None),
        ("multi_select", " ", None),
    ],
)
def test_a_cell_of_a_file_is_read_as_its_type(type: str, text: str, stored: Any) -> None:
    assert from_text(definition(type), text) == stored


@given(st.sampled_from(TYPES), st.text())
def test_any_cell_is_read_or_refused(type: str, text: str) -> None:
    try:
        stored = from_text(definition(type), text)
    except InvalidRequest:
        return
    assert stored is None or parse(definition(type), stored) == stored


@pytest.fixture
def plans(api: Client) -> Client:
    for key, type, options in (("plan", "select", ["free", "pro"]), ("score", "number", []), ("born", "date", [])):
        api.data("POST", "/custom-fields", {"key": key, "type": type, "options": options})
    return api


def test_values_are_set_on_create_and_merged_on_update(plans: Client) -> None:
    jane = plans.contact(email="jane@example.com", custom_fields={"plan": "pro", "score": 3})
    assert jane["custom_fields"] == {"plan": "pro", "score": 3}
    changed = plans.data("PATCH", f"/contacts/{jane['id']}", {"custom_fields": {"score": None, "born": "1990-01-31"}})
    assert changed["custom_fields"] == {"plan": "pro", "born": "1990-01-31"}
    assert plans.data("PATCH", f"/contacts/{jane['id']}", {"custom_fields": None})["custom_fields"] == {}


def test_every_bad_value_is_told_and_nothing_is_stored(plans: Client) -> None:
    response = plans.post(
        "/contacts", {"email": "a@example.com", "custom_fields": {"plan": "gold", "x": 1, "score": 1}}
    )
    assert (response.status_code, response.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
    details = response.json()["error"]["details"]
    assert (details["field"], details["value"], details["expected"]) == (
        "custom_fields.plan",
        "gold",
        "one of: free, pro",
    )
    assert [fault["field"] for fault in details["errors"]] == ["custom_fields.plan", "custom_fields.x"]
    assert plans.get("/contacts").json()["data"] == []
    jane = plans.contact(email="jane@example.com", custom_fields={"plan": "pro"})
    assert plans.patch(f"/contacts/{jane['id']}", {"custom_fields": {"plan": 7}}).status_code == 422
    assert plans.data("GET", f"/contacts/{jane['id']}") == jane


def test_put_sets_one_value(plans: Client) -> None:
    jane = plans.contact(email="jane@example.com", custom_fields={"plan": "pro"})
    answer = plans.data("PUT", "/custom-fields/values", {"contact_id": jane["id"], "key": "score", "value": 4.0})
    assert answer == {"contact_id": jane["id"], "key": "score", "value": 4}
    assert plans.data("GET", f"/contacts/{jane['id']}")["custom_fields"] == {"plan": "pro", "score": 4}
    cleared = plans.data("PUT", "/custom-fields/values", {"contact_id": jane["id"], "key": "plan", "value": None})
    assert cleared["value"] is None
    assert plans.data("GET", f"/contacts/{jane['id']}")["custom_fields"] == {"score": 4}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"contact_id": "con_01jd3w9k2e8a7v5n0q4r6t8y1z"}, 404, "NOT_FOUND"),
        ({"contact_id": "nonsense"}, 404, "NOT_FOUND"),
        ({"key": "x"}, 422, "VALIDATION_ERROR"),
        ({"value": "3"}, 422, "VALIDATION_ERROR"),
    ],
)
def test_a_bad_value_is_refused_by_put(plans: Client, change: dict[str, Any], status: int, code: str) -> None:
    jane = plans.contact(email="jane@example.com")
    body = {"contact_id": jane["id"], "key": "score", "value": 3} | change
    response = plans.put("/custom-fields/values", body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    del body["value"]
    assert plans.put("/custom-fields/values", body).json()["error"]["code"] == "MISSING_REQUIRED_FIELD"
