"""`orbit consent verify`, on a database of its own: what is whole is said to be, what was changed is named."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from orbit_contacts.core import migrations
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, connect
from orbit_contacts.core.ids import contact_text
from orbit_contacts.features.consent import checkpoints
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.consent.records import Evidence
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import NewContact
from orbit_contacts.features.workspaces import service as workspaces
from orbit_contacts.interfaces.cli.program import program
from tests.conftest import drop_database

Verify = Callable[..., Awaitable[Result]]


@pytest.fixture
async def scratch(dsn: str) -> AsyncIterator[str]:
    """A database with two workspaces in which Jane said yes to text messages, then no; anchored."""
    name = f"scratch_{uuid4().hex[:12]}"
    admin = await connect(dsn)
    await admin.execute(f'CREATE DATABASE "{name}"')
    made = urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
    connection = await connect(made)
    await migrations.migrate(connection)
    await workspaces.create_organization(connection, "Scratch")
    callers = await workspaces.every_workspace(connection, "test")
    await connection.close()
    database = Database(made, size=2)
    await workspaces.prepare_installation(database)
    for caller in callers:
        await _jane(database, caller)
    await database.close()
    yield made
    await admin.close()
    await drop_database(dsn, name)


async def _jane(database: Database, caller: Caller) -> None:
    async with database.transaction(caller) as tx:
        jane, _ = await contacts.create(tx, NewContact(phone="+14155552671"), upsert=False)
        id = await tx.fetch_value("SELECT id FROM contacts WHERE workspace_id = $1", caller.workspace_id)
        assert contact_text(id) == jane.id
        for status in ("opted_in", "opted_out"):
            await consent.set_preferences(tx, [id], {"sms": status}, Evidence(source="test"))
        await checkpoints.anchor(tx)


@pytest.fixture
def verify(scratch: str, tmp_path: Path) -> Verify:
    environment = {"ORBIT_DATABASE_URL": scratch, "ORBIT_DATA_DIR": str(tmp_path), "COLUMNS": "200"}

    async def run(*arguments: str) -> Result:
        # In a thread: a command makes an event loop of its own.
        return await asyncio.to_thread(CliRunner().invoke, program, ["consent", "verify", *arguments], env=environment)

    return run


async def tamper(dsn: str, statement: str) -> str:
    """Change one thing; gives the id of the first workspace's Jane."""
    connection = await connect(dsn)
    try:
        assert await connection.execute(statement) in ("UPDATE 1", "DELETE 1")
        return contact_text(await connection.fetchval("SELECT id FROM contacts ORDER BY workspace_id LIMIT 1"))
    finally:
        await connection.close()


async def test_a_whole_ledger_is_said_to_be_whole(verify: Verify) -> None:
    result = await verify()
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()[1:3]]
    assert [row[1:5] for row in rows] == [["live", "2", "1", "1"], ["test", "2", "1", "1"]]
    assert all(len(row[5]) == 64 for row in rows)
    assert "every record stands where it was written" in result.stdout


@pytest.mark.parametrize(
    ("statement", "place", "problem"),
    [
        (
            "UPDATE consent_records SET source = 'api' WHERE {first} AND sequence = 1",
            ", record 1",
            "a field was changed",
        ),
        ("DELETE FROM consent_records WHERE {first} AND sequence = 1", ", record 1", "record 1 is missing"),
        (
            "DELETE FROM consent_records WHERE {first} AND sequence = 2",
            ", record 1",
            "does not end where its head says",
        ),
        ("UPDATE consent_states SET state = '{{}}' WHERE {first}", "", "not what its records add up to"),
        ("UPDATE consent_checkpoints SET subjects = 2 WHERE {first}", "checkpoint 1", "it was changed"),
    ],
)
async def test_what_was_changed_is_named(
    scratch: str, verify: Verify, statement: str, place: str, problem: str
) -> None:
    jane = await tamper(scratch, statement.format(first="workspace_id = (SELECT min(id) FROM workspaces)"))
    result = await verify()
    assert result.exit_code == 1
    named = place if place.startswith("checkpoint") else f"{jane}{place}"
    assert any(named in line and problem in line for line in result.stdout.splitlines() if "FAIL" in line), (
        result.output
    )


async def test_one_workspace_can_be_named(scratch: str, verify: Verify) -> None:
    await tamper(scratch, "DELETE FROM consent_states WHERE workspace_id = (SELECT min(id) FROM workspaces)")
    connection = await connect(scratch)
    first, second = await connection.fetchrow("SELECT min(id), max(id) FROM workspaces") or (0, 0)
    await connection.close()
    codes = [(await verify("--workspace", str(number))).exit_code for number in (first, second)]
    assert codes == [1, 0]
