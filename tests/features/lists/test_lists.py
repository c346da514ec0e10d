"""Lists: made, renamed, deleted, shown."""

from typing import Any

import pytest

from tests.conftest import Client, Workspace


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_create_answers_201_with_an_empty_list(api: Client) -> None:
    response = api.post("/contacts/lists", {"name": " VIP Customers ", "description": "High-value accounts"})
    assert response.status_code == 201
    made = response.json()["data"]
    assert made["id"].startswith("lst_")
    assert (made["name"], made["description"]) == ("VIP Customers", "High-value accounts")
    assert made["member_count"] == 0
    assert api.data("GET", f"/contacts/lists/{made['id']}") == made


@pytest.mark.parametrize("taken", ["VIP", "vip", " Vip "])
def test_a_name_is_unique_whatever_the_case(api: Client, taken: str) -> None:
    api.data("POST", "/contacts/lists", {"name": "VIP"})
    response = api.post("/contacts/lists", {"name": taken})
    assert code(response) == (409, "LIST_NAME_TAKEN")


def test_a_name_is_free_in_another_workspace(workspace: Workspace) -> None:
    workspace.api.data("POST", "/contacts/lists", {"name": "VIP"})
    assert workspace.test_api.data("POST", "/contacts/lists", {"name": "VIP"})["member_count"] == 0


@pytest.mark.parametrize(
    ("body", "expected", "field"),
    [
        ({}, "MISSING_REQUIRED_FIELD", "name"),
        ({"name": "  "}, "VALIDATION_ERROR", "name"),
        ({"name": "x" * 121}, "VALIDATION_ERROR", "name"),
        ({"name": 7}, "VALIDATION_ERROR", "name"),
        ({"name": "a", "description": "x" * 2001}, "VALIDATION_ERROR", "description"),
    ],
)
def test_a_bad_list_is_refused(api: Client, body: dict[str, Any], expected: str, field: str) -> None:
    response = api.post("/contacts/lists", body)
    assert code(response) == (422, expected)
    assert response.json()["error"]["details"]["field"] == field
    assert api.get("/contacts/lists").json()["data"] == []


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_is_sent_changes(api: Client, method: str) -> None:
    made = api.data("POST", "/contacts/lists", {"name": "VIP", "description": "old"})
    path = f"/contacts/lists/{made['id']}"
    renamed = api.data(method, path, {"name": "vip"})
    assert (renamed["name"], renamed["description"]) == ("vip", "old")
    cleared = api.data(method, path, {"description": None})
    assert (cleared["name"], cleared["description"]) == ("vip", None)
    assert api.data("GET", path) == cleared


def test_a_taken_name_is_refused_on_change(api: Client) -> None:
    api.data("POST", "/contacts/lists", {"name": "VIP"})
    other = api.data("POST", "/contacts/lists", {"name": "News"})
    assert code(api.put(f"/contacts/lists/{other['id']}", {"name": "vIP"})) == (409, "LIST_NAME_TAKEN")
    assert api.data("GET", f"/contacts/lists/{other['id']}") == other


def test_lists_are_paged_newest_first(api: Client) -> None:
    names = [f"list {n}" for n in range(5)]
    for name in names:
        api.data("POST", "/contacts/lists", {"name": name})
    seen, cursor = [], None
    while True:
        page = api.get("/contacts/lists", limit=2, **({"cursor": cursor} if cursor else {})).json()
        seen += [row["name"] for row in page["data"]]
        assert page["meta"]["pagination"]["total"] == 5
        cursor = page["meta"]["pagination"]["cursor"]
        if cursor is None:
            break
    assert sorted(seen) == names
    assert seen[0] == "list 4"


def test_delete_removes_the_list_and_keeps_the_members(api: Client) -> None:
    made = api.data("POST", "/contacts/lists", {"name": "VIP"})
    jane = api.contact(email="jane@example.com", list_ids=[made["id"]])
    response = api.delete(f"/contacts/lists/{made['id']}")
    assert (response.status_code, response.content) == (204, b"")
    assert api.data("GET", f"/contacts/{jane['id']}") == jane
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/members"), ("POST", "/members")):
        body = {"contact_ids": [jane["id"]]} if method == "POST" else {} if method == "PUT" else None
        assert code(api.request(method, f"/contacts/lists/{made['id']}{path}", body)) == (404, "NOT_FOUND")
    assert code(api.get("/contacts", list_id=made["id"])) == (404, "NOT_FOUND")
    assert api.data("POST", "/contacts/lists", {"name": "VIP"})["member_count"] == 0


def test_another_workspaces_list_is_not_found(workspace: Workspace) -> None:
    made = workspace.api.data("POST", "/contacts/lists", {"name": "VIP"})
    stranger = workspace.test_api
    own = stranger.contact(email="own@example.com")
    path = f"/contacts/lists/{made['id']}"
    assert stranger.get("/contacts/lists").json()["data"] == []
    for method in ("GET", "PUT", "DELETE"):
        assert stranger.request(method, path, {} if method == "PUT" else None).status_code == 404
    assert stranger.post(f"{path}/members", {"contact_ids": [own["id"]]}).status_code == 404
    assert stranger.get("/contacts", list_id=made["id"]).status_code == 404
    assert code(stranger.post("/contacts", {"email": "b@example.com", "list_ids": [made["id"]]}))[0] == 422
