"""Preferences: one state per channel, in booleans or words."""

import pytest

from tests.conftest import Client, Workspace

CHANNELS = "email fax instagram line messenger push rcs sms viber voice whatsapp".split()


def test_a_new_contact_is_unknown_on_all_eleven_channels(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    shown = api.data("GET", f"/contacts/{jane['id']}/preferences")
    assert shown == {
        "contact_id": jane["id"],
        "preferences": dict.fromkeys(CHANNELS, "unknown"),
        "details": {
            channel: {"status": "unknown", "source": None, "updated_at": None, "consent_record_id": None}
            for channel in CHANNELS
        },
        "suppressed_scopes": [],
    }


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_booleans_and_words_set_only_the_channels_named(api: Client, method: str) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    path = f"/contacts/{jane['id']}/preferences"
    api.data(method, path, {"preferences": {"sms": True, "whatsapp": "opted_in", "email": False}})
    shown = api.data(method, path, {"preferences": {"voice": "opted_out"}})
    expected = {"sms": "opted_in", "whatsapp": "opted_in", "email": "opted_out", "voice": "opted_out"}
    assert shown["preferences"] == dict.fromkeys(CHANNELS, "unknown") | expected
    assert shown["suppressed_scopes"] == ["email", "voice"]
    assert shown == api.data("GET", path)
    details = shown["details"]["email"]
    assert details["source"] == "preferences_api"
    assert details["consent_record_id"].startswith("cr_")
    assert details["updated_at"].endswith("Z")


def test_null_takes_back_an_opt_in_but_not_an_opt_out(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    path = f"/contacts/{jane['id']}/preferences"
    api.data("PUT", path, {"preferences": {"sms": True, "voice": False}})
    shown = api.data("PUT", path, {"preferences": {"sms": None, "voice": "unknown"}})
    assert (shown["preferences"]["sms"], shown["preferences"]["voice"]) == ("unknown", "opted_out")


def test_an_opt_in_lifts_what_an_opt_out_suppressed(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    path = f"/contacts/{jane['id']}/preferences"
    api.data("PUT", path, {"preferences": {"sms": False}})
    assert len(api.data("GET", "/compliance/suppression-list")) == 1
    shown = api.data("PUT", path, {"preferences": {"sms": True}})
    assert (shown["preferences"]["sms"], shown["suppressed_scopes"]) == ("opted_in", [])
    assert api.data("GET", "/compliance/suppression-list") == []


def test_repeating_a_state_writes_no_second_record(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    path = f"/contacts/{jane['id']}/preferences"
    first = api.data("PUT", path, {"preferences": {"sms": False, "whatsapp": True}})
    assert api.data("PUT", path, {"preferences": {"sms": False, "whatsapp": True}}) == first
    assert len(api.data("GET", f"/contacts/{jane['id']}/consent/history")) == 2


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"preferences": {"pager": True}}, "INVALID_CHANNEL", "preferences.pager"),
        ({"preferences": {"telegram": True}}, "INVALID_CHANNEL", "preferences.telegram"),
        ({"preferences": {"sms": "maybe"}}, "VALIDATION_ERROR", "preferences.sms"),
        ({"preferences": {"sms": 1}}, "VALIDATION_ERROR", "preferences.[...]"),
        ({"preferences": [True]}, "VALIDATION_ERROR", "preferences"),
        ({}, "MISSING_REQUIRED_FIELD", "preferences"),
    ],
)
def test_what_is_no_preference_is_refused_and_changes_nothing(api: Client, body: object, code: str, field: str) -> None:
    jane = api.contact(phone="+14155552671")
    before = api.data("GET", f"/contacts/{jane['id']}/preferences")
    response = api.put(f"/contacts/{jane['id']}/preferences", body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (422, code)
    assert error["details"]["field"].startswith(field.split("[")[0].rstrip("."))
    assert api.data("GET", f"/contacts/{jane['id']}/preferences") == before


def test_one_bad_channel_keeps_the_good_ones_from_changing(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    response = api.put(f"/contacts/{jane['id']}/preferences", {"preferences": {"sms": False, "pager": False}})
    assert response.status_code == 422
    assert api.data("GET", f"/contacts/{jane['id']}/preferences")["preferences"]["sms"] == "unknown"


def test_preferences_of_nobody_are_not_found(api: Client, workspace: Workspace) -> None:
    other = workspace.test_api.contact(phone="+14155552671")
    for id in ("con_0000000000000000000000000", other["id"]):
        assert api.get(f"/contacts/{id}/preferences").status_code == 404
        response = api.put(f"/contacts/{id}/preferences", {"preferences": {"sms": False}})
        assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_changes_are_events_with_their_source(api: Client) -> None:
    """Read over the ledger's own events, which the timeline shows."""
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"email": False, "sms": True}})
    history = api.data("GET", f"/contacts/{jane['id']}/consent/history")
    assert [(entry["channel"], entry["status"], entry["source"]) for entry in history] == [
        ("sms", "opted_in", "preferences_api"),
        ("email", "opted_out", "preferences_api"),
    ]
