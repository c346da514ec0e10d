"""Batches large enough to be written by COPY: nothing about an event depends on the way it was written."""

from typing import Any

import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import DAY
from orbit_contacts.core.database import Database
from orbit_contacts.features.timeline import queries, recording
from orbit_contacts.features.timeline.models import Event
from tests.conftest import Client

SIZE = queries.COPIED_FROM + 20


def tell(api: Client, events: list[dict[str, Any]]) -> dict[str, Any]:
    return api.data("POST", "/events/batch", {"events": events})


def visits(contact: dict[str, Any], count: int = SIZE) -> list[dict[str, Any]]:
    return [{"type": "page.viewed", "contact_id": contact["id"], "event_id": f"e{n}"} for n in range(count)]


def timeline(api: Client, contact: dict[str, Any], **params: str) -> list[dict[str, Any]]:
    return api.get(f"/contacts/{contact['id']}/timeline", limit="200", **params).json()["data"]


def changes(api: Client, place: str | None = None) -> dict[str, Any]:
    return api.get("/changes", limit="1000", **({} if place is None else {"after": place})).json()["data"]


def test_every_field_comes_back(api: Client) -> None:
    ada = api.contact()
    event = {
        "type": "message.sent",
        "channel": "email",
        "timestamp": "2026-03-01T10:00:00Z",
        "event_id": "tab\tand\\backslash",
        "message_id": "m-1",
        "call_id": "c-1",
        "ticket_id": "t-1",
        "title": "Zeile\nzwei",
        "category": "marketing",
        "data": {"subject": 'She said "hi"\\', "n": 1.5, "none": None},
    }
    tell(api, [{**event, "contact_id": ada["id"]}, *visits(ada)])
    one = timeline(api, ada, kind="message")[0]
    ben = api.contact()
    api.data("POST", f"/contacts/{ben['id']}/events", event)
    other = timeline(api, ben, kind="message")[0]
    assert one | {"id": ""} == other | {"id": ""}
    assert one["data"] == event["data"]
    assert one["timestamp"] == event["timestamp"]


def test_repeated_events_count_once(api: Client) -> None:
    ada = api.contact()
    told = visits(ada)
    assert tell(api, told[:5])["accepted"] == 5
    answer = tell(api, [*told, *told[:30]])
    assert (answer["accepted"], answer["duplicates"]) == (SIZE - 5, 35)
    assert len(timeline(api, ada, types="page.viewed")) == SIZE
    assert api.data("GET", f"/contacts/{ada['id']}/profile")["stats"]["events"] == SIZE


async def test_late_events_find_their_partitions(api: Client, database: Database, caller: Caller) -> None:
    ada = api.contact()
    old = [event | {"timestamp": f"19{90 + n % 10}-02-01"} for n, event in enumerate(visits(ada))]
    assert tell(api, [*old, {"type": "new", "contact_id": ada["id"]}])["accepted"] == SIZE + 1
    found = [item["timestamp"] for item in timeline(api, ada, order="asc", types="page.viewed")]
    assert found == sorted(found)
    assert len(found) == SIZE
    async with database.reader(caller) as reader:
        places = await reader.fetch_all(
            "SELECT DISTINCT tableoid::regclass::text AS name FROM events WHERE workspace_id = $1", caller.workspace_id
        )
    assert {"events_default"} < {row["name"] for row in places}


def test_stop_within_a_batch_opts_out(api: Client) -> None:
    ada = api.contact(phone="+14155550177")
    stop = {"type": "message.received", "channel": "sms", "contact_id": ada["id"], "data": {"text": "stop"}}
    tell(api, [*visits(ada), stop])
    assert api.data("GET", f"/contacts/{ada['id']}/preferences")["preferences"]["sms"] == "opted_out"


def test_what_a_blocked_contact_sends_goes_to_spam(api: Client) -> None:
    ada, ben = api.contact(), api.contact()
    api.data("POST", f"/contacts/{ada['id']}/block", {})
    wrote = {"type": "message.received", "channel": "sms", "data": {"text": "hi"}}
    tell(api, [*visits(ben), *(wrote | {"contact_id": contact["id"]} for contact in (ada, ben))])
    folders = [timeline(api, contact, kind="message")[0].get("folder") for contact in (ada, ben)]
    assert folders == ["spam", None]


async def test_a_batch_not_committed_yet_holds_the_feed_back(api: Client, database: Database, caller: Caller) -> None:
    ada = api.contact()
    id = ids.parse("con", ada["id"])
    assert id is not None
    start = changes(api)["next"]
    async with database.transaction(caller) as slow:
        events = [
            Event(id, slow.now - n * DAY, ids.mint(slow.now), "slow.change", None, None, b"{}") for n in range(SIZE)
        ]
        await recording.record_all(slow, events, source="api")
        api.data("POST", f"/contacts/{api.contact()['id']}/events", {"type": "quick.change"})
        page = changes(api, start)
        assert page["changes"] == []
    seen = [change["type"] for change in changes(api, page["next"])["changes"]]
    assert (seen.count("slow.change"), seen.count("quick.change")) == (SIZE, 1)


@pytest.mark.parametrize("table", ["events", "event_keys", "contact_stats", "contact_sends", "nba_decisions"])
async def test_erasing_leaves_nothing_behind(api: Client, database: Database, caller: Caller, table: str) -> None:
    ada = api.contact(email="ada@example.com")
    id = ids.parse("con", ada["id"])
    sent = {"type": "message.sent", "channel": "email", "contact_id": ada["id"]}
    tell(api, [*visits(ada), *(sent | {"message_id": f"m{n}"} for n in range(5))])
    api.data("GET", f"/contacts/{ada['id']}/next-best-action")
    statement = f"SELECT count(*) FROM {table} WHERE cell_id = $1 AND contact_id = $2"
    async with database.prepared.connection() as connection:
        assert await connection.fetchval(statement, caller.cell(0), id) > 0
        assert api.delete(f"/contacts/{ada['id']}").status_code == 204
        left = await connection.fetchval(statement, caller.cell(0), id)
    assert left == (1 if table == "events" else 0)  # that it was erased
