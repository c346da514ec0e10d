"""Contacts out: every format, what is chosen, what a spreadsheet must not run, and files that expire."""

import csv
import io
from typing import Any

import msgspec
import pyarrow.parquet
import pytest
from python_calamine import CalamineWorkbook

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, Unbound, connect
from orbit_contacts.features.exports import service
from orbit_contacts.features.exports.jobs import run_export
from orbit_contacts.interfaces.api import document
from tests.conftest import Client


def export(api: Client, **body: Any) -> tuple[dict[str, Any], bytes]:
    made = api.data("POST", "/contacts/export", body)
    response = api.http.get(api.url + made["download_url"])
    assert response.status_code == 200, response.text
    assert "attachment" in response.headers["content-disposition"]
    return made, response.content


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


@pytest.fixture
def people(api: Client) -> list[dict[str, Any]]:
    jane = api.contact(
        first_name="=cmd()|x",
        company='@Acme, "Inc"\n2nd line',
        phone="+14155552671",
        tags=["vip", "Berlin; DE"],
        metadata={"plan": "pro", "seats": 3, "code": "007"},
    )
    john = api.contact(first_name="Женя", email="zh@example.com", lifecycle_stage="lead")
    api.data("POST", f"/contacts/{john['id']}/block", {"reason": "spam"})
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"email": False}})
    return [jane, john]


def test_csv_holds_every_field_and_no_formula(api: Client, people: list[dict[str, Any]]) -> None:
    made, content = export(api)
    assert (made["status"], made["row_count"], made["format"]) == ("completed", 2, "csv")
    jane, john = table(content)
    assert jane["first_name"] == "'=cmd()|x"
    assert jane["company"] == '\'@Acme, "Inc"\n2nd line'
    assert jane["phone"] == "+14155552671"
    assert jane["tags"] == 'vip,"Berlin; DE"'
    assert msgspec.json.decode(jane["metadata"]) == {"plan": "pro", "seats": 3, "code": "007"}
    assert (jane["preferences.email"], jane["preferences.sms"]) == ("opted_out", "unknown")
    assert (john["blocked"], john["block_reason"], jane["blocked"]) == ("true", "spam", "false")
    assert content.count(b"\r\n") >= 3


def test_columns_filters_and_ids_choose(api: Client, people: list[dict[str, Any]]) -> None:
    _, content = export(api, fields=["email", "metadata.plan"], filters={"lifecycle_stage": "lead"})
    assert content == b"email,metadata.plan\r\nzh@example.com,\r\n"
    _, content = export(api, fields=["id", "metadata.code"], contact_ids=[people[0]["id"]])
    assert table(content) == [{"id": people[0]["id"], "metadata.code": "007"}]
    made = api.data("POST", "/contacts/lists", {"name": "L"})
    api.data("POST", f"/contacts/lists/{made['id']}/members", {"contact_ids": [people[1]["id"]]})
    _, content = export(api, fields=["id"], list_id=made["id"])
    assert [row["id"] for row in table(content)] == [people[1]["id"]]


def test_json_and_ndjson_hold_whole_contacts(api: Client, people: list[dict[str, Any]]) -> None:
    _, content = export(api, format="json")
    contacts = msgspec.json.decode(content)["contacts"]
    assert [contact["id"] for contact in contacts] == [person["id"] for person in people]
    assert contacts[0]["preferences"]["email"] == "opted_out"
    _, content = export(api, format="ndjson")
    assert [msgspec.json.decode(line) for line in content.splitlines()] == contacts


def test_a_workbook_holds_texts(api: Client, people: list[dict[str, Any]]) -> None:
    _, content = export(api, format="xlsx", fields=["first_name", "phone", "tags"])
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    assert sheet.to_python() == [
        ["first_name", "phone", "tags"],
        ["=cmd()|x", "+14155552671", 'vip,"Berlin; DE"'],
        ["Женя", "", ""],
    ]


def test_a_workbook_cuts_no_cell(api: Client) -> None:
    api.contact(email="ada@example.com", metadata={"long": "x" * 33_000})
    refused = api.post("/contacts/export", {"format": "xlsx"})
    assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (422, "format")
    assert export(api, format="xlsx", fields=["email"])[0]["row_count"] == 1


def test_parquet_can_be_read(api: Client, people: list[dict[str, Any]]) -> None:
    _, content = export(api, format="parquet", fields=["first_name", "tags"])
    rows = pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()
    assert rows[0] == {"first_name": "=cmd()|x", "tags": ["vip", "Berlin; DE"]}


def test_vcards_are_whole_and_folded(api: Client, people: list[dict[str, Any]]) -> None:
    _, content = export(api, format="vcard")
    text = content.decode()
    assert text.count("BEGIN:VCARD\r\nVERSION:4.0\r\n") == text.count("END:VCARD\r\n") == 2
    assert "TEL;VALUE=uri:tel:+14155552671" in text
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))


def test_accept_csv_streams_the_file(api: Client, people: list[dict[str, Any]]) -> None:
    response = api.post("/contacts/export", {"fields": ["phone"]}, headers={"Accept": "text/csv"})
    assert response.headers["content-type"].startswith("text/csv")
    assert [row["phone"] for row in table(response.content)] == ["+14155552671", ""]
    assert api.get("/contacts/exports").json()["data"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"format": "doc"},
        {"fields": ["shoe_size"]},
        {"fields": ["preferences.pigeon"]},
        {"filters": {"lifecycle_stag": "x"}},
        {"filters": {"created_after": "soon"}},
    ],
)
def test_bad_requests_are_refused(api: Client, body: dict[str, Any]) -> None:
    assert api.post("/contacts/export", body).status_code == 422


async def test_a_large_export_is_a_job(
    api: Client, people: list[dict[str, Any]], database: Database, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "INLINE", 1)
    monkeypatch.setattr(service, "_PAGE", 1)
    response = api.post("/contacts/export", {"format": "csv", "fields": ["id"]})
    made = response.json()["data"]
    assert (response.status_code, made["status"], made["download_url"]) == (202, "queued", None)
    assert api.get(f"/contacts/exports/{made['export_id']}/download").status_code == 409
    id = ids.parse("exp", made["export_id"])
    assert id is not None
    for _ in range(2):  # a second run, as after a kill, changes nothing
        await run_export(Unbound(database, caller, 0), service.RunExport(str(id)))
    done = api.data("GET", f"/contacts/exports/{made['export_id']}")
    assert (done["status"], done["row_count"]) == ("completed", 2)
    content = api.http.get(api.url + done["download_url"]).content
    assert [row["id"] for row in table(content)] == [person["id"] for person in people]


async def test_an_expired_file_is_gone(api: Client, people: list[dict[str, Any]], dsn: str) -> None:
    made, _ = export(api)
    connection = await connect(dsn)
    await connection.execute("UPDATE exports SET expires_at = now() WHERE id = $1", ids.parse("exp", made["export_id"]))
    await connection.close()
    response = api.http.get(api.url + made["download_url"])
    assert (response.status_code, response.json()["error"]["code"]) == (410, "EXPORT_EXPIRED")


def test_one_persons_whole_data(api: Client, people: list[dict[str, Any]]) -> None:
    jane = people[0]
    api.data("POST", f"/contacts/{jane['id']}/notes", {"body": "Likes tea"})
    made = api.data("POST", "/contacts/lists", {"name": "Tea"})
    api.data("POST", f"/contacts/lists/{made['id']}/members", {"contact_ids": [jane["id"]]})
    response = api.get(f"/contacts/{jane['id']}/export")
    data = response.json()["data"]
    assert data["contact"]["id"] == jane["id"]
    assert data["identifiers"] == [{"kind": "phone", "value": "+14155552671"}]
    assert data["preferences"]["preferences"]["email"] == "opted_out"
    assert [note["body"] for note in data["notes"]] == ["Likes tea"]
    assert [entry["name"] for entry in data["lists"]] == ["Tea"]
    assert len(data["consent_history"]) == 1
    assert data["events"][0]["type"] == "contact.created"
    assert api.get("/contacts/con_01jd3w9k2e8a7v5n0q4r6t8y1z/export").status_code == 404


@pytest.mark.parametrize("given", ["list_id", "segment_id"])
def test_an_export_of_an_unknown_list_or_segment_is_404(api: Client, given: str) -> None:
    response = api.post("/contacts/export", {given: "nonsense"})
    assert (response.status_code, response.json()["error"]["details"]["field"]) == (404, given)
    assert "404" in document()["paths"]["/contacts/export"]["post"]["responses"]
