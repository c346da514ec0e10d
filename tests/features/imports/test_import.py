"""`POST /contacts/bulk`: what becomes of rows, at once and as a job."""

import gzip
from typing import Any

import httpx
import pytest

from orbit_contacts.core.database import Database
from tests.conftest import Client, Workspace
from tests.features.imports.cast import (
    ADA,
    ALAN,
    GRACE,
    bulk,
    encode,
    people,
    rows_csv,
    send_csv,
    skipped,
    work_off,
)


def counts(job: dict[str, Any]) -> tuple[int, int, int, int]:
    return job["created"], job["updated"], job["unchanged"], job["skipped"]


def codes(job: dict[str, Any]) -> list[str]:
    return [error["code"] for error in job["errors"]]


def test_no_contacts_is_refused_clearly(api: Client) -> None:
    response = api.post("/contacts/bulk", {"contacts": []})
    assert response.status_code == 422
    assert response.json()["error"]["details"] == {
        "field": "contacts",
        "value": 0,
        "expected": "1-10000 contacts; more fit in a file",
    }
    assert api.post("/contacts/bulk", {}).json()["error"]["code"] == "MISSING_REQUIRED_FIELD"
    assert api.post("/contacts/bulk", {"contacts": 5}).status_code == 422
    assert (
        api.post("/contacts/bulk", {"contacts": [ADA], "mode": "guess"}).json()["error"]["details"]["field"] == "mode"
    )


def test_answer_has_the_fields_of_the_contract(api: Client) -> None:
    response = api.post("/contacts/bulk", {"contacts": [ADA, {"email": "nonsense"}]})
    assert response.status_code == 200
    job = response.json()["data"]
    assert job["import_job_id"].startswith("imp_")
    assert (job["status"], job["total"], *counts(job)) == ("completed", 2, 1, 0, 0, 1)
    assert job["errors"] == [
        {"row": 2, "code": "INVALID_EMAIL", "field": "email", "message": job["errors"][0]["message"]}
    ]
    assert job["skipped_csv_url"].endswith(f"/contacts/import-jobs/{job['import_job_id']}/skipped.csv")
    assert job["rollback_expires_at"] > job["created_at"]


def test_created_contacts_are_like_others(api: Client) -> None:
    bulk(api, [{**ADA, "tags": ["vip"], "metadata": {"plan": "gold"}, "country_code": "us", "lifecycle_stage": "lead"}])
    ada = people(api)["ada@example.com"]
    assert (ada["phone"], ada["tags"], ada["metadata"], ada["source"]) == (
        "+14155550101",
        ["vip"],
        {"plan": "gold"},
        "import",
    )
    assert api.get("/contacts", search="lovelace").json()["meta"]["pagination"]["total"] == 1
    assert api.get("/contacts", lifecycle_stage="lead", country_code="US").json()["meta"]["pagination"]["total"] == 1
    assert api.post("/contacts", {"email": "ADA@example.com"}).status_code == 409


def test_upsert_erases_nothing(api: Client) -> None:
    bulk(api, [{**ADA, "tags": ["vip"], "metadata": {"a": 1, "b": 2}}])
    job = bulk(
        api,
        [
            {
                "email": "ada@example.com",
                "first_name": None,
                "last_name": "  ",
                "company": "Engines",
                "tags": ["new", "vip"],
                "metadata": {"b": 3, "a": None, "c": ""},
            }
        ],
    )
    assert counts(job) == (0, 1, 0, 0)
    ada = people(api)["ada@example.com"]
    assert (ada["first_name"], ada["last_name"], ada["phone"], ada["company"]) == (
        "Ada",
        "Lovelace",
        "+14155550101",
        "Engines",
    )
    assert (ada["tags"], ada["metadata"]) == (["vip", "new"], {"a": 1, "b": 3})


def test_same_rows_again_change_nothing(api: Client) -> None:
    rows = [{**ADA, "metadata": {"deep": {"b": 1, "aa": [1, True]}}}, ALAN, GRACE]
    assert counts(bulk(api, rows)) == (3, 0, 0, 0)
    before = people(api)
    assert counts(bulk(api, rows)) == (0, 0, 3, 0)
    assert people(api) == before


@pytest.mark.parametrize(
    ("rule", "company", "first_name"),
    [("overwrite", "New", "X"), ("only_if_blank", "New", "Ada"), ("never", None, "Ada")],
)
def test_collision_rules(api: Client, rule: str, company: str | None, first_name: str) -> None:
    bulk(api, [ADA])
    bulk(api, [{"email": "ada@example.com", "first_name": "X", "company": "New"}], collision=rule)
    ada = people(api)["ada@example.com"]
    assert (ada["company"], ada["first_name"]) == (company, first_name)


def test_collision_rule_of_one_field(api: Client) -> None:
    bulk(api, [{**ADA, "metadata": {"a": 1, "b": 1}}])
    bulk(
        api,
        [{"email": "ada@example.com", "first_name": "X", "last_name": "Y", "metadata": {"a": 2, "b": 2}}],
        collisions={"first_name": "never", "metadata.a": "never"},
    )
    ada = people(api)["ada@example.com"]
    assert (ada["first_name"], ada["last_name"], ada["metadata"]) == ("Ada", "Y", {"a": 1, "b": 2})


def test_mode_create_and_update(api: Client) -> None:
    bulk(api, [ADA])
    created = bulk(api, [ADA, ALAN], mode="create")
    assert (counts(created), codes(created)) == ((1, 0, 0, 1), ["ALREADY_EXISTS"])
    updated = bulk(api, [{**ADA, "company": "E"}, GRACE], mode="update")
    assert (counts(updated), codes(updated)) == ((0, 1, 0, 1), ["NOT_FOUND"])


def test_rows_that_mean_two_contacts_are_ambiguous(api: Client) -> None:
    bulk(api, [ADA, ALAN])
    job = bulk(api, [{"email": ADA["email"], "phone": ALAN["phone"]}])
    assert (counts(job), codes(job)) == ((0, 0, 0, 1), ["AMBIGUOUS_MATCH"])


def test_dedupe_by_one_key(api: Client) -> None:
    bulk(api, [ADA])
    taken = bulk(api, [{"email": "other@example.com", "phone": ADA["phone"]}], dedupe_by="email")
    assert codes(taken) == ["ALREADY_EXISTS"]
    moved = bulk(api, [{"email": "other@example.com", "phone": ADA["phone"]}], dedupe_by="phone")
    assert counts(moved) == (0, 1, 0, 0)
    assert set(people(api)) == {"other@example.com"}
    # The address it had is free again.
    assert counts(bulk(api, [{"email": ADA["email"]}])) == (1, 0, 0, 0)


def test_first_occurrence_wins(api: Client) -> None:
    job = bulk(api, [ADA, {"email": "ADA@example.com", "first_name": "Second"}, {"phone": "+1 415 555 0101"}])
    assert (counts(job), codes(job)) == ((1, 0, 0, 2), ["DUPLICATE_IN_FILE"] * 2)
    again = bulk(api, [{"email": ADA["email"], "first_name": "One"}, {"phone": ADA["phone"], "first_name": "Two"}])
    assert (counts(again), codes(again)) == ((0, 1, 0, 1), ["DUPLICATE_IN_FILE"])
    assert people(api)["ada@example.com"]["first_name"] == "One"


def test_a_bad_row_never_fails_the_call(api: Client) -> None:
    job = bulk(
        api,
        [
            {"phone": 5},
            {"phone": "12"},
            {},
            "text",
            {"email": "a@example.com", "metadata": {"x": "nul\0"}},
            {"email": "b@example.com", "first_name": "nul\0"},
            {"email": "c@example.com", "country_code": "Atlantis"},
            {"email": "d@example.com", "tags": [f"t{n}" for n in range(101)]},
            {"email": "e@example.com", "custom_fields": {"unknown": 1}},
            {"email": "f@example.com", "list_ids": ["lst_nothing"]},
            ADA,
        ],
    )
    assert counts(job) == (1, 0, 0, 10)
    assert codes(job) == [
        "VALIDATION_ERROR",
        "INVALID_PHONE_NUMBER",
        "MISSING_REQUIRED_FIELD",
        *["VALIDATION_ERROR"] * 7,
    ]
    assert [error["row"] for error in job["errors"]] == list(range(1, 11))


def test_lists_and_tags_for_every_row(api: Client) -> None:
    everyone = api.data("POST", "/contacts/lists", {"name": "Everyone"})["id"]
    some = api.data("POST", "/contacts/lists", {"name": "Some"})["id"]
    bulk(api, [ADA])
    job = bulk(api, [ADA, {**ALAN, "list_ids": [some]}], list_id=everyone, tags=["fair"])
    assert counts(job) == (1, 1, 0, 0)
    assert counts(bulk(api, [ADA], list_ids=[some])) == (0, 1, 0, 0)
    assert [api.data("GET", f"/contacts/lists/{id}")["member_count"] for id in (everyone, some)] == [2, 2]
    assert all(each["tags"] == ["fair"] for each in people(api).values())
    refused = api.post("/contacts/bulk", {"contacts": [ADA], "list_id": "lst_none"})
    assert refused.json()["error"]["details"]["field"] == "list_ids"


def test_custom_fields_come_typed(api: Client) -> None:
    api.data("POST", "/custom-fields", {"key": "age", "type": "number"})
    job = send_csv(api, "email,custom_fields.age\r\na@example.com,41\r\nb@example.com,old\r\n")
    assert (counts(job), codes(job)) == ((1, 0, 0, 1), ["VALIDATION_ERROR"])
    assert people(api)["a@example.com"]["custom_fields"] == {"age": 41}


def test_default_country_for_national_numbers(api: Client) -> None:
    job = bulk(api, [{"phone": "0532 123 45 67"}], default_country_code="tr")
    assert counts(job) == (1, 0, 0, 0)
    assert set(people(api)) == {"+905321234567"}


def test_dry_run_counts_and_changes_nothing(api: Client) -> None:
    bulk(api, [ADA, GRACE])
    rows = [{**ADA, "company": "E"}, ALAN, GRACE, {"email": "x"}, ALAN]
    before = people(api)
    tried = bulk(api, rows, dry_run=True)
    assert people(api) == before
    assert counts(tried) == counts(bulk(api, rows)) == (1, 1, 1, 2)
    refused = api.post(f"/contacts/import-jobs/{tried['import_job_id']}/rollback")
    assert refused.json()["error"]["code"] == "IMPORT_NOT_ROLLBACKABLE"


async def test_events_of_rows_can_be_switched_off(api: Client, workspace: Workspace, database: Database) -> None:
    bulk(api, [ADA])
    bulk(api, [ALAN], emit_events=False)
    bulk(api, [{**ADA, "company": "E"}, {**ALAN, "company": "E"}], emit_events=False)
    bulk(api, [{**ADA, "company": "F"}])
    async with database.reader(workspace.caller) as reader:
        rows = await reader.fetch_all("SELECT type FROM events WHERE workspace_id = $1 ORDER BY type", workspace.id)
    assert [row["type"] for row in rows] == ["contact.created", "contact.updated"]


def test_deleted_people_are_named(api: Client) -> None:
    ada = api.contact(**ADA)
    api.delete(f"/contacts/{ada['id']}", params={"soft": "true"})
    skipping = bulk(api, [ADA], if_deleted="skip")
    assert codes(skipping) == ["DELETED_CONTACT"]
    assert f"/contacts/{ada['id']}/restore" in skipping["errors"][0]["message"]
    tried = bulk(api, [ADA], dry_run=True)
    assert [(w["code"], w["contact_id"], w["row"]) for w in tried["warnings"]] == [("DELETED_CONTACT", ada["id"], 1)]
    assert counts(bulk(api, [ADA])) == (1, 0, 0, 0)


def test_idempotency_key_replays_the_import(api: Client) -> None:
    headers = {"Idempotency-Key": "monday"}
    first = api.post("/contacts/bulk", {"contacts": [ADA]}, headers=headers)
    second = api.post("/contacts/bulk", {"contacts": [ADA]}, headers=headers)
    assert second.json()["data"] == first.json()["data"]
    assert second.headers["idempotent-replayed"] == "true"
    assert api.get("/contacts/import-jobs").json()["meta"]["pagination"]["total"] == 1
    assert api.post("/contacts/bulk", {"contacts": [ALAN]}, headers=headers).status_code == 422


def test_csv_with_known_headers(api: Client) -> None:
    job = send_csv(api, "E-Mail;Vorname;Nachname;Telefon\r\nada@example.com;Ada;Lovelace;+49 30 123456\r\n")
    assert counts(job) == (1, 0, 0, 0)
    ada = people(api)["ada@example.com"]
    assert (ada["first_name"], ada["last_name"], ada["phone"]) == ("Ada", "Lovelace", "+4930123456")


def test_form_with_a_mapping(api: Client) -> None:
    files = {"file": ("list.csv", b"A,B,C\r\nada@example.com,Ada,secret\r\n", "text/csv")}
    data = {"mapping": encode({"A": "email", "B": "metadata.nick", "C": None}), "tags": "one,two", "dry_run": "false"}
    response = api.request("POST", "/contacts/bulk", files=files, data=data)
    assert response.status_code == 200, response.text
    ada = people(api)["ada@example.com"]
    assert (ada["metadata"], ada["tags"], ada["first_name"]) == ({"nick": "Ada"}, ["one", "two"], None)
    job = api.data("GET", f"/contacts/import-jobs/{response.json()['data']['import_job_id']}")
    assert job["columns"] == {"A": "email", "B": "metadata.nick", "C": None}
    assert job["file_name"] == "list.csv"
    # The next file with these columns is read the same way.
    send_csv(api, "A,B,C\r\nbob@example.com,Bob,x\r\n")
    assert people(api)["bob@example.com"]["metadata"] == {"nick": "Bob"}


@pytest.mark.parametrize(
    ("mapping", "field"), [({"Z": "email"}, "mapping"), ({"A": "height"}, "mapping"), ({"A": {"no": 1}}, "mapping")]
)
def test_impossible_mapping_is_refused(api: Client, mapping: dict[str, Any], field: str) -> None:
    response = api.request(
        "POST",
        "/contacts/bulk",
        params={"mapping": encode(mapping)},
        content=b"A,B\r\nx@example.com,y\r\n",
        headers={"content-type": "text/csv"},
    )
    assert (response.status_code, response.json()["error"]["details"]["field"]) == (422, field)


def test_ndjson_gzip_and_unknown_types(api: Client) -> None:
    lines = f'{encode(ADA)}\n{{"email": broken\n{encode(ALAN)}\n'.encode()
    kind = {"content-type": "application/x-ndjson"}
    first = api.request("POST", "/contacts/bulk", content=gzip.compress(lines), headers=kind).json()["data"]
    assert (counts(first), [error["row"] for error in first["errors"]]) == ((2, 0, 0, 1), [2])
    packed = gzip.compress(encode({"contacts": [GRACE]}).encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert counts(api.request("POST", "/contacts/bulk", content=packed, headers=headers).json()["data"])[0] == 1
    unknown = api.request("POST", "/contacts/bulk", content=b"x", headers={"content-type": "image/png"})
    assert unknown.status_code == 415


def test_skipped_rows_can_be_corrected_and_sent_again(api: Client) -> None:
    job = send_csv(api, 'email,first_name\r\na@example.com,"=A"\r\nwrong,B\r\n')
    text = skipped(api, job)
    assert text.splitlines()[0] == "row_number,error_code,error_message,error_field,email,first_name"
    assert text.splitlines()[1].startswith("3,INVALID_EMAIL,")
    fixed = send_csv(api, text.replace("wrong", "b@example.com"))
    assert counts(fixed) == (1, 0, 0, 0)
    assert people(api)["b@example.com"]["first_name"] == "B"
    assert skipped(api, fixed) == "row_number,error_code,error_message,error_field,email,first_name\r\n"


def test_skipped_json_can_be_corrected_and_sent_again(api: Client) -> None:
    job = bulk(api, [{"email": "wrong", "tags": ["a", "b;c"], "metadata": {"n": 1}, "name": "Ada L"}])
    fixed = send_csv(api, skipped(api, job).replace("wrong", "ada@example.com"))
    assert counts(fixed) == (1, 0, 0, 0)
    ada = people(api)["ada@example.com"]
    assert (ada["tags"], ada["metadata"], ada["display_name"]) == (["a", "b;c"], {"n": 1}, "Ada L")


def test_opt_outs_in_a_file_close_and_nothing_opens(api: Client) -> None:
    ada = api.contact(**ADA)
    api.data("PUT", f"/contacts/{ada['id']}/preferences", {"preferences": {"sms": False}})
    send_csv(api, "email,preferences.email,preferences.sms\r\nada@example.com,opted_out,opted_in\r\n")
    states = api.data("GET", f"/contacts/{ada['id']}/preferences")["preferences"]
    assert (states["email"], states["sms"], states["whatsapp"]) == ("opted_out", "opted_out", "unknown")


def test_suppressed_addresses_stay_suppressed(api: Client) -> None:
    api.data("POST", "/compliance/suppression-list", {"address": ADA["phone"]})
    bulk(api, [ADA])
    assert people(api)["ada@example.com"]["dnc"] is True


async def test_large_imports_are_jobs(api: Client, database: Database, workspace: Workspace) -> None:
    text = rows_csv(1_500) + "p3@example.com,,Again,\r\nwrong,,,\r\n"
    response = api.request("POST", "/contacts/bulk", content=text.encode(), headers={"content-type": "text/csv"})
    assert response.status_code == 202
    job = response.json()["data"]
    assert (job["status"], job["total"]) == ("queued", 1_502)
    await work_off(database, workspace.caller, "imports.run", job)
    done = api.data("GET", f"/contacts/import-jobs/{job['import_job_id']}")
    assert (done["status"], counts(done), done["progress"], done["processed"]) == (
        "completed",
        (1_500, 0, 0, 2),
        1.0,
        1_502,
    )
    assert done["rows_per_second"] > 0
    assert len(skipped(api, job).splitlines()) == 3
    assert api.get("/contacts").json()["meta"]["pagination"]["total"] == 1_500


async def test_cancelled_job_does_nothing(api: Client, database: Database, workspace: Workspace) -> None:
    job = send_csv(api, rows_csv(1_001))
    cancelled = api.data("POST", f"/contacts/import-jobs/{job['import_job_id']}/cancel")
    assert cancelled["status"] == "cancelled"
    await work_off(database, workspace.caller, "imports.run", job)
    assert people(api) == {}
    shown = api.data("GET", f"/contacts/import-jobs/{job['import_job_id']}")
    assert (shown["progress"], shown["total"]) == (0.0, 1_001)
    small = bulk(api, [ADA])
    assert api.post(f"/contacts/import-jobs/{small['import_job_id']}/cancel").status_code == 409


def test_jobs_are_listed_newest_first(api: Client) -> None:
    made = [bulk(api, [each])["import_job_id"] for each in (ADA, ALAN, GRACE)]
    page = api.get("/contacts/import-jobs", limit=2).json()
    assert [each["import_job_id"] for each in page["data"]] == made[:0:-1]
    rest = api.get("/contacts/import-jobs", limit=2, cursor=page["meta"]["pagination"]["cursor"]).json()
    assert [each["import_job_id"] for each in rest["data"]] == made[:1]


def test_foreign_job_is_not_found(api: Client, workspace: Workspace) -> None:
    job = bulk(api, [ADA])["import_job_id"]
    for path in ("", "/skipped.csv"):
        assert workspace.test_api.get(f"/contacts/import-jobs/{job}{path}").status_code == 404
    for path in ("/cancel", "/rollback"):
        assert workspace.test_api.post(f"/contacts/import-jobs/{job}{path}").status_code == 404


def test_preview_tells_how_a_file_is_read(api: Client) -> None:
    content = "Ad;Soyad;E-posta\r\nŞule;Yılmaz;sule@example.com\r\nx;y;wrong\r\n".encode("cp1254")
    files = {"file": ("liste.csv", content, "text/csv")}
    preview: httpx.Response = api.request(
        "POST", "/contacts/import-jobs/preview", files=files, data={"dry_run": "true", "encoding": "cp1254"}
    )
    assert preview.status_code == 200, preview.text
    data = preview.json()["data"]
    assert (data["kind"], data["delimiter"], data["encoding"], data["total"]) == ("csv", ";", "cp1254", 2)
    assert [column["field"] for column in data["columns"]] == ["first_name", "last_name", "email"]
    assert data["rows"][0] == {"row": 2, "cells": ["Şule", "Yılmaz", "sule@example.com"], "fault": None}
    assert (data["dry_run"]["created"], data["dry_run"]["skipped"]) == (1, 1)
    assert people(api) == {}
    assert api.get("/contacts/import-jobs").json()["data"] == []


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"email,\x81\x98\x90\na@example.com,1\n"])
@pytest.mark.parametrize("path", ["/contacts/bulk", "/contacts/import-jobs/preview"])
def test_bytes_of_no_encoding_in_a_header_are_shown(api: Client, path: str, content: bytes) -> None:
    response = api.http.post(f"{path}?encoding=utf-8", content=content, headers={"Content-Type": "text/csv"})
    assert response.status_code == 200
