"""Importing a suppression list from CSV: any columns, bad rows reported, nothing changed by a dry run."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.core.database import connect
from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.consent.suppression_file import open_file, read_rows
from orbit_contacts.features.workspaces import service as workspaces
from orbit_contacts.features.workspaces.models import NewApiKey
from tests.conftest import Client, Workspace

PATH = "/compliance/suppression-list/import"
LIST = "/compliance/suppression-list"


def send(api: Client, content: str | bytes, **fields: str) -> Any:
    data = content.encode() if isinstance(content, str) else content
    response = api.http.post(PATH, files={"file": ("list.csv", data, "text/csv")}, data=fields)
    assert response.status_code == 200, response.text
    return response.json()["data"]


def test_phones_are_suppressed_for_all_and_e_mails_for_e_mail(api: Client) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    result = send(
        api, "Phone,Email,Reason\n+1 415 555 2671,jane@example.com,letter\n,ada@example.com,\n", default_reason="old"
    )
    assert result == {
        "dry_run": False,
        "total": 2,
        "added": 2,
        "already_suppressed": 0,
        "invalid": 0,
        "matched_contacts": 1,
        "errors": [],
    }
    entries = {(e["address"], e["scope"], e["reason"], e["source"]) for e in api.data("GET", LIST)}
    assert entries == {
        ("+14155552671", "all", "letter", "suppression_import"),
        ("jane@example.com", "email", "letter", "suppression_import"),
        ("ada@example.com", "email", "old", "suppression_import"),
    }
    assert api.data("GET", f"/contacts/{jane['id']}")["dnc"] is True


def test_a_bad_row_is_reported_and_fails_nothing_else(api: Client) -> None:
    result = send(api, "address,scope\n+14155552671,sms\nnobody,\njane@example.com,sms\n,voice\n+14155552671,SMS\n")
    assert (result["total"], result["added"], result["already_suppressed"], result["invalid"]) == (5, 1, 1, 3)
    assert [(fault["row"], fault["code"]) for fault in result["errors"]] == [
        (3, "INVALID_PHONE_NUMBER"),
        (4, "VALIDATION_ERROR"),
        (5, "MISSING_REQUIRED_FIELD"),
    ]


def test_a_bad_address_is_told_as_what_its_column_holds(api: Client) -> None:
    result = send(api, "email,phone\nnobody,\n,nobody\n")
    assert [(fault["code"], fault["field"]) for fault in result["errors"]] == [
        ("INVALID_EMAIL", "email"),
        ("INVALID_PHONE_NUMBER", "phone"),
    ]


def test_a_dry_run_counts_the_same_and_changes_nothing(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    api.data("POST", LIST, {"address": "ada@example.com"})
    content = "+14155552671\nada@example.com\n+14155552671\nnobody\n"
    tried = send(api, content, dry_run="true")
    assert api.data("GET", f"/contacts/{jane['id']}")["dnc"] is False
    assert len(api.data("GET", LIST)) == 1
    done = send(api, content)
    assert tried | {"dry_run": False} == done
    assert (done["added"], done["already_suppressed"], done["invalid"], done["matched_contacts"]) == (1, 2, 1, 1)


@pytest.mark.parametrize(
    "content",
    [
        "phone\n(415) 555-2671\n",
        "phone;country\n030 901820;DE\n(415) 555-2671;\n".replace("030 901820;DE\n", ""),
        b"\xef\xbb\xbfphone\r\n'415 555 2671\r\n",
        "phone\tname\n4155552671\tJosé\n".encode("utf-16"),
        "phone,name\n4155552671,José\n".encode("cp1252"),
    ],
)
def test_national_numbers_in_files_of_any_make(api: Client, content: str | bytes) -> None:
    assert send(api, content, default_country="us")["added"] == 1
    assert [entry["address"] for entry in api.data("GET", LIST)] == ["+14155552671"]


def test_a_row_names_its_own_country(api: Client) -> None:
    assert send(api, "phone,country\n030 901820,DE\n", default_country="US")["added"] == 1
    assert [entry["address"] for entry in api.data("GET", LIST)] == ["+4930901820"]


def test_a_plain_csv_body_with_options_in_the_query(api: Client) -> None:
    response = api.http.post(f"{PATH}?dry_run=true", content=b"+14155552671\n", headers={"Content-Type": "text/csv"})
    assert (response.status_code, response.json()["data"]["added"]) == (200, 1)


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"files": {"other": ("a.csv", b"x", "text/csv")}}, 422, "MISSING_REQUIRED_FIELD"),
        ({"files": {"file": ("a.csv", b"", "text/csv")}}, 422, "MISSING_REQUIRED_FIELD"),
        ({"files": {"file": ("a.csv", b"name\nJane\n", "text/csv")}}, 422, "MISSING_REQUIRED_FIELD"),
        ({"files": {"file": ("a.csv", b"\x00\x01", "text/csv")}}, 422, "VALIDATION_ERROR"),
        ({"files": {"file": ("a.csv", b"1", "text/csv")}, "data": {"default_country": "XX"}}, 422, "VALIDATION_ERROR"),
        ({"files": {"file": ("a.csv", b"1", "text/csv")}, "data": {"dry_run": "perhaps"}}, 422, "VALIDATION_ERROR"),
        ({"json": {}}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 422, "VALIDATION_ERROR"),
        ({"content": b"1\n" * 100_001, "headers": {"Content-Type": "text/csv"}}, 422, "VALIDATION_ERROR"),
        ({"content": b"1" * (26 << 20), "headers": {"Content-Type": "text/csv"}}, 413, "PAYLOAD_TOO_LARGE"),
    ],
)
def test_what_is_no_list_is_refused(api: Client, options: Any, status: int, code: str) -> None:
    response = api.http.post(PATH, **options)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_only_owners_and_admins_import(workspace: Workspace, dsn: str) -> None:
    connection = await connect(dsn)
    key = workspaces.generate_key("live", "secret")
    scopes = ["contacts:*", "compliance:read", "compliance:write"]
    await workspaces.insert_key(connection, workspace.id, key, NewApiKey(name="d", scopes=scopes), by="system:test")
    await connection.close()
    client = Client(workspace.api.url, key)
    response = await asyncio.to_thread(client.http.post, PATH, files={"file": ("a.csv", b"+14155552671", "text/csv")})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), st.sampled_from([None, "US"]))
def test_any_bytes_are_a_file_or_refused(content: bytes, country: str | None) -> None:
    try:
        file = open_file(content)
    except Refusal:
        return
    for row in read_rows(file.columns, file.rows, country, None):
        assert (row.fault is None) == bool(row.entries)
