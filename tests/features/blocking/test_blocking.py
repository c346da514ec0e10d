"""Blocking, unblocking, and the list of who is blocked."""

from typing import Any

import pytest

from tests.conftest import Client, Workspace


def test_a_block_is_shown_with_its_reason(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    blocked = api.data("POST", f"/contacts/{jane['id']}/block", {"reason": " spam "})
    assert (blocked["blocked"], blocked["block_reason"]) == (True, "spam")
    assert blocked["blocked_at"].endswith("Z")
    assert api.data("GET", f"/contacts/{jane['id']}") == blocked


@pytest.mark.parametrize(
    "options", [{}, {"json": {}}, {"content": b"", "headers": {"Content-Type": "application/json"}}]
)
def test_the_body_is_optional(api: Client, options: dict[str, Any]) -> None:
    jane = api.contact(phone="+14155552671")
    for action, expected in (("block", True), ("unblock", False)):
        response = api.http.post(f"/contacts/{jane['id']}/{action}", **options)
        assert (response.status_code, response.json()["data"]["blocked"]) == (200, expected)


def test_blocking_again_keeps_the_first_block(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    first = api.data("POST", f"/contacts/{jane['id']}/block", {"reason": "first"})
    assert api.data("POST", f"/contacts/{jane['id']}/block", {"reason": "second"}) == first


def test_unblocking_lifts_the_block_and_no_opt_out(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"sms": False}})
    api.data("POST", f"/contacts/{jane['id']}/block", {"reason": "spam"})
    for _ in range(2):
        shown = api.data("POST", f"/contacts/{jane['id']}/unblock")
        assert (shown["blocked"], shown["blocked_at"], shown["block_reason"]) == (False, None, None)
    assert api.data("GET", f"/contacts/{jane['id']}/preferences")["preferences"]["sms"] == "opted_out"


def test_the_list_is_newest_block_first_in_pages(api: Client) -> None:
    cast = [api.contact(first_name=name) for name in ("Ada", "Bob", "Cem")]
    for contact in (cast[1], cast[0], cast[2]):
        api.data("POST", f"/contacts/{contact['id']}/block", {"reason": contact["first_name"]})
    first = api.get("/contacts/blocked", limit=2).json()
    second = api.get("/contacts/blocked", limit=2, cursor=first["meta"]["pagination"]["cursor"]).json()
    shown = first["data"] + second["data"]
    assert [contact["first_name"] for contact in shown] == ["Cem", "Ada", "Bob"]
    assert (first["meta"]["pagination"]["total"], second["meta"]["pagination"]["cursor"]) == (3, None)
    assert all(contact["blocked_by"].startswith("api_key:key_") for contact in shown)
    assert shown[1] == api.data("GET", f"/contacts/{cast[0]['id']}") | {"blocked_by": shown[1]["blocked_by"]}
    api.data("DELETE", f"/contacts/{cast[2]['id']}?soft=true")
    api.data("POST", f"/contacts/{cast[1]['id']}/unblock")
    assert [contact["id"] for contact in api.data("GET", "/contacts/blocked")] == [cast[0]["id"]]


@pytest.mark.parametrize("soft", ["true", "false"])
def test_whoever_comes_back_after_a_deletion_is_blocked(api: Client, soft: str) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    at = api.data("POST", f"/contacts/{jane['id']}/block", {"reason": "spam by Jane"})["blocked_at"]
    api.data("DELETE", f"/contacts/{jane['id']}?soft={soft}")
    again = api.contact(email="jane@example.com")
    assert (again["blocked"], again["blocked_at"], again["block_reason"]) == (True, at, None)
    api.data("POST", f"/contacts/{again['id']}/unblock")
    api.data("DELETE", f"/contacts/{again['id']}")
    assert api.contact(email="jane@example.com")["blocked"] is False
    assert api.contact(phone="+14155552671")["blocked"] is True


def test_a_restored_contact_is_still_blocked(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    blocked = api.data("POST", f"/contacts/{jane['id']}/block", {"reason": "spam"})
    api.data("DELETE", f"/contacts/{jane['id']}?soft=true")
    restored = api.data("POST", f"/contacts/{jane['id']}/restore")
    assert (restored["blocked_at"], restored["block_reason"]) == (blocked["blocked_at"], "spam")


def test_an_upsert_does_not_unblock(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    api.data("POST", f"/contacts/{jane['id']}/block")
    again = api.data("POST", "/contacts?upsert=true", {"phone": "+14155552671", "first_name": "Jane"})
    assert (again["id"], again["blocked"]) == (jane["id"], True)


def test_a_reason_that_is_too_long_is_refused(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    response = api.post(f"/contacts/{jane['id']}/block", {"reason": "x" * 501})
    assert (response.status_code, response.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert api.data("GET", f"/contacts/{jane['id']}")["blocked"] is False


def test_nobody_else_can_be_blocked(api: Client, workspace: Workspace) -> None:
    other = workspace.test_api.contact(phone="+14155552671")
    assert api.post(f"/contacts/{other['id']}/block").status_code == 404
    assert api.post(f"/contacts/{other['id']}/unblock").status_code == 404
    assert workspace.test_api.data("GET", f"/contacts/{other['id']}")["blocked"] is False
