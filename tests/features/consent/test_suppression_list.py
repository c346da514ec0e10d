"""The suppression list: added, found, removed; a person's own word is lifted by an opt-in alone."""

from typing import Any

import pytest

from tests.conftest import Client

PATH = "/compliance/suppression-list"


def suppress(api: Client, address: str, **fields: Any) -> Any:
    return api.data("POST", PATH, {"address": address, **fields})


def test_a_phone_number_is_suppressed_for_everything_that_reaches_it(api: Client) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    entry = suppress(api, "+1 415 555 2671", reason="asked by letter")
    assert (entry["address"], entry["kind"], entry["scope"]) == ("+14155552671", "phone", "all")
    assert (entry["source"], entry["reason"]) == ("suppression_list", "asked by letter")
    shown = api.data("GET", f"/contacts/{jane['id']}/preferences")
    closed = {channel for channel, status in shown["preferences"].items() if status == "opted_out"}
    assert closed == set(shown["preferences"]) - {"email"}
    assert shown["suppressed_scopes"] == ["all"]
    assert shown["details"]["sms"]["source"] == "suppression_list"


def test_an_address_of_nobody_waits_for_its_contact(api: Client) -> None:
    suppress(api, "jane@example.com")
    jane = api.contact(email="jane@example.com")
    shown = api.data("GET", f"/contacts/{jane['id']}/preferences")
    assert (shown["preferences"]["email"], shown["preferences"]["sms"]) == ("opted_out", "unknown")
    assert [entry["status"] for entry in api.data("GET", f"/contacts/{jane['id']}/consent/history")] == ["suppressed"]


def test_another_spelling_of_a_number_is_the_same_address(api: Client) -> None:
    suppress(api, "+5215512345678")
    jane = api.contact(phone="+525512345678")
    assert api.data("GET", f"/contacts/{jane['id']}/preferences")["preferences"]["sms"] == "opted_out"


def test_suppressing_twice_gives_the_first_entry(api: Client) -> None:
    first = suppress(api, "jane@example.com", reason="first")
    response = api.post(PATH, {"address": "JANE@example.com", "reason": "second"})
    assert (response.status_code, response.json()["data"]) == (200, first)
    jane = api.contact(email="jane@example.com")
    assert api.post(PATH, {"address": "jane@example.com"}).json()["data"] == first
    assert len(api.data("GET", f"/contacts/{jane['id']}/consent/history")) == 1


def test_a_suppressed_phone_puts_its_contact_on_the_dnc_list(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    for scope, dnc in (("whatsapp", False), ("email", None), ("sms", True)):
        response = api.post(PATH, {"address": "+14155552671", "scope": scope})
        assert response.status_code == (422 if dnc is None else 201)
        if dnc is not None:
            assert api.data("GET", f"/contacts/{jane['id']}")["dnc"] is dnc
    john = api.contact(phone="+14155552672")
    assert john["dnc"] is False
    suppress(api, "+14155552673", scope="voice")
    assert api.contact(phone="+14155552673")["dnc"] is True


def test_the_list_is_newest_first_paged_and_found_by_scope_and_address(api: Client) -> None:
    entries = [suppress(api, f"+1415555267{n}", scope="voice" if n == 2 else None) for n in range(4)]
    page = api.get(PATH, limit=3).json()
    rest = api.get(PATH, limit=3, cursor=page["meta"]["pagination"]["cursor"]).json()
    assert [*page["data"], *rest["data"]] == entries[::-1]
    assert page["meta"]["pagination"]["total"] == 4
    assert api.data("GET", PATH, params={"scope": "voice"}) == [entries[2]]
    assert api.data("GET", PATH, params={"address": "+1 415-555-2673"}) == [entries[3]]
    assert api.get(PATH, scope="pager").json()["error"]["code"] == "INVALID_CHANNEL"


def test_removing_an_entry_opens_what_only_it_had_closed(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"voice": False, "sms": True}})
    entry = suppress(api, "+14155552671")
    assert api.delete(f"{PATH}/{entry['id']}").status_code == 204
    shown = api.data("GET", f"/contacts/{jane['id']}/preferences")
    assert (shown["preferences"]["voice"], shown["preferences"]["sms"]) == ("opted_out", "opted_in")
    assert shown["suppressed_scopes"] == ["voice"]
    assert api.delete(f"{PATH}/{entry['id']}").status_code == 404


def test_an_entry_of_an_address_without_a_contact_is_removed_and_remembered(api: Client) -> None:
    entry = suppress(api, "jane@example.com")
    api.data("DELETE", f"{PATH}/{entry['id']}")
    records = api.data("GET", "/compliance/consent", params={"identifier": "jane@example.com"})
    assert [(record["status"], record["contact_id"]) for record in records] == [
        ("released", None),
        ("suppressed", None),
    ]
    assert api.data("GET", PATH) == []


def test_a_persons_own_opt_out_cannot_be_removed_from_the_list(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"sms": False}})
    entry = api.data("GET", PATH)[0]
    response = api.delete(f"{PATH}/{entry['id']}")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "CONFLICT")
    assert api.data("GET", PATH) == [entry]


def test_an_operator_cannot_take_over_what_a_person_closed(api: Client) -> None:
    """STOP, START for one channel, suppressed again by hand: still not the operator's to remove."""
    jane = api.contact(phone="+14155552671")
    path = f"/contacts/{jane['id']}/preferences"
    suppress(api, "+14155552671", scope="sms")
    api.data("PUT", path, {"preferences": {"sms": False}})
    entry = api.data("GET", PATH)[0]
    assert entry["source"] == "preferences_api"
    assert api.delete(f"{PATH}/{entry['id']}").status_code == 409


def test_an_opt_in_lifts_its_channel_from_a_wider_suppression(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    suppress(api, "+14155552671")
    shown = api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"sms": True}})
    assert (shown["preferences"]["sms"], shown["preferences"]["voice"]) == ("opted_in", "opted_out")
    assert api.data("GET", PATH)[0]["lifted_channels"] == ["sms"]
    suppress(api, "+14155552671")
    assert api.data("GET", f"/contacts/{jane['id']}/preferences")["preferences"]["sms"] == "opted_out"


def test_an_operators_entry_stays_with_the_address_when_the_contact_leaves_it(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    suppress(api, "+14155552671")
    changed = api.data("PATCH", f"/contacts/{jane['id']}", {"phone": "+14155552679"})
    assert changed["dnc"] is False
    assert api.data("GET", f"/contacts/{jane['id']}/preferences")["preferences"]["sms"] == "unknown"
    john = api.contact(phone="+14155552671")
    assert john["dnc"] is True


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MISSING_REQUIRED_FIELD"),
        ({"address": "  "}, "MISSING_REQUIRED_FIELD"),
        ({"address": "+12"}, "INVALID_PHONE_NUMBER"),
        ({"address": "jane@"}, "INVALID_EMAIL"),
        ({"address": "jane@example.com", "scope": "sms"}, "VALIDATION_ERROR"),
        ({"address": "jane@example.com", "scope": "pager"}, "INVALID_CHANNEL"),
        ({"address": "jane@example.com", "reason": "x" * 501}, "VALIDATION_ERROR"),
    ],
)
def test_what_is_no_entry_is_refused(api: Client, body: Any, code: str) -> None:
    response = api.post(PATH, body)
    assert (response.status_code, response.json()["error"]["code"]) == (422, code)
    assert api.data("GET", PATH) == []
