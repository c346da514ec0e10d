"""Updating, deleting and restoring contacts."""

from typing import Any

import pytest

from tests.conftest import Client


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_update_changes_what_was_sent(api: Client, method: str) -> None:
    jane = api.contact(email="jane@example.com", first_name="Jane", metadata={"a": 1, "b": 2}, tags=["x"])
    changed = api.data(method, f"/contacts/{jane['id']}", {"last_name": "Doe", "metadata": {"b": None, "c": 3}})
    assert changed == jane | {"last_name": "Doe", "metadata": {"a": 1, "c": 3}, "updated_at": changed["updated_at"]}


def test_null_clears_and_tags_replace(api: Client) -> None:
    jane = api.contact(email="jane@example.com", first_name="Jane", tags=["x", "y"], metadata={"a": 1})
    changed = api.data("PATCH", f"/contacts/{jane['id']}", {"first_name": None, "tags": ["z"], "metadata": None})
    assert (changed["first_name"], changed["tags"], changed["metadata"]) == (None, ["z"], {})


def test_the_last_identifier_cannot_be_cleared(api: Client) -> None:
    jane = api.contact(email="jane@example.com")
    response = api.patch(f"/contacts/{jane['id']}", {"email": None})
    assert (response.status_code, response.json()["error"]["code"]) == (422, "MISSING_REQUIRED_FIELD")
    assert api.data("GET", f"/contacts/{jane['id']}") == jane


def test_a_taken_identifier_is_refused_on_update(api: Client) -> None:
    jane = api.contact(email="jane@example.com")
    john = api.contact(email="john@example.com")
    response = api.patch(f"/contacts/{john['id']}", {"email": "jane@example.com"})
    assert response.status_code == 409
    assert response.json()["error"]["details"]["existing_contact_id"] == jane["id"]


def test_a_released_identifier_is_free_for_others(api: Client) -> None:
    jane = api.contact(email="jane@example.com", phone="+14155552671")
    api.data("PATCH", f"/contacts/{jane['id']}", {"email": None})
    assert api.contact(email="jane@example.com")["email"] == "jane@example.com"


def test_an_update_without_a_difference_changes_nothing(api: Client) -> None:
    jane = api.contact(email="jane@example.com", tags=["x"])
    assert api.data("PUT", f"/contacts/{jane['id']}", {"email": "JANE@example.com", "tags": ["x"]}) == jane


def test_etag_guards_against_lost_updates(api: Client) -> None:
    jane = api.contact(email="jane@example.com")
    tag = api.get(f"/contacts/{jane['id']}").headers["etag"]
    first = api.patch(f"/contacts/{jane['id']}", {"first_name": "J"}, headers={"If-Match": tag})
    assert first.status_code == 200
    second = api.patch(f"/contacts/{jane['id']}", {"first_name": "K"}, headers={"If-Match": tag})
    assert (second.status_code, second.json()["error"]["code"]) == (412, "PRECONDITION_FAILED")
    assert first.headers["etag"] == api.get(f"/contacts/{jane['id']}").headers["etag"]


def test_creating_upserting_and_restoring_give_the_etag_that_reading_gives(api: Client) -> None:
    newsletter = api.data("POST", "/contacts/lists", {"name": "Newsletter"})["id"]
    jane = {"email": "jane@example.com", "list_ids": [newsletter]}
    path = ""
    for key, status, asked, body in (
        ("created", 201, "/contacts", jane),
        ("upserted", 200, "/contacts?upsert=true", jane | {"first_name": "Jane"}),
        ("the same again", 200, "/contacts?upsert=true", jane),
        ("restored", 200, "restore", None),
    ):
        if asked == "restore":
            api.delete(f"{path}?soft=true")
            asked = f"{path}/restore"
        first, again = (api.request("POST", asked, body, headers={"Idempotency-Key": key}) for _ in range(2))
        assert (first.status_code, again.headers["idempotent-replayed"]) == (status, "true")
        path = f"/contacts/{first.json()['data']['id']}"
        read = api.get(path)
        assert first.headers["etag"] == again.headers["etag"] == read.headers["etag"]
        assert first.json()["data"] == read.json()["data"]


def test_the_etag_of_a_contact_whose_address_is_blocked_already(api: Client) -> None:
    api.data("POST", "/compliance/suppression-list", {"address": "jane@example.com"})
    made = api.post("/contacts", {"email": "jane@example.com"})
    assert made.headers["etag"] == api.get(f"/contacts/{made.json()['data']['id']}").headers["etag"]


@pytest.mark.parametrize("query", ["", "?soft=true"])
def test_etag_guards_against_deleting_what_changed(api: Client, query: str) -> None:
    jane = api.contact(email="jane@example.com")
    path = f"/contacts/{jane['id']}"
    tag = api.get(path).headers["etag"]
    api.data("PATCH", path, {"first_name": "J"})
    refused = api.http.delete(path + query, headers={"If-Match": tag})
    assert (refused.status_code, refused.json()["error"]["code"]) == (412, "PRECONDITION_FAILED")
    assert api.get(path).json()["data"]["first_name"] == "J"
    assert api.http.delete(path + query, headers={"If-Match": api.get(path).headers["etag"]}).status_code == 204


def test_delete_erases(api: Client) -> None:
    jane = api.contact(email="jane@example.com")
    response = api.http.delete(f"/contacts/{jane['id']}", headers={"Content-Type": "application/json"})
    assert (response.status_code, response.content) == (204, b"")
    assert api.get(f"/contacts/{jane['id']}").status_code == 404
    assert api.post(f"/contacts/{jane['id']}/restore").status_code == 404
    assert api.delete(f"/contacts/{jane['id']}").status_code == 404


def test_soft_delete_hides_and_restore_brings_back(api: Client) -> None:
    jane = api.contact(email="jane@example.com", tags=["x"])
    assert api.delete(f"/contacts/{jane['id']}?soft=true").status_code == 204
    assert api.get(f"/contacts/{jane['id']}").status_code == 404
    assert api.get("/contacts", search="jane").json()["data"] == []
    restored = api.data("POST", f"/contacts/{jane['id']}/restore")
    assert restored == jane | {"updated_at": restored["updated_at"]}
    assert api.get("/contacts").json()["meta"]["pagination"]["total"] == 1


def test_restore_with_a_taken_identifier_is_refused(api: Client) -> None:
    jane = api.contact(email="jane@example.com")
    api.delete(f"/contacts/{jane['id']}?soft=true")
    other = api.contact(email="jane@example.com")
    response = api.post(f"/contacts/{jane['id']}/restore")
    assert response.status_code == 409
    assert response.json()["error"]["details"]["existing_contact_id"] == other["id"]


@pytest.mark.parametrize(
    "id", ["con_1", "nonsense", "lst_01jd3w9k2e8a7v5n0q4r6t8y1z", "con_01jd3w9k2e8a7v5n0q4r6t8y1z"]
)
def test_an_unknown_id_is_404(api: Client, id: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        response = api.request(method, f"/contacts/{id}", {} if method == "PUT" else None)
        assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_tags_are_appended_in_order_and_removed(api: Client) -> None:
    jane = api.contact(email="jane@example.com", tags=["beta-tester"])
    path = f"/contacts/{jane['id']}/tags"
    expected: dict[str, Any] = {"id": jane["id"], "tags": ["beta-tester", "vip", "enterprise"]}
    assert api.data("POST", path, {"tags": ["vip", "enterprise", "vip", "beta-tester"]}) == expected
    assert api.data("DELETE", f"{path}/vip")["tags"] == ["beta-tester", "enterprise"]
    assert api.data("DELETE", f"{path}/absent")["tags"] == ["beta-tester", "enterprise"]


def test_a_tag_with_a_slash_can_be_removed(api: Client) -> None:
    jane = api.contact(email="jane@example.com", tags=["a/b", "ç d"])
    assert api.data("DELETE", f"/contacts/{jane['id']}/tags/a%2Fb")["tags"] == ["ç d"]
    assert api.data("DELETE", f"/contacts/{jane['id']}/tags/%C3%A7%20d")["tags"] == []


def test_tags_are_required(api: Client) -> None:
    jane = api.contact(email="jane@example.com")
    response = api.post(f"/contacts/{jane['id']}/tags", {})
    assert (response.status_code, response.json()["error"]["code"]) == (422, "MISSING_REQUIRED_FIELD")


def test_a_contact_sent_back_as_it_was_read_changes_nothing(api: Client) -> None:
    jane = api.contact(phone="+1 415 555 1234 x12", email="jane@example.com", tags=["vip"], metadata={"a": {"b": 1}})
    assert jane["phone_extension"] == "12"
    assert api.data("PUT", f"/contacts/{jane['id']}", jane) == jane


@pytest.mark.parametrize(
    ("change", "extension"),
    [
        ({"phone_extension": "77"}, "77"),
        ({"phone_extension": None}, None),
        ({"phone": "+14155559999"}, None),
        ({"phone": "+14155559999", "phone_extension": "5"}, "5"),
        ({"phone": "+14155559999 x5", "phone_extension": "6"}, "6"),
        ({"phone": "+14155559999 x5", "phone_extension": None}, "5"),
        ({"phone": None}, None),
    ],
)
def test_an_extension_goes_with_its_number(api: Client, change: dict[str, Any], extension: str | None) -> None:
    jane = api.contact(phone="+1 415 555 1234 x12", email="jane@example.com")
    assert api.data("PATCH", f"/contacts/{jane['id']}", change)["phone_extension"] == extension


@pytest.mark.parametrize("change", [{"phone_extension": "x1"}, {"phone_extension": "1" * 21}])
def test_an_extension_is_digits(api: Client, change: dict[str, Any]) -> None:
    jane = api.contact(phone="+14155551234")
    response = api.patch(f"/contacts/{jane['id']}", change)
    assert (response.status_code, response.json()["error"]["details"]["field"]) == (422, "phone_extension")


def test_an_extension_without_a_number_is_refused(api: Client) -> None:
    assert api.post("/contacts", {"email": "jane@example.com", "phone_extension": "1"}).status_code == 422
    jane = api.contact(email="jane@example.com")
    response = api.patch(f"/contacts/{jane['id']}", {"phone_extension": "1"})
    assert response.json()["error"]["details"]["field"] == "phone_extension"
