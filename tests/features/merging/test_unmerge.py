"""Undoing a merge: what comes back, what stays, what is refused; and identity when nothing changed in between."""

import asyncio
import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import DAY
from orbit_contacts.core.database import Database, Transaction
from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.merging import unmerging
from orbit_contacts.features.merging.models import MergeAlreadyUndone, MergeExpired
from tests.conftest import Client, Workspace
from tests.features.merging.test_merge import UNKNOWN, merge


def unmerge(api: Client, survivor: dict[str, Any], **body: Any) -> dict[str, Any]:
    return api.data("POST", f"/contacts/{survivor['id']}/unmerge", body)


def without_time(contact: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in contact.items() if name != "updated_at"}


def everything(api: Client, contact: dict[str, Any], lists: list[str]) -> dict[str, Any]:
    """All that the API shows of a contact, but the time of its last change."""
    shown = without_time(api.data("GET", f"/contacts/{contact['id']}"))
    notes = api.get(f"/contacts/{contact['id']}/notes").json()["data"]
    on = [id for id in lists if contact["id"] in {row["id"] for row in api.get("/contacts", list_id=id).json()["data"]}]
    found = {
        kind: [row["id"] for row in api.get("/contacts", **{kind: shown[kind]}).json()["data"]]
        for kind in ("phone", "email", "external_id")
        if shown[kind] is not None
    }
    return {"contact": shown, "notes": notes, "lists": on, "found_by": found}


NAMES = st.none() | st.sampled_from(["Jane", "Doe", "Çağlar"])
TAGS = st.lists(st.sampled_from(["vip", "us", "lead"]), unique=True)
MAPS = st.dictionaries(st.sampled_from(["a", "b"]), st.integers() | st.booleans() | st.just([1.5, {"x": None}]))


@st.composite
def people(draw: st.DrawFn) -> dict[str, Any]:
    made: dict[str, Any] = {
        "first_name": draw(NAMES),
        "last_name": draw(NAMES),
        "lifecycle_stage": draw(NAMES),
        "country_code": draw(st.sampled_from([None, "US", "TR"])),
        "tags": draw(TAGS),
        "metadata": draw(MAPS),
        "custom_fields": draw(st.dictionaries(st.sampled_from(["plan", "city"]), st.sampled_from(["x", "y"]))),
        "lists": draw(st.lists(st.integers(0, 1), unique=True)),
        "notes": draw(st.lists(st.sampled_from(["called", "wrote"]), max_size=2)),
    }
    kinds = draw(st.lists(st.sampled_from(["phone", "email", "external_id"]), unique=True, min_size=1))
    return made | dict.fromkeys(kinds, True)


def make(api: Client, person: dict[str, Any], lists: list[str]) -> dict[str, Any]:
    fields = {name: value for name, value in person.items() if name not in ("lists", "notes")}
    token = secrets.token_hex(6)
    spelled = {"phone": f"+1415{secrets.randbelow(8_000_000) + 2_000_000}", "email": f"{token}@example.com"}
    fields |= {kind: spelled.get(kind, token) for kind in ("phone", "email", "external_id") if person.get(kind)}
    made = api.contact(**fields, list_ids=[lists[n] for n in person["lists"]])
    for body in person["notes"]:
        api.data("POST", f"/contacts/{made['id']}/notes", {"body": body})
    return made


@pytest.fixture
def lists(api: Client) -> list[str]:
    for key in ("plan", "city"):
        api.data("POST", "/custom-fields", {"key": key, "type": "text"})
    return [api.data("POST", "/contacts/lists", {"name": name})["id"] for name in ("VIP", "News")]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(people(), min_size=2, max_size=3))
def test_merging_and_undoing_gives_everyone_back(api: Client, lists: list[str], cast: list[dict[str, Any]]) -> None:
    made = [make(api, person, lists) for person in cast]
    before = [everything(api, contact, lists) for contact in made]
    counts = [api.data("GET", f"/contacts/lists/{id}")["member_count"] for id in lists]
    merge(api, made[0], *made[1:])
    answer = unmerge(api, made[0])
    assert answer["kept"] == []
    assert [without_time(contact) for contact in [answer["contact"], *answer["restored"]]] == [
        shown["contact"] for shown in before
    ]
    assert [everything(api, contact, lists) for contact in made] == before
    assert [api.data("GET", f"/contacts/lists/{id}")["member_count"] for id in lists] == counts


async def test_events_go_back_to_whom_they_happened(api: Client, database: Database, caller: Caller) -> None:
    jane, john = api.contact(first_name="Jane"), api.contact(first_name="John")
    merge(api, jane, john)
    api.data("PATCH", f"/contacts/{jane['id']}", {"first_name": "Janet"})
    unmerge(api, jane)
    types: dict[str, list[str]] = {}
    async with database.reader(caller) as reader:
        for row in await reader.fetch_all(
            "SELECT contact_id, type FROM events WHERE cell_id = ANY($1) ORDER BY id", caller.cells
        ):
            types.setdefault(ids.contact_text(row["contact_id"]), []).append(row["type"])
    assert types == {
        jane["id"]: ["contact.created", "contact.merged", "contact.updated", "contact.unmerged"],
        john["id"]: ["contact.created", "contact.restored"],
    }


def test_edits_since_stay_and_are_told(api: Client, lists: list[str]) -> None:
    jane = api.contact(email="jane@example.com", metadata={"own": 1}, tags=["own"])
    john = api.contact(
        phone="+14155552671", last_name="Doe", company="Acme", metadata={"plan": "a", "seats": 2}, tags=["x", "y"]
    )
    merge(api, jane, john)
    edit = {"last_name": "Roe", "metadata": {"plan": "b", "new": 1}, "tags": ["own", "y", "later"]}
    api.data("PATCH", f"/contacts/{jane['id']}", edit)
    api.data("POST", f"/contacts/lists/{lists[0]}/members", {"contact_ids": [jane["id"]]})
    note = api.data("POST", f"/contacts/{jane['id']}/notes", {"body": "since"})
    answer = unmerge(api, jane)
    assert [(k["contact_id"], k["field"]) for k in answer["kept"]] == [
        (jane["id"], "last_name"),
        (jane["id"], "metadata.plan"),
    ]
    expected = {
        "last_name": "Roe",
        "company": None,
        "phone": None,
        "metadata": {"own": 1, "plan": "b", "new": 1},
        "tags": ["own", "later"],
    }
    assert expected.items() <= answer["contact"].items()
    assert without_time(answer["restored"][0]) == without_time(john)
    assert [row["id"] for row in api.get("/contacts", list_id=lists[0]).json()["data"]] == [jane["id"]]
    assert [row["id"] for row in api.get(f"/contacts/{jane['id']}/notes").json()["data"]] == [note["id"]]


def test_notes_come_back_as_they_are_now(api: Client) -> None:
    jane, john = api.contact(), api.contact()
    kept, gone = (api.data("POST", f"/contacts/{john['id']}/notes", {"body": body}) for body in ("kept", "gone"))
    merge(api, jane, john)
    api.data("PATCH", f"/contacts/{jane['id']}/notes/{kept['id']}", {"body": "edited"})
    api.delete(f"/contacts/{jane['id']}/notes/{gone['id']}")
    unmerge(api, jane)
    assert [row["body"] for row in api.get(f"/contacts/{john['id']}/notes").json()["data"]] == ["edited"]
    assert api.get(f"/contacts/{jane['id']}/notes").json()["data"] == []


def test_a_list_that_the_survivor_joined_itself_since_stays(api: Client, lists: list[str]) -> None:
    jane, john = api.contact(), api.contact(list_ids=lists)
    merge(api, jane, john)
    api.delete(f"/contacts/lists/{lists[0]}/members/{jane['id']}")
    api.data("POST", f"/contacts/lists/{lists[0]}/members", {"contact_ids": [jane["id"]]})
    unmerge(api, jane)
    members = [{row["id"] for row in api.get(f"/contacts/lists/{id}/members").json()["data"]} for id in lists]
    assert members == [{jane["id"], john["id"]}, {john["id"]}]
    assert [api.data("GET", f"/contacts/lists/{id}")["member_count"] for id in lists] == [2, 1]


def test_an_identifier_that_the_survivor_made_its_own_stays(api: Client) -> None:
    jane = api.contact(email="jane@example.com")
    john = api.contact(email="john@example.com", phone="+14155552671")
    merge(api, jane, john)
    api.data("PATCH", f"/contacts/{jane['id']}", {"email": "john@example.com"})
    answer = unmerge(api, jane)
    assert [(k["contact_id"], k["field"]) for k in answer["kept"]] == [(john["id"], "email")]
    assert answer["contact"]["email"] == "john@example.com"
    assert (answer["restored"][0]["email"], answer["restored"][0]["phone"]) == (None, "+14155552671")
    assert [row["id"] for row in api.get("/contacts", email="john@example.com").json()["data"]] == [jane["id"]]


def test_an_identifier_given_up_since_comes_back_unless_taken(api: Client) -> None:
    jane = api.contact(external_id="1")
    john = api.contact(external_id="2", email="john@example.com", phone="+14155552671")
    merge(api, jane, john)
    api.data("PATCH", f"/contacts/{jane['id']}", {"email": None, "phone": None})
    api.contact(phone="+14155552671")
    answer = unmerge(api, jane)
    assert {(k["contact_id"], k["field"]) for k in answer["kept"]} == {
        (jane["id"], "email"),
        (jane["id"], "phone"),
        (john["id"], "phone"),
    }
    restored = answer["restored"][0]
    assert (restored["email"], restored["phone"], restored["external_id"]) == ("john@example.com", None, "2")


def test_nobody_is_left_without_an_identifier(api: Client) -> None:
    jane, john = api.contact(email="jane@example.com"), api.contact(phone="+14155552671")
    merge(api, jane, john)
    api.data("PATCH", f"/contacts/{jane['id']}", {"email": None})
    response = api.post(f"/contacts/{jane['id']}/unmerge")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "CONFLICT")
    api.data("PATCH", f"/contacts/{jane['id']}", {"email": "jane@example.com"})
    assert without_time(unmerge(api, jane)["restored"][0]) == without_time(john)


def test_a_source_that_lost_everything_is_not_brought_back(api: Client) -> None:
    jane, john = api.contact(email="jane@example.com"), api.contact(email="john@example.com")
    merge(api, jane, john)
    api.data("PATCH", f"/contacts/{jane['id']}", {"email": "john@example.com"})
    response = api.post(f"/contacts/{jane['id']}/unmerge")
    assert (response.status_code, response.json()["error"]["details"]["value"]) == (409, john["id"])
    assert api.get(f"/contacts/{john['id']}").status_code == 404


def test_merges_are_undone_in_any_order(api: Client) -> None:
    jane = api.contact(email="jane@example.com")
    john = api.contact(email="john@example.com", last_name="Doe", tags=["x"])
    mary = api.contact(email="mary@example.com", company="Acme", tags=["y"])
    first, _ = merge(api, jane, john), merge(api, jane, mary)
    assert unmerge(api, jane, merge_id=first["merge_id"])["contact"]["tags"] == ["y"]
    unmerge(api, jane)
    for contact in (jane, john, mary):
        assert without_time(api.data("GET", f"/contacts/{contact['id']}")) == without_time(contact)
        assert [row["id"] for row in api.get("/contacts", email=contact["email"]).json()["data"]] == [contact["id"]]


def test_a_chain_of_merges_is_undone_from_its_end(api: Client) -> None:
    jane, john, mary = (api.contact(email=f"{name}@example.com") for name in ("jane", "john", "mary"))
    merge(api, john, mary)
    merge(api, jane, john)
    assert [row["id"] for row in api.get("/contacts", email="mary@example.com").json()["data"]] == [jane["id"]]
    assert api.post(f"/contacts/{john['id']}/unmerge").status_code == 404
    unmerge(api, jane)
    assert [row["id"] for row in api.get("/contacts", email="mary@example.com").json()["data"]] == [john["id"]]
    unmerge(api, john)
    for contact in (jane, john, mary):
        assert without_time(api.data("GET", f"/contacts/{contact['id']}")) == without_time(contact)


def test_what_cannot_be_undone_is_refused(workspace: Workspace) -> None:
    api = workspace.api
    jane = api.contact()
    path = f"/contacts/{jane['id']}/unmerge"
    mrg = UNKNOWN.replace("con_", "mrg_")
    for body in ({}, {"merge_id": mrg}, {"merge_id": "nonsense"}):
        response = api.post(path, body)
        assert (response.status_code, response.json()["error"]["details"]["field"]) == (404, "merge_id")
    merged = merge(api, jane, api.contact())
    other = api.contact()
    assert api.post(f"/contacts/{other['id']}/unmerge", {"merge_id": merged["merge_id"]}).status_code == 404
    assert workspace.test_api.post(path).status_code == 404
    unmerge(api, jane, merge_id=merged["merge_id"])
    again = api.post(path, {"merge_id": merged["merge_id"]})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "MERGE_ALREADY_UNDONE")
    assert api.post(path).status_code == 404


async def test_after_30_days_a_merge_stays(api: Client, database: Database, caller: Caller) -> None:
    jane = api.contact()
    merge(api, jane, api.contact())
    id = ids.parse("con", jane["id"])
    assert id is not None
    async with database.transaction(caller) as tx:
        late = Transaction(database, tx.connection, caller, tx.now + 30 * DAY + 1_000_000)
        with pytest.raises(MergeExpired):
            await unmerging.unmerge(late, id, None)


async def test_a_merge_is_undone_once(api: Client, database: Database, caller: Caller) -> None:
    jane, john = api.contact(email="jane@example.com"), api.contact(email="john@example.com")
    merge_id = merge(api, jane, john)["merge_id"]
    id = ids.parse("con", jane["id"])
    assert id is not None

    async def undo(tx: Transaction) -> str:
        try:
            await unmerging.unmerge(tx, id, merge_id)
        except MergeAlreadyUndone as refusal:
            return refusal.code
        return "undone"

    done = await asyncio.gather(*[database.run(Transaction, caller, undo) for _ in range(4)])
    assert sorted(done) == ["MERGE_ALREADY_UNDONE"] * 3 + ["undone"]


async def test_a_survivor_that_was_deleted_is_not_unmerged(api: Client, database: Database, caller: Caller) -> None:
    jane = api.contact()
    merge(api, jane, api.contact())
    api.delete(f"/contacts/{jane['id']}?soft=true")
    id = ids.parse("con", jane["id"])
    assert id is not None
    async with database.transaction(caller) as tx:
        with pytest.raises(Refusal) as refused:
            await unmerging.unmerge(tx, id, None)
    assert refused.value.status == 404
    api.data("POST", f"/contacts/{jane['id']}/restore")
    assert len(unmerge(api, jane)["restored"]) == 1
