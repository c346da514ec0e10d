"""The ledger as it is read: history, the state at a time and why, records of an address."""

import time
from hashlib import sha256
from typing import Any

from tests.conftest import Client


def say(api: Client, contact: dict[str, Any], **preferences: bool | None) -> Any:
    return api.data("PUT", f"/contacts/{contact['id']}/preferences", {"preferences": preferences})


def wait_for_next_second() -> None:
    time.sleep(1.01 - time.time() % 1)


def test_history_is_newest_first_in_pages_and_chained(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    for value in (True, False, True):
        say(api, jane, sms=value)
    path = f"/contacts/{jane['id']}/consent/history"
    first = api.get(path, limit=2).json()
    second = api.get(path, limit=2, cursor=first["meta"]["pagination"]["cursor"]).json()
    records = first["data"] + second["data"]
    assert first["meta"]["pagination"]["total"] == 3
    assert second["meta"]["pagination"]["has_more"] is False
    assert [record["sequence"] for record in records] == [3, 2, 1]
    assert [record["previous_hash"] for record in records] == [records[1]["hash"], records[2]["hash"], "0" * 64]
    assert all(len(record["hash"]) == sha256().digest_size * 2 for record in records)


def test_a_cursor_is_good_for_its_own_contact_only(api: Client) -> None:
    jane, john = api.contact(phone="+14155552671"), api.contact(phone="+14155552672")
    for contact in (jane, john):
        say(api, contact, sms=True, email=True)
    cursor = api.get(f"/contacts/{jane['id']}/consent/history", limit=1).json()["meta"]["pagination"]["cursor"]
    response = api.get(f"/contacts/{john['id']}/consent/history", limit=1, cursor=cursor)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "INVALID_CURSOR")


def test_the_state_at_a_time_and_the_record_that_decided(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    path = f"/contacts/{jane['id']}/consent"
    opted_in = say(api, jane, sms=True)["details"]["sms"]
    wait_for_next_second()
    opted_out = say(api, jane, sms=False, voice=False)["details"]["sms"]
    before = api.data("GET", f"{path}?at=2020-01-01")
    then = api.data("GET", f"{path}?at={opted_in['updated_at']}")
    now = api.data("GET", path)
    assert before["channels"]["sms"] == {"status": "unknown", "since": None, "source": None, "record": None}
    assert then["channels"]["sms"]["status"] == "opted_in"
    assert then["channels"]["sms"]["record"]["id"] == opted_in["consent_record_id"]
    assert (then["at"], then["suppressed_scopes"]) == (opted_in["updated_at"], [])
    assert now["channels"]["sms"]["record"]["id"] == opted_out["consent_record_id"]
    assert now["suppressed_scopes"] == ["sms", "voice"]


def test_a_time_that_is_none_is_refused(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    response = api.get(f"/contacts/{jane['id']}/consent", at="yesterday")
    assert (response.status_code, response.json()["error"]["details"]["field"]) == (422, "at")


def test_records_of_an_address_outlive_the_person_without_their_words(api: Client) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    proof = {"purpose": "Offers for Jane", "metadata": {"name": "Jane"}, "consent_text_version": "v7"}
    api.data("POST", "/compliance/consent", {"contact_id": jane["id"], "channels": ["sms"], "opt_in": True, **proof})
    api.data("DELETE", f"/contacts/{jane['id']}")
    assert api.get(f"/contacts/{jane['id']}/consent/history").status_code == 404
    by_address = api.data("GET", "/compliance/consent", params={"identifier": "+14155552671"})
    by_contact = api.data("GET", "/compliance/consent", params={"contact_id": jane["id"]})
    assert [record["status"] for record in by_contact] == ["erased", "opted_in"]
    assert by_address == by_contact[1:]
    record = by_address[0]
    assert (record["purpose"], record["metadata"], record["anonymised"]) == (None, None, True)
    assert (record["consent_text_version"], record["status"]) == ("v7", "opted_in")
    assert "14155552671" not in str(by_contact)


def test_asking_for_records_of_nobody_in_particular_is_refused(api: Client) -> None:
    for query in ({}, {"identifier": "+14155552671", "contact_id": "con_x"}):
        response = api.get("/compliance/consent", **query)
        assert (response.status_code, response.json()["error"]["code"]) == (422, "MISSING_REQUIRED_FIELD")
    assert api.get("/compliance/consent", contact_id="x").status_code == 422
    assert api.get("/compliance/consent/cr_00000000000000000000000000").status_code == 404
