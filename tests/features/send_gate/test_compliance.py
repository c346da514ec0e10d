"""Compliance settings, the quiet hours preview and the do-not-call check."""

from typing import Any

import pytest

from tests.conftest import Client, Workspace

SETTINGS = "/settings/compliance"
PREVIEW = "/compliance/quiet-hours/preview"
DNC = "/compliance/dnc/check"


def test_everything_is_off_until_it_is_set(api: Client) -> None:
    shown = api.data("GET", SETTINGS)
    assert (shown["require_opt_in"], shown["dnc"]) == (False, {"enabled": False})
    hours = shown["quiet_hours"]
    assert (hours["enabled"], hours["timezone"], hours["exempt_categories"]) == (False, "UTC", [])
    assert hours["windows"]["sms"] == hours["windows"]["voice"] == {"start": "08:00", "end": "21:00"}
    assert hours["windows"]["whatsapp"] == {"start": "09:00", "end": "21:00"}
    assert [hours["windows"][channel] for channel in ("email", "fax", "push")] == [None] * 3
    assert len(hours["windows"]) == 11


def test_a_change_touches_only_what_was_sent(api: Client, workspace: Workspace) -> None:
    before = api.data("GET", SETTINGS)
    api.data("PATCH", SETTINGS, {"require_opt_in": True})
    changed = api.data("PATCH", SETTINGS, {"quiet_hours": {"windows": {"sms": {"start": "22:00", "end": "06:30"}}}})
    before["require_opt_in"] = True
    before["quiet_hours"]["windows"]["sms"] = {"start": "22:00", "end": "06:30"}
    assert changed == before == api.data("GET", SETTINGS)
    assert workspace.test_api.data("GET", SETTINGS)["require_opt_in"] is False
    assert [entry["action"] for entry in api.data("GET", "/settings/audit-log")][:2] == [
        "settings.compliance_changed"
    ] * 2


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"require_opt_in": "yes"}, "VALIDATION_ERROR", "require_opt_in"),
        ({"quiet_hours": {"timezone": "Mars"}}, "VALIDATION_ERROR", "quiet_hours.timezone"),
        ({"quiet_hours": {"windows": {"pager": None}}}, "INVALID_CHANNEL", "quiet_hours.windows.pager"),
        (
            {"quiet_hours": {"windows": {"sms": {"start": "08:00", "end": "08:00"}}}},
            "VALIDATION_ERROR",
            "quiet_hours.windows.sms",
        ),
        ({"quiet_hours": {"windows": {"sms": {"start": "25:00", "end": "08:00"}}}}, "VALIDATION_ERROR", "quiet_hours"),
        ({"quiet_hours": {"windows": {"sms": {"start": "08:00"}}}}, "MISSING_REQUIRED_FIELD", "quiet_hours"),
    ],
)
def test_what_is_no_setting_is_refused(api: Client, body: Any, code: str, field: str) -> None:
    before = api.data("GET", SETTINGS)
    response = api.patch(SETTINGS, body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (422, code)
    assert error["details"]["field"].startswith(field)
    assert api.data("GET", SETTINGS) == before


def preview(api: Client, phone: str = "+905321234567", channel: str = "sms", **fields: str) -> Any:
    return api.data("GET", PREVIEW, params={"phone": phone, "channel": channel, **fields})


def test_a_preview_tells_the_local_hour_and_the_window(api: Client) -> None:
    shown = preview(api)
    assert (shown["channel"], shown["local_timezone"], shown["timezone_source"]) == ("sms", "Europe/Istanbul", "number")
    assert (shown["window_start_local"], shown["window_end_local"]) == ("08:00", "21:00")
    assert shown["allowed_now"] is (8 <= shown["local_hour"] < 21)
    assert shown["reason"] == (None if shown["allowed_now"] else "outside_window")
    assert shown["next_allowed_at"].endswith("Z")


def test_somewhere_it_is_day_and_somewhere_night(api: Client) -> None:
    """Twenty-four zones, one hour apart: thirteen are open for SMS, one more or less where an hour just struck."""
    shown = [preview(api, timezone_override=f"Etc/GMT{offset:+}") for offset in range(-12, 12)]
    assert sum(each["allowed_now"] for each in shown) in (12, 13, 14)
    assert all((each["reason"] is None) == each["allowed_now"] for each in shown)
    assert {each["timezone_source"] for each in shown} == {"override"}


def test_the_contact_of_the_number_decides_by_its_own_zone(api: Client) -> None:
    api.contact(phone="+905321234567", timezone="Asia/Tokyo")
    shown = preview(api, phone="+90 532 123 45 67")
    assert (shown["local_timezone"], shown["timezone_source"]) == ("Asia/Tokyo", "contact")


def test_channels_without_quiet_hours(api: Client) -> None:
    shown = preview(api, channel="email")
    assert (shown["allowed_now"], shown["window_start_local"], shown["reason"]) == (True, None, None)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"phone": "+905321234567"}, "MISSING_REQUIRED_FIELD"),
        ({"phone": "+90", "channel": "sms"}, "INVALID_PHONE_NUMBER"),
        ({"phone": "+905321234567", "channel": "fx"}, "INVALID_CHANNEL"),
        ({"phone": "+905321234567", "channel": "sms", "timezone_override": "Mars"}, "VALIDATION_ERROR"),
    ],
)
def test_what_cannot_be_previewed_is_refused(api: Client, query: dict[str, str], code: str) -> None:
    response = api.get(PREVIEW, **query)
    assert (response.status_code, response.json()["error"]["code"]) == (422, code)


def test_dnc_checks_must_be_enabled(api: Client) -> None:
    response = api.get(DNC, phone="+905321234567")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "DNC_SYNC_NOT_ENABLED")


def test_a_number_is_on_the_dnc_list_by_flag_suppression_or_consent(api: Client) -> None:
    api.data("PATCH", SETTINGS, {"dnc": {"enabled": True}})
    unknown = api.data("GET", DNC, params={"phone": "532 123 45 67", "country": "TR"})
    assert unknown == {
        "phone": "+905321234567",
        "on_dnc": False,
        "source": None,
        "sources": [],
        "federal_feeds_synced": False,
    }
    api.data("POST", "/compliance/suppression-list", {"address": "+905321234567"})
    assert api.data("GET", DNC, params={"phone": "+905321234567"})["sources"] == ["suppression_list"]
    jane = api.contact(phone="+905321234567")
    assert api.data("GET", DNC, params={"phone": "+905321234567"})["source"] == "contact_flag"
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"voice": False}})
    assert api.data("GET", DNC, params={"phone": "+905321234567"})["sources"] == [
        "contact_flag",
        "suppression_list",
        "consent_opt_out",
    ]
    assert api.get(DNC, phone="+90").json()["error"]["code"] == "INVALID_PHONE_NUMBER"


@pytest.mark.parametrize("path", [PREVIEW + "?channel=sms&", DNC + "?"])
def test_a_plus_sign_that_was_not_encoded_is_one(api: Client, path: str) -> None:
    api.data("PATCH", SETTINGS, {"dnc": {"enabled": True}})
    assert api.http.get(f"{path}phone=+442079460958").status_code == 200
