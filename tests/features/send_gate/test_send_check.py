"""The send check: every rule in its order, what it says, and what recording does."""

import time
from typing import Any

import pytest

from orbit_contacts.core.clock import SECOND, format_instant, now, parse_instant
from orbit_contacts.features.send_gate.counting import READ_SENDS
from tests.conftest import Client, Workspace

RULES = ["blocked", "suppression", "opt_out", "opt_in", "dnc", "quiet_hours", "frequency_cap"]
DAY = 86_400
NOON = "2026-03-10T12:00:00Z"
NIGHT = "2026-03-10T23:30:00Z"


@pytest.fixture
def jane(api: Client) -> dict[str, Any]:
    return api.contact(phone="+905321234567", email="jane@example.com", timezone="UTC")


def check(api: Client, contact: dict[str, Any], channel: str = "sms", **fields: Any) -> Any:
    return api.data("POST", f"/contacts/{contact['id']}/send-check", {"channel": channel, **fields})


def settings(api: Client, **changes: Any) -> Any:
    return api.data("PATCH", "/settings/compliance", changes)


def cap(api: Client, **fields: Any) -> Any:
    return api.data("POST", "/frequency-caps", {"name": "cap", "limit": 1, "window_seconds": DAY} | fields)


def failed(verdict: Any) -> list[str]:
    return [rule["rule"] for rule in verdict["checks"] if not rule["passed"]]


def test_a_send_that_nothing_forbids(api: Client, jane: dict[str, Any]) -> None:
    verdict = check(api, jane)
    assert {name: verdict[name] for name in verdict if name != "checks"} == {
        "contact_id": jane["id"],
        "channel": "sms",
        "category": "marketing",
        "allowed": True,
        "blocked_by": None,
        "code": None,
        "next_allowed_at": None,
        "recorded": False,
    }
    assert [rule["rule"] for rule in verdict["checks"]] == RULES
    assert all(rule["passed"] and "code" not in rule and "details" in rule for rule in verdict["checks"])


def test_every_rule_is_reported_and_the_first_gives_the_code(api: Client) -> None:
    jane = api.contact(phone="+905321234567", timezone="UTC")
    settings(api, require_opt_in=True, quiet_hours={"enabled": True}, dnc={"enabled": True})
    cap(api)
    path = f"/contacts/{jane['id']}"
    api.data("PUT", f"{path}/preferences", {"preferences": {"sms": True}})
    assert check(api, jane, at=NOON, record=True)["recorded"] is True
    api.data("PUT", f"{path}/preferences", {"preferences": {"sms": False}})
    api.data("POST", f"{path}/block", {"reason": "spam"})
    verdict = check(api, jane, at=NIGHT)
    assert failed(verdict) == RULES
    assert [rule["code"] for rule in verdict["checks"]] == [
        "CONTACT_BLOCKED",
        "RECIPIENT_SUPPRESSED",
        "RECIPIENT_OPTED_OUT",
        "CONSENT_REQUIRED",
        "RECIPIENT_ON_DNC",
        "QUIET_HOURS",
        "FREQUENCY_CAP_EXCEEDED",
    ]
    assert (verdict["allowed"], verdict["blocked_by"], verdict["code"]) == (False, "blocked", "CONTACT_BLOCKED")
    assert verdict["next_allowed_at"] is None


def test_a_block_is_not_lifted_by_category(api: Client, jane: dict[str, Any]) -> None:
    api.data("POST", f"/contacts/{jane['id']}/block")
    assert check(api, jane, category="transactional")["code"] == "CONTACT_BLOCKED"


def test_a_suppressed_address_names_its_proof(api: Client, jane: dict[str, Any]) -> None:
    entry = api.data("POST", "/compliance/suppression-list", {"address": "+905321234567"})
    verdict = check(api, jane, "whatsapp")
    rule = verdict["checks"][1]
    assert (verdict["blocked_by"], verdict["code"]) == ("suppression", "RECIPIENT_SUPPRESSED")
    assert rule["details"]["scopes"] == ["all"]
    assert rule["details"]["source"] == "suppression_list"
    assert rule["details"]["consent_record_id"] == entry["consent_record_id"]
    assert check(api, jane, "email")["allowed"] is True


def test_an_opt_out_holds_in_the_very_next_check(api: Client, jane: dict[str, Any]) -> None:
    path = f"/contacts/{jane['id']}/preferences"
    for value, allowed in ((False, False), (True, True), (False, False)):
        api.data("PUT", path, {"preferences": {"sms": value}})
        assert check(api, jane)["allowed"] is allowed
    assert failed(check(api, jane)) == ["suppression", "opt_out"]


def test_unknown_consent_is_allowed_unless_opt_in_is_required(api: Client, jane: dict[str, Any]) -> None:
    assert check(api, jane)["allowed"] is True
    settings(api, require_opt_in=True)
    verdict = check(api, jane)
    assert (verdict["code"], verdict["checks"][3]["details"]) == ("CONSENT_REQUIRED", {"status": "unknown"})
    api.data("POST", "/compliance/consent", {"contact_id": jane["id"], "channels": ["sms"], "opt_in": True})
    assert check(api, jane)["allowed"] is True


def test_the_dnc_list_holds_for_calls_and_sms_and_yields_to_express_consent(api: Client, jane: dict[str, Any]) -> None:
    api.data("POST", "/compliance/suppression-list", {"address": "+905321234567", "scope": "sms"})
    assert check(api, jane, "voice")["allowed"] is True
    settings(api, dnc={"enabled": True})
    assert check(api, jane, "voice")["code"] == "RECIPIENT_ON_DNC"
    assert check(api, jane, "whatsapp")["allowed"] is True
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"voice": True}})
    assert check(api, jane, "voice")["allowed"] is True


def test_quiet_hours_by_the_contacts_own_clock(api: Client) -> None:
    settings(api, quiet_hours={"enabled": True})
    jane = api.contact(phone="+14155552671", timezone="Europe/Istanbul")
    verdict = check(api, jane, at="2026-03-10T04:00:00Z")
    rule = verdict["checks"][5]
    assert (verdict["code"], verdict["next_allowed_at"]) == ("QUIET_HOURS", "2026-03-10T05:00:00Z")
    assert rule["details"] == {
        "local_time": "07:00",
        "timezone": "Europe/Istanbul",
        "timezone_source": "contact",
        "window_start_local": "08:00",
        "window_end_local": "21:00",
        "next_allowed_at": "2026-03-10T05:00:00Z",
    }
    assert check(api, jane, at="2026-03-10T05:00:00Z")["allowed"] is True
    assert check(api, jane, "email", at="2026-03-10T04:00:00Z")["allowed"] is True
    assert check(api, jane, "whatsapp", at="2026-03-10T05:30:00Z")["next_allowed_at"] == "2026-03-10T06:00:00Z"


def test_the_numbers_region_where_the_contact_has_no_zone(api: Client) -> None:
    settings(api, quiet_hours={"enabled": True, "timezone": "Asia/Tokyo"})
    cast = {"number": api.contact(phone="+905321234567"), "workspace": api.contact(email="jane@example.com")}
    for source, contact in cast.items():
        details = check(api, contact, at=NOON)["checks"][5]["details"]
        assert details["timezone_source"] == source
    assert details["timezone"] == "Asia/Tokyo"


def test_windows_and_exempt_categories_are_the_workspaces_own(api: Client, jane: dict[str, Any]) -> None:
    windows = {"sms": {"start": "22:00", "end": "02:00"}, "whatsapp": None, "email": {"start": "09:00", "end": "10:00"}}
    settings(api, quiet_hours={"enabled": True, "windows": windows, "exempt_categories": ["transactional"]})
    assert check(api, jane, at=NIGHT)["allowed"] is True
    assert check(api, jane, at=NOON)["next_allowed_at"] == "2026-03-10T22:00:00Z"
    assert check(api, jane, "whatsapp", at=NIGHT)["allowed"] is True
    assert check(api, jane, "email", at=NOON)["next_allowed_at"] == "2026-03-11T09:00:00Z"
    assert check(api, jane, "email", at=NOON, category="transactional")["allowed"] is True


def test_us_federal_dialing_hours_hold_whatever_is_set(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    verdict = check(api, jane, "voice", at="2026-03-10T05:00:00Z")
    assert verdict["code"] == "TCPA_FEDERAL_DIALING_WINDOW_BLOCKED"
    assert verdict["next_allowed_at"] == "2026-03-10T15:00:00Z"
    assert check(api, jane, "voice", at="2026-03-10T05:00:00Z", category="transactional")["allowed"] is True
    assert check(api, jane, "sms", at="2026-03-10T05:00:00Z")["allowed"] is True
    settings(api, quiet_hours={"enabled": True, "windows": {"voice": {"start": "12:00", "end": "23:00"}}})
    assert check(api, jane, "voice", at="2026-03-10T05:00:00Z")["next_allowed_at"] == "2026-03-10T19:00:00Z"


def test_a_cap_counts_recorded_sends_in_a_rolling_window(api: Client, jane: dict[str, Any]) -> None:
    rule = cap(api, limit=2, window_seconds=3600, channel="sms")
    for text in ("2026-03-10T12:00:00Z", "2026-03-10T12:30:00Z"):
        assert check(api, jane, at=text, record=True)["recorded"] is True
    verdict = check(api, jane, at="2026-03-10T12:59:59Z", record=True)
    assert (verdict["allowed"], verdict["recorded"], verdict["code"]) == (False, False, "FREQUENCY_CAP_EXCEEDED")
    assert verdict["checks"][6]["details"] == {
        "rule_id": rule["id"],
        "channel": "sms",
        "limit": 2,
        "window_seconds": 3600,
        "current_count": 2,
        "retry_after": 1,
    }
    assert verdict["next_allowed_at"] == "2026-03-10T13:00:00Z"
    assert check(api, jane, at="2026-03-10T13:00:00Z", record=True)["recorded"] is True
    assert check(api, jane, "whatsapp", at="2026-03-10T12:59:59Z")["allowed"] is True


def test_checking_without_recording_uses_nothing_up(api: Client, jane: dict[str, Any]) -> None:
    cap(api)
    for _ in range(3):
        assert check(api, jane)["allowed"] is True
    assert check(api, jane, record=True)["allowed"] is True
    assert check(api, jane)["allowed"] is False


def test_categories_and_channels_of_caps(api: Client, jane: dict[str, Any]) -> None:
    """Null counts all but transactional; a named category counts itself alone."""
    cap(api, name="anything", limit=2)
    cap(api, name="one-time codes", category="transactional")
    for category, allowed in (
        ("transactional", True),
        ("transactional", False),
        ("marketing", True),
        ("reminder", True),
        ("survey", False),
    ):
        assert check(api, jane, category=category, record=True)["allowed"] is allowed


def test_a_disabled_cap_is_not_asked(api: Client, jane: dict[str, Any]) -> None:
    rule = cap(api)
    check(api, jane, record=True)
    assert check(api, jane)["allowed"] is False
    api.data("PATCH", f"/frequency-caps/{rule['id']}", {"enabled": False})
    assert check(api, jane)["allowed"] is True


def test_a_cap_of_calendar_days_in_the_contacts_zone(api: Client) -> None:
    cap(api, limit=1, window="calendar_day")
    jane = api.contact(phone="+905321234567", timezone="America/New_York")
    check(api, jane, at="2026-03-08T04:30:00Z", record=True)  # 7 March, 23:30
    assert check(api, jane, at="2026-03-08T04:59:59Z")["next_allowed_at"] == "2026-03-08T05:00:00Z"
    assert check(api, jane, at="2026-03-08T05:00:00Z", record=True)["allowed"] is True
    # 8 March has 23 hours there.
    assert check(api, jane, at="2026-03-08T06:00:00Z")["next_allowed_at"] == "2026-03-09T04:00:00Z"


def test_the_next_instant_satisfies_caps_and_hours_together(api: Client, jane: dict[str, Any]) -> None:
    settings(api, quiet_hours={"enabled": True})
    cap(api, limit=1, window_seconds=12 * 3600)
    check(api, jane, at="2026-03-10T12:00:00Z", record=True)
    verdict = check(api, jane, at="2026-03-10T13:00:00Z")
    assert (verdict["blocked_by"], verdict["next_allowed_at"]) == ("frequency_cap", "2026-03-11T08:00:00Z")
    assert check(api, jane, at="2026-03-11T08:00:00Z")["allowed"] is True


def test_a_message_is_counted_once_however_often_it_is_recorded(api: Client, jane: dict[str, Any]) -> None:
    cap(api, limit=1)
    for _ in range(3):
        assert check(api, jane, record=True, message_id="msg_1")["recorded"] is True
    assert check(api, jane, record=True, message_id="msg_2")["allowed"] is False
    usage = api.data("GET", f"/contacts/{jane['id']}/frequency-caps?include_usage=true")["global_caps"][0]
    assert usage["used"] == 1
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"sms": False}})
    assert check(api, jane, record=True, message_id="msg_1")["allowed"] is False


def test_repeating_a_request_with_its_key_records_once(api: Client, jane: dict[str, Any]) -> None:
    cap(api, limit=2)
    for _ in range(3):
        body = {"channel": "sms", "record": True}
        api.data("POST", f"/contacts/{jane['id']}/send-check", body, headers={"Idempotency-Key": "one"})
    usage = api.data("GET", f"/contacts/{jane['id']}/frequency-caps?include_usage=true")["global_caps"][0]
    assert usage["used"] == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "MISSING_REQUIRED_FIELD"),
        ({"channel": "telegram"}, 422, "INVALID_CHANNEL"),
        ({"channel": "sms", "at": "soon"}, 422, "VALIDATION_ERROR"),
        ({"channel": "sms", "category": ""}, 422, "VALIDATION_ERROR"),
        ({"channel": "sms", "record": "yes"}, 422, "VALIDATION_ERROR"),
        ({"channel": "sms", "message_id": ""}, 422, "VALIDATION_ERROR"),
        ({"channel": "sms", "message_id": "x" * 256}, 422, "VALIDATION_ERROR"),
        ({"channel": "sms", "record": True, "at": "2999-01-01"}, 422, "VALIDATION_ERROR"),
    ],
)
def test_what_is_no_check_is_refused(api: Client, jane: dict[str, Any], body: Any, status: int, code: str) -> None:
    response = api.post(f"/contacts/{jane['id']}/send-check", body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_a_send_may_be_checked_but_not_recorded_ahead(api: Client, jane: dict[str, Any]) -> None:
    soon, later = (format_instant(now() + minutes * 60 * SECOND) for minutes in (4, 10))
    assert check(api, jane, at=later)["allowed"] is True
    assert check(api, jane, at=soon, record=True)["recorded"] is True
    assert (
        api.post(f"/contacts/{jane['id']}/send-check", {"channel": "sms", "at": later, "record": True}).status_code
        == 422
    )


def test_nobody_else_can_be_checked(api: Client, workspace: Workspace) -> None:
    other = workspace.test_api.contact(phone="+14155552671")
    assert api.post(f"/contacts/{other['id']}/send-check", {"channel": "sms"}).status_code == 404
    results = api.data("POST", "/contacts/send-check", {"checks": [{"contact_id": other["id"], "channel": "sms"}]})[
        "results"
    ]
    assert (results[0]["allowed"], results[0]["code"]) == (False, "NOT_FOUND")


def test_a_batch_answers_in_the_order_asked(api: Client) -> None:
    cast = [api.contact(phone=f"+9053212345{n:02}") for n in range(4)]
    api.data("POST", f"/contacts/{cast[1]['id']}/block")
    api.data("PUT", f"/contacts/{cast[2]['id']}/preferences", {"preferences": {"email": False}})
    asked = [
        {"contact_id": cast[2]["id"], "channel": "email", "category": "news"},
        {"contact_id": "con_nobody", "channel": "sms"},
        {"contact_id": cast[1]["id"], "channel": "sms"},
        {"contact_id": cast[0]["id"], "channel": "sms"},
        {"contact_id": cast[2]["id"], "channel": "sms"},
    ]
    results = api.data("POST", "/contacts/send-check", {"checks": asked})["results"]
    assert [(r["contact_id"], r["channel"]) for r in results] == [(a["contact_id"], a["channel"]) for a in asked]
    assert [r["code"] for r in results] == ["RECIPIENT_SUPPRESSED", "NOT_FOUND", "CONTACT_BLOCKED", None, None]
    assert results[3] == check(api, cast[0])


def test_in_a_batch_each_send_sees_those_before_it(api: Client) -> None:
    cap(api, limit=2)
    cap(api, limit=1, channel="sms")
    jane, john = api.contact(phone="+905321234567"), api.contact(phone="+905321234568")
    asked = [
        {"contact_id": jane["id"], "channel": "sms", "message_id": "m1"},
        {"contact_id": jane["id"], "channel": "sms", "message_id": "m1"},
        {"contact_id": jane["id"], "channel": "sms"},
        {"contact_id": john["id"], "channel": "sms"},
        {"contact_id": jane["id"], "channel": "email"},
        {"contact_id": jane["id"], "channel": "email"},
        {"contact_id": jane["id"], "channel": "email", "category": "transactional"},
    ]
    results = api.data("POST", "/contacts/send-check", {"checks": asked, "record": True})["results"]
    assert [r["recorded"] for r in results] == [True, True, False, True, True, False, True]
    usage = api.data("GET", f"/contacts/{jane['id']}/frequency-caps?include_usage=true")
    assert (usage["global_caps"][0]["used"], usage["grouped_by_channel"]["sms"][0]["used"]) == (2, 1)


def test_a_batch_of_messages_can_be_repeated(api: Client, jane: dict[str, Any]) -> None:
    cap(api, limit=2)
    asked = [{"contact_id": jane["id"], "channel": "sms", "message_id": f"m{n}"} for n in range(3)]
    for _ in range(2):
        results = api.data("POST", "/contacts/send-check", {"checks": asked, "record": True})["results"]
        assert [r["recorded"] for r in results] == [True, True, False]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "MISSING_REQUIRED_FIELD", "checks"),
        ({"checks": []}, "VALIDATION_ERROR", "checks"),
        ({"checks": [{"contact_id": "con_x", "channel": "sms"}] * 1001}, "VALIDATION_ERROR", "checks"),
        ({"checks": [{"channel": "sms"}]}, "MISSING_REQUIRED_FIELD", "checks.0.contact_id"),
        ({"checks": [{"contact_id": "con_x", "channel": "fx"}]}, "INVALID_CHANNEL", "checks.0.channel"),
        (
            {"checks": [{"contact_id": "x", "channel": "sms", "message_id": ""}]},
            "VALIDATION_ERROR",
            "checks.0.message_id",
        ),
    ],
)
def test_what_is_no_batch_is_refused(api: Client, body: Any, code: str, field: str) -> None:
    response = api.post("/contacts/send-check", body)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["details"]["field"]) == (422, code, field)


def test_sends_are_counted_through_deletion_and_restoring(api: Client) -> None:
    rule = cap(api, limit=1)
    jane = api.contact(phone="+905321234567")
    check(api, jane, record=True)
    api.data("DELETE", f"/contacts/{jane['id']}?soft=true")
    api.data("POST", f"/contacts/{jane['id']}/restore")
    verdict = check(api, jane)
    assert verdict["checks"][6]["details"]["rule_id"] == rule["id"]
    waits = parse_instant(verdict["next_allowed_at"], "at") // SECOND - time.time()
    assert DAY - 60 < waits <= DAY + 1


def test_contacts_with_many_sends_are_counted_as_the_others_are(api: Client, jane: dict[str, Any]) -> None:
    """More sends than are read with a contact: PostgreSQL counts them."""
    limit = READ_SENDS + 30
    cap(api, limit=limit, channel="sms")
    cap(api, limit=limit + 1, window="calendar_day")
    one = {"contact_id": jane["id"], "channel": "sms"}

    def batch(size: int) -> list[bool]:
        body = {"checks": [one] * size, "record": True}
        return [result["recorded"] for result in api.data("POST", "/contacts/send-check", body)["results"]]

    assert batch(READ_SENDS - 1) == [True] * (READ_SENDS - 1)
    assert check(api, jane, record=True)["recorded"]
    assert check(api, jane, record=True, message_id="m1")["recorded"]
    assert check(api, jane, record=True, message_id="m1")["recorded"]
    assert batch(40) == [True] * 29 + [False] * 11
    refused = check(api, jane, record=True)
    assert (refused["code"], refused["checks"][-1]["details"]["current_count"]) == ("FREQUENCY_CAP_EXCEEDED", limit)
    assert parse_instant(refused["next_allowed_at"], "at") > now() + (DAY - 60) * SECOND
    # The message that is counted does not count against itself, and another channel has a place left.
    assert check(api, jane, message_id="m1")["allowed"]
    assert check(api, jane, channel="whatsapp", record=True)["recorded"]
    assert not check(api, jane, channel="whatsapp", record=True)["recorded"]
