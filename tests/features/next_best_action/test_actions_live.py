"""Every kind of action can be met over HTTP, and answers end when their reasons do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Client


def ask(api: Client, contact: dict[str, Any], **query: Any) -> dict[str, Any]:
    response = api.get(f"/contacts/{contact['id']}/next-best-action", **({"explore": "false"} | query))
    assert response.status_code == 200, response.text
    return response.json()["data"]


def opted_in(api: Client, contact: dict[str, Any], *channels: str) -> dict[str, Any]:
    api.data("PUT", f"/contacts/{contact['id']}/preferences", {"preferences": dict.fromkeys(channels, True)})
    return contact


def tell(api: Client, contact: dict[str, Any], *events: dict[str, Any]) -> None:
    told = [{"contact_id": contact["id"], **event} for event in events]
    assert api.data("POST", "/events/batch", {"events": told})["accepted"] == len(told)


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


@pytest.fixture
def ada(api: Client) -> dict[str, Any]:
    return opted_in(
        api, api.contact(email="ada@example.com", phone="+4915123456780", timezone="Europe/Berlin"), "email"
    )


def kinds(answer: dict[str, Any]) -> list[str]:
    return [one["action"]["type"] for one in answer["suggestions"]]


def test_a_message_and_the_question_for_a_consent_that_is_not_known(api: Client, ada: dict[str, Any]) -> None:
    answer = ask(api, ada)
    assert (answer["action"]["type"], answer["action"]["channel"]) == ("send_message", "email")
    question = next(one["action"] for one in answer["suggestions"] if one["action"]["type"] == "request_consent")
    assert question["channel"] == "email"
    assert question["for_channel"] != "email"


def test_a_call(api: Client) -> None:
    berta = opted_in(api, api.contact(phone="+4915123456781"), "voice")
    assert ask(api, berta)["action"]["type"] == "call"


def test_an_open_ticket_comes_first_until_it_is_closed(api: Client, ada: dict[str, Any]) -> None:
    tell(api, ada, {"type": "ticket.opened", "ticket_id": "t1"})
    assert kinds(ask(api, ada))[:2] == ["resolve_ticket", "send_message"]
    tell(api, ada, {"type": "ticket.closed", "ticket_id": "t1"})
    assert ask(api, ada)["action"]["type"] == "send_message"


@pytest.mark.parametrize(("stage", "kind"), [("lead", "convert_lead"), ("churned", "win_back")])
def test_the_stage_names_the_purpose(api: Client, ada: dict[str, Any], stage: str, kind: str) -> None:
    api.data("PATCH", f"/contacts/{ada['id']}", {"lifecycle_stage": stage})
    assert kind in kinds(ask(api, ada))
    assert ask(api, ada, goal="purchase")["action"]["type"] == kind


def test_who_has_been_silent_for_long_is_to_be_re_engaged(api: Client, ada: dict[str, Any]) -> None:
    sends = [
        {"type": "message.sent", "channel": "email", "message_id": f"m{day}", "timestamp": ago(days=day)}
        for day in (10, 20, 30, 40, 50, 60)
    ]
    tell(api, ada, *sends)
    assert "re_engage" in kinds(ask(api, ada))


def test_who_cannot_be_reached_wants_mending(api: Client) -> None:
    cleo = opted_in(api, api.contact(email="cleo@example.com"), "sms")
    answer = ask(api, cleo)
    assert (answer["action"]["type"], answer["action"]["for_channel"]) == ("fix_contact_data", "sms")


def test_a_full_cap_holds_off_and_ends_the_answer(api: Client, ada: dict[str, Any]) -> None:
    api.data("POST", "/frequency-caps/", {"name": "one", "channel": "email", "limit": 1, "window_seconds": 120})
    assert ask(api, ada)["action"]["type"] == "send_message"
    api.data("POST", f"/contacts/{ada['id']}/send-check", {"channel": "email", "record": True})
    answer = ask(api, ada)
    (blocked,) = [one for one in answer["blocked"] if one["reason"] == "frequency_cap"]
    assert answer["action"]["type"] == "hold_off"
    assert answer["action"]["until"] == blocked["available_at"]
    assert answer["expires_at"] <= blocked["available_at"]


def test_a_suppressed_address_is_gone_in_the_next_answer(api: Client, ada: dict[str, Any]) -> None:
    api.data("POST", "/compliance/suppression-list", {"address": "ada@example.com", "reason": "letter"})
    answer = ask(api, ada)
    assert answer["action"]["type"] == "suppressed" or "send_message" not in kinds(answer)


def test_an_answer_is_the_same_bytes_while_nothing_changes(api: Client, ada: dict[str, Any]) -> None:
    path = f"/contacts/{ada['id']}/next-best-action"
    bodies = {api.get(path).content.split(b'"data":', 1)[1].rsplit(b'"request_id"', 1)[0] for _ in range(10)}
    assert len(bodies) == 1


def test_at_night_nothing_is_sent_where_quiet_hours_hold(api: Client) -> None:
    api.data("PATCH", "/settings/compliance", {"quiet_hours": {"enabled": True}})
    dora = opted_in(api, api.contact(phone="+4915123456782", timezone="Asia/Tokyo"), "sms")
    answer = ask(api, dora)
    for one in answer["suggestions"]:
        if one["action"].get("channel") == "sms":
            hour = int(one["action"]["local_time"].split()[1].split(":")[0])
            assert 8 <= hour < 21
