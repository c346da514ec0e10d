"""`POST /compliance/consent`: consent with its proof, written to ledger, preferences and suppression list at once."""

from typing import Any

import pytest

from tests.conftest import Client

PROOF = {
    "source": "web_form",
    "consent_type": "marketing",
    "lawful_basis": "consent",
    "purpose": "Monthly offers",
    "consent_text_version": "2026-03",
    "consent_proof_url": "https://example.com/proofs/17",
    "metadata": {"form": "newsletter"},
}


def consent(api: Client, **fields: Any) -> Any:
    return api.data("POST", "/compliance/consent", fields)


def test_consent_is_recorded_for_each_channel_sorted_and_once(api: Client) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    response = api.post(
        "/compliance/consent", {"contact_id": jane["id"], "channels": ["sms", "email", "sms"], "opt_in": True, **PROOF}
    )
    data = response.json()["data"]
    assert response.status_code == 201
    assert (data["contact_id"], data["channels"], len(data["consent_record_ids"])) == (jane["id"], ["email", "sms"], 2)
    shown = api.data("GET", f"/contacts/{jane['id']}/preferences")
    assert [shown["preferences"][channel] for channel in ("email", "sms", "voice")] == [
        "opted_in",
        "opted_in",
        "unknown",
    ]
    assert shown["details"]["sms"]["consent_record_id"] == data["consent_record_ids"][1]
    record = api.data("GET", f"/compliance/consent/{data['consent_record_ids'][0]}")
    assert {name: record[name] for name in PROOF} == PROOF
    assert (record["channel"], record["status"], record["contact_id"]) == ("email", "opted_in", jane["id"])
    assert record["actor"].startswith("api_key:key_")


def test_defaults_of_source_and_type(api: Client) -> None:
    jane = api.contact(email="jane@example.com")
    data = consent(api, contact_id=jane["id"], channels=["email"], opt_in=False)
    assert (data["source"], data["consent_type"]) == ("consent_api", "messaging")


@pytest.mark.parametrize("identifier", ["+1 (415) 555-2671", "14155552671", "JANE@example.com"])
def test_the_kind_of_an_identifier_is_detected(api: Client, identifier: str) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    assert consent(api, identifier=identifier, channels=["sms"], opt_in=False)["contact_id"] == jane["id"]


def test_an_opt_out_suppresses_exactly_the_named_channels(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    consent(api, contact_id=jane["id"], channels=["whatsapp", "sms"], opt_in=False)
    entries = api.data("GET", "/compliance/suppression-list")
    assert {(entry["address"], entry["scope"], entry["source"]) for entry in entries} == {
        ("+14155552671", "sms", "consent_api"),
        ("+14155552671", "whatsapp", "consent_api"),
    }


def test_consent_given_again_is_recorded_again(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    first = consent(api, contact_id=jane["id"], channels=["sms"], opt_in=True)
    second = consent(api, contact_id=jane["id"], channels=["sms"], opt_in=True, source="double_opt_in")
    assert first["consent_record_ids"] != second["consent_record_ids"]
    assert len(api.data("GET", f"/contacts/{jane['id']}/consent/history")) == 2


def test_a_channel_that_reaches_no_address_is_closed_by_every_identifier(api: Client) -> None:
    jane = api.contact(phone="+14155552671", external_id="jane-1")
    consent(api, contact_id=jane["id"], channels=["push"], opt_in=False)
    entries = api.data("GET", "/compliance/suppression-list")
    assert {(entry["kind"], entry["scope"]) for entry in entries} == {("phone", "push"), ("external_id", "push")}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"channels": ["telegram"]}, 422, "INVALID_CHANNEL"),
        ({"channels": []}, 422, "VALIDATION_ERROR"),
        ({"channels": None}, 422, "VALIDATION_ERROR"),
        ({"opt_in": "yes"}, 422, "VALIDATION_ERROR"),
        ({"lawful_basis": "habit"}, 422, "VALIDATION_ERROR"),
        ({"purpose": "x" * 501}, 422, "VALIDATION_ERROR"),
        ({"consent_proof_url": "ftp://example.com"}, 422, "VALIDATION_ERROR"),
        ({"consent_proof_url": "http://[::1"}, 422, "VALIDATION_ERROR"),
        ({"source": ""}, 422, "VALIDATION_ERROR"),
        ({"metadata": {"note": "x" * 20_000}}, 422, "VALIDATION_ERROR"),
        ({"identifier": "+14155552671"}, 422, "MISSING_REQUIRED_FIELD"),
        ({"contact_id": None}, 422, "MISSING_REQUIRED_FIELD"),
        ({"contact_id": None, "identifier": "+12"}, 422, "INVALID_PHONE_NUMBER"),
        ({"contact_id": None, "identifier": "jane@"}, 422, "INVALID_EMAIL"),
        ({"contact_id": None, "identifier": "nobody@example.com"}, 404, "NOT_FOUND"),
        ({"contact_id": "con_x"}, 404, "NOT_FOUND"),
        ({"contact_id": "con_00000000000000000000000000"}, 404, "NOT_FOUND"),
    ],
)
def test_what_is_no_consent_is_refused(api: Client, change: dict[str, Any], status: int, code: str) -> None:
    jane = api.contact(phone="+14155552671")
    body = {"contact_id": jane["id"], "channels": ["sms"], "opt_in": True} | change
    response = api.post(
        "/compliance/consent", {name: value for name, value in body.items() if value is not None or name == "channels"}
    )
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert api.data("GET", f"/contacts/{jane['id']}/consent/history") == []


def test_repeating_a_request_with_its_key_records_once(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    body = {"contact_id": jane["id"], "channels": ["sms"], "opt_in": True}
    answers = [api.data("POST", "/compliance/consent", body, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(api.data("GET", f"/contacts/{jane['id']}/consent/history")) == 1
