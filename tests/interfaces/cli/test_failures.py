"""What a command says when it cannot work: one line and exit code 1, never a traceback."""

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orbit_contacts.core import migrations
from orbit_contacts.core.database import connect
from tests.conftest import Server, Workspace, drop_database, with_database


def orbit(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orbit_contacts", *map(str, arguments)],
        env=os.environ | {"COLUMNS": "80"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def empty(postgres: str) -> Iterator[str]:
    """A migrated database without a workspace."""
    name = f"test_{secrets.token_hex(6)}"

    async def execute(statement: str) -> None:
        connection = await connect(postgres)
        await connection.execute(statement)
        await connection.close()

    async def migrate() -> None:
        connection = await connect(with_database(postgres, name))
        await migrations.migrate(connection)
        await connection.close()

    asyncio.run(execute(f'CREATE DATABASE "{name}"'))
    asyncio.run(migrate())
    yield with_database(postgres, name)
    asyncio.run(drop_database(postgres, name))


@pytest.mark.parametrize("command", [("keys", "list"), ("migrate",), ("worker",), ("consent", "verify")])
@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/x", "nonsense"])
def test_a_database_that_cannot_be_used_is_said_in_one_line(command: tuple[str, ...], url: str) -> None:
    done = orbit(*command, ORBIT_DATABASE_URL=url)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "ORBIT_DATABASE_URL" in done.stderr


def test_a_folder_that_cannot_hold_a_database_is_said_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    done = orbit("keys", "list", "--data-dir", file, ORBIT_DATABASE_URL="")
    assert (done.returncode, str(file) in done.stderr) == (1, True)
    assert len(done.stderr.splitlines()) == 1


def test_a_database_that_is_not_there_is_named(postgres: str) -> None:
    done = orbit("serve", "--port", "0", ORBIT_DATABASE_URL=with_database(postgres, "absent"))
    assert (done.returncode, 'database "absent" does not exist' in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


def test_the_first_key_makes_the_first_workspace(empty: str) -> None:
    assert orbit("keys", "list", ORBIT_DATABASE_URL=empty).returncode == 1
    made = orbit("keys", "create", "first", ORBIT_DATABASE_URL=empty)
    assert made.stdout.startswith("dv_live_sk_")
    listed = orbit("keys", "list", ORBIT_DATABASE_URL=empty)
    assert "first" in listed.stdout
    assert "…" not in listed.stdout.replace(f"{made.stdout[:14]}…{made.stdout.strip()[-4:]}", "")


def test_a_first_key_that_is_none_is_named(empty: str) -> None:
    done = orbit("serve", "--port", "0", ORBIT_DATABASE_URL=empty, ORBIT_BOOTSTRAP_API_KEY="sk_live_1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "ORBIT_BOOTSTRAP_API_KEY" in done.stderr


@pytest.mark.parametrize("name", ["", "  "])
def test_a_key_without_a_name_is_refused(empty: str, name: str) -> None:
    done = orbit("keys", "create", name, ORBIT_DATABASE_URL=empty)
    assert (done.returncode, done.stdout) == (1, "")
    assert "name" in done.stderr


def test_what_looks_like_markup_is_text(server: Server, workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email,[/bold],[red]x\n[/x]@,[/],1\n")
    environment = {"ORBIT_URL": server.url, "ORBIT_API_KEY": workspace.key}
    done = orbit("contacts", "import", file, "--yes", **environment)
    assert (done.returncode, "[/bold]" in done.stderr) == (0, True)
    assert "[/x]" in orbit("contacts", "import", "/absent/[/x]", **environment).stderr
    assert "Traceback" not in orbit("imports", "errors", "[/x]", "-o", "/absent/x", **environment).stderr
    listed = orbit("imports", "list", **environment)
    assert workspace.api.data("GET", "/contacts/import-jobs")[0]["import_job_id"] in listed.stdout


def test_an_unknown_import_is_not_waited_for(server: Server, workspace: Workspace) -> None:
    done = orbit("imports", "watch", "nonsense", ORBIT_URL=server.url, ORBIT_API_KEY=workspace.key)
    assert (done.returncode, "NOT_FOUND" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"ORBIT_PORT": "99999"}, "ORBIT_PORT is '99999': Expected `integer` <= 65535."),
        ({"ORBIT_PORT": "http"}, "ORBIT_PORT is 'http': Expected `integer`."),
        ({"ORBIT_RATE_LIMITS": "maybe"}, "ORBIT_RATE_LIMITS is 'maybe': Expected `true or false`."),
        ({"ORBIT_MAX_PAGE_SIZE": "10"}, "ORBIT_DEFAULT_PAGE_SIZE is 25"),
        ({"ORBIT_JWT_SECRET_FILE": "/absent/secret"}, "/absent/secret"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(environment: dict[str, str], expected: str) -> None:
    done = orbit("serve", **environment)
    assert (done.returncode, expected in done.stderr) == (1, True)
    assert len(done.stderr.splitlines()) == 1
