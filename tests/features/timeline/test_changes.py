"""The change feed: every change once, in the order of the commits, whatever writers do."""

import asyncio
import contextlib
import random
from typing import Any

import httpx
import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import ContactInput
from orbit_contacts.features.timeline import service as timeline
from orbit_contacts.features.timeline.feed import end_of_feed
from tests.conftest import Client


def feed(api: Client, after: str | None = None, **params: Any) -> tuple[list[dict[str, Any]], str]:
    """All pages after a place, and the place at their end."""
    found: list[dict[str, Any]] = []
    while True:
        response = api.get("/changes", **params, **({} if after is None else {"after": after}))
        assert response.is_success, response.text
        page = response.json()["data"]
        found += page["changes"]
        after = page["next"]
        if not page["has_more"]:
            return found, after


def told(changes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(change["type"], change["contact_id"]) for change in changes]


def test_changes_and_deletions_come_in_order(api: Client) -> None:
    ada, ben = api.contact(), api.contact()
    api.data("PATCH", f"/contacts/{ada['id']}", {"first_name": "Ada"})
    api.data("POST", f"/contacts/{ben['id']}/events", {"type": "page.viewed", "timestamp": "2020-01-01"})
    api.delete(f"/contacts/{ben['id']}?soft=true")
    api.delete(f"/contacts/{ada['id']}")
    changes, after = feed(api, limit=2)
    # What happened to an erased contact is erased with it; that it was erased remains.
    assert told(changes) == [
        ("contact.created", ben["id"]),
        ("page.viewed", ben["id"]),
        ("contact.deleted", ben["id"]),
        ("contact.deleted", ada["id"]),
    ]
    assert [change["data"] for change in changes[2:]] == [{"mode": "soft"}, {"mode": "erased"}]
    assert (changes[1]["source"], changes[0]["source"], changes[1]["timestamp"]) == (
        "api",
        "api",
        "2020-01-01T00:00:00Z",
    )
    assert feed(api, after) == ([], after)
    cara = api.contact()
    assert told(feed(api, after)[0]) == [("contact.created", cara["id"])]


def test_the_feed_goes_on_after_any_change(api: Client) -> None:
    for _ in range(5):
        api.contact()
    changes, _ = feed(api)
    for number, change in enumerate(changes):
        assert feed(api, change["seq"])[0] == changes[number + 1 :]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"after": "nonsense"}, "INVALID_CURSOR"),
        ({"after": "1"}, "INVALID_CURSOR"),
        ({"after": "-1-1"}, "INVALID_CURSOR"),
        ({"after": "9" * 30 + "-1"}, "INVALID_CURSOR"),
        ({"limit": "0"}, "VALIDATION_ERROR"),
        ({"limit": "1001"}, "VALIDATION_ERROR"),
        ({"kind": "gossip"}, "VALIDATION_ERROR"),
    ],
)
def test_what_is_no_place_is_refused(api: Client, params: dict[str, str], code: str) -> None:
    assert api.get("/changes", **params).json()["error"]["code"] == code


def test_zero_is_the_beginning(api: Client) -> None:
    api.contact()
    assert feed(api, "0") == feed(api)


def test_filters_and_their_empty_pages_lead_on(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orbit_contacts.features.timeline.feed.LOOKED_AT", 3)
    ada = api.contact(external_id="ada")
    events = [{"type": "noise", "external_id": "ada"}] * 20 + [{"type": "order.placed", "external_id": "ada"}]
    api.data("POST", "/events/batch", {"events": events})
    assert told(feed(api, types="order.*", limit=2)[0]) == [("order.placed", ada["id"])]
    assert told(feed(api, kind="contact", limit=2)[0]) == [("contact.created", ada["id"])]
    assert api.get("/changes", types="order.placed", limit=2).json()["data"]["has_more"] is True


def test_the_feed_shows_one_workspace(api: Client, workspace: Any) -> None:
    workspace.test_api.contact()
    assert feed(api)[0] == []


async def test_an_open_transaction_holds_the_feed_back_and_nothing_is_lost(
    api: Client, database: Database, caller: Caller
) -> None:
    ada, ben = api.contact(), api.contact()
    _, start = feed(api)
    async with database.transaction(caller) as slow:
        await timeline.record(slow, _id(ada), "slow.change", {})
        api.data("POST", f"/contacts/{ben['id']}/events", {"type": "quick.change"})
        seen, place = feed(api, start)
        assert seen == []
    seen, _ = feed(api, place)
    assert sorted(change["type"] for change in seen) == ["quick.change", "slow.change"]


async def test_a_transaction_that_is_rolled_back_leaves_no_trace(
    api: Client, database: Database, caller: Caller
) -> None:
    ada = api.contact()
    _, start = feed(api)
    with contextlib.suppress(ZeroDivisionError):
        async with database.transaction(caller) as tx:
            await timeline.record(tx, _id(ada), "never.was", {})
            raise ZeroDivisionError
    api.data("POST", f"/contacts/{ada['id']}/events", {"type": "was"})
    assert [change["type"] for change in feed(api, start)[0]] == ["was"]


async def test_what_is_written_after_the_end_was_asked_for_comes_after_it(
    api: Client, database: Database, caller: Caller
) -> None:
    """Also by a transaction that has its number already, but has not written yet."""
    ada, ben = api.contact(), api.contact()
    async with database.transaction(caller) as early:
        await early.fetch_value("SELECT pg_current_xact_id()::text")
        api.data("POST", f"/contacts/{ben['id']}/events", {"type": "before"})
        async with database.reader(caller) as reader:
            end = await end_of_feed(reader)
        await timeline.record(early, _id(ada), "after", {})
    assert [change["type"] for change in feed(api, end.text)[0]] == ["after"]


async def test_changes_of_one_contact_stand_in_the_order_they_were_made(
    api: Client, database: Database, caller: Caller
) -> None:
    """The transaction that began first, and has the lower number, changes the contact last."""
    ada, ben = api.contact(first_name="0"), api.contact()
    _, start = feed(api)
    async with database.transaction(caller) as early:
        await timeline.record(early, _id(ben), "early.began", {})
        async with database.transaction(caller) as third:
            await contacts.update(third, _id(ada), ContactInput(first_name="1"))
        async with database.transaction(caller) as late:
            await contacts.update(late, _id(ada), ContactInput(first_name="2"))
        await contacts.update(early, _id(ada), ContactInput(first_name="3"))
    names = [change["data"]["changes"]["first_name"] for change in feed(api, start, types="contact.updated")[0]]
    assert names == [{"old": "0", "new": "1"}, {"old": "1", "new": "2"}, {"old": "2", "new": "3"}]


def _id(contact: dict[str, Any]) -> Any:
    id = ids.parse("con", contact["id"])
    assert id is not None
    return id


async def test_a_reader_beside_many_writers_misses_and_repeats_nothing(
    api: Client, database: Database, caller: Caller
) -> None:
    """Writers with short and long transactions, some rolled back, contending for a few contacts."""
    people = [api.contact(first_name="0") for _ in range(3)]
    _, place = feed(api)
    expected: set[str] = set()
    dice = random.Random(7)
    writing = True

    async def write(number: int) -> None:
        for step in range(12):
            name = f"{number}-{step}"
            fails = dice.random() < 0.2
            try:
                async with database.transaction(caller) as tx:
                    await tx.fetch_value("SELECT pg_current_xact_id()::text")
                    await asyncio.sleep(dice.choice((0, 0.001, 0.03)))
                    await contacts.update(tx, _id(dice.choice(people)), ContactInput(first_name=name))
                    await asyncio.sleep(dice.choice((0, 0, 0.02)))
                    if fails:
                        raise InterruptedError
                    expected.add(name)
            except InterruptedError:
                pass

    async def read() -> list[dict[str, Any]]:
        nonlocal place
        seen: list[dict[str, Any]] = []
        async with httpx.AsyncClient(base_url=api.http.base_url, headers=api.http.headers, timeout=30) as http:
            last_round = False
            while True:
                page = (await http.get("/changes", params={"after": place, "limit": 3})).json()["data"]
                seen += page["changes"]
                place = page["next"]
                if not page["has_more"]:
                    if last_round:
                        return seen
                    last_round = not writing
                await asyncio.sleep(0.002)

    reader = asyncio.create_task(read())
    await asyncio.gather(*(write(number) for number in range(5)))
    writing = False
    seen = await asyncio.wait_for(reader, 30)
    names = [change["data"]["changes"]["first_name"] for change in seen]
    assert len({change["id"] for change in seen}) == len(seen)
    assert sorted(name["new"] for name in names) == sorted(expected)
    for person in people:
        chain = [c["data"]["changes"]["first_name"] for c in seen if c["contact_id"] == person["id"]]
        assert [change["old"] for change in chain] == ["0", *(change["new"] for change in chain)][: len(chain)]


async def test_positions_rise_on_after_a_dump_is_restored_elsewhere(
    api: Client, database: Database, caller: Caller
) -> None:
    ada = api.contact()
    changes, place = feed(api)
    async with database.transaction(caller) as tx:
        # As if the rows had been written by a server that had counted much further.
        await tx.connection.execute(
            "UPDATE events SET position = position + 1000000 WHERE workspace_id = $1", caller.workspace_id
        )
        await tx.connection.execute("UPDATE installation SET highest_position = highest_position + 900000")
        assert await tx.fetch_value("SELECT keep_change_positions_rising()") is True
    assert told(feed(api)[0]) == told(changes)
    _, place = feed(api)
    api.data("POST", f"/contacts/{ada['id']}/events", {"type": "after.restore"})
    assert [change["type"] for change in feed(api, place)[0]] == ["after.restore"]
