"""Counts: fresh when cheap, shown for a while when dear, estimated when too dear; never without saying so."""

from typing import Any

import asyncpg
import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.clock import SECOND, now
from orbit_contacts.core.database import Database, Reader
from orbit_contacts.features.segments import counts, maintenance, members, rules, service
from orbit_contacts.features.segments.counts import Count, Members
from orbit_contacts.interfaces.worker import EVERYONE
from tests.conftest import Client, Workspace


@pytest.fixture
async def vip(workspace: Workspace) -> str:
    """A segment of one contact."""
    workspace.api.contact(tags=["vip"])
    made = workspace.api.data("POST", "/contacts/segments", {"name": "VIP", "rules": {"tags": "vip"}})
    return made["id"]


async def pretend(database: Database, workspace: Workspace, segment: str, *, cost: int, age: int) -> None:
    """The segment's count cost so many microseconds and is so many seconds old; someone just looked at it."""
    async with database.transaction(workspace.caller) as tx:
        await tx.execute(
            """
            UPDATE segments SET count_cost = $3, counted_at = $4, read_at = $5, updated_at = $4
            WHERE workspace_id = $1 AND id = $2
            """,
            workspace.id,
            ids.parse("seg", segment),
            cost,
            now() - age * SECOND,
            now(),
        )


def count_of(api: Client, segment: str) -> int:
    shown = api.data("GET", f"/contacts/segments/{segment}")
    assert shown["contact_count_is_exact"]
    return shown["contact_count"]


@pytest.mark.parametrize(
    ("cost", "age", "fresh"),
    [
        (counts.CHEAP - 1, 0, False),
        (300_000, 2_999_999, True),
        (300_000, 3_000_001, False),
        (60 * SECOND, 59 * SECOND, True),
        (60 * SECOND, 61 * SECOND, False),
    ],
)
def test_a_count_is_shown_for_ten_times_its_cost_and_a_minute_at_most(cost: int, age: int, fresh: bool) -> None:
    assert counts.is_fresh(Count(1, True, 0, cost), age) is fresh


async def test_a_dear_count_is_shown_again_with_its_time(workspace: Workspace, database: Database, vip: str) -> None:
    workspace.api.contact(tags=["vip"])
    await pretend(database, workspace, vip, cost=SECOND, age=8)
    first = workspace.api.data("GET", f"/contacts/segments/{vip}")
    assert (first["contact_count"], first["contact_count_is_exact"]) == (1, True)
    await pretend(database, workspace, vip, cost=SECOND, age=11)
    second = workspace.api.data("GET", f"/contacts/segments/{vip}")
    assert second["contact_count"] == 2
    assert second["as_of"] > first["as_of"]


async def test_few_contacts_are_counted_again_however_slow_the_machine(
    workspace: Workspace, database: Database, vip: str
) -> None:
    workspace.api.contact(tags=["vip"])
    await pretend(database, workspace, vip, cost=counts.SLOW - 1, age=0)
    assert count_of(workspace.api, vip) == 2


async def test_what_is_too_dear_for_a_request_the_worker_counts(
    workspace: Workspace, database: Database, vip: str
) -> None:
    workspace.api.contact(tags=["vip"])
    await pretend(
        database, workspace, vip, cost=int(service.COUNT_SECONDS * SECOND), age=86_400
    )  # first in the worker's line
    assert count_of(workspace.api, vip) == 1
    async with database.transaction(EVERYONE) as tx:
        assert await maintenance.refresh_counts(tx) >= 1
    assert count_of(workspace.api, vip) == 2


async def test_the_worker_leaves_alone_what_nobody_looks_at(workspace: Workspace, database: Database, vip: str) -> None:
    workspace.api.contact(tags=["vip"])
    await pretend(database, workspace, vip, cost=int(service.COUNT_SECONDS * SECOND), age=100)
    async with database.transaction(workspace.caller) as tx:
        await tx.execute("UPDATE segments SET read_at = $2 WHERE workspace_id = $1", workspace.id, now() - 601 * SECOND)
    async with database.transaction(EVERYONE) as tx:
        await maintenance.refresh_counts(tx)
    assert count_of(workspace.api, vip) == 1


async def test_reading_is_noted_once_a_minute(workspace: Workspace, database: Database, vip: str) -> None:
    async with database.transaction(workspace.caller) as tx:
        await tx.execute("UPDATE segments SET read_at = $2 WHERE workspace_id = $1", workspace.id, now() - 61 * SECOND)
    for path in (f"/contacts/segments/{vip}", "/contacts/segments"):
        workspace.api.data("GET", path)
    async with database.reader(workspace.caller) as reader:
        read_at = await reader.fetch_value("SELECT read_at FROM segments WHERE workspace_id = $1", workspace.id)
    assert read_at > now() - 10 * SECOND


async def test_the_list_counts_again_after_a_minute(workspace: Workspace, database: Database, vip: str) -> None:
    workspace.api.contact(tags=["vip"])
    await pretend(database, workspace, vip, cost=1000, age=59)
    assert [s["contact_count"] for s in workspace.api.data("GET", "/contacts/segments")] == [1]
    await pretend(database, workspace, vip, cost=1000, age=61)
    assert [s["contact_count"] for s in workspace.api.data("GET", "/contacts/segments")] == [2]


async def _sleep(reader: Reader, *_: Any) -> Any:
    """A statement that takes longer than anyone waits."""
    return await reader.fetch_value("SELECT pg_sleep(10)")


async def test_a_statement_over_its_time_ends_and_the_connection_stays_usable(
    workspace: Workspace, database: Database
) -> None:
    async with database.reader(workspace.caller) as reader:
        for _ in range(3):
            with pytest.raises(asyncpg.QueryCanceledError):
                async with counts.limited(reader, 0.01) as limited:
                    await _sleep(limited)
        async with counts.limited(reader, 10) as limited:
            assert await limited.fetch_value("SELECT current_setting('statement_timeout')") == "10s"
        async with reader.ad_hoc() as ad_hoc:
            assert await ad_hoc.fetch_value("SELECT current_setting('statement_timeout')") != "10s"


async def test_a_count_over_its_time_is_estimated(
    workspace: Workspace, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(40):
        workspace.api.contact(metadata={"n": n})
    tree = rules.read({"metadata.n": {"$lt": 10}}, {}, None)

    async def never(*_: Any) -> None:
        return None

    async with database.reader(workspace.caller) as reader:
        assert (await counts.count(reader, Members(tree, {}), 10))[:2] == (10, True)
        monkeypatch.setattr(counts, "exact", never)
        # All forty lie in one stretch, so the estimate happens to be right.
        assert (await counts.count(reader, Members(tree, {}), 10))[:2] == (10, False)


def test_a_preview_over_its_time_is_estimated(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, vip: str) -> None:
    monkeypatch.setattr(members, "_count_and_sample", _sleep)
    found = workspace.api.data("POST", "/contacts/segments/preview", {"rules": {"tags": "vip"}})
    assert (found["contact_count"], found["contact_count_is_exact"]) == (1, False)
    assert found["contact_count_basis"] == "estimated"
    assert [contact["tags"] for contact in found["sample"]] == [["vip"]]


def test_a_preview_stops_counting_at_a_cap(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "PREVIEW_CAP", 3)
    for _ in range(4):
        workspace.api.contact(tags=["vip"], lifecycle_stage="lead")
    at_least = workspace.api.data("POST", "/contacts/segments/preview", {"rules": {"tags": "vip"}})
    assert (at_least["contact_count"], at_least["contact_count_basis"]) == (3, "at_least")
    totals = workspace.api.data("POST", "/contacts/segments/preview", {"rules": {"lifecycle_stage": "lead"}})
    assert (totals["contact_count"], totals["contact_count_basis"]) == (4, "exact")


@pytest.mark.parametrize(
    ("rule", "total"),
    [({}, 3), ({"lifecycle_stage": "lead"}, 2), ({"country_code": "us", "lifecycle_stage": "lead"}, 1)],
)
async def test_totals_that_are_kept_anyway_are_not_counted(
    workspace: Workspace, database: Database, rule: dict[str, Any], total: int
) -> None:
    workspace.api.contact(lifecycle_stage="lead", country_code="US")
    workspace.api.contact(lifecycle_stage="lead")
    workspace.api.contact()
    async with database.reader(workspace.caller) as reader:
        assert await counts.from_totals(reader, rules.read(rule, {}, None)) == total
        for more in ({"tags": "a"}, {"lifecycle_stage": {"$ne": "lead"}}, {"$not": {"country_code": "US"}}):
            assert await counts.from_totals(reader, rules.read({**rule, **more}, {}, None)) is None


async def test_pages_go_on_beyond_the_stretches_looked_at_first(
    workspace: Workspace, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "_STRETCHES", (2, 3))
    made = [workspace.api.contact(tags=["vip"] if n % 3 == 0 else [])["id"] for n in range(12)]
    # An OR with a behaviour is worked out before the first contact is found.
    tree = rules.read({"$or": [{"tags": "vip"}, {"event": {"type": "order.placed"}}]}, {}, None)
    async with database.reader(workspace.caller) as reader:
        rows = await members.page(reader, Members(tree, {}), None, 10)
        assert [ids.contact_text(row["id"]) for row in rows] == made[9::-3]
        rest = await members.page(reader, Members(tree, {}), rows[0]["id"], 2)
        assert [row["id"] for row in rest] == [row["id"] for row in rows[1:3]]
