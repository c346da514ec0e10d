"""`POST /contacts/import-jobs/{id}/rollback`: what an import did goes, what people did since stays."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import DAY
from orbit_contacts.core.database import Database
from tests.conftest import Client, Workspace, make_workspace
from tests.features.imports.cast import ADA, ALAN, GRACE, bulk, people, rows_csv, send_csv, uuid_of, work_off


def roll_back(api: Client, job: dict[str, Any]) -> dict[str, Any]:
    return api.data("POST", f"/contacts/import-jobs/{job['import_job_id']}/rollback")


def without_clock(contacts: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {key: {name: v for name, v in each.items() if name != "updated_at"} for key, each in contacts.items()}


def test_everything_goes_back(api: Client) -> None:
    fair = api.data("POST", "/contacts/lists", {"name": "Fair"})["id"]
    bulk(api, [{**ADA, "tags": ["vip"], "metadata": {"a": 1, "b": {"c": 2}}}, GRACE])
    before = without_clock(people(api))
    changed = {
        "email": ADA["email"],
        "phone": "+14155550199",
        "first_name": "X",
        "company": "E",
        "lifecycle_stage": "lead",
        "metadata": {"a": 2, "n": 3},
    }
    job = bulk(api, [changed, ALAN, GRACE], tags=["fair"], list_id=fair)
    done = roll_back(api, job)
    assert done == {"status": "rolled_back", "deleted": 1, "restored": 2, "kept": [], "kept_total": 0}
    assert without_clock(people(api)) == before
    assert api.data("GET", f"/contacts/lists/{fair}")["member_count"] == 0
    assert api.get("/contacts", lifecycle_stage="lead").json()["meta"]["pagination"]["total"] == 0
    # The number it had is its own again, the one from the file is free.
    assert api.post("/contacts", {"phone": ADA["phone"]}).status_code == 409
    assert api.post("/contacts", {"phone": "+14155550199"}).status_code == 201
    shown = api.data("GET", f"/contacts/import-jobs/{job['import_job_id']}")
    assert (shown["status"], shown["rollback"]) == ("rolled_back", done)


def test_edits_since_stay_and_are_named(api: Client) -> None:
    bulk(api, [{**ADA, "metadata": {"a": 1}}])
    job = bulk(api, [{**ADA, "first_name": "X", "last_name": "Y", "metadata": {"a": 2, "b": 2}}, ALAN, GRACE])
    now = people(api)
    ada, alan = now["ada@example.com"]["id"], now["alan@example.com"]["id"]
    api.data("PATCH", f"/contacts/{ada}", {"first_name": "Augusta", "metadata": {"b": 9}})
    api.data("PATCH", f"/contacts/{alan}", {"company": "Bletchley"})
    done = roll_back(api, job)
    assert (done["deleted"], done["restored"]) == (1, 1)
    assert {kept["contact_id"]: kept["reason"] for kept in done["kept"]} == {
        ada: "Edited since: first_name, metadata.b.",
        alan: "The contact was edited after the import created it.",
    }
    now = people(api)
    assert set(now) == {"ada@example.com", "alan@example.com"}
    assert (now["ada@example.com"]["first_name"], now["ada@example.com"]["last_name"]) == ("Augusta", "Lovelace")
    assert now["ada@example.com"]["metadata"] == {"a": 1, "b": 9}


def test_old_number_that_somebody_else_has_now_is_not_taken_back(api: Client) -> None:
    bulk(api, [ADA])
    job = bulk(api, [{**ADA, "phone": "+14155550199"}])
    other = api.contact(phone=ADA["phone"])
    done = roll_back(api, job)
    assert done["kept"][0]["reason"] == ("Edited since: phone. The old phone belongs to another contact now.")
    assert people(api)["ada@example.com"]["phone"] == "+14155550199"
    assert api.data("GET", f"/contacts/{other['id']}")["phone"] == ADA["phone"]


def test_contact_deleted_since_is_left_alone(api: Client) -> None:
    bulk(api, [ADA])
    job = bulk(api, [{**ADA, "company": "E"}, ALAN])
    for each in people(api).values():
        api.delete(f"/contacts/{each['id']}")
    done = roll_back(api, job)
    assert (done["deleted"], done["restored"], done["kept_total"]) == (0, 0, 0)
    assert people(api) == {}


def test_opt_outs_of_a_file_outlive_its_rollback(api: Client) -> None:
    ada = api.contact(**ADA)
    job = send_csv(api, "email,preferences.email\r\nada@example.com,opted_out\r\n")
    roll_back(api, job)
    assert api.data("GET", f"/contacts/{ada['id']}/preferences")["preferences"]["email"] == "opted_out"


async def test_rollback_has_its_time_and_happens_once(api: Client, database: Database, workspace: Workspace) -> None:
    job = bulk(api, [ADA])
    roll_back(api, job)
    again = api.post(f"/contacts/import-jobs/{job['import_job_id']}/rollback")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "IMPORT_ALREADY_ROLLED_BACK")
    late = bulk(api, [ALAN])
    async with database.transaction(workspace.caller) as tx:
        await tx.execute(
            "UPDATE imports SET rollback_expires_at = $3 WHERE workspace_id = $1 AND id = $2",
            workspace.id,
            uuid_of(late),
            tx.now - DAY,
        )
    refused = api.post(f"/contacts/import-jobs/{late['import_job_id']}/rollback")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "IMPORT_ROLLBACK_EXPIRED")
    queued = send_csv(api, rows_csv(1_001))
    running = api.post(f"/contacts/import-jobs/{queued['import_job_id']}/rollback")
    assert (running.status_code, running.json()["error"]["code"]) == (409, "IMPORT_NOT_ROLLBACKABLE")


async def test_large_rollback_is_a_job(api: Client, database: Database, workspace: Workspace) -> None:
    job = send_csv(api, rows_csv(1_200))
    await work_off(database, workspace.caller, "imports.run", job)
    response = api.post(f"/contacts/import-jobs/{job['import_job_id']}/rollback")
    assert (response.status_code, response.json()["data"]["status"]) == (202, "rolling_back")
    await work_off(database, workspace.caller, "imports.rollback", job)
    shown = api.data("GET", f"/contacts/import-jobs/{job['import_job_id']}")
    assert (shown["status"], shown["rollback"]["deleted"]) == ("rolled_back", 1_200)
    assert people(api) == {}


# Few values, so that rows meet each other and the contacts that are there.
_EMAILS = st.sampled_from([None, "a@example.com", "b@example.com", "c@example.com"])
_PHONES = st.sampled_from([None, "+14155550101", "+14155550102", "+14155550103"])
_JSON = st.sampled_from([1, True, "1", [1], {"x": None}, "text"])
_ROW = st.fixed_dictionaries(
    {},
    optional={
        "email": _EMAILS,
        "phone": _PHONES,
        "external_id": st.sampled_from(["1", "2", "3"]),
        "first_name": st.sampled_from(["", "A", "B"]),
        "lifecycle_stage": st.sampled_from(["lead", "customer"]),
        "country_code": st.sampled_from(["DE", "US"]),
        "tags": st.lists(st.sampled_from(["x", "y", "z"]), max_size=3),
        "metadata": st.dictionaries(st.sampled_from(["k", "l"]), _JSON, max_size=2),
    },
)
_ROWS = st.lists(_ROW, min_size=1, max_size=8)
_EDIT = st.fixed_dictionaries(
    {},
    optional={
        "first_name": st.sampled_from(["A", "Z", None]),
        "tags": st.lists(st.sampled_from(["x", "q"]), max_size=2),
        "metadata": st.dictionaries(st.sampled_from(["k", "m"]), _JSON, max_size=2),
    },
)
_QUICK = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


async def state(database: Database, caller: Caller) -> dict[str, list[tuple[Any, ...]]]:
    """What the live contacts of a workspace are in all tables, but for their clock and their events."""
    async with database.reader(caller) as reader:
        contacts = await reader.fetch_all(
            """
            SELECT id, phone, phone_extension, email, external_id, first_name, last_name, display_name, company,
                   country_code, timezone, language, lifecycle_stage, tags, metadata::text, custom_fields::text, dnc,
                   search_text, source, created_at
            FROM contacts WHERE workspace_id = $1 AND deleted_at IS NULL ORDER BY id
            """,
            caller.workspace_id,
        )
        identifiers = await reader.fetch_all(
            "SELECT kind, value, contact_id FROM contact_identifiers WHERE workspace_id = $1 ORDER BY kind, value",
            caller.workspace_id,
        )
        totals = await reader.fetch_all(
            """
            SELECT lifecycle_stage, country_code, sum(live) FROM contact_counts WHERE workspace_id = $1
            GROUP BY lifecycle_stage, country_code HAVING sum(live) <> 0
            ORDER BY lifecycle_stage, country_code
            """,
            caller.workspace_id,
        )
        members = await reader.fetch_all(
            """
            SELECT m.list_id, m.contact_id, m.added_at FROM list_members m
            JOIN contacts c ON c.cell_id = m.cell_id AND c.id = m.contact_id
            WHERE m.workspace_id = $1 AND c.deleted_at IS NULL ORDER BY m.list_id, m.contact_id
            """,
            caller.workspace_id,
        )
        live = await reader.fetch_all(
            """
            SELECT list_id, sum(live) FROM list_counts WHERE workspace_id = $1
            GROUP BY list_id HAVING sum(live) <> 0 ORDER BY list_id
            """,
            caller.workspace_id,
        )
    named = {"contacts": contacts, "identifiers": identifiers, "totals": totals, "members": members, "live": live}
    return {name: [tuple(row) for row in rows] for name, rows in named.items()}


@pytest.fixture
async def fresh(dsn: str, server: Any) -> Any:
    async def make() -> Workspace:
        return await make_workspace(dsn, server.url)

    return make


@_QUICK
@given(first=_ROWS, second=_ROWS, collision=st.sampled_from(["overwrite", "only_if_blank"]))
async def test_import_then_rollback_is_the_identity(
    database: Database, fresh: Any, first: list[Any], second: list[Any], collision: str
) -> None:
    workspace = await fresh()
    api: Client = workspace.api
    fair = api.data("POST", "/contacts/lists", {"name": "Fair"})["id"]
    bulk(api, first, list_id=fair)
    before = await state(database, workspace.caller)
    job = bulk(api, second, collision=collision, tags=["file"], list_id=fair)
    done = roll_back(api, job)
    assert done["kept"] == []
    assert await state(database, workspace.caller) == before


@_QUICK
@given(first=_ROWS, second=_ROWS, edits=st.lists(st.tuples(st.integers(0, 7), _EDIT), max_size=4))
async def test_rollback_loses_no_edit(
    database: Database, fresh: Any, first: list[Any], second: list[Any], edits: list[tuple[int, dict[str, Any]]]
) -> None:
    workspace = await fresh()
    api: Client = workspace.api
    bulk(api, first)
    job = bulk(api, second)
    imported = {each["id"]: each for each in people(api).values()}
    for place, edit in edits:
        if imported:
            api.data("PATCH", f"/contacts/{sorted(imported)[place % len(imported)]}", edit)
    edited = {each["id"]: each for each in people(api).values()}
    roll_back(api, job)
    after = {each["id"]: each for each in people(api).values()}
    for id, each in edited.items():
        for name in ("first_name",):
            if each[name] != imported[id][name]:
                assert after[id][name] == each[name]
        for key, value in each["metadata"].items():
            if key not in imported[id]["metadata"] or repr(imported[id]["metadata"][key]) != repr(value):
                assert repr(after[id]["metadata"][key]) == repr(value)
        for tag in set(each["tags"]) - set(imported[id]["tags"]):
            assert tag in after[id]["tags"]
