"""`orbit contacts import` and `orbit imports …`, against a server."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orbit_contacts.interfaces.cli.client import Answered
from orbit_contacts.interfaces.cli.program import program
from tests.conftest import Client


def orbit(api: Client, *arguments: str) -> Result:
    return CliRunner().invoke(
        program, arguments, env={"ORBIT_URL": api.url, "ORBIT_API_KEY": api.key, "COLUMNS": "200"}
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("E-mail,Vorname,Secret\r\nada@example.com,Ada,1\r\nwrong,Bob,2\r\n")
    return path


def test_file_is_shown_and_imported(api: Client, file: Path) -> None:
    result = orbit(api, "contacts", "import", str(file), "--yes", "--map", "Secret=", "--tag", "fair")
    assert result.exit_code == 0, result.output
    assert "first_name" in result.stderr
    assert "completed: 1 created, 0 updated, 0 unchanged, 1 skipped" in result.stdout
    assert "row 3: INVALID_EMAIL" in result.stderr
    contact = api.get("/contacts").json()["data"][0]
    assert (contact["first_name"], contact["tags"], contact["metadata"]) == ("Ada", ["fair"], {})


def test_dry_run_imports_nothing(api: Client, file: Path) -> None:
    result = orbit(api, "contacts", "import", str(file), "--dry-run")
    assert "would be 1 created" in result.stdout
    assert api.get("/contacts").json()["data"] == []


def test_imports_are_listed_corrected_and_undone(api: Client, file: Path, tmp_path: Path) -> None:
    orbit(api, "contacts", "import", str(file), "--yes")
    id = api.get("/contacts/import-jobs").json()["data"][0]["import_job_id"]
    assert id in orbit(api, "imports", "list").stdout
    assert "1 skipped" in orbit(api, "imports", "watch", id).stdout
    orbit(api, "imports", "errors", id, "--output", str(tmp_path / "skipped.csv"))
    assert "wrong,Bob,2" in (tmp_path / "skipped.csv").read_text()
    assert "rolled_back: 1 deleted, 0 restored" in orbit(api, "imports", "rollback", id, "--yes").stdout


def test_refusals_are_said_in_words(api: Client, file: Path) -> None:
    refused = orbit(api, "contacts", "import", str(file), "--yes", "--map", "Nothing=email")
    assert isinstance(refused.exception, Answered)
    assert "The file has no column `Nothing`" in str(refused.exception)
    nobody = CliRunner().invoke(program, ["imports", "list"], env={"ORBIT_API_KEY": "", "ORBIT_URL": api.url})
    assert "An API key is needed" in str(nobody.exception)
    away = CliRunner().invoke(
        program, ["imports", "list"], env={"ORBIT_API_KEY": "x", "ORBIT_URL": "http://127.0.0.1:1"}
    )
    assert "cannot be reached" in str(away.exception)
