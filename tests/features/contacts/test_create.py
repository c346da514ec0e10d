"""Creating contacts: what is stored, what is refused, who counts as the same person."""

from typing import Any

import pytest

from tests.conftest import Client, Workspace

JANE: dict[str, Any] = {
    "phone": "+14155552671",
    "email": "jane@example.com",
    "first_name": "Jane",
    "last_name": "Doe",
    "country_code": "US",
    "lifecycle_stage": "lead",
    "tags": ["beta-tester"],
}


def test_create_answers_201_with_the_whole_contact(api: Client) -> None:
    response = api.post("/contacts", JANE)
    assert response.status_code == 201
    contact = response.json()["data"]
    assert JANE.items() <= contact.items()
    assert contact["id"].startswith("con_")
    assert contact["blocked"] is False
    assert contact["metadata"] == {}
    assert response.json()["meta"]["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("given", "e164", "extension"),
    [
        ({"phone": "+1 (415) 555-1234"}, "+14155551234", None),
        ({"phone": "+14155551234 x1234"}, "+14155551234", "1234"),
        ({"phone": "0532 123 45 67", "country_code": "TR"}, "+905321234567", None),
        ({"phone": "0090 532 123 45 67"}, "+905321234567", None),
    ],
)
def test_phone_is_stored_as_e164(api: Client, given: dict[str, str], e164: str, extension: str | None) -> None:
    contact = api.contact(**given)
    assert (contact["phone"], contact["phone_extension"]) == (e164, extension)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "MISSING_REQUIRED_FIELD", "phone"),
        ({"first_name": "Jane"}, "MISSING_REQUIRED_FIELD", "phone"),
        ({"phone": "12"}, "INVALID_PHONE_NUMBER", "phone"),
        ({"phone": "532 123 45 67"}, "INVALID_PHONE_NUMBER", "phone"),
        ({"email": "jane@"}, "INVALID_EMAIL", "email"),
        ({"email": "a@example.com", "country_code": "XX"}, "VALIDATION_ERROR", "country_code"),
        ({"email": "a@example.com", "timezone": "Mars/Base"}, "VALIDATION_ERROR", "timezone"),
        ({"email": "a@example.com", "language": "klingon"}, "VALIDATION_ERROR", "language"),
        ({"email": "a@example.com", "first_name": "x" * 101}, "VALIDATION_ERROR", "first_name"),
        ({"email": "a@example.com", "tags": ["a,b"]}, "VALIDATION_ERROR", "tags"),
        ({"email": "a@example.com", "tags": [f"t{n}" for n in range(101)]}, "VALIDATION_ERROR", "tags"),
        ({"email": "a@example.com", "tags": "vip"}, "VALIDATION_ERROR", "tags"),
        ({"email": "a@example.com", "metadata": {"k" * 65: 1}}, "VALIDATION_ERROR", "metadata"),
        ({"email": "a@example.com", "metadata": {f"k{n}": 1 for n in range(101)}}, "VALIDATION_ERROR", "metadata"),
        ({"email": "a@example.com", "metadata": {"big": "x" * 66_000}}, "VALIDATION_ERROR", "metadata"),
        ({"email": "a@example.com", "first_name": "nul\0"}, "VALIDATION_ERROR", "first_name"),
    ],
)
def test_bad_input_is_refused_by_field(api: Client, body: dict[str, Any], code: str, field: str) -> None:
    response = api.post("/contacts", body)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["details"]["field"]) == (422, code, field)
    assert error["details"]["expected"]
    assert api.get("/contacts").json()["meta"]["pagination"]["total"] == 0


def test_several_faults_are_all_listed(api: Client) -> None:
    error = api.post("/contacts", {"phone": "1x", "email": "no", "country_code": "QQQ"}).json()["error"]
    assert {fault["field"] for fault in error["details"]["errors"]} == {"phone", "email", "country_code"}


@pytest.mark.parametrize("body", [b"{", b"[]", b"nope", b"\xff\xfe"])
def test_a_body_that_is_no_object_is_400(api: Client, body: bytes) -> None:
    response = api.http.post("/contacts", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "VALIDATION_ERROR")


def test_aliases_of_fields_are_accepted(api: Client) -> None:
    contact = api.contact(
        email="a@example.com",
        name="Jane D.",
        organization="Acme",
        custom_attributes={"plan": "pro", "seats": 3},
        metadata={"plan": "free"},
    )
    assert (contact["display_name"], contact["company"]) == ("Jane D.", "Acme")
    assert contact["metadata"] == {"plan": "free", "seats": 3}


def test_unknown_fields_are_ignored(api: Client) -> None:
    assert "shoe_size" not in api.contact(email="a@example.com", shoe_size=43)


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ({"phone": "+14155552671"}, {"phone": "+1 415 555 2671"}, "phone"),
        ({"phone": "+14155552671"}, {"phone": "+14155552671 x55"}, "phone"),
        ({"phone": "+5511987654321"}, {"phone": "+551187654321"}, "phone"),
        ({"phone": "+5215512345678"}, {"phone": "+525512345678"}, "phone"),
        ({"phone": "+5491123456789"}, {"phone": "+541123456789"}, "phone"),
        ({"email": "Jane@Example.com"}, {"email": "jane@example.COM"}, "email"),
        ({"email": "jane@bücher.example"}, {"email": "jane@xn--bcher-kva.example"}, "email"),
        ({"external_id": "crm-1"}, {"external_id": "crm-1"}, "external_id"),
    ],
)
def test_the_same_person_twice_is_refused(
    api: Client, first: dict[str, str], second: dict[str, str], field: str
) -> None:
    holder = api.contact(**first)
    response = api.post("/contacts", second)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "CONTACT_ALREADY_EXISTS")
    details = response.json()["error"]["details"]
    assert (details["field"], details["existing_contact_id"]) == (field, holder["id"])


def test_variants_of_a_number_are_stored_as_written(api: Client) -> None:
    assert api.contact(phone="+551187654321")["phone"] == "+551187654321"


def test_upsert_updates_the_holder(api: Client) -> None:
    jane = api.contact(**JANE)
    response = api.post("/contacts?upsert=true", {"email": "JANE@example.com", "company": "Acme"})
    assert response.status_code == 200
    assert response.json()["data"] == jane | {"company": "Acme", "updated_at": response.json()["data"]["updated_at"]}


@pytest.mark.parametrize("phone", ["+551187654321", "11 8765-4321", "+55 11 98765-4321"])
def test_upsert_by_another_spelling_of_the_phone_rewrites_nothing(api: Client, phone: str) -> None:
    bruna = api.contact(phone="+55 11 98765-4321 x77", country_code="BR")
    response = api.post("/contacts?upsert=true", {"phone": phone, "country_code": "BR", "first_name": "Bruna"})
    assert response.status_code == 200
    told = response.json()["data"]
    assert told == bruna | {"first_name": "Bruna", "updated_at": told["updated_at"]}
    assert api.data("PATCH", f"/contacts/{bruna['id']}", {"phone": phone})["phone_extension"] is None


def test_upsert_creates_when_nobody_holds_it(api: Client) -> None:
    assert api.post("/contacts?upsert=True", JANE).status_code == 201


def test_upsert_across_two_people_is_refused_and_changes_nothing(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    john = api.contact(email="john@example.com")
    response = api.post("/contacts?upsert=true", {"phone": "+14155552671", "email": "john@example.com"})
    assert response.status_code == 409
    assert api.data("GET", f"/contacts/{jane['id']}") == jane
    assert api.data("GET", f"/contacts/{john['id']}") == john


def test_test_keys_see_only_test_data(workspace: Workspace) -> None:
    live = workspace.api.contact(**JANE)
    response = workspace.test_api.post("/contacts", JANE)
    assert response.status_code == 201
    assert response.headers["x-orbit-env"] == "sandbox"
    assert workspace.test_api.get(f"/contacts/{live['id']}").status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/contacts", "/api/v1/contacts/", "/v1/contacts", "/v1/contacts/"])
def test_every_spelling_of_the_path_is_served(api: Client, path: str) -> None:
    for method in ("GET", "POST"):
        response = api.http.request(method, api.url + path, json={"external_id": path} if method == "POST" else None)
        assert response.status_code == (200 if method == "GET" else 201)
