"""Next best action over HTTP: hard filters first, one decision per epoch, the card of the model."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import from_datetime
from orbit_contacts.core.database import Database
from orbit_contacts.features.next_best_action import exploration, fitting
from tests.conftest import Client


@pytest.fixture
def jane(api: Client) -> dict[str, Any]:
    jane = api.contact(first_name="Jane", email="jane@example.com", phone="+4915123456789", timezone="Europe/Berlin")
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"email": True, "whatsapp": True}})
    return jane


def ask(api: Client, contact: dict[str, Any], **query: Any) -> dict[str, Any]:
    response = api.get(f"/contacts/{contact['id']}/next-best-action", **query)
    assert response.status_code == 200, response.text
    return response.json()["data"]


def channels(answer: dict[str, Any]) -> set[str]:
    return {s["action"]["channel"] for s in answer["suggestions"] if s["action"].get("channel")}


def test_a_cold_workspace_gets_an_answer(api: Client, jane: dict[str, Any]) -> None:
    answer = ask(api, jane)
    assert answer["contact_id"] == jane["id"]
    assert answer["confidence"]["level"] == "cold"
    assert answer["model"]["tier"] == "prior"
    assert (answer["action"]["timezone"], answer["action"]["timezone_source"]) == ("Europe/Berlin", "contact")
    assert {"sms"} <= {blocked["channel"] for blocked in answer["blocked"]}


async def test_fifty_questions_are_one_decision(
    api: Client, jane: dict[str, Any], database: Database, caller: Caller
) -> None:
    now = from_datetime(datetime.now(UTC))
    if exploration.epoch_start(now) + exploration.EPOCH - now < 60_000_000:
        pytest.skip("an epoch ends within this minute")
    answers = [api.get(f"/contacts/{jane['id']}/next-best-action").json()["data"] for _ in range(50)]
    assert all(answer == answers[0] for answer in answers)
    async with database.reader(caller) as reader:
        assert await reader.fetch_value("SELECT count(*) FROM nba_decisions WHERE cell_id = $1", caller.cell(0)) == 1
    ask(api, jane, explore="false")


def test_consent_withdrawn_takes_the_channel_away_at_once(api: Client, jane: dict[str, Any]) -> None:
    assert "email" in channels(ask(api, jane)) | {"email"}
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"email": False, "whatsapp": False}})
    answer = ask(api, jane)
    assert not {s["action"]["channel"] for s in answer["suggestions"] if s["action"]["type"] == "send_message"}
    assert {"email", "whatsapp"} <= {b["channel"] for b in answer["blocked"] if b["reason"] == "opted_out"}


def test_a_blocked_contact_is_suppressed(api: Client, jane: dict[str, Any]) -> None:
    api.data("POST", f"/contacts/{jane['id']}/block")
    answer = ask(api, jane)
    assert answer["action"]["type"] == "suppressed"
    assert len(answer["suggestions"]) == 1


def test_what_happened_is_learned_from(api: Client, jane: dict[str, Any]) -> None:
    events: list[dict[str, Any]] = []
    for day in range(10, 40, 2):
        at = datetime.now(UTC) - timedelta(days=day)
        message = {"contact_id": jane["id"], "channel": "whatsapp", "message_id": f"m{day}"}
        events.append(message | {"type": "message.sent", "timestamp": at.isoformat()})
        events.append(message | {"type": "message.replied", "timestamp": (at + timedelta(hours=1)).isoformat()})
        email = {"contact_id": jane["id"], "channel": "email", "message_id": f"e{day}"}
        events.append(email | {"type": "message.sent", "timestamp": at.isoformat()})
    assert api.data("POST", "/events/batch", {"events": events})["accepted"] == len(events)
    answer = ask(api, jane, explore="false")
    assert answer["action"]["channel"] == "whatsapp"
    assert answer["confidence"]["effective_sends"] > 5
    assert answer["reasons"]


def test_an_answer_counts_for_the_message_it_names(api: Client, jane: dict[str, Any]) -> None:
    """Ids and categories stand beside the data of an event, not in it."""
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"whatsapp": False}})
    start = datetime.now(UTC) - timedelta(days=20)
    events: list[dict[str, Any]] = []
    for number in range(6):
        at = start + timedelta(hours=number)
        message = {"contact_id": jane["id"], "channel": "email", "message_id": f"m{number}"}
        events.append(message | {"type": "message.sent", "timestamp": at.isoformat()})
        if number < 4:
            later = at + timedelta(hours=30 - number)
            events.append(message | {"type": "message.clicked", "timestamp": later.isoformat()})
    password = {"contact_id": jane["id"], "channel": "email", "message_id": "otp", "category": "transactional"}
    events.append(password | {"type": "message.sent", "timestamp": start.isoformat()})
    assert api.data("POST", "/events/batch", {"events": events[::-1]})["accepted"] == 11
    answer = ask(api, jane, explore="false")
    evidence = next(reason["evidence"] for reason in answer["reasons"] if reason["code"] == "contact_channel_rate")
    assert (evidence["n"], evidence["s"]) == (pytest.approx(6, rel=0.2), pytest.approx(4, rel=0.2))


async def test_the_fit_keeps_a_version_once_there_is_enough(
    api: Client, jane: dict[str, Any], database: Database, caller: Caller
) -> None:
    assert api.data("GET", "/contacts/next-best-action/model")["tier"] == "prior"
    async with database.transaction(caller) as tx:
        assert await fitting.fit(tx) is None
    events: list[dict[str, Any]] = []
    people = [api.contact(email=f"p{n}@example.com")["id"] for n in range(20)]
    for number, person in enumerate(people):
        for day in range(5, 90, 5):
            at = datetime.now(UTC) - timedelta(days=day, hours=number % 7)
            message = {"contact_id": person, "channel": "email", "message_id": f"m{number}.{day}"}
            events.append(message | {"type": "message.sent", "timestamp": at.isoformat()})
            if (number + day) % 3 == 0:
                events.append(message | {"type": "message.clicked", "timestamp": (at + timedelta(hours=2)).isoformat()})
    api.data("POST", "/events/batch", {"events": events})
    async with database.transaction(caller) as tx:
        model = await fitting.fit(tx)
    assert model is not None
    card = api.data("GET", "/contacts/next-best-action/model")
    assert card["sends"] == model.sends >= 200
    assert card["card"]["quality"]["reliability"]


def test_an_unknown_contact_is_404(api: Client) -> None:
    assert api.get("/contacts/con_01jd3w9k2e8a7v5n0q4r6t8y1z/next-best-action").status_code == 404


def test_a_merge_brings_its_sends_and_an_unmerge_takes_them_back(api: Client, jane: dict[str, Any]) -> None:
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"whatsapp": False}})
    twin = api.contact(email="jane.twin@example.com")
    api.data("PUT", f"/contacts/{twin['id']}/preferences", {"preferences": {"email": True}})
    start = datetime.now(UTC) - timedelta(days=20)
    events = [
        {
            "contact_id": twin["id"],
            "channel": "email",
            "message_id": f"m{number}",
            "type": type,
            "timestamp": (start + timedelta(hours=number)).isoformat(),
        }
        for number in range(6)
        for type in ("message.sent", "message.clicked")
    ]
    api.data("POST", "/events/batch", {"events": events})

    def effective() -> float:
        return ask(api, jane, explore="false")["confidence"]["effective_sends"]

    before = effective()
    api.data("POST", f"/contacts/{jane['id']}/merge", {"source_ids": [twin["id"]]})
    assert effective() > before + 3
    api.data("POST", f"/contacts/{jane['id']}/unmerge", {})
    assert effective() == before
