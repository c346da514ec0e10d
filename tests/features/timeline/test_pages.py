"""Reading: timeline and activity, their filters, orders and cursors."""

from typing import Any

import pytest

from tests.conftest import Client

HISTORY: list[dict[str, Any]] = [
    {"type": "message.sent", "channel": "email", "message_id": "m1", "timestamp": "2026-01-01T10:00:00Z"},
    {"type": "message.clicked", "channel": "email", "message_id": "m1", "timestamp": "2026-01-01T11:00:00Z"},
    {"type": "call.ended", "call_id": "c1", "timestamp": "2026-01-02", "data": {"duration_seconds": 75}},
    {"type": "ticket.opened", "ticket_id": "t1", "timestamp": "2026-01-03", "data": {"subject": "Broken lamp"}},
    {"type": "message.received", "channel": "sms", "timestamp": "2026-01-04", "data": {"text": "Hello?"}},
    {"type": "order.placed", "timestamp": "2026-01-05", "data": {"value": 49.9, "currency": "EUR"}},
    {"type": "page.viewed", "timestamp": "2026-01-06", "title": "Pricing", "data": {"url": "/pricing"}},
]


@pytest.fixture
def ada(api: Client) -> dict[str, Any]:
    ada = api.contact(first_name="Ada")
    for event in HISTORY:
        api.data("POST", f"/contacts/{ada['id']}/events", event)
    return ada


def types(api: Client, contact: dict[str, Any], **params: Any) -> list[str]:
    response = api.get(f"/contacts/{contact['id']}/timeline", **params)
    assert response.is_success, response.text
    return [item["type"] for item in response.json()["data"]]


def test_timeline_is_newest_first_with_our_own_events(api: Client, ada: dict[str, Any]) -> None:
    assert types(api, ada) == ["contact.created", *(event["type"] for event in reversed(HISTORY))]


def test_order_asc_is_oldest_first(api: Client, ada: dict[str, Any]) -> None:
    assert types(api, ada, order="asc") == [*(event["type"] for event in HISTORY), "contact.created"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"kind": "message"}, ["message.received", "message.clicked", "message.sent"]),
        ({"kind": "call,ticket"}, ["ticket.opened", "call.ended"]),
        ({"kind": "event"}, ["page.viewed", "order.placed"]),
        ({"kind": "contact"}, ["contact.created"]),
        ({"kind": "consent"}, []),
        ({"types": "order.placed, message.sent"}, ["order.placed", "message.sent"]),
        ({"types": "message.*"}, ["message.received", "message.clicked", "message.sent"]),
        ({"channel": "email"}, ["message.clicked", "message.sent"]),
        ({"channel": "voice"}, ["call.ended"]),
        ({"from": "2026-01-04", "to": "2026-01-06"}, ["order.placed", "message.received"]),
        ({"kind": "message", "channel": "SMS"}, ["message.received"]),
    ],
)
def test_filters(api: Client, ada: dict[str, Any], params: dict[str, str], expected: list[str]) -> None:
    assert types(api, ada, **params) == expected


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"kind": "gossip"}, "VALIDATION_ERROR"),
        ({"types": "Message Sent"}, "VALIDATION_ERROR"),
        ({"channel": "pigeon"}, "INVALID_CHANNEL"),
        ({"from": "soon"}, "VALIDATION_ERROR"),
        ({"order": "sideways"}, "VALIDATION_ERROR"),
        ({"limit": "0"}, "VALIDATION_ERROR"),
        ({"cursor": "cur_x"}, "INVALID_CURSOR"),
    ],
)
def test_wrong_filters_are_refused(api: Client, ada: dict[str, Any], params: dict[str, str], code: str) -> None:
    response = api.get(f"/contacts/{ada['id']}/timeline", **params)
    assert response.json()["error"]["code"] == code


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_meet_without_gap_or_overlap_while_events_come_in(api: Client, order: str) -> None:
    ada = api.contact()
    path = f"/contacts/{ada['id']}"
    same = "2026-02-01T00:00:00Z"
    events = [{"type": "visit", "contact_id": ada["id"], "timestamp": same, "event_id": f"{n}"} for n in range(7)]
    events += [{"type": "visit", "contact_id": ada["id"], "timestamp": f"2026-01-0{n + 1}"} for n in range(5)]
    api.data("POST", "/events/batch", {"events": events})
    seen: list[str] = []
    cursor = None
    while True:
        params = {"types": "visit", "limit": 3, "order": order} | ({"cursor": cursor} if cursor else {})
        page = api.get(path + "/timeline", **params).json()
        seen += [item["id"] for item in page["data"]]
        assert page["meta"]["pagination"]["total"] >= 12
        cursor = page["meta"]["pagination"]["cursor"]
        if not page["meta"]["pagination"]["has_more"]:
            break
        ahead = "2026-03-01" if order == "desc" else "2025-01-01"
        api.data("POST", path + "/events", {"type": "visit", "timestamp": ahead})
    assert len(seen) == len(set(seen)) == 12


def test_a_cursor_belongs_to_its_contact_and_filters(api: Client, ada: dict[str, Any]) -> None:
    path = f"/contacts/{ada['id']}/timeline"
    cursor = api.get(path, limit=2).json()["meta"]["pagination"]["cursor"]
    assert api.get(path, limit=3, cursor=cursor).is_success
    ben = api.contact()
    for url, params in (
        (path, {"kind": "message"}),
        (f"/contacts/{ben['id']}/timeline", {}),
        (f"/contacts/{ada['id']}/activity", {}),
    ):
        assert api.get(url, cursor=cursor, **params).json()["error"]["code"] == "INVALID_CURSOR"


def test_titles_and_summaries(api: Client, ada: dict[str, Any]) -> None:
    api.data("PATCH", f"/contacts/{ada['id']}", {"lifecycle_stage": "customer", "company": "Analytical Engines"})
    items = api.data("GET", f"/contacts/{ada['id']}/timeline")
    assert [(item["title"], item["summary"]) for item in items] == [
        ("Contact updated", "Changed company, lifecycle_stage (none to customer)"),
        ("Contact created", "By api"),
        ("Pricing", "url: /pricing"),
        ("Order placed", "49.90 EUR"),
        ("SMS received", "Hello?"),
        ("Ticket opened", "Broken lamp"),
        ("Call ended", "1:15 minutes"),
        ("Link in e-mail clicked", None),
        ("E-mail sent", None),
    ]


def test_our_own_events_tell_who_did_it(api: Client, ada: dict[str, Any]) -> None:
    item = api.data("GET", f"/contacts/{ada['id']}/timeline?kind=contact")[0]
    assert item["actor"]["type"] == "api_key"
    assert item["actor"]["id"].startswith("key_")
    call = api.data("GET", f"/contacts/{ada['id']}/timeline?kind=call")[0]
    assert (call["actor"], call["call_id"], call["channel"]) == (None, "c1", "voice")


def test_activity_keeps_four_fields_newest_first(api: Client, ada: dict[str, Any]) -> None:
    response = api.get(f"/contacts/{ada['id']}/activity")
    told = response.json()
    assert [item["type"] for item in told["data"]] == [
        "message.received",
        "ticket.opened",
        "call.ended",
        "message.clicked",
        "message.sent",
    ]
    assert told["data"][3] == {
        "type": "message.clicked",
        "channel": "email",
        "message_id": "m1",
        "timestamp": "2026-01-01T11:00:00Z",
    }
    assert told["meta"]["pagination"] == {"cursor": None, "has_more": False, "total": 5, "total_is_exact": True}
    page = api.get(f"/contacts/{ada['id']}/activity", limit=2, channel="email,sms").json()
    following = api.get(
        f"/contacts/{ada['id']}/activity", limit=2, channel="email,sms", cursor=page["meta"]["pagination"]["cursor"]
    ).json()
    assert [item["type"] for item in page["data"] + following["data"]] == [
        "message.received",
        "message.clicked",
        "message.sent",
    ]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"order": "asc"}, ["message.sent", "message.clicked", "call.ended", "ticket.opened", "message.received"]),
        ({"order": "ASC", "kind": "message"}, ["message.sent", "message.clicked", "message.received"]),
        ({"kind": "call,ticket"}, ["ticket.opened", "call.ended"]),
        ({"types": "message.sent,order.placed"}, ["message.sent"]),
        ({"kind": "event"}, []),
        ({"types": "message.*", "to": "2026-01-02"}, ["message.clicked", "message.sent"]),
    ],
)
def test_activity_has_the_filters_of_the_timeline(
    api: Client, ada: dict[str, Any], params: dict[str, str], expected: list[str]
) -> None:
    response = api.get(f"/contacts/{ada['id']}/activity", **params)
    assert [item["type"] for item in response.json()["data"]] == expected


@pytest.mark.parametrize("page", ["activity", "timeline", "journey", "journey.csv"])
def test_an_order_that_is_none_is_refused(api: Client, ada: dict[str, Any], page: str) -> None:
    response = api.get(f"/contacts/{ada['id']}/{page}", order="sideways")
    assert (response.status_code, response.json()["error"]["details"]["field"]) == (422, "order")


@pytest.mark.parametrize("page", ["activity", "timeline", "journey", "journey.csv"])
def test_pages_of_contacts_that_are_not_there(api: Client, workspace: Any, page: str) -> None:
    foreign = workspace.test_api.contact()
    for id in (foreign["id"], "con_" + "0" * 26, "nonsense"):
        response = api.get(f"/contacts/{id}/{page}")
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "NOT_FOUND"


def test_a_blocked_contacts_messages_go_to_spam(api: Client) -> None:
    ada = api.contact()
    path = f"/contacts/{ada['id']}"
    api.data("POST", path + "/block", {})
    for data in ({}, {"text": "hi", "folder": "inbox"}):
        api.data("POST", path + "/events", {"type": "message.received", "channel": "sms", "data": data})
    api.data("POST", path + "/events", {"type": "message.failed", "channel": "sms"})
    items = api.data("GET", path + "/timeline?kind=message&order=asc")
    assert [(item["type"], item.get("folder"), item["data"].get("folder")) for item in items] == [
        ("message.received", "spam", "spam"),
        ("message.received", "spam", "spam"),
        ("message.failed", None, None),
    ]
    api.data("POST", path + "/unblock", {})
    api.data("POST", path + "/events", {"type": "message.received", "channel": "sms"})
    assert "folder" not in api.data("GET", path + "/timeline?kind=message")[0]


def test_stop_opts_out_in_the_same_transaction(api: Client) -> None:
    ada = api.contact(phone="+14155550101")
    path = f"/contacts/{ada['id']}"
    stop = {
        "type": "message.received",
        "channel": "sms",
        "data": {"text": "Stop."},
        "timestamp": "2026-03-01T10:00:00Z",
    }
    api.data("POST", path + "/events", stop)
    assert api.data("GET", path + "/preferences")["preferences"]["sms"] == "opted_out"
    late = {
        "type": "message.received",
        "channel": "sms",
        "data": {"text": "START"},
        "timestamp": "2026-03-01T09:00:00Z",
    }
    api.data("POST", path + "/events", late)
    assert api.data("GET", path + "/preferences")["preferences"]["sms"] == "opted_out"
    api.data("POST", path + "/events", late | {"timestamp": "2026-03-01T11:00:00Z"})
    assert api.data("GET", path + "/preferences")["preferences"]["sms"] == "opted_in"


def test_a_duplicate_stop_changes_nothing(api: Client) -> None:
    ada = api.contact(phone="+14155550102")
    path = f"/contacts/{ada['id']}"
    stop = {"type": "message.received", "channel": "sms", "data": {"text": "STOP"}, "event_id": "in-1"}
    api.data("POST", path + "/events", stop)
    api.data("PUT", path + "/preferences", {"preferences": {"sms": True}})
    api.data("POST", path + "/events", stop)
    assert api.data("GET", path + "/preferences")["preferences"]["sms"] == "opted_in"
