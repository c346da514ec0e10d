"""The journey: summary, stages, attribution of events to stages, pages, and the file."""

import csv
import io
from typing import Any

import pytest

from tests.conftest import Client


def post(api: Client, contact: dict[str, Any], *events: dict[str, Any]) -> None:
    named = [event | {"contact_id": contact["id"]} for event in events]
    assert api.data("POST", "/events/batch", {"events": named})["accepted"] == len(events)


def turn(day: str, old: str | None, new: str | None) -> dict[str, Any]:
    return {
        "type": "contact.updated",
        "timestamp": day,
        "data": {"changes": {"lifecycle_stage": {"old": old, "new": new}}},
    }


@pytest.fixture
def ada(api: Client) -> dict[str, Any]:
    """A lead since January, a customer since February; the news of February came last."""
    ada = api.contact(lifecycle_stage="customer")
    post(
        api,
        ada,
        {"type": "page.viewed", "timestamp": "2026-01-05"},
        {"type": "message.sent", "channel": "email", "message_id": "m1", "timestamp": "2026-01-10T08:00:00Z"},
        {"type": "message.clicked", "channel": "email", "message_id": "m1", "timestamp": "2026-01-10T09:00:00Z"},
        {"type": "order.placed", "event_id": "o1", "timestamp": "2026-02-20", "data": {"value": 10}},
    )
    post(api, ada, turn("2026-02-01", "lead", "customer"))
    post(api, ada, turn("2026-01-08", None, "lead"))
    return ada


def test_journey_is_oldest_first_and_tells_the_stage_of_each_event(api: Client, ada: dict[str, Any]) -> None:
    journey = api.data("GET", f"/contacts/{ada['id']}/journey")
    assert journey["contact_id"] == ada["id"]
    told = [(e["timestamp"][:10], e["type"], e["lifecycle_stage"]) for e in journey["events"]]
    assert told[:-1] == [
        ("2026-01-05", "page.viewed", None),
        ("2026-01-08", "contact.updated", "lead"),
        ("2026-01-10", "message.sent", "lead"),
        ("2026-01-10", "message.clicked", "lead"),
        ("2026-02-01", "contact.updated", "customer"),
        ("2026-02-20", "order.placed", "customer"),
    ]
    assert told[-1][1:] == ("contact.created", "customer")


def test_journey_summary(api: Client, ada: dict[str, Any]) -> None:
    assert api.data("GET", f"/contacts/{ada['id']}/journey?types=order.placed")["summary"] == {
        "first_seen_at": "2026-01-05T00:00:00Z",
        "last_seen_at": "2026-02-20T00:00:00Z",
        "days_active": 3,
        "touchpoints": 4,
        "by_channel": {"email": 2},
        "current_stage": "customer",
    }


def test_stages_with_durations(api: Client, ada: dict[str, Any]) -> None:
    lead, customer = api.data("GET", f"/contacts/{ada['id']}/journey")["stages"]
    assert lead == {
        "stage": "lead",
        "entered_at": "2026-01-08T00:00:00Z",
        "exited_at": "2026-02-01T00:00:00Z",
        "duration_seconds": 24 * 86_400,
        "attributed_to": {
            "timestamp": "2026-01-05T00:00:00Z",
            "type": "page.viewed",
            "channel": None,
            "title": "Page viewed",
            "reference_id": None,
        },
    }
    assert (customer["stage"], customer["entered_at"], customer["exited_at"]) == (
        "customer",
        "2026-02-01T00:00:00Z",
        None,
    )
    assert customer["duration_seconds"] > 86_400
    touch = customer["attributed_to"]
    assert (touch["type"], touch["channel"], touch["reference_id"]) == ("message.clicked", "email", "m1")


def test_a_stage_long_after_the_last_touchpoint_is_attributed_to_none(api: Client) -> None:
    ada = api.contact()
    post(
        api,
        ada,
        {"type": "page.viewed", "timestamp": "2026-01-01T00:00:00Z"},
        {"type": "note.created", "timestamp": "2026-02-01T00:00:00Z"},
    )
    post(api, ada, turn("2026-02-02", None, "lead"))
    post(api, ada, turn("2026-01-20", None, "visitor"))
    visitor, lead = api.data("GET", f"/contacts/{ada['id']}/journey")["stages"]
    assert visitor["attributed_to"]["type"] == "page.viewed"
    assert lead["attributed_to"] is None


def test_stages_follow_real_changes(api: Client) -> None:
    ada = api.contact(lifecycle_stage="lead")
    api.data("PATCH", f"/contacts/{ada['id']}", {"first_name": "Ada"})
    api.data("PATCH", f"/contacts/{ada['id']}", {"lifecycle_stage": "customer"})
    api.data("PATCH", f"/contacts/{ada['id']}", {"lifecycle_stage": None})
    journey = api.data("GET", f"/contacts/{ada['id']}/journey")
    assert [stage["stage"] for stage in journey["stages"]] == ["lead", "customer"]
    assert [event["lifecycle_stage"] for event in journey["events"]] == ["lead", "lead", "customer", None]
    assert journey["summary"]["current_stage"] is None


def test_a_contact_without_history_has_a_journey(api: Client) -> None:
    ada = api.contact()
    journey = api.data("GET", f"/contacts/{ada['id']}/journey")
    assert journey["stages"] == []
    assert journey["summary"] == {
        "first_seen_at": ada["created_at"],
        "last_seen_at": ada["created_at"],
        "days_active": 0,
        "touchpoints": 0,
        "by_channel": {},
        "current_stage": None,
    }


def test_source_and_reference(api: Client, ada: dict[str, Any]) -> None:
    events = {e["type"]: e for e in api.data("GET", f"/contacts/{ada['id']}/journey")["events"]}
    assert (events["message.sent"]["source"], events["message.sent"]["reference_id"]) == ("api", "m1")
    assert events["order.placed"]["reference_id"] == "o1"
    assert (events["contact.created"]["source"], events["contact.created"]["reference_id"]) == ("api", None)


def test_malformed_changes_do_not_break_a_journey(api: Client) -> None:
    ada = api.contact(lifecycle_stage="lead")
    for changes in (5, {"lifecycle_stage": 5}, {"lifecycle_stage": {"new": {"x": [1]}}}, [], None):
        post(api, ada, {"type": "contact.updated", "timestamp": "2026-01-01", "data": {"changes": changes}})
    for page in ("journey", "journey.csv", "timeline"):
        assert api.get(f"/contacts/{ada['id']}/{page}").is_success


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_journey_pages(api: Client, ada: dict[str, Any], order: str) -> None:
    path = f"/contacts/{ada['id']}/journey"
    whole = [e["type"] for e in api.data("GET", path)["events"]]
    if order == "desc":
        whole.reverse()
    seen: list[str] = []
    params: dict[str, Any] = {"limit": 3, "order": order}
    while True:
        page = api.get(path, **params).json()
        seen += [e["type"] for e in page["data"]["events"]]
        assert len(page["data"]["stages"]) == 2
        if not page["meta"]["pagination"]["has_more"]:
            break
        params["cursor"] = page["meta"]["pagination"]["cursor"]
    assert seen == whole


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_the_file_has_the_header_even_when_empty(api: Client) -> None:
    ada = api.contact()
    response = api.get(f"/contacts/{ada['id']}/journey.csv", types="nothing")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == f'attachment; filename="contact_{ada["id"]}_journey.csv"'
    assert response.text == "timestamp,type,channel,direction,title,lifecycle_stage,source,reference_id\r\n"


def test_the_file_tells_the_journey(api: Client, ada: dict[str, Any]) -> None:
    response = api.get(f"/contacts/{ada['id']}/journey.csv", channel="email")
    assert response.text.split("\r\n")[1:] == [
        "2026-01-10T08:00:00Z,message.sent,email,outbound,E-mail sent,lead,api,m1",
        "2026-01-10T09:00:00Z,message.clicked,email,,Link in e-mail clicked,lead,api,m1",
        "",
    ]


def test_the_file_is_safe_in_a_spreadsheet(api: Client) -> None:
    ada = api.contact(lifecycle_stage="@evil")
    post(
        api,
        ada,
        {"type": "a", "title": '=HYPERLINK("http://x")', "event_id": "+1+1", "timestamp": "2026-01-01"},
        {"type": "b", "title": 'says "hi", twice\nor so', "event_id": "+14155550100", "timestamp": "2026-01-02"},
        {"type": "c", "title": "-5", "event_id": "-x", "timestamp": "2026-01-03"},
    )
    table = rows(api.get(f"/contacts/{ada['id']}/journey.csv", types="a,b,c").text)
    assert [(row[4], row[5], row[7]) for row in table[1:]] == [
        ('\'=HYPERLINK("http://x")', "'@evil", "'+1+1"),
        ('says "hi", twice\nor so', "'@evil", "+14155550100"),
        ("-5", "'@evil", "'-x"),
    ]


def test_a_wrong_filter_of_the_file_is_refused_as_json(api: Client, ada: dict[str, Any]) -> None:
    response = api.get(f"/contacts/{ada['id']}/journey.csv", kind="gossip")
    assert response.status_code == 422
    assert response.json()["error"]["details"]["field"] == "kind"


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_long_file_comes_whole_and_in_order(api: Client, order: str) -> None:
    ada = api.contact()
    events = [
        {"type": "visit", "contact_id": ada["id"], "event_id": f"{n}", "timestamp": f"2026-01-{n % 28 + 1:02}"}
        for n in range(5_000)
    ]
    api.data("POST", "/events/batch", {"events": events})
    table = rows(api.get(f"/contacts/{ada['id']}/journey.csv", types="visit", order=order).text)[1:]
    assert {row[7] for row in table} == {str(n) for n in range(5_000)}
    assert len(table) == 5_000
    assert [row[0] for row in table] == sorted((row[0] for row in table), reverse=order == "desc")
