"""`orbit contacts export`, against a server."""

import csv
from pathlib import Path

import pytest

from orbit_contacts.interfaces.cli.client import Answered
from tests.conftest import Client
from tests.interfaces.cli.test_imports import orbit


@pytest.fixture
def people(api: Client) -> None:
    api.contact(email="ada@example.com", first_name="Ada", lifecycle_stage="lead")
    api.contact(email="alan@example.com", first_name="Alan")


@pytest.mark.usefixtures("people")
def test_file_holds_what_was_asked_for(api: Client, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    arguments = ("--field", "email", "--field", "first_name", "--filter", "lifecycle_stage=lead", "-o", str(path))
    result = orbit(api, "contacts", "export", *arguments)
    assert result.exit_code == 0, result.output
    assert list(csv.DictReader(path.open())) == [{"email": "ada@example.com", "first_name": "Ada"}]
    assert "1 contacts in" in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["leads.csv"]


@pytest.mark.usefixtures("people")
def test_standard_output_is_the_file_alone(api: Client) -> None:
    result = orbit(api, "contacts", "export", "--format", "ndjson", "--field", "email")
    assert sorted(result.stdout.splitlines()) == ['{"email":"ada@example.com"}', '{"email":"alan@example.com"}']


@pytest.mark.usefixtures("people")
def test_refusal_leaves_no_file(api: Client, tmp_path: Path) -> None:
    refused = orbit(api, "contacts", "export", "--field", "shoe_size", "-o", str(tmp_path / "x.csv"))
    assert isinstance(refused.exception, Answered)
    assert "There is no such field" in str(refused.exception)
    wrong = orbit(api, "contacts", "export", "--filter", "lead")
    assert "is not NAME=VALUE" in str(wrong.exception)
    assert list(tmp_path.iterdir()) == []
