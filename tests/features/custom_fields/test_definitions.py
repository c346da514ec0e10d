"""Custom fields: defined, changed, ordered, deleted with their values."""

import asyncio
import contextlib
from typing import Any

import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, Transaction, Unbound
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import ContactInput
from orbit_contacts.features.custom_fields import jobs, queries, service
from orbit_contacts.features.custom_fields.models import RemoveValues
from tests.conftest import Client, Workspace


def define(api: Client, key: str, type: str = "text", **more: Any) -> dict[str, Any]:
    return api.data("POST", "/custom-fields", {"key": key, "type": type, **more})


def keys(api: Client) -> list[str]:
    return [row["key"] for row in api.get("/custom-fields/", limit=200).json()["data"]]


def test_define_answers_201_with_the_definition(api: Client) -> None:
    body = {"key": "plan", "type": "select", "label": "Plan", "description": "Billing plan", "options": ["free", "pro"]}
    response = api.post("/custom-fields/", body)
    assert response.status_code == 201
    made = response.json()["data"]
    assert body.items() <= made.items()
    assert made["id"].startswith("cf_")
    assert made["position"] == 1
    assert api.data("GET", f"/custom-fields/{made['id']}") == made
    assert define(api, "score", "number")["label"] == "score"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"type": "text"}, "MISSING_REQUIRED_FIELD", "key"),
        ({"key": "a"}, "MISSING_REQUIRED_FIELD", "type"),
        ({"key": "Plan", "type": "text"}, "VALIDATION_ERROR", "key"),
        ({"key": "1a", "type": "text"}, "VALIDATION_ERROR", "key"),
        ({"key": "a" * 65, "type": "text"}, "VALIDATION_ERROR", "key"),
        ({"key": "a\n", "type": "text"}, "VALIDATION_ERROR", "key"),
        ({"key": "a", "type": "json"}, "VALIDATION_ERROR", "type"),
        ({"key": "a", "type": "text", "label": " "}, "VALIDATION_ERROR", "label"),
        ({"key": "a", "type": "select"}, "VALIDATION_ERROR", "options"),
        ({"key": "a", "type": "multi_select", "options": [""]}, "VALIDATION_ERROR", "options"),
        ({"key": "a", "type": "number", "options": ["1"]}, "VALIDATION_ERROR", "options"),
    ],
)
def test_a_bad_definition_is_refused(api: Client, body: dict[str, Any], code: str, field: str) -> None:
    response = api.post("/custom-fields", body)
    assert (response.status_code, response.json()["error"]["code"]) == (422, code)
    assert response.json()["error"]["details"]["field"] == field
    assert keys(api) == []


def test_a_key_is_taken_once(workspace: Workspace) -> None:
    define(workspace.api, "plan")
    response = workspace.api.post("/custom-fields", {"key": "plan", "type": "number"})
    assert (response.status_code, response.json()["error"]["code"]) == (409, "CUSTOM_FIELD_KEY_TAKEN")
    define(workspace.test_api, "plan")


def test_label_description_and_options_change(api: Client) -> None:
    made = define(api, "plan", "select", options=["free"])
    changed = api.data("PATCH", f"/custom-fields/{made['id']}", {"label": "Plan", "options": ["free", "pro"]})
    assert (changed["label"], changed["options"], changed["description"]) == ("Plan", ["free", "pro"], None)
    assert api.data("PATCH", f"/custom-fields/{made['id']}", {"key": "plan", "type": "select"}) == changed


@pytest.mark.parametrize("change", [{"key": "other"}, {"type": "text"}, {"options": []}])
def test_key_and_type_stay_and_a_select_keeps_options(api: Client, change: dict[str, Any]) -> None:
    made = define(api, "plan", "select", options=["free"])
    response = api.patch(f"/custom-fields/{made['id']}", change)
    assert (response.status_code, response.json()["error"]["details"]["field"]) == (422, next(iter(change)))
    assert api.data("GET", f"/custom-fields/{made['id']}") == made


def test_fields_are_listed_in_order_and_reordered(api: Client) -> None:
    made = {key: define(api, key)["id"] for key in ("a", "b", "c", "d")}
    answer = api.post("/custom-fields/reorder", {"ids": [made["c"], made["a"], made["c"]]}).json()["data"]
    assert [row["key"] for row in answer] == keys(api) == ["c", "a", "b", "d"]
    assert [row["position"] for row in answer] == [1, 2, 3, 4]
    page = api.get("/custom-fields", limit=3).json()
    assert page["meta"]["pagination"]["total"] == 4
    rest = api.get("/custom-fields", limit=3, cursor=page["meta"]["pagination"]["cursor"]).json()["data"]
    assert [row["key"] for row in page["data"] + rest] == ["c", "a", "b", "d"]
    assert api.post("/custom-fields/reorder", {"ids": [made["d"], "cf_1"]}).status_code == 404
    assert keys(api) == ["c", "a", "b", "d"]


def test_deleting_a_field_removes_its_values_at_once(api: Client) -> None:
    plan, score = define(api, "plan"), define(api, "score", "number")
    jane = api.contact(custom_fields={"plan": "pro", "score": 7})
    hidden = api.contact(custom_fields={"plan": "free"})
    api.delete(f"/contacts/{hidden['id']}?soft=true")
    assert api.delete(f"/custom-fields/{plan['id']}").status_code == 204
    assert api.data("GET", f"/contacts/{jane['id']}")["custom_fields"] == {"score": 7}
    assert api.data("POST", f"/contacts/{hidden['id']}/restore")["custom_fields"] == {}
    assert keys(api) == ["score"]
    for method in ("GET", "PATCH", "DELETE"):
        assert api.request(method, f"/custom-fields/{plan['id']}", {} if method == "PATCH" else None).status_code == 404
    assert api.patch(f"/contacts/{jane['id']}", {"custom_fields": {"plan": "pro"}}).status_code == 422
    define(api, "plan", "boolean")
    assert api.data("GET", f"/custom-fields/{score['id']}") == score


async def test_a_large_workspace_loses_the_values_in_the_background(
    api: Client, database: Database, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BATCH", 2)
    plan = define(api, "plan")
    everyone = [api.contact(custom_fields={"plan": "pro"})["id"] for _ in range(5)]
    id = ids.parse("cf", plan["id"])
    assert id is not None
    async with database.transaction(caller) as tx:
        await service.delete(tx, id)
    assert keys(api) == []
    assert api.post("/custom-fields", {"key": "plan", "type": "text"}).status_code == 409
    assert api.patch(f"/contacts/{everyone[0]}", {"custom_fields": {"plan": "x"}}).status_code == 422
    for _ in range(2):  # a job may run twice
        await jobs.remove_values(Unbound(database, caller, 0), RemoveValues(id=id, key="plan"))
    assert [api.data("GET", f"/contacts/{id}")["custom_fields"] for id in everyone] == [{}] * 5
    define(api, "plan", "boolean")


async def test_no_value_survives_a_deletion_at_the_same_time(api: Client, database: Database, caller: Caller) -> None:
    jane = ids.parse("con", api.contact()["id"])
    assert jane is not None

    async def write(tx: Transaction) -> None:
        await contacts.update(tx, jane, ContactInput(custom_fields={"plan": ids.contact_text(ids.mint(tx.now))}))

    for _ in range(5):
        id = ids.parse("cf", define(api, "plan")["id"])
        assert id is not None

        async def delete(tx: Transaction, id: Any = id) -> None:
            await service.delete(tx, id)

        async def quietly(work: Any) -> None:
            with contextlib.suppress(InvalidRequest):
                await database.run(Transaction, caller, work)

        await asyncio.gather(*[quietly(write) for _ in range(3)], quietly(delete), *[quietly(write) for _ in range(3)])
        # A contact that was just being changed is left to the job.
        await jobs.remove_values(Unbound(database, caller, 0), RemoveValues(id=id, key="plan"))
        assert api.data("GET", f"/contacts/{ids.contact_text(jane)}")["custom_fields"] == {}


async def test_five_hundred_fields_and_no_more(api: Client, database: Database, caller: Caller) -> None:
    async with database.transaction(caller) as tx:
        for n in range(service.MAX_FIELDS):
            await queries.insert(tx, ids.mint(tx.now), f"field_{n}", "number", f"Field {n}", None, [], n + 1)
    values = {f"field_{n}": n for n in range(500)}
    assert api.contact(custom_fields=values)["custom_fields"] == values
    response = api.post("/custom-fields", {"key": "one_more", "type": "text"})
    assert (response.status_code, response.json()["error"]["details"]["field"]) == (422, "key")
    assert api.get("/custom-fields", limit=200).json()["meta"]["pagination"]["total"] == 500


def test_another_workspaces_field_is_not_found(workspace: Workspace) -> None:
    plan = define(workspace.api, "plan")
    stranger = workspace.test_api
    assert keys(stranger) == []
    for method in ("GET", "PATCH", "DELETE"):
        body = {} if method == "PATCH" else None
        assert stranger.request(method, f"/custom-fields/{plan['id']}", body).status_code == 404
    assert stranger.post("/custom-fields/reorder", {"ids": [plan["id"]]}).status_code == 404
    assert stranger.post("/contacts", {"email": "a@example.com", "custom_fields": {"plan": "x"}}).status_code == 422
