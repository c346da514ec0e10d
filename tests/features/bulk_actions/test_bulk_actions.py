"""One thing done to many contacts: who it concerns, what comes of it, and taking it back."""

from typing import Any

import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, Unbound
from orbit_contacts.features.bulk_actions import service
from orbit_contacts.features.bulk_actions.acts import ACTS
from orbit_contacts.features.bulk_actions.jobs import run_bulk_action
from tests.conftest import Client


def act(api: Client, action: str, contact_ids: list[str], **params: Any) -> Any:
    return api.data("POST", "/contacts/actions", {"action": action, "contact_ids": contact_ids, "params": params})


@pytest.fixture
def people(api: Client) -> list[str]:
    return [api.contact(first_name=f"P{n}", tags=["old"], lifecycle_stage="lead")["id"] for n in range(3)]


def contact(api: Client, id: str) -> dict[str, Any]:
    return api.data("GET", f"/contacts/{id}")


@pytest.mark.parametrize(
    ("action", "params", "field", "value"),
    [
        ("add_tags", {"tags": ["vip", "old"]}, "tags", ["old", "vip"]),
        ("remove_tags", {"tags": ["old"]}, "tags", []),
        ("set_lifecycle_stage", {"lifecycle_stage": "customer"}, "lifecycle_stage", "customer"),
        ("update", {"fields": {"company": "Acme", "metadata": {"a": 1}}}, "company", "Acme"),
        ("block", {"reason": "spam"}, "blocked", True),
    ],
)
def test_an_action_changes_and_its_undo_restores(
    api: Client, people: list[str], action: str, params: dict[str, Any], field: str, value: Any
) -> None:
    before = [contact(api, id) for id in people]
    done = act(api, action, people, **params)
    assert (done["requested"], done["succeeded"], done["failed"], done["skipped"]) == (3, 3, 0, 0)
    assert [contact(api, id)[field] for id in people] == [value] * 3
    undone = api.data("POST", f"/contacts/actions/{done['id']}/undo")
    assert (undone["undone"], undone["kept"]) == (3, [])
    after = [contact(api, id) for id in people]
    assert [c | {"updated_at": ""} for c in after] == [c | {"updated_at": ""} for c in before]
    assert api.post(f"/contacts/actions/{done['id']}/undo").status_code == 409


def test_undo_keeps_what_was_edited_since(api: Client, people: list[str]) -> None:
    done = act(api, "set_lifecycle_stage", people, lifecycle_stage="customer")
    api.data("PATCH", f"/contacts/{people[1]}", {"lifecycle_stage": "partner"})
    undone = api.data("POST", f"/contacts/actions/{done['id']}/undo")
    assert [kept["contact_id"] for kept in undone["kept"]] == [people[1]]
    assert [contact(api, id)["lifecycle_stage"] for id in people] == ["lead", "partner", "lead"]


def test_what_is_so_already_is_skipped_and_what_fails_is_listed(api: Client, people: list[str]) -> None:
    api.data("POST", f"/contacts/{people[0]}/tags", {"tags": ["vip"]})
    api.delete(f"/contacts/{people[1]}")
    done = act(api, "add_tags", [*people, "nonsense", "con_01jd3w9k2e8a7v5n0q4r6t8y1z"], tags=["vip"])
    assert (done["requested"], done["succeeded"], done["skipped"], done["failed"]) == (5, 1, 1, 3)
    assert {error["code"] for error in done["errors"]} == {"NOT_FOUND"}


HOSTILE_TAGS = ['"', "\\\\", "a b", "{}", "NULL", "'", "Ş 😀", "x\ny", "null", "$1"]


def test_many_contacts_are_tagged_as_one_is(api: Client, people: list[str]) -> None:
    full = api.contact(first_name="Full", tags=[f"t{n}" for n in range(100)])["id"]
    done = act(api, "add_tags", [*people[:2], full], tags=HOSTILE_TAGS)
    assert (done["succeeded"], done["failed"]) == (2, 1)
    alone = api.request("PATCH", f"/contacts/{full}", json={"tags": [f"t{n}" for n in range(101)]}).json()["error"]
    assert [(error["contact_id"], error["code"], error["message"]) for error in done["errors"]] == [
        (full, alone["code"], alone["message"])
    ]
    api.data("PATCH", f"/contacts/{people[2]}", {"tags": ["old", *HOSTILE_TAGS]})
    by_bulk, by_hand = contact(api, people[0]), contact(api, people[2])
    assert by_bulk["tags"] == by_hand["tags"] == ["old", *HOSTILE_TAGS]
    assert by_bulk["updated_at"] >= by_bulk["created_at"]
    assert updates(api, people[0]) == updates(api, people[1]) == updates(api, people[2])
    assert len(updates(api, people[0])) == 1
    assert updates(api, full) == []


def updates(api: Client, id: str) -> list[Any]:
    events = api.get(f"/contacts/{id}/export").json()["data"]["events"]
    return [event["data"] for event in events if event["type"] == "contact.updated"]


def test_lists_are_joined_and_left(api: Client, people: list[str]) -> None:
    made = api.data("POST", "/contacts/lists", {"name": "VIP"})
    done = act(api, "add_to_list", people, list_id=made["id"])
    assert done["succeeded"] == 3
    assert api.data("GET", f"/contacts/lists/{made['id']}")["member_count"] == 3
    act(api, "remove_from_list", people[:1], list_id=made["id"])
    assert api.data("GET", f"/contacts/lists/{made['id']}")["member_count"] == 2
    api.data("POST", f"/contacts/actions/{done['id']}/undo")
    assert api.data("GET", f"/contacts/lists/{made['id']}")["member_count"] == 0


def test_opting_out_is_recorded_and_never_taken_back(api: Client, people: list[str]) -> None:
    done = act(api, "opt_out", people, channels=["sms", "email"])
    assert api.data("GET", f"/contacts/{people[0]}/preferences")["preferences"]["sms"] == "opted_out"
    assert done["undoable"] is False
    assert api.post(f"/contacts/actions/{done['id']}/undo").status_code == 409


def test_deleting_and_restoring(api: Client, people: list[str]) -> None:
    done = act(api, "delete", people)
    assert api.get(f"/contacts/{people[0]}").status_code == 404
    assert act(api, "restore", people[:1])["succeeded"] == 1
    assert api.data("POST", f"/contacts/actions/{done['id']}/undo")["undone"] == 2
    assert contact(api, people[2])["first_name"] == "P2"


def test_a_filter_is_bound_when_it_is_asked(api: Client, people: list[str]) -> None:
    api.contact(first_name="Other", lifecycle_stage="customer")
    body = {"action": "add_tags", "filter": {"lifecycle_stage": "lead", "search": "p"}, "params": {"tags": ["x"]}}
    assert api.data("POST", "/contacts/actions", body)["succeeded"] == 3
    refused = api.post("/contacts/actions", body | {"expected_count": 4})
    assert (refused.status_code, refused.json()["error"]["details"]["expected"]) == (422, 3)


def test_a_filter_may_be_segment_rules(api: Client, people: list[str]) -> None:
    api.contact(first_name="Nina", lifecycle_stage="customer", metadata={"plan": "pro"})
    rules = {"$or": [{"metadata.plan": "pro"}, {"first_name": "P1"}], "lifecycle_stage": {"$in": ["lead", "customer"]}}
    body = {"action": "add_tags", "filter": rules, "params": {"tags": ["chosen"]}}
    assert api.data("POST", "/contacts/actions", body)["succeeded"] == 2
    found = api.get("/contacts", tags="chosen").json()["data"]
    assert {each["first_name"] for each in found} == {"Nina", "P1"}
    mixed = api.post("/contacts/actions", body | {"filter": {"search": "p", "metadata.plan": "pro"}})
    assert (mixed.status_code, mixed.json()["error"]["code"]) == (422, "INVALID_SEGMENT_RULES")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "explode", "contact_ids": ["con_x"]},
        {"action": "block"},
        {"action": "block", "contact_ids": []},
        {"action": "block", "contact_ids": ["con_x"], "filter": {}},
        {"action": "block", "contact_ids": ["con_x"] * 1001},
        {"action": "add_tags", "contact_ids": ["con_x"]},
        {"action": "add_tags", "contact_ids": ["con_x"], "params": {"tags": ["a,b"]}},
        {"action": "add_to_list", "contact_ids": ["con_x"], "params": {"list_id": "x"}},
        {"action": "opt_out", "contact_ids": ["con_x"], "params": {"channels": ["pigeon"]}},
        {"action": "update", "contact_ids": ["con_x"], "params": {"fields": {"email": "a@example.com"}}},
        {"action": "block", "filter": {"lifecycle_stag": "lead"}},
    ],
)
def test_bad_requests_are_refused(api: Client, people: list[str], body: dict[str, Any]) -> None:
    assert api.post("/contacts/actions", body).status_code == 422
    assert not any(contact(api, id)["blocked"] for id in people)


def test_a_parameter_of_the_wrong_type_is_shown_as_it_was_sent(api: Client, people: list[str]) -> None:
    body = {"action": "add_tags", "contact_ids": people, "params": {"tags": {"vip": True}}}
    details = api.post("/contacts/actions", body).json()["error"]["details"]
    assert (details["field"], details["value"]) == ("params.tags", '{"vip":true}')


async def test_a_large_action_is_a_job_that_goes_on_where_it_stood(
    api: Client, people: list[str], database: Database, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "INLINE", 1)
    monkeypatch.setitem(ACTS, "add_tags", ACTS["add_tags"]._replace(at_once=1))
    response = api.post("/contacts/actions", {"action": "add_tags", "filter": {}, "params": {"tags": ["x"]}})
    assert (response.status_code, response.json()["data"]["status"]) == (202, "queued")
    id = ids.parse("act", response.json()["data"]["id"])
    assert id is not None
    async with database.transaction(caller) as tx:
        assert await service.work_on(tx, id)
    assert api.data("GET", f"/contacts/actions/{response.json()['data']['id']}")["succeeded"] == 1
    await run_bulk_action(Unbound(database, caller, 0), service.RunBulkAction(str(id)))
    shown = api.data("GET", f"/contacts/actions/{response.json()['data']['id']}")
    assert (shown["status"], shown["succeeded"]) == ("completed", 3)


def test_a_cancelled_action_stops(api: Client, people: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "INLINE", 1)
    action = api.data("POST", "/contacts/actions", {"action": "block", "filter": {}})
    assert api.data("POST", f"/contacts/actions/{action['id']}/cancel")["status"] == "cancelled"
    assert not any(contact(api, id)["blocked"] for id in people)


def test_bulk_delete_is_soft_and_never_everybody(api: Client, people: list[str]) -> None:
    for nothing in ({}, {"contact_ids": []}, {"ids": []}):
        assert api.post("/contacts/bulk-delete", nothing).status_code == 422
    deleted = api.data("POST", "/contacts/bulk-delete", {"ids": [*people[:2], "con_unknown"]})
    assert deleted == {"requested": 3, "deleted": 2, "not_found": ["con_unknown"]}
    assert api.data("POST", f"/contacts/{people[0]}/restore")["id"] == people[0]
