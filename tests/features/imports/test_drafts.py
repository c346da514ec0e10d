"""A file is kept while somebody decides how it is read, and becomes one import."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import now
from orbit_contacts.core.database import Database, Unbound
from orbit_contacts.core.errors import NotFound, Refusal
from orbit_contacts.features.imports import drafts
from orbit_contacts.features.imports.drafts import settle
from orbit_contacts.features.imports.models import BulkQuery
from tests.conftest import Client, Workspace, make_workspace

FILE = b"Vorname,E-Mail,Name\nAda,ada@example.com,Lovelace\nGrace,grace@example.com,Hopper\n"


@pytest.fixture
def work(database: Database, caller: Caller) -> Unbound:
    return Unbound(database, caller, now())


async def found(work: Unbound, id: UUID) -> drafts.Draft:
    async with work.reader() as reader:
        return await drafts.get(reader, id)


async def test_a_draft_tells_what_would_become_of_it_and_stores_nothing(work: Unbound, api: Client) -> None:
    draft = await found(work, await drafts.keep(work, FILE, "C:\\people.csv", "text/csv"))
    shown = await drafts.preview(work, draft, BulkQuery())
    assert (draft.file_name, draft.size, shown.total) == ("people.csv", len(FILE), 2)
    assert [column.field for column in shown.columns[:2]] == ["first_name", "email"]
    assert shown.dry_run is not None
    assert shown.dry_run.created == 2
    assert api.get("/contacts").json()["data"] == []


async def test_a_draft_becomes_one_import_with_its_choices(work: Unbound, api: Client) -> None:
    id = await drafts.keep(work, FILE, "people.csv", "text/csv")
    mapping = '{"2": {"column": 2, "field": "last_name"}}'
    async with work.transaction() as tx:
        await drafts.choose(tx, id, BulkQuery(mapping=mapping, tags=["fair"]))
    result = await drafts.start(work, id)
    assert (result.status, result.created) == ("completed", 2)
    ada = api.get("/contacts", search="ada").json()["data"][0]
    assert (ada["last_name"], ada["tags"]) == ("Lovelace", ["fair"])
    with pytest.raises(drafts.AlreadyStarted) as again:
        await drafts.start(work, id)
    assert ids.text("imp", again.value.import_id) == result.import_job_id
    assert len(api.get("/contacts/import-jobs").json()["data"]) == 1


async def test_columns_of_one_name_are_told_apart_by_their_place(work: Unbound, api: Client) -> None:
    id = await drafts.keep(work, b"Mail,Mail,Name\na@example.com,b@example.com,Ada\n", None, "text/csv")
    mapping = '{"0": {"column": 0, "field": null}, "1": {"column": 1, "field": "email"}}'
    async with work.transaction() as tx:
        await drafts.choose(tx, id, BulkQuery(mapping=mapping))
    await drafts.start(work, id)
    assert [each["email"] for each in api.get("/contacts").json()["data"]] == ["b@example.com"]


async def test_what_is_no_list_of_contacts_is_not_kept(work: Unbound) -> None:
    for content in (b"", b"%PDF-1.7 ..."):
        with pytest.raises(Refusal):
            await drafts.keep(work, content, "people.csv", "text/csv")


async def test_only_the_newest_drafts_are_kept(work: Unbound, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "KEPT", 2)
    kept = [await drafts.keep(Unbound(work.database, work.caller, now()), FILE, "a.csv", "") for _ in range(3)]
    with pytest.raises(NotFound):
        await found(work, kept[0])
    assert (await found(work, kept[2])).file_name == "a.csv"


async def test_a_draft_is_forgotten_after_a_day(work: Unbound) -> None:
    id = await drafts.keep(work, FILE, "a.csv", "")
    async with work.database.transaction(work.caller, now() + drafts.LIFETIME) as tx:
        await drafts.forget_old(tx)
    with pytest.raises(NotFound):
        await found(work, id)


async def test_another_workspace_has_no_such_draft(work: Unbound, workspace: Workspace, dsn: str) -> None:
    id = await drafts.keep(work, FILE, "a.csv", "")
    other = await make_workspace(dsn, workspace.api.url)
    with pytest.raises(NotFound):
        await found(Unbound(work.database, other.caller, now()), id)


def test_a_field_chosen_anew_leaves_the_column_that_had_it() -> None:
    shown = {0: "email", 1: "phone", 2: ""}
    assert settle(shown, {0: "email", 1: "phone", 2: "email"}) == {0: "", 1: "phone", 2: "email"}
    assert settle(shown, {0: "phone", 1: "email", 2: ""}) == {0: "phone", 1: "email", 2: ""}
    assert settle({0: "tags", 1: ""}, {0: "tags", 1: "tags"}) == {0: "tags", 1: "tags"}


fields = st.dictionaries(st.integers(0, 4), st.sampled_from(["", "email", "phone", "tags"]), max_size=5)


@given(fields, fields)
def test_settling_keeps_every_column_and_what_was_chosen_anew(shown: dict[int, str], wanted: dict[int, str]) -> None:
    settled = settle(shown, wanted)
    assert settled.keys() == wanted.keys()
    assert all(settled[place] == field for place, field in wanted.items() if field != shown.get(place, ""))
    assert settle(wanted, wanted) == wanted
