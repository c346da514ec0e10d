"""Who is on a list, and how many: batches, contacts that come and go, and many writers at once."""

import asyncio
import contextlib
from typing import Any

import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, Transaction, Unbound
from orbit_contacts.core.errors import NotFound
from orbit_contacts.features.contacts import maintenance
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.lists import jobs, service
from orbit_contacts.features.lists.models import ForgetMembers
from orbit_contacts.interfaces.worker import EVERYONE
from tests.conftest import Client, Workspace


@pytest.fixture
def vip(api: Client) -> str:
    """The path of an empty list."""
    return f"/contacts/lists/{api.data('POST', '/contacts/lists', {'name': 'VIP'})['id']}"


def members(api: Client, path: str, **query: Any) -> list[str]:
    return [row["id"] for row in api.get(f"{path}/members", **query).json()["data"]]


def count(api: Client, path: str) -> int:
    """What the list says, which must be what there is."""
    said = api.data("GET", path)["member_count"]
    page = api.get(f"{path}/members", limit=200).json()
    assert said == len(page["data"]) == page["meta"]["pagination"]["total"]
    return said


def test_a_batch_tells_who_was_added_who_was_there_and_who_is_unknown(api: Client, vip: str) -> None:
    jane, john = api.contact(first_name="Jane"), api.contact(first_name="John")
    unknown = ["con_01jd3w9k2e8a7v5n0q4r6t8y1z", "nonsense", "lst_01jd3w9k2e8a7v5n0q4r6t8y1z"]
    first = api.data("POST", f"{vip}/members", {"contact_ids": [jane["id"], jane["id"], *unknown]})
    assert first == {"added": 1, "already_members": 0, "not_found": unknown}
    second = api.data("POST", f"{vip}/members", {"contact_ids": [jane["id"], john["id"]]})
    assert second == {"added": 1, "already_members": 1, "not_found": []}
    assert members(api, vip) == [john["id"], jane["id"]]
    assert count(api, vip) == 2


@pytest.mark.parametrize("given", [[], ["x"] * 1001, "con_1", [1]])
def test_a_batch_holds_1_to_1000_texts(api: Client, vip: str, given: Any) -> None:
    for path in (f"{vip}/members", f"{vip}/members/remove"):
        response = api.post(path, {"contact_ids": given})
        assert (response.status_code, response.json()["error"]["code"]) == (422, "VALIDATION_ERROR")


def test_members_are_removed_one_by_one_and_in_batches(api: Client, vip: str) -> None:
    jane, john, mary = (api.contact(first_name=name)["id"] for name in ("Jane", "John", "Mary"))
    api.data("POST", f"{vip}/members", {"contact_ids": [jane, john]})
    for _ in range(2):
        assert api.delete(f"{vip}/members/{jane}").status_code == 204
    assert members(api, vip) == [john]
    removed = api.data("POST", f"{vip}/members/remove", {"contact_ids": [john, mary, "con_1"]})
    assert removed == {"removed": 1, "not_members": 1, "not_found": ["con_1"]}
    assert count(api, vip) == 0
    assert api.delete(f"{vip}/members/con_01jd3w9k2e8a7v5n0q4r6t8y1z").status_code == 404


def test_members_are_paged_newest_contact_first(api: Client, vip: str) -> None:
    everyone = [api.contact()["id"] for _ in range(5)]
    api.data("POST", f"{vip}/members", {"contact_ids": everyone[::-1]})
    first = api.get(f"{vip}/members", limit=3).json()
    second = api.get(f"{vip}/members", limit=3, cursor=first["meta"]["pagination"]["cursor"]).json()
    seen = [row["id"] for row in first["data"] + second["data"]]
    assert sorted(seen) == sorted(everyone)
    assert seen == sorted(seen, reverse=True)
    other = api.data("POST", "/contacts/lists", {"name": "Other"})
    foreign = api.get(f"/contacts/lists/{other['id']}/members", cursor=first["meta"]["pagination"]["cursor"])
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (400, "INVALID_CURSOR")


def test_a_contact_is_made_on_lists(api: Client, vip: str) -> None:
    news = api.data("POST", "/contacts/lists", {"name": "News"})
    jane = api.contact(email="jane@example.com", list_ids=[vip.rpartition("/")[2], news["id"], news["id"]])
    assert members(api, vip) == [jane["id"]]
    assert count(api, f"/contacts/lists/{news['id']}") == 1


def test_an_upsert_joins_lists_too(api: Client, vip: str) -> None:
    jane = api.contact(email="jane@example.com")
    body = {"email": "jane@example.com", "list_ids": [vip.rpartition("/")[2]]}
    assert api.post("/contacts?upsert=true", body).status_code == 200
    assert members(api, vip) == [jane["id"]]


def test_with_an_unknown_list_nothing_is_created(api: Client, vip: str) -> None:
    unknown = "lst_01jd3w9k2e8a7v5n0q4r6t8y1z"
    response = api.post("/contacts", {"email": "a@example.com", "list_ids": [vip.rpartition("/")[2], unknown]})
    assert response.status_code == 422
    details = response.json()["error"]["details"]
    assert (details["field"], details["value"]) == ("list_ids", unknown)
    assert api.get("/contacts").json()["data"] == []
    assert count(api, vip) == 0


def test_the_contact_list_is_filtered_by_list(api: Client, vip: str) -> None:
    jane, john = api.contact(country_code="US"), api.contact(country_code="DE")
    api.contact(country_code="US")
    api.data("POST", f"{vip}/members", {"contact_ids": [jane["id"], john["id"]]})
    list_id = vip.rpartition("/")[2]
    assert [row["id"] for row in api.get("/contacts", list_id=list_id).json()["data"]] == [john["id"], jane["id"]]
    page = api.get("/contacts", list_id=list_id, country_code="US").json()
    assert [row["id"] for row in page["data"]] == [jane["id"]]
    assert page["meta"]["pagination"]["total"] == 1
    assert api.get("/contacts", list_id="nonsense").status_code == 404


def test_deleted_contacts_do_not_count_and_restored_ones_do(api: Client, vip: str) -> None:
    jane, john = api.contact(first_name="Jane")["id"], api.contact(first_name="John")["id"]
    api.data("POST", f"{vip}/members", {"contact_ids": [jane, john]})
    api.delete(f"/contacts/{jane}?soft=true")
    assert (members(api, vip), count(api, vip)) == ([john], 1)
    assert api.data("POST", f"{vip}/members", {"contact_ids": [jane]})["not_found"] == [jane]
    api.data("POST", f"/contacts/{jane}/restore")
    assert (members(api, vip), count(api, vip)) == ([john, jane], 2)
    api.delete(f"/contacts/{john}")
    assert (members(api, vip), count(api, vip)) == ([jane], 1)


async def test_the_purge_of_deleted_contacts_does_not_count_twice(
    workspace: Workspace, database: Database, vip: str
) -> None:
    api = workspace.api
    jane, john = api.contact()["id"], api.contact()["id"]
    api.data("POST", f"{vip}/members", {"contact_ids": [jane, john]})
    api.delete(f"/contacts/{jane}?soft=true")
    async with database.transaction(EVERYONE) as tx:
        late = Transaction(database, tx.connection, tx.caller, tx.now + 31 * 86_400_000_000)
        assert await maintenance.purge_deleted(late) >= 1
    assert count(api, vip) == 1


async def test_folding_keeps_the_counts(api: Client, database: Database, caller: Caller, vip: str) -> None:
    for _ in range(3):
        api.contact(list_ids=[vip.rpartition("/")[2]])
    async with database.transaction(EVERYONE) as tx:
        assert await jobs.fold_counts(tx) >= 1
    async with database.reader(caller) as reader:
        rows = "SELECT count(*) FROM list_counts WHERE cell_id = ANY($1)"
        assert await reader.fetch_value(rows, caller.cells) == 1
    assert count(api, vip) == 3


async def test_memberships_of_a_deleted_list_are_forgotten(
    api: Client, database: Database, caller: Caller, vip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BATCH", 2)
    monkeypatch.setattr(jobs, "BATCH", 2)
    list_id = ids.parse("lst", vip.rpartition("/")[2])
    assert list_id is not None
    api.data("POST", f"{vip}/members", {"contact_ids": [api.contact()["id"] for _ in range(7)]})
    async with database.transaction(caller) as tx:
        await service.delete(tx, list_id)
    await jobs.forget_members(Unbound(database, caller, 0), ForgetMembers(list_id=list_id))
    async with database.reader(caller) as reader:
        for table in ("list_members", "list_counts"):
            left = f"SELECT count(*) FROM {table} WHERE cell_id = ANY($1)"
            assert await reader.fetch_value(left, caller.cells) == 0


async def test_the_lists_of_a_contact_are_told_by_name(api: Client, database: Database, caller: Caller) -> None:
    for name in ("b", "A", "c"):
        api.data("POST", "/contacts/lists", {"name": name})
    lists = {row["name"]: row["id"] for row in api.get("/contacts/lists").json()["data"]}
    jane = ids.parse("con", api.contact(list_ids=[lists["b"], lists["A"]])["id"])
    assert jane is not None
    async with database.reader(caller) as reader:
        assert [found.name for found in await service.lists_of(reader, jane)] == ["A", "b"]


async def test_counts_are_right_with_many_writers_at_once(
    api: Client, database: Database, caller: Caller, vip: str
) -> None:
    everyone = [api.contact()["id"] for _ in range(6)]
    parsed = [id for text in everyone if (id := ids.parse("con", text)) is not None]
    list_id = ids.parse("lst", vip.rpartition("/")[2])
    assert list_id is not None

    async def add(tx: Transaction) -> None:
        await service.add_members(tx, list_id, everyone)

    async def remove(tx: Transaction) -> None:
        await service.remove_members(tx, list_id, everyone[::-1])

    def hide(n: int) -> Any:
        async def run(tx: Transaction) -> None:
            await contacts.delete(tx, parsed[n], soft=True)

        return run

    def show(n: int) -> Any:
        async def run(tx: Transaction) -> None:
            await contacts.restore(tx, parsed[n])

        return run

    async def fold(tx: Transaction) -> None:
        await jobs.fold_counts(tx)

    async def quietly(work: Any) -> None:
        with contextlib.suppress(NotFound):
            await database.run(Transaction, caller, work)

    for round in range(4):
        work = [add, remove, hide(round), add, fold, show(round), remove, add, hide(round + 1), show(round + 1)]
        await asyncio.gather(*map(quietly, work))
        count(api, vip)
    await quietly(add)
    assert count(api, vip) == len(api.get("/contacts").json()["data"])
