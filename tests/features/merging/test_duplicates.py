"""Pairs that may be one person: proposed, kept fresh, dismissed, gone when one is."""

from typing import Any

import pytest

from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, Unbound
from orbit_contacts.features.merging import duplicates, jobs
from orbit_contacts.features.merging.models import CompareContacts
from tests.conftest import Client, Workspace
from tests.features.merging.test_merge import UNKNOWN, merge


def pairs(api: Client, **query: Any) -> list[tuple[str, str]]:
    data = api.get("/contacts/duplicates", **query).json()["data"]
    return [(pair["contact"]["id"], pair["duplicate"]["id"]) for pair in data]


def twins(api: Client, n: int = 0, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """An older and a newer contact that look like one person."""
    name = {"first_name": "Jane", "last_name": ("Doe", "Okafor", "Lindqvist", "Marchetti", "Tanaka")[n]}
    return api.contact(**name, phone=f"+1415555{2600 + n}"), api.contact(**name, email=f"jd{n}@acme.example", **more)


def test_a_pair_is_proposed_with_its_score_and_reasons(api: Client) -> None:
    older, newer = twins(api)
    api.contact(first_name="John", last_name="Roe", email="roe@acme.example")
    page = api.get("/contacts/duplicates").json()
    (pair,) = page["data"]
    assert (pair["contact"], pair["duplicate"]) == (older, newer)
    assert pair["score"] == 0.55
    assert pair["reasons"] == [{"code": "same_name", "detail": "doe jane", "weight": 0.55}]
    assert (page["meta"]["pagination"]["total"], page["meta"]["pagination"]["total_is_exact"]) == (1, True)


def test_an_idempotency_key_does_not_freeze_the_answer(api: Client) -> None:
    key = {"Idempotency-Key": "the-same"}
    assert api.request("GET", "/contacts/duplicates", headers=key).json()["data"] == []
    twins(api)
    assert len(api.request("GET", "/contacts/duplicates", headers=key).json()["data"]) == 1


def test_pairs_follow_changes_of_their_contacts(api: Client) -> None:
    older, newer = twins(api)
    assert len(pairs(api)) == 1
    api.data("PATCH", f"/contacts/{newer['id']}", {"first_name": "Mary"})
    assert pairs(api) == []
    api.data("PATCH", f"/contacts/{newer['id']}", {"first_name": "Jane", "company": "Acme"})
    api.data("PATCH", f"/contacts/{older['id']}", {"company": "ACME"})
    assert api.get("/contacts/duplicates").json()["data"][0]["score"] == 0.66


def test_the_likeliest_come_first_on_every_page(api: Client) -> None:
    for n in range(5):
        older, _ = twins(api, n, company="Acme" if n % 2 else None)
        if n % 2:
            api.data("PATCH", f"/contacts/{older['id']}", {"company": "Acme"})
    first = api.get("/contacts/duplicates", limit=3).json()
    second = api.get("/contacts/duplicates", limit=3, cursor=first["meta"]["pagination"]["cursor"]).json()
    scores = [pair["score"] for pair in first["data"] + second["data"]]
    assert scores == [0.66, 0.66, 0.55, 0.55, 0.55]
    assert first["meta"]["pagination"]["total"] == 5
    assert len(pairs(api, min_score=0.6)) == 2
    assert len({pair["contact"]["id"] for pair in first["data"] + second["data"]}) == 5


def test_the_pairs_of_one_contact(api: Client) -> None:
    (one, other), (third, _) = twins(api, 0), twins(api, 1)
    assert pairs(api, contact_id=one["id"]) == pairs(api, contact_id=other["id"]) == [(one["id"], other["id"])]
    assert pairs(api, contact_id=third["id"])[0][0] == third["id"]
    assert api.get("/contacts/duplicates", contact_id=UNKNOWN).status_code == 404
    assert api.get("/contacts/duplicates", contact_id="nonsense").status_code == 404


@pytest.mark.parametrize("min_score", ["0.4", "1.1", "much"])
def test_a_score_out_of_range_is_refused(api: Client, min_score: str) -> None:
    response = api.get("/contacts/duplicates", min_score=min_score)
    assert (response.status_code, response.json()["error"]["details"]["field"]) == (422, "min_score")


@pytest.mark.parametrize("order", [1, -1])
def test_a_dismissed_pair_is_not_proposed_again(api: Client, order: int) -> None:
    older, newer = twins(api)
    both = [older["id"], newer["id"]][::order]
    assert len(pairs(api)) == 1
    response = api.post("/contacts/duplicates/dismiss", {"contact_ids": both})
    assert (response.status_code, response.content) == (204, b"")
    api.data("PATCH", f"/contacts/{newer['id']}", {"company": "Acme"})
    assert pairs(api) == []
    api.data("POST", "/contacts/duplicates/dismiss", {"contact_ids": both, "dismissed": False})
    assert pairs(api) == [(older["id"], newer["id"])]


def test_two_people_can_be_told_apart_before_anybody_asks(api: Client) -> None:
    older, newer = twins(api)
    api.data("POST", "/contacts/duplicates/dismiss", {"contact_ids": [newer["id"], older["id"]]})
    assert pairs(api) == []


def test_a_bad_dismissal_is_refused(workspace: Workspace) -> None:
    api = workspace.api
    older, newer = twins(api)
    foreign = workspace.test_api.contact()
    for given, status in (
        ([older["id"]], 422),
        ([older["id"], older["id"]], 422),
        ([older["id"], newer["id"], newer["id"]], 422),
        ([older["id"], UNKNOWN], 404),
        ([older["id"], "nonsense"], 404),
        ([older["id"], foreign["id"]], 404),
    ):
        response = api.post("/contacts/duplicates/dismiss", {"contact_ids": given})
        assert (response.status_code, response.json()["error"]["details"]["field"]) in (
            (status, "contact_ids"),
            (status, "id"),
        )
    assert len(pairs(api)) == 1


def test_hidden_contacts_are_in_no_pair_and_restored_ones_are(api: Client) -> None:
    older, newer = twins(api)
    assert len(pairs(api)) == 1
    api.delete(f"/contacts/{newer['id']}?soft=true")
    assert pairs(api) == []
    api.data("POST", f"/contacts/{newer['id']}/restore")
    assert pairs(api) == [(older["id"], newer["id"])]
    api.delete(f"/contacts/{older['id']}")
    assert pairs(api) == []


def test_merged_contacts_are_in_no_pair_and_unmerged_ones_are(api: Client) -> None:
    older, newer = twins(api)
    assert len(pairs(api)) == 1
    merge(api, older, newer)
    assert pairs(api) == []
    api.data("POST", f"/contacts/{older['id']}/unmerge")
    assert pairs(api) == [(older["id"], newer["id"])]


def test_another_workspaces_contacts_are_in_no_pair(workspace: Workspace) -> None:
    name = {"first_name": "Jane", "last_name": "Doe"}
    workspace.api.contact(**name, phone="+14155552671")
    workspace.test_api.contact(**name, email="jane@acme.example")
    assert pairs(workspace.api) == pairs(workspace.test_api) == []


def test_a_name_that_becomes_common_proposes_nobody(api: Client) -> None:
    found: list[int] = []
    for n in range(8):
        identifier = {"phone": f"+1415555{2600 + n}"} if n % 2 else {"external_id": f"x{n}-{n}"}
        api.contact(first_name="John", last_name="Smith", **identifier)
        found.append(len(pairs(api)))
    assert found[1] == 1
    assert found[6:] == [0, 0]


async def test_a_large_workspace_is_compared_in_the_background(
    api: Client, database: Database, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "AT_ONCE", 2)
    monkeypatch.setattr(duplicates, "BATCH", 3)
    for n in range(4):
        twins(api, n)
    for _ in range(2):  # queued once
        page = api.get("/contacts/duplicates").json()
        assert page["meta"]["pagination"]["total_is_exact"] is False
    async with database.reader(caller) as reader:
        queued = await reader.fetch_value(
            "SELECT count(*) FROM pgqueuer WHERE entrypoint = 'duplicates.compare' AND payload::text IS NOT NULL "
            "AND convert_from(payload, 'UTF8')::jsonb->>'workspace_id' = $1",
            str(caller.workspace_id),
        )
    assert queued == 1
    for _ in range(2):  # a job may run twice
        await jobs.compare_contacts(Unbound(database, caller, 0), CompareContacts())
    page = api.get("/contacts/duplicates").json()
    assert (len(page["data"]), page["meta"]["pagination"]["total_is_exact"]) == (4, True)


async def test_erasing_leaves_nothing_of_what_was_compared(api: Client, database: Database, caller: Caller) -> None:
    older, newer = twins(api)
    assert len(pairs(api)) == 1
    api.data("POST", "/contacts/duplicates/dismiss", {"contact_ids": [older["id"], newer["id"]]})
    api.delete(f"/contacts/{newer['id']}")
    async with database.reader(caller) as reader:
        for table, left in (("duplicate_profiles", 1), ("duplicate_pairs", 0)):
            count = f"SELECT count(*) FROM {table} WHERE cell_id = ANY($1)"
            assert await reader.fetch_value(count, caller.cells) == left
