"""Merging: what the survivor has afterwards, what is refused, and that nothing of a source is stranded."""

import asyncio
import inspect
import re
from typing import Any

import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import DAY
from orbit_contacts.core.database import Database, Transaction, connect
from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.contacts import lifecycle
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.merging import jobs, participants, queries, service
from tests.conftest import Client, Workspace

UNKNOWN = "con_01jd3w9k2e8a7v5n0q4r6t8y1z"

# Tables with a contact's id that no participant moves, and why that is right.
EXCEPTIONS = {
    "bulk_action_items": "the outcome of an action for this very contact, by which it can be undone for it",
    "nba_decisions": "a log of what was decided for this contact as it was then; it comes back with it",
}


def merge(api: Client, survivor: dict[str, Any], *sources: dict[str, Any]) -> dict[str, Any]:
    return api.data("POST", f"/contacts/{survivor['id']}/merge", {"source_ids": [s["id"] for s in sources]})


def test_the_survivor_keeps_its_own_and_fills_its_gaps(api: Client) -> None:
    jane = api.contact(email="jane@example.com", first_name="Jane", tags=["vip", "us"], metadata={"a": 1, "b": 1})
    phone = api.contact(
        phone="+14155552671 x12", first_name="J.", last_name="Doe", tags=["us", "lead"], metadata={"b": 2, "c": 2}
    )
    work = api.contact(email="jane@work.example", last_name="Roe", company="Acme", external_id="crm-1")
    answer = merge(api, jane, phone, work)
    assert answer["contact_id"] == jane["id"]
    assert answer["merged_contact_ids"] == [phone["id"], work["id"]]
    assert answer["merge_id"].startswith("mrg_")
    merged = answer["contact"]
    assert merged == api.data("GET", f"/contacts/{jane['id']}")
    expected = {
        "email": "jane@example.com",
        "phone": "+14155552671",
        "phone_extension": "12",
        "external_id": "crm-1",
        "first_name": "Jane",
        "last_name": "Doe",
        "company": "Acme",
        "tags": ["vip", "us", "lead"],
        "metadata": {"a": 1, "b": 1, "c": 2},
    }
    assert expected.items() <= merged.items()
    assert merged["created_at"] == jane["created_at"]


def test_sources_are_hidden_and_name_their_survivor(api: Client) -> None:
    jane, john = api.contact(email="jane@example.com"), api.contact(email="john@example.com")
    merge(api, jane, john)
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/notes"), ("POST", "/unmerge")):
        response = api.request(method, f"/contacts/{john['id']}{path}", None if method in ("GET", "DELETE") else {})
        assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")
        assert response.json()["error"]["details"]["merged_into"] == jane["id"]
    page = api.get("/contacts").json()
    assert ([row["id"] for row in page["data"]], page["meta"]["pagination"]["total"]) == ([jane["id"]], 1)
    assert api.post(f"/contacts/{john['id']}/restore").status_code == 409


def test_a_source_is_not_restored_by_itself(api: Client) -> None:
    jane, john = api.contact(email="jane@example.com"), api.contact(email="john@example.com")
    merge(api, jane, john)
    api.delete(f"/contacts/{jane['id']}?soft=true")  # so that nobody holds the source's address
    response = api.post(f"/contacts/{john['id']}/restore")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "CONFLICT")
    assert response.json()["error"]["details"]["merged_into"] == jane["id"]
    assert api.get(f"/contacts/{john['id']}").status_code == 404


def test_every_identifier_of_a_source_finds_the_survivor(api: Client) -> None:
    jane = api.contact(email="jane@example.com", phone="+14155552671", external_id="crm-1")
    other = api.contact(email="jane@work.example", phone="+14155552672", external_id="crm-2")
    merge(api, jane, other)
    for query in ({"email": "jane@work.example"}, {"phone": "+1 415 555 2672"}, {"external_id": "crm-2"}):
        assert [row["id"] for row in api.get("/contacts", **query).json()["data"]] == [jane["id"]]
    taken = api.post("/contacts", {"email": "jane@work.example"})
    assert taken.json()["error"]["details"]["existing_contact_id"] == jane["id"]
    upserted = api.data("POST", "/contacts?upsert=true", {"external_id": "crm-2", "first_name": "Jane"})
    assert (upserted["id"], upserted["email"]) == (jane["id"], "jane@example.com")


async def test_aliases_are_told_as_they_were_written(api: Client, database: Database, caller: Caller) -> None:
    jane = api.contact(email="jane@example.com", phone="+14155552671")
    other = api.contact(email="Jane@Work.example", phone="+5215512345678", external_id="crm-2")
    merge(api, jane, other)
    id = ids.parse("con", jane["id"])
    assert id is not None
    async with database.reader(caller) as reader:
        found = [(alias.kind, alias.value, alias.from_contact_id) for alias in await service.aliases(reader, id)]
    assert found == [("email", "jane@work.example", other["id"]), ("phone", "+5215512345678", other["id"])]


def test_lists_notes_and_custom_fields_follow(api: Client) -> None:
    api.data("POST", "/custom-fields", {"key": "plan", "type": "text"})
    api.data("POST", "/custom-fields", {"key": "score", "type": "number"})
    vip, news = (api.data("POST", "/contacts/lists", {"name": name})["id"] for name in ("VIP", "News"))
    jane = api.contact(list_ids=[vip], custom_fields={"plan": "pro"})
    john = api.contact(list_ids=[vip, news], custom_fields={"plan": "free", "score": 7})
    hers = api.data("POST", f"/contacts/{jane['id']}/notes", {"body": "hers"})
    his = api.data("POST", f"/contacts/{john['id']}/notes", {"body": "his", "pinned": True})
    merged = merge(api, jane, john)["contact"]
    assert merged["custom_fields"] == {"plan": "pro", "score": 7}
    for list_id in (vip, news):
        assert [row["id"] for row in api.get(f"/contacts/lists/{list_id}/members").json()["data"]] == [jane["id"]]
        assert api.data("GET", f"/contacts/lists/{list_id}")["member_count"] == 1
    notes = api.get(f"/contacts/{jane['id']}/notes").json()["data"]
    assert notes == [his | {"contact_id": jane["id"]}, hers]


async def test_the_timeline_moves_and_tells_of_the_merge(api: Client, database: Database, caller: Caller) -> None:
    jane, john = api.contact(first_name="Jane"), api.contact(last_name="Doe")
    answer = merge(api, jane, john)
    async with database.reader(caller) as reader:
        rows = await reader.fetch_all(
            "SELECT contact_id, type, data FROM events WHERE cell_id = ANY($1) ORDER BY id", caller.cells
        )
    assert [row["type"] for row in rows] == ["contact.created", "contact.created", "contact.merged"]
    assert {ids.contact_text(row["contact_id"]) for row in rows} == {jane["id"]}
    told = rows[-1]["data"]
    assert all(text.encode() in bytes(told) for text in (john["id"], answer["merge_id"], '"last_name"', "Doe"))
    audit = api.get("/settings/audit-log").json()["data"][0]
    assert (audit["action"], audit["subject"]) == ("contact.merged", jane["id"])


@pytest.mark.parametrize("blocked", ["survivor", "source"])
async def test_a_block_wins(api: Client, database: Database, caller: Caller, blocked: str) -> None:
    jane, john = api.contact(), api.contact()
    id = ids.parse("con", jane["id"] if blocked == "survivor" else john["id"])
    async with database.transaction(caller) as tx:
        await tx.execute(
            "UPDATE contacts SET blocked_at = $3, block_reason = 'abuse' WHERE cell_id = $1 AND id = $2",
            caller.cells[0],
            id,
            1_700_000_000_000_000,
        )
    merged = merge(api, jane, john)["contact"]
    assert (merged["blocked"], merged["block_reason"]) == (True, "abuse")
    assert merged["blocked_at"] == "2023-11-14T22:13:20Z"


def test_a_bad_merge_is_refused_and_changes_nothing(workspace: Workspace) -> None:
    api = workspace.api
    jane, john = api.contact(email="jane@example.com"), api.contact(email="john@example.com")
    foreign = workspace.test_api.contact(email="foreign@example.com")
    path = f"/contacts/{jane['id']}/merge"
    for sources, status, code in (
        ([jane["id"]], 422, "VALIDATION_ERROR"),
        ([john["id"], jane["id"]], 422, "VALIDATION_ERROR"),
        ([], 422, "VALIDATION_ERROR"),
        ([john["id"]] * 11, 422, "VALIDATION_ERROR"),
        ([john["id"], UNKNOWN], 404, "NOT_FOUND"),
        (["nonsense"], 404, "NOT_FOUND"),
        ([foreign["id"]], 404, "NOT_FOUND"),
    ):
        response = api.post(path, {"source_ids": sources})
        assert (response.status_code, response.json()["error"]["code"]) == (status, code), sources
        assert response.json()["error"]["details"]["field"] == "source_ids"
    assert api.post(path, {"source_ids": [john["id"], UNKNOWN]}).json()["error"]["details"]["value"] == UNKNOWN
    assert api.post(f"/contacts/{UNKNOWN}/merge", {"source_ids": [john["id"]]}).status_code == 404
    assert api.post(path, {}).json()["error"]["code"] == "MISSING_REQUIRED_FIELD"
    for contact in (jane, john):
        assert api.data("GET", f"/contacts/{contact['id']}") == contact


def test_a_source_named_twice_counts_once_and_a_merged_one_is_gone(api: Client) -> None:
    jane, john = api.contact(), api.contact()
    assert merge(api, jane, john, john)["merged_contact_ids"] == [john["id"]]
    again = api.post(f"/contacts/{jane['id']}/merge", {"source_ids": [john["id"]]})
    assert again.status_code == 404
    assert again.json()["error"]["details"]["merged_into"] == jane["id"]


@pytest.mark.parametrize(
    ("mine", "theirs", "field"),
    [
        ({"tags": [f"a{n}" for n in range(60)]}, {"tags": [f"b{n}" for n in range(60)]}, "tags"),
        ({"metadata": {f"a{n}": 1 for n in range(60)}}, {"metadata": {f"b{n}": 1 for n in range(60)}}, "metadata"),
    ],
)
def test_more_than_one_contact_may_hold_is_refused(api: Client, mine: Any, theirs: Any, field: str) -> None:
    jane, john = api.contact(**mine), api.contact(**theirs)
    response = api.post(f"/contacts/{jane['id']}/merge", {"source_ids": [john["id"]]})
    assert (response.status_code, response.json()["error"]["details"]["field"]) == (422, field)
    assert api.data("GET", f"/contacts/{john['id']}") == john


def test_erasing_the_survivor_erases_what_was_merged_into_it(api: Client) -> None:
    jane, john, mary = (api.contact(email=f"{name}@example.com") for name in ("jane", "john", "mary"))
    merge(api, john, mary)
    merge(api, jane, john)
    assert api.delete(f"/contacts/{jane['id']}").status_code == 204
    for contact in (jane, john, mary):
        assert api.post(f"/contacts/{contact['id']}/restore").status_code == 404
        assert api.contact(email=contact["email"])["id"] != contact["id"]


def test_a_restored_survivor_holds_its_aliases_again_unless_taken(api: Client) -> None:
    jane = api.contact(email="jane@example.com", phone="+14155552671")
    other = api.contact(email="jane@work.example", phone="+14155552672")
    merge(api, jane, other)
    api.delete(f"/contacts/{jane['id']}?soft=true")
    stranger = api.contact(phone="+14155552672")
    api.data("POST", f"/contacts/{jane['id']}/restore")
    assert [row["id"] for row in api.get("/contacts", email="jane@work.example").json()["data"]] == [jane["id"]]
    assert [row["id"] for row in api.get("/contacts", phone="+14155552672").json()["data"]] == [stranger["id"]]


def test_an_alias_that_was_given_up_does_not_come_back_with_a_restore(api: Client) -> None:
    jane = api.contact(email="jane@example.com", phone="+14155552671")
    merge(api, jane, api.contact(email="jane@work.example"))
    for email in ("jane@work.example", "jane@example.com"):
        api.data("PATCH", f"/contacts/{jane['id']}", {"email": email})
    api.delete(f"/contacts/{jane['id']}?soft=true")
    api.data("POST", f"/contacts/{jane['id']}/restore")
    assert api.contact(email="jane@work.example")["email"] == "jane@work.example"


def test_merges_are_listed_newest_first(api: Client) -> None:
    jane = api.contact()
    merges = [merge(api, jane, api.contact()) for _ in range(3)]
    api.data("POST", f"/contacts/{jane['id']}/unmerge")
    shown = api.get(f"/contacts/{jane['id']}/merges", limit=2).json()
    assert [row["merge_id"] for row in shown["data"]] == [merges[2]["merge_id"], merges[1]["merge_id"]]
    assert [row["undone_at"] is None for row in shown["data"]] == [False, True]
    assert shown["data"][1]["undo_until"] == merges[1]["undo_until"]
    cursor = shown["meta"]["pagination"]["cursor"]
    last = api.get(f"/contacts/{jane['id']}/merges", limit=2, cursor=cursor).json()["data"]
    assert [row["merged_contact_ids"] for row in last] == [merges[0]["merged_contact_ids"]]


async def test_two_merges_of_one_contact_never_both_take_it(api: Client, database: Database, caller: Caller) -> None:
    for _ in range(3):
        one, two, three = (api.contact(email=f"{n}-{ids.mint(0)}@example.com")["id"] for n in range(3))

        async def take(survivor: str, *sources: str) -> bool:
            async def work(tx: Transaction) -> None:
                id = ids.parse("con", survivor)
                assert id is not None
                await service.merge(tx, id, sources)

            try:
                await database.run(Transaction, caller, work)
            except Refusal:
                return False
            return True

        done = await asyncio.gather(take(one, two, three), take(two, one), take(three, two), take(two, three, one))
        live = [id for id in (one, two, three) if api.get(f"/contacts/{id}").status_code == 200]
        assert len(live) >= 1
        assert sum(done) >= 1
        assert api.get("/contacts").json()["meta"]["pagination"]["total"] == len(api.get("/contacts").json()["data"])
        for id in live:
            api.delete(f"/contacts/{id}")


async def test_a_manifest_is_forgotten_when_the_merge_cannot_be_undone(
    api: Client, database: Database, caller: Caller
) -> None:
    jane = api.contact()
    merge(api, jane, api.contact(first_name="Secret"))
    async with database.transaction(caller) as tx:
        assert await jobs.forget_manifests(tx) == 0
        late = Transaction(database, tx.connection, caller, tx.now + 31 * DAY)
        assert await jobs.forget_manifests(late) >= 1
        kept = "SELECT fields_after FROM merges WHERE cell_id = ANY($1)"
        assert await tx.fetch_value(kept, caller.cells) is None
    response = api.post(f"/contacts/{jane['id']}/unmerge")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "MERGE_EXPIRED")


async def test_every_table_with_a_contacts_id_has_a_participant(dsn: str) -> None:
    connection = await connect(dsn)
    rows = await connection.fetch(
        """
        SELECT DISTINCT c.relname::text AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE a.attname IN ('contact_id', 'survivor_id', 'other_id') AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
        """
    )
    await connection.close()
    covered = participants.OWN_TABLES.union(*(p.tables for p in lifecycle.participants))
    assert {row["name"] for row in rows} - covered == EXCEPTIONS.keys()


async def test_moving_events_takes_every_column_along(dsn: str) -> None:
    connection = await connect(dsn)
    columns = await connection.fetch(
        "SELECT attname::text AS name FROM pg_attribute WHERE attrelid = 'events'::regclass AND attnum > 0 "
        "AND NOT attisdropped"
    )
    await connection.close()
    listed = inspect.getsource(queries.move_events).partition("INSERT INTO events (")[2].partition(")")[0]
    assert {row["name"] for row in columns} == set(re.findall(r"\w+", listed))


async def test_contacts_of_another_cell_are_merged_too(api: Client, database: Database, caller: Caller) -> None:
    """A workspace of several cells: rows move from cell to cell."""
    import msgspec

    wide = msgspec.structs.replace(caller, cell_count=2)
    async with database.transaction(wide) as tx:
        cells = [ids.mint(tx.now, k) for k in (0, 1)]
        for id in cells:
            cell_id = wide.cell(ids.cell_number(id))
            await tx.execute(
                "INSERT INTO contacts (workspace_id, cell_id, id, bucket, source, search_text, created_at, updated_at, "
                "external_id) VALUES ($1, $2, $3, 0, 'api', '', $4, $4, $5)",
                wide.workspace_id,
                cell_id,
                id,
                tx.now,
                str(id),
            )
            await tx.execute(
                "INSERT INTO contact_identifiers (workspace_id, kind, value, cell_id, contact_id) "
                "VALUES ($1, 'external_id', $2, $3, $4)",
                wide.workspace_id,
                str(id),
                cell_id,
                id,
            )
            await service.timeline.record(tx, id, "order.placed", {})
        await service.merge(tx, cells[0], [ids.contact_text(cells[1])])
        moved = "SELECT count(*) FROM events WHERE cell_id = $1 AND contact_id = $2"
        assert await tx.fetch_value(moved, wide.cell(0), cells[0]) == 3
        assert await tx.fetch_value(moved, wide.cell(1), cells[1]) == 0
        assert (await contacts.get(tx, cells[0])).id == ids.contact_text(cells[0])
