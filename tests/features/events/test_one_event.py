"""One event is recorded in one statement, beside others who change or remove its contact."""

import asyncio
from typing import Any

import httpx
import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database
from orbit_contacts.features.contacts import service as contacts
from tests.conftest import Client

EVENT = {"type": "page.viewed", "event_id": "late"}


@pytest.mark.parametrize("known_by_events", [True, False])
@pytest.mark.parametrize("in_a_batch", [True, False])
async def test_an_event_told_while_its_contact_is_erased_leaves_nothing(
    api: Client, database: Database, caller: Caller, known_by_events: bool, in_a_batch: bool
) -> None:
    ada = api.contact(email="ada@example.com")
    if known_by_events:
        api.data("POST", f"/contacts/{ada['id']}/events", {"type": "page.viewed", "event_id": "early"})
    id = ids.parse("con", ada["id"])
    assert id is not None
    async with httpx.AsyncClient(base_url=api.http.base_url, headers=api.http.headers, timeout=30) as http:
        async with database.transaction(caller) as tx:
            await contacts.erase(tx, id)
            path = "/events/batch" if in_a_batch else f"/contacts/{ada['id']}/events"
            body = {"events": [EVENT | {"contact_id": ada["id"]}]} if in_a_batch else EVENT
            telling = asyncio.create_task(http.post(path, json=body))
            await asyncio.sleep(0.2)
            assert not telling.done()
        answer = await telling
    refused = answer.json()["data"]["rejected"][0] if in_a_batch else answer.json()["error"]
    assert refused["code"] == "NOT_FOUND"
    async with database.prepared.connection() as connection:
        for table in ("event_keys", "contact_stats", "events"):
            left = f"SELECT count(*) FROM {table} WHERE cell_id = $1 AND contact_id = $2"
            assert await connection.fetchval(left, caller.cell(0), id) == (1 if table == "events" else 0)


async def test_the_same_event_told_by_many_at_once_is_one(api: Client) -> None:
    order = {"type": "order.placed", "event_id": "o1"}
    ada = api.contact(email="ada@example.com")
    async with httpx.AsyncClient(base_url=api.http.base_url, headers=api.http.headers, timeout=30) as http:
        answers = await asyncio.gather(*(http.post(f"/contacts/{ada['id']}/events", json=order) for _ in range(8)))
    told: list[dict[str, Any]] = [answer.json()["data"] for answer in answers]
    assert sorted((one["accepted"], one["duplicates"]) for one in told) == [(0, 1)] * 7 + [(1, 0)]
    assert api.data("GET", f"/contacts/{ada['id']}/profile")["stats"]["events"] == 1


def test_only_what_a_blocked_contact_sends_is_put_aside(api: Client) -> None:
    ada = api.contact(email="ada@example.com")
    api.data("POST", f"/contacts/{ada['id']}/block", {})
    for direction in ("inbound", "outbound"):
        event = {"type": "fax", "direction": direction, "data": {"folder": "inbox"}}
        api.data("POST", f"/contacts/{ada['id']}/events", event)
    seen = api.get(f"/contacts/{ada['id']}/timeline", types="fax").json()["data"]
    assert {one["direction"]: one["data"]["folder"] for one in seen} == {"inbound": "spam", "outbound": "inbox"}
