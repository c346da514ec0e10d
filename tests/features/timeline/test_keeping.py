"""Partitions are made ahead, old events go when their workspace says so, and what is known by their ids with them."""

from typing import Any

import msgspec

from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import DAY, now
from orbit_contacts.core.database import Database, Unbound
from orbit_contacts.features.timeline import jobs, maintenance, partitions
from tests.conftest import Client

PARTITIONS = "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'events'::regclass"


async def names(database: Database, caller: Caller) -> set[str]:
    async with database.reader(caller) as reader:
        return {row["name"] for row in await reader.connection.fetch(PARTITIONS)}


def types(api: Client, contact: dict[str, Any]) -> list[str]:
    return [item["type"] for item in api.data("GET", f"/contacts/{contact['id']}/timeline?order=asc")]


async def test_partitions_are_made_ahead(database: Database, caller: Caller) -> None:
    before = await names(database, caller)
    async with database.transaction(caller, at=now() + 10 * 365 * DAY) as tx:
        assert await maintenance.make_partitions(tx) == 3
        assert await maintenance.make_partitions(tx) == 0
    made = await names(database, caller) - before
    assert len(made) == 3
    async with database.transaction(caller) as tx:
        await tx.connection.execute(f"DROP TABLE {', '.join(made)}")


async def test_events_without_a_partition_move_when_it_is_made(api: Client, database: Database, caller: Caller) -> None:
    ada = api.contact()
    api.data("POST", f"/contacts/{ada['id']}/events", {"type": "long.ago", "timestamp": "2001-02-03"})
    place = "SELECT tableoid::regclass::text FROM events WHERE workspace_id = $1 AND type = 'long.ago'"
    async with database.reader(caller) as reader:
        assert await reader.connection.fetchval(place, caller.workspace_id) == "events_default"
    async with database.transaction(caller, at=981_000_000_000_000) as tx:
        assert await partitions.make(tx, 0) is True
        assert await tx.connection.fetchval(place, caller.workspace_id) == "events_2001_q1"
    assert types(api, ada) == ["long.ago", "contact.created"]
    async with database.transaction(caller) as tx:
        await tx.connection.execute("DROP TABLE events_2001_q1")


def test_the_time_events_are_kept_is_a_setting(api: Client) -> None:
    assert api.data("GET", "/settings/events") == {"event_retention_days": None}
    assert api.data("PATCH", "/settings/events", {"event_retention_days": 30}) == {"event_retention_days": 30}
    assert api.data("GET", "/settings/events") == {"event_retention_days": 30}
    assert api.patch("/settings/events", {"event_retention_days": 0}).status_code == 422
    assert api.data("PATCH", "/settings/events", {"event_retention_days": None}) == {"event_retention_days": None}


async def test_old_events_of_one_workspace_are_deleted_and_their_ids_free(
    api: Client, workspace: Any, database: Database, caller: Caller
) -> None:
    old = {"type": "old", "event_id": "o", "timestamp": "2026-01-01"}
    ada, other = api.contact(), workspace.test_api.contact()
    for client, contact in ((api, ada), (workspace.test_api, other)):
        client.data("POST", f"/contacts/{contact['id']}/events", old)
        client.data("POST", f"/contacts/{contact['id']}/events", {"type": "new", "event_id": "n"})
    await jobs.forget_events(Unbound(database, caller, now()), jobs.ForgetEvents(before=now() - 30 * DAY))
    assert types(api, ada) == ["contact.created", "new"]
    assert types(workspace.test_api, other) == ["old", "contact.created", "new"]
    again = api.data("POST", f"/contacts/{ada['id']}/events", old | {"timestamp": None})
    assert again["accepted"] == 1
    assert api.data("POST", f"/contacts/{ada['id']}/events", {"type": "new", "event_id": "n"})["duplicates"] == 1


async def test_each_workspace_with_a_limit_gets_its_job(api: Client, database: Database, caller: Caller) -> None:
    api.data("PATCH", "/settings/events", {"event_retention_days": 30})
    async with database.transaction(caller) as tx:
        assert await maintenance.forget_old(tx) == 0
        queued = await tx.connection.fetch(
            "SELECT payload FROM pgqueuer WHERE entrypoint = 'timeline.forget_events' ORDER BY id"
        )
        told = [msgspec.json.decode(row["payload"]) for row in queued]
        assert [t["payload"] for t in told if t["workspace_id"] == caller.workspace_id] == [
            {"before": tx.now - 30 * DAY}
        ]
        await tx.connection.execute("DELETE FROM pgqueuer WHERE entrypoint = 'timeline.forget_events'")
    api.data("PATCH", "/settings/events", {"event_retention_days": None})


async def test_a_quarter_nobody_keeps_is_dropped_whole(api: Client, database: Database, caller: Caller) -> None:
    ada = api.contact()
    event = {"type": "ancient", "event_id": "a", "timestamp": "2002-02-03"}
    api.data("POST", f"/contacts/{ada['id']}/events", event)
    async with database.transaction(caller, at=1_012_600_000_000_000) as tx:
        assert await partitions.make(tx, 0) is True
        # April 2002: the first quarter has ended, no other partition has.
        assert await partitions.drop_before(tx, 1_017_600_000_000_000) == 0
        assert await partitions.drop_before(tx, 1_017_700_000_000_000) == 1
    assert types(api, ada) == ["contact.created"]
    assert api.data("POST", f"/contacts/{ada['id']}/events", event)["accepted"] == 1


async def test_sums_of_a_workspace_that_keeps_all_are_never_dropped(
    api: Client, database: Database, caller: Caller
) -> None:
    before = await names(database, caller)
    api.data("PATCH", "/settings/events", {"event_retention_days": 1})
    async with database.transaction(caller) as tx:
        assert await maintenance.forget_old(tx) == 0
        await tx.connection.execute("DELETE FROM pgqueuer WHERE entrypoint = 'timeline.forget_events'")
    api.data("PATCH", "/settings/events", {"event_retention_days": None})
    assert await names(database, caller) == before
