"""The events of the whole workspace: filters, walks, and one by its id."""

import asyncio
import random
from typing import Any

import httpx
import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import DAY, now
from orbit_contacts.core.database import Database
from orbit_contacts.features.timeline import maintenance, workspace_events
from tests.conftest import Client, Workspace

HISTORY: list[dict[str, Any]] = [
    {"type": "message.sent", "external_id": "ada", "channel": "email", "timestamp": "2024-01-01", "message_id": "m1"},
    {"type": "message.received", "external_id": "ben", "channel": "sms", "timestamp": "2025-01-02", "title": "Hi"},
    {"type": "order.placed", "external_id": "ada", "timestamp": "2025-01-03", "data": {"value": 49.9}},
    {"type": "page.viewed", "external_id": "ben", "channel": "web", "timestamp": "2023-01-04"},
]
TOLD = ["contact.created", "contact.created", *(event["type"] for event in HISTORY)]


@pytest.fixture
def people(api: Client) -> dict[str, dict[str, Any]]:
    people = {name: api.contact(external_id=name) for name in ("ada", "ben")}
    for event in HISTORY:
        api.data("POST", "/events/batch", {"events": [event]})
    return people


def pages(api: Client, **params: Any) -> list[list[dict[str, Any]]]:
    """Every page, by the cursors."""
    found: list[list[dict[str, Any]]] = []
    cursor: dict[str, str] = {}
    while True:
        response = api.get("/events", **params, **cursor)
        assert response.is_success, response.text
        page = response.json()
        found.append(page["data"])
        told = page["meta"]["pagination"]
        assert (told["total"], told["total_is_exact"]) == (None, False)
        assert told["has_more"] is (told["cursor"] is not None)
        if not told["has_more"]:
            return found
        cursor = {"cursor": told["cursor"]}


def walk(api: Client, **params: Any) -> list[dict[str, Any]]:
    return [event for page in pages(api, **params) for event in page]


def types(api: Client, **params: Any) -> list[str]:
    return [event["type"] for event in walk(api, **params)]


def test_all_contacts_events_are_listed_the_last_recorded_first(api: Client, people: dict[str, dict[str, Any]]) -> None:
    assert types(api) == TOLD[::-1]
    assert types(api, order="asc") == TOLD


def test_what_one_request_told_stands_in_the_order_of_the_feed(api: Client) -> None:
    people = [api.contact()["id"] for _ in range(5)]
    events = [{"type": f"visit.{n}", "contact_id": people[n % 5], "timestamp": f"2025-01-{n + 1:02}"} for n in range(9)]
    api.data("POST", "/events/batch", {"events": events})
    feed = api.data("GET", "/changes")["changes"]
    assert [event["id"] for event in walk(api, order="asc", limit=2)] == [change["id"] for change in feed]


def test_an_event_is_the_entry_of_its_timeline_and_whose_it_is(api: Client, people: dict[str, dict[str, Any]]) -> None:
    for name, type, source in (("ada", "contact.created", "api"), ("ben", "page.viewed", "api")):
        [entry] = api.data("GET", f"/contacts/{people[name]['id']}/timeline?types={type}")
        event = api.data("GET", f"/events/{entry['id']}")
        told = event.pop("recorded_at")
        assert event == entry | {"contact_id": people[name]["id"], "source": source}
        assert told >= people[name]["created_at"]
        assert event | {"recorded_at": told} in walk(api)


@pytest.mark.parametrize("looked_at", ["2", "5000"])
@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"kind": "message"}, ["message.received", "message.sent"]),
        ({"kind": "event,contact", "to": "2026-01-01"}, ["page.viewed", "order.placed"]),
        ({"types": "order.*, page.viewed"}, ["page.viewed", "order.placed"]),
        ({"channel": "SMS,web"}, ["page.viewed", "message.received"]),
        ({"direction": "outbound"}, ["message.sent"]),
        ({"direction": "inbound", "channel": "web"}, []),
        ({"from": "2025-01-02", "to": "2025-01-04"}, ["order.placed", "message.received"]),
        ({"from": "2025-01-03", "to": "2025-01-03"}, []),
    ],
)
def test_filters(
    api: Client,
    people: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    params: dict[str, str],
    expected: list[str],
    looked_at: str,
) -> None:
    monkeypatch.setattr(workspace_events, "LOOKED_AT", looked_at)
    assert types(api, **params) == expected
    assert types(api, **params, limit=1, order="asc") == expected[::-1]


def test_one_contact_can_be_asked_for(api: Client, people: dict[str, dict[str, Any]]) -> None:
    ben = people["ben"]["id"]
    for params in ({}, {"order": "asc"}, {"kind": "message,event"}, {"from": "2023-01-05", "to": "2025-06-01"}):
        timeline = api.get(f"/contacts/{ben}/timeline", **params).json()["data"]
        assert len(timeline) in (1, 2, 3)
        for limit in (1, 25):
            assert [event["id"] for event in walk(api, contact_id=ben, limit=limit, **params)] == [
                entry["id"] for entry in timeline
            ]
    assert {event["contact_id"] for event in walk(api, contact_id=ben)} == {ben}
    assert walk(api, contact_id=ids.contact_text(ids.mint(now()))) == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"kind": "gossip"}, "VALIDATION_ERROR"),
        ({"types": "Message Sent"}, "VALIDATION_ERROR"),
        ({"channel": "pigeon"}, "INVALID_CHANNEL"),
        ({"direction": "sideways"}, "VALIDATION_ERROR"),
        ({"from": "soon"}, "VALIDATION_ERROR"),
        ({"order": "sideways"}, "VALIDATION_ERROR"),
        ({"limit": "201"}, "VALIDATION_ERROR"),
        ({"contact_id": "ada"}, "VALIDATION_ERROR"),
        ({"cursor": "cur_x"}, "INVALID_CURSOR"),
    ],
)
def test_wrong_filters_are_refused(api: Client, params: dict[str, str], code: str) -> None:
    error = api.get("/events", **params).json()["error"]
    assert (error["code"], error["details"]["field"]) == (code, next(iter(params)))


def test_a_cursor_belongs_to_its_filters(api: Client, people: dict[str, dict[str, Any]]) -> None:
    cursor = api.get("/events", limit=2).json()["meta"]["pagination"]["cursor"]
    assert api.get("/events", limit=3, cursor=cursor).is_success
    for other in ({"order": "asc"}, {"kind": "message"}, {"contact_id": people["ada"]["id"]}):
        assert api.get("/events", cursor=cursor, **other).json()["error"]["code"] == "INVALID_CURSOR"


def test_a_page_that_found_nothing_leads_on(
    api: Client, people: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace_events, "LOOKED_AT", "2")
    found = [[event["type"] for event in page] for page in pages(api, types="message.sent")]
    assert found == [[], ["message.sent"], [], []]


INSTANTS = ("2025-03-30", "2025-03-31T23:59:59Z", "2025-04-01", "2025-04-02")


@pytest.mark.parametrize("filters", [{}, {"types": "visit"}, {"from": "2025-03-31", "kind": "event"}])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_walk_beside_writers_shows_every_event_once(
    api: Client, monkeypatch: pytest.MonkeyPatch, order: str, filters: dict[str, str]
) -> None:
    """Many events of few instants, on both sides of a partition's end; others are told, and contacts are merged."""
    monkeypatch.setattr(workspace_events, "LOOKED_AT", "4")
    dice = random.Random(order)
    people = [api.contact()["id"] for _ in range(4)]

    def some(count: int) -> dict[str, Any]:
        return {
            "events": [
                {
                    "type": dice.choice(("visit", "noise.heard")),
                    "contact_id": dice.choice(people[:2]),
                    "timestamp": dice.choice(INSTANTS),
                }
                for _ in range(count)
            ]
        }

    api.data("POST", "/events/batch", some(40))
    at_first = [event["id"] for event in walk(api, order=order, limit=200, **filters)]
    seen: list[str] = []
    async with httpx.AsyncClient(base_url=api.http.base_url, headers=api.http.headers, timeout=30) as http:

        async def write() -> None:
            while not done.is_set():
                assert (await http.post("/events/batch", json=some(3))).is_success
                await asyncio.sleep(0.001)

        async def merge() -> None:
            for source, heir in ((people[1], people[2]), (people[0], people[3])):
                await asyncio.sleep(0.02)
                assert (await http.post(f"/contacts/{heir}/merge", json={"source_ids": [source]})).is_success

        async def read() -> None:
            cursor: dict[str, str] = {}
            for _ in range(1_000):
                page = (await http.get("/events", params={"limit": 3, "order": order} | filters | cursor)).json()
                seen.extend(event["id"] for event in page["data"])
                if set(at_first) <= set(seen) or not page["meta"]["pagination"]["has_more"]:
                    break
                cursor = {"cursor": page["meta"]["pagination"]["cursor"]}
            done.set()

        done = asyncio.Event()
        await asyncio.gather(write(), merge(), read())
    assert len(seen) == len(set(seen))
    there = set(at_first)
    assert [id for id in seen if id in there] == at_first


def test_events_of_a_deleted_contact_stay_and_of_an_erased_one_go(
    api: Client, people: dict[str, dict[str, Any]]
) -> None:
    before = {event["contact_id"]: event["id"] for event in walk(api, types="order.placed,message.received")}
    api.delete(f"/contacts/{people['ada']['id']}?soft=true")
    api.delete(f"/contacts/{people['ben']['id']}")
    after = walk(api)
    ada, ben = ([event for event in after if event["contact_id"] == people[name]["id"]] for name in ("ada", "ben"))
    assert [event["type"] for event in ada] == ["contact.deleted", "order.placed", "message.sent", "contact.created"]
    assert [(event["type"], event["data"]) for event in ben] == [("contact.deleted", {"mode": "erased"})]
    assert api.get(f"/events/{before[people['ada']['id']]}").is_success
    assert api.get(f"/events/{before[people['ben']['id']]}").status_code == 404


def test_one_event_is_found_whenever_it_happened(api: Client, people: dict[str, dict[str, Any]]) -> None:
    """Its id tells when it was recorded; it may lie in any partition."""
    for timestamp in ("1970-01-02T00:00:00Z", "2001-02-03T00:00:00Z", "2026-01-01T00:00:00Z"):
        event = {"type": "late", "timestamp": timestamp}
        id = api.data("POST", f"/contacts/{people['ada']['id']}/events", event)["id"]
        found = api.data("GET", f"/events/{id}")
        assert (found["id"], found["timestamp"], found["type"]) == (id, timestamp, "late")


def test_an_event_keeps_its_id_when_contacts_are_merged(api: Client, people: dict[str, dict[str, Any]]) -> None:
    ada, ben = people["ada"]["id"], people["ben"]["id"]
    [order] = walk(api, contact_id=ada, types="order.placed")
    api.data("POST", f"/contacts/{ben}/merge", {"source_ids": [ada]})
    assert api.data("GET", f"/events/{order['id']}") == order | {"contact_id": ben}


def test_whatever_writes_an_event_its_id_finds_it(api: Client) -> None:
    """The id of an event begins with the millisecond of its `recorded_at`."""
    ada, ben = (api.contact(external_id=name, email=f"{name}@example.com")["id"] for name in ("ada", "ben"))
    api.data("POST", "/events/batch", {"events": [{"type": "visit", "external_id": "ada"}] * 150})
    api.data("POST", f"/contacts/{ada}/tags", {"tags": ["vip"]})
    api.data("POST", f"/contacts/{ada}/notes", {"body": "Called."})
    api.data("POST", f"/contacts/{ada}/block", {"reason": "spam"})
    api.data("PUT", f"/contacts/{ben}/preferences", {"preferences": {"email": False}})
    api.data("POST", "/contacts/bulk", {"contacts": [{"email": f"{n}@example.com"} for n in range(3)]})
    api.data("POST", f"/contacts/{ada}/merge", {"source_ids": [ben]})
    events = walk(api, limit=200)
    assert {event["kind"] for event in events} == {"contact", "event", "note", "consent"}
    assert len(events) > 160
    for event in events[::10] + [event for event in events if event["type"] != "visit"]:
        assert api.data("GET", f"/events/{event['id']}") == event


@pytest.mark.parametrize("id", ["evt_7zzzzzzzzzzzzzzzzzzzzzzzzz", "evt_00000000000000000000000000"])
def test_the_outermost_ids_are_no_events(api: Client, id: str) -> None:
    assert api.get(f"/events/{id}").status_code == 404


def test_what_is_no_event_is_not_found(api: Client, workspace: Workspace, people: dict[str, dict[str, Any]]) -> None:
    other = workspace.test_api
    event = walk(api)[0]["id"]
    unknown = ids.text("evt", ids.mint(now()))
    for client, id in ((other, event), (api, unknown), (api, "evt_x"), (api, people["ada"]["id"])):
        error = client.get(f"/events/{id}").json()["error"]
        assert (error["code"], error["status"]) == ("NOT_FOUND", 404)
    assert walk(other) == []


INDEXES = """
SELECT p.inhrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) LIKE '%(workspace_id, recorded_at)' AS serves
FROM pg_inherits p LEFT JOIN pg_index i ON i.indrelid = p.inhrelid WHERE p.inhparent = 'events'::regclass
"""


async def test_partitions_to_come_have_the_index(database: Database, caller: Caller) -> None:
    async with database.transaction(caller, at=now() + 20 * 365 * DAY) as tx:
        before = {row["name"] for row in await tx.connection.fetch(INDEXES)}
        assert await maintenance.make_partitions(tx) == 3
        rows = await tx.connection.fetch(INDEXES)
        made = {row["name"] for row in rows} - before
        assert {row["name"] for row in rows if row["serves"]} == made | before
        await tx.connection.execute(f"DROP TABLE {', '.join(made)}")
