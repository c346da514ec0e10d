"""`verify`: an intact ledger is found intact, and whatever is changed in it is found."""

from collections.abc import Awaitable, Callable
from typing import Any, LiteralString

import msgspec
import pytest

from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, Snapshot, connect
from orbit_contacts.features.consent import checkpoints
from orbit_contacts.features.consent.records import Record
from orbit_contacts.features.consent.verify import Report, verify
from tests.conftest import Client, Workspace

Look = Callable[[], Awaitable[Report]]


@pytest.fixture
def look(workspace: Workspace, database: Database) -> Look:
    async def look() -> Report:
        async with database.session(Snapshot, workspace.caller) as snapshot:
            return await verify(snapshot)

    return look


@pytest.fixture
async def jane(api: Client, workspace: Workspace, database: Database) -> dict[str, Any]:
    """Three records, one with words, anchored by a checkpoint; and an address without a contact."""
    jane = api.contact(phone="+14155552671")
    body = {
        "contact_id": jane["id"],
        "channels": ["sms"],
        "opt_in": True,
        "purpose": "Offers",
        "lawful_basis": "consent",
    }
    api.data("POST", "/compliance/consent", body | {"consent_text_version": "v1"})
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"voice": False}})
    api.data("POST", "/compliance/suppression-list", {"address": "+14155552671"})
    api.data("POST", "/compliance/suppression-list", {"address": "ada@example.com"})
    await anchor(database, workspace.caller)
    return jane


async def anchor(database: Database, caller: Caller) -> int:
    async with database.transaction(caller) as tx:
        return await checkpoints.anchor(tx)


async def tamper(dsn: str, statement: str, *args: Any) -> None:
    connection = await connect(dsn)
    try:
        assert await connection.execute(statement, *args) not in ("UPDATE 0", "DELETE 0")
    finally:
        await connection.close()


async def test_an_untouched_ledger_is_intact(jane: dict[str, Any], look: Look) -> None:
    report = await look()
    assert (report.is_intact, report.records, report.subjects, report.checkpoints) == (True, 4, 2, 1)
    assert report.last_checkpoint is not None


async def test_it_stays_intact_through_a_contacts_life(api: Client, jane: dict[str, Any], look: Look) -> None:
    path = f"/contacts/{jane['id']}"
    api.data("PUT", f"{path}/preferences", {"preferences": {"sms": True, "email": True}})
    api.data("PUT", f"{path}/preferences", {"preferences": {"email": None}})
    api.data("PATCH", path, {"phone": "+14155552679", "email": "jane@example.com"})
    api.data("DELETE", f"{path}?soft=true")
    assert (await look()).is_intact
    api.data("POST", f"{path}/restore")
    api.data("DELETE", path)
    api.data("PUT", f"/contacts/{api.contact(phone='+14155552671')['id']}/preferences", {"preferences": {"sms": True}})
    assert (await look()).faults == []


@pytest.mark.parametrize(
    "change",
    [
        "workspace_id = workspace_id + 1",
        "cell_id = cell_id + 1",
        "subject_id = gen_random_uuid()",
        "sequence = sequence + 7",
        "id = gen_random_uuid()",
        "recorded_at = recorded_at - interval '1 hour'",
        "recorded_at = recorded_at + interval '1 hour'",
        "subject = 'address'",
        "status = 'opted_out'",
        "scope = 'voice'",
        "address_kind = 'email'",
        "address_hash = '\\x00'",
        "excluded = '{sms}'",
        "source = 'web_form'",
        "actor = 'api_key:another'",
        "consent_type = 'transactional'",
        "lawful_basis = 'contract'",
        "lawful_basis = NULL",
        "text_version = 'v2'",
        "cause = gen_random_uuid()",
        'details = \'{"purpose":"Anything"}\'',
        "details = NULL",
        "details = NULL, salt = NULL",
        "details = NULL, salt = NULL, details_hash = NULL",
        "details_hash = sha256('x')",
        "salt = '\\x00'",
        "previous_hash = sha256('x')",
        "hash = sha256('x')",
    ],
)
async def test_a_change_of_any_column_is_found(
    jane: dict[str, Any], workspace: Workspace, look: Look, dsn: str, change: str
) -> None:
    first = "SELECT id FROM consent_records WHERE workspace_id = $1 AND sequence = 1 AND subject = 'contact'"
    await tamper(dsn, f"UPDATE consent_records SET {change} WHERE id = ({first})", workspace.id)
    assert not (await look()).is_intact


def test_every_column_is_among_the_changes() -> None:
    """So that a new column cannot be left out of the hash unnoticed."""
    (changes,) = (
        mark.args[1] for mark in test_a_change_of_any_column_is_found.pytestmark if mark.name == "parametrize"
    )
    changed = {part.split(" = ")[0].strip() for change in changes for part in change.split(", ")}
    assert changed == {field.name for field in msgspec.structs.fields(Record)}


WHOLE: list[LiteralString] = [
    "DELETE FROM consent_records WHERE workspace_id = $1 AND sequence = 1 AND subject = 'contact'",
    "DELETE FROM consent_records WHERE workspace_id = $1 AND sequence = 3",
    "DELETE FROM consent_records WHERE workspace_id = $1 AND subject = 'address'",
    "DELETE FROM consent_heads WHERE workspace_id = $1",
    "UPDATE consent_heads SET hash = sha256('x') WHERE workspace_id = $1",
    "UPDATE consent_heads SET anchored_sequence = 99 WHERE workspace_id = $1",
    "DELETE FROM consent_states WHERE workspace_id = $1",
    "UPDATE consent_states SET state = '{}' WHERE workspace_id = $1",
    "UPDATE consent_checkpoints SET hash = sha256('x') WHERE workspace_id = $1",
    "UPDATE consent_checkpoint_heads SET sequence = 1 WHERE workspace_id = $1 AND sequence > 1",
    "DELETE FROM consent_checkpoint_heads WHERE workspace_id = $1",
]


@pytest.mark.parametrize("statement", WHOLE)
async def test_what_is_taken_away_is_found(
    jane: dict[str, Any], workspace: Workspace, look: Look, dsn: str, statement: str
) -> None:
    await tamper(dsn, statement, workspace.id)
    assert not (await look()).is_intact


async def test_dropping_a_contact_with_its_head_is_found_by_the_checkpoint(
    jane: dict[str, Any], workspace: Workspace, look: Look, dsn: str
) -> None:
    await tamper(dsn, "DELETE FROM consent_records WHERE workspace_id = $1 AND subject = 'contact'", workspace.id)
    await tamper(
        dsn,
        "DELETE FROM consent_heads h WHERE workspace_id = $1 AND NOT EXISTS "
        "(SELECT FROM consent_records r WHERE r.cell_id = h.cell_id AND r.subject_id = h.subject_id)",
        workspace.id,
    )
    faults = (await look()).faults
    assert [(fault.subject, fault.sequence) for fault in faults] == [(jane["id"], 3)]
    assert "checkpoint 1" in faults[0].problem


async def test_dropping_the_newest_checkpoint_shows_in_its_hash(
    api: Client, jane: dict[str, Any], workspace: Workspace, database: Database, look: Look, dsn: str
) -> None:
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"email": True}})
    assert await anchor(database, workspace.caller) == 1
    kept = api.data("GET", "/compliance/consent/checkpoints")[0]
    assert kept["hash"] == (await look()).last_checkpoint
    await tamper(dsn, "DELETE FROM consent_checkpoint_heads WHERE workspace_id = $1 AND number = 2", workspace.id)
    await tamper(dsn, "DELETE FROM consent_checkpoints WHERE workspace_id = $1 AND number = 2", workspace.id)
    assert (await look()).last_checkpoint == kept["previous_hash"]


async def test_checkpoints_name_only_what_moved(
    api: Client, jane: dict[str, Any], workspace: Workspace, database: Database
) -> None:
    assert await anchor(database, workspace.caller) == 0
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"email": True}})
    assert await anchor(database, workspace.caller) == 1
    newest, first = api.data("GET", "/compliance/consent/checkpoints")
    assert (newest["number"], newest["subjects"], newest["previous_hash"]) == (2, 1, first["hash"])
    page = api.get("/compliance/consent/checkpoints", limit=1).json()
    assert page["data"] == [newest]
    assert api.get("/compliance/consent/checkpoints", limit=1, cursor=page["meta"]["pagination"]["cursor"]).json()[
        "data"
    ] == [first]


async def test_the_worker_anchors_every_workspace(
    jane: dict[str, Any], workspace: Workspace, database: Database
) -> None:
    workspace.test_api.data("POST", "/compliance/suppression-list", {"address": "+14155552671"})
    nobody = msgspec.structs.replace(workspace.caller, workspace_id=0)
    async with database.transaction(nobody) as tx:
        await checkpoints.anchor_all(tx)
        assert await checkpoints.anchor_all(tx) == 0
    assert len(workspace.test_api.data("GET", "/compliance/consent/checkpoints")) == 1
