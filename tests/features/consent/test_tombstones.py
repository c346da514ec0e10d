"""Whoever was opted out stays opted out: deleted, erased, re-created, given new addresses."""

from typing import Any

import pytest

from orbit_contacts.core.clock import DAY, now
from orbit_contacts.core.database import Database
from orbit_contacts.features.contacts import maintenance
from tests.conftest import Client, Workspace


def preferences(api: Client, contact: dict[str, Any]) -> Any:
    return api.data("GET", f"/contacts/{contact['id']}/preferences")


def opt_out(api: Client, contact: dict[str, Any], *channels: str) -> Any:
    wanted = {"preferences": dict.fromkeys(channels, False)}
    return api.data("PUT", f"/contacts/{contact['id']}/preferences", wanted)


@pytest.mark.parametrize("soft", ["true", "false"])
def test_a_re_created_person_is_opted_out_with_the_old_proof(api: Client, soft: str) -> None:
    jane = api.contact(phone="+14155552671")
    before = opt_out(api, jane, "sms")
    api.data("DELETE", f"/contacts/{jane['id']}?soft={soft}")
    again = preferences(api, api.contact(phone="+14155552671"))
    assert (again["preferences"]["sms"], again["suppressed_scopes"]) == ("opted_out", ["sms"])
    assert again["details"]["sms"]["source"] == "preferences_api"
    record = api.data("GET", f"/compliance/consent/{again['details']['sms']['consent_record_id']}")
    assert record["caused_by"] == before["details"]["sms"]["consent_record_id"]


@pytest.mark.parametrize("identifier", [{"email": "jane@example.com"}, {"external_id": "jane-1"}])
def test_a_person_is_known_again_by_any_identifier(api: Client, identifier: dict[str, str]) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com", external_id="jane-1")
    opt_out(api, jane, "sms", "push")
    api.data("DELETE", f"/contacts/{jane['id']}")
    again = preferences(api, api.contact(phone="+14155552679", **identifier))["preferences"]
    assert (again["sms"], again["push"], again["email"], again["voice"]) == (
        "opted_out",
        "opted_out",
        "unknown",
        "unknown",
    )


def test_a_person_without_an_address_of_the_channel_is_known_again(api: Client) -> None:
    jane = api.contact(external_id="jane-1")
    opt_out(api, jane, "sms")
    api.data("DELETE", f"/contacts/{jane['id']}")
    again = api.contact(external_id="jane-1", phone="+14155552671")
    assert preferences(api, again)["preferences"]["sms"] == "opted_out"


def test_upsert_does_not_touch_consent(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    before = opt_out(api, jane, "sms")
    api.data("POST", "/contacts?upsert=true", {"phone": "+14155552671", "first_name": "Jane"})
    assert preferences(api, jane) == before


def test_a_new_number_does_not_open_what_the_person_closed(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    opt_out(api, jane, "sms")
    api.data("PATCH", f"/contacts/{jane['id']}", {"phone": "+14155552679"})
    assert preferences(api, jane)["preferences"]["sms"] == "opted_out"
    john = api.contact(phone="+14155552671")
    assert preferences(api, john)["preferences"]["sms"] == "opted_out"
    api.data("DELETE", f"/contacts/{jane['id']}")
    assert preferences(api, api.contact(phone="+14155552679"))["preferences"]["sms"] == "opted_out"


def test_an_address_that_is_given_up_keeps_what_a_stop_closed_of_the_person(api: Client) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    stop = {"type": "message.received", "channel": "sms", "data": {"body": "STOP"}}
    api.data("POST", f"/contacts/{jane['id']}/events", stop)
    api.data("PATCH", f"/contacts/{jane['id']}", {"email": "jane.doe@example.com"})
    john = preferences(api, api.contact(email="jane@example.com"))["preferences"]
    assert (john["push"], john["email"], john["sms"]) == ("opted_out", "unknown", "unknown")


def test_an_import_that_replaces_an_address_leaves_it_closed(api: Client) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    stop = {"type": "message.received", "channel": "sms", "data": {"body": "STOP"}}
    api.data("POST", f"/contacts/{jane['id']}/events", stop)
    rows = [{"phone": "+14155552671", "email": "jane.doe@example.com"}]
    api.data("POST", "/contacts/bulk", {"contacts": rows, "options": {"match_by": ["phone"]}})
    assert api.data("GET", f"/contacts/{jane['id']}")["email"] == "jane.doe@example.com"
    assert preferences(api, api.contact(email="jane@example.com"))["preferences"]["push"] == "opted_out"


def test_a_restored_person_and_its_double_are_both_opted_out(api: Client) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    opt_out(api, jane, "sms")
    api.data("DELETE", f"/contacts/{jane['id']}?soft=true")
    double = api.contact(email="jane@example.com")
    api.data("PUT", f"/contacts/{double['id']}/preferences", {"preferences": {"sms": True}})
    api.data("DELETE", f"/contacts/{double['id']}")
    restored = api.data("POST", f"/contacts/{jane['id']}/restore")
    assert preferences(api, restored)["preferences"]["sms"] == "opted_out"


def test_an_opt_in_of_the_re_created_person_lifts_it(api: Client) -> None:
    jane = api.contact(phone="+14155552671")
    opt_out(api, jane, "sms")
    api.data("DELETE", f"/contacts/{jane['id']}")
    again = api.contact(phone="+14155552671")
    api.data("PUT", f"/contacts/{again['id']}/preferences", {"preferences": {"sms": True}})
    api.data("DELETE", f"/contacts/{again['id']}")
    assert preferences(api, api.contact(phone="+14155552671"))["preferences"]["sms"] == "unknown"


async def test_nothing_of_an_erased_person_can_be_read(api: Client, workspace: Workspace, database: Database) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com", external_id="jane-1")
    opt_out(api, jane, "sms", "email", "push")
    api.data("POST", "/compliance/suppression-list", {"address": "+14155552671", "reason": "Jane's wish"})
    api.data("PATCH", f"/contacts/{jane['id']}", {"phone": "+14155552672"})
    api.data("DELETE", f"/contacts/{jane['id']}")
    async with database.reader(workspace.caller) as reader:
        rows = [
            *await reader.fetch_all("SELECT * FROM suppressions WHERE workspace_id = $1", workspace.id),
            *await reader.fetch_all("SELECT * FROM consent_records WHERE workspace_id = $1", workspace.id),
        ]
    text = str([dict(row.items()) for row in rows])
    assert len(rows) > 8
    for trace in ("4155552671", "4155552672", "jane@example.com", "jane-1", "Jane"):
        assert trace not in text


def test_two_workspaces_know_nothing_of_each_other(api: Client, workspace: Workspace) -> None:
    api.data("POST", "/compliance/suppression-list", {"address": "+14155552671"})
    john = workspace.test_api.contact(phone="+14155552671")
    assert preferences(workspace.test_api, john)["preferences"]["sms"] == "unknown"


async def test_purging_a_merged_source_leaves_the_survivors_addresses_readable(
    api: Client, workspace: Workspace, database: Database
) -> None:
    jane, double = api.contact(phone="+14155552671"), api.contact(email="jane@example.com", external_id="jane-2")
    opt_out(api, double, "email", "push")
    api.data("POST", f"/contacts/{jane['id']}/merge", {"source_ids": [double["id"]]})
    before = listed(api)
    assert "jane@example.com" in before
    await purge(workspace, database)
    assert listed(api) == before
    assert preferences(api, jane)["preferences"]["email"] == "opted_out"
    api.data("DELETE", f"/contacts/{jane['id']}")
    assert set(listed(api)) == {None}


async def test_purging_a_contact_leaves_a_number_readable_that_somebody_else_has_now(
    api: Client, workspace: Workspace, database: Database
) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    opt_out(api, jane, "sms", "email")
    api.data("DELETE", f"/contacts/{jane['id']}?soft=true")
    john = api.contact(phone="+14155552671")
    await purge(workspace, database)
    assert set(listed(api)) == {"+14155552671", None}
    assert preferences(api, john)["preferences"]["sms"] == "opted_out"


def listed(api: Client) -> list[str | None]:
    """The readable addresses of the suppression list, None for those that may not be read."""
    return sorted((row["address"] for row in api.data("GET", "/compliance/suppression-list")), key=str)


async def purge(workspace: Workspace, database: Database) -> None:
    """As the worker does it, 31 days later."""
    async with database.transaction(workspace.caller, now() + 31 * DAY) as later:
        while await maintenance.purge_deleted(later):
            pass
