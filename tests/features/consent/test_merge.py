"""Merging and undoing it: the most restrictive consent wins, and nothing opens again by itself."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.database import Database, Snapshot
from orbit_contacts.features.consent import service
from orbit_contacts.features.consent.verify import verify
from orbit_contacts.features.contacts import lifecycle
from tests.conftest import Client, Workspace

Merge = Callable[..., Awaitable[None]]


def id_of(contact: dict[str, Any]) -> UUID:
    id = ids.parse("con", contact["id"])
    assert id is not None
    return id


@pytest.fixture
def do(workspace: Workspace, database: Database) -> Merge:
    async def do(what: Any, survivor: dict[str, Any], *sources: dict[str, Any]) -> None:
        async with database.transaction(workspace.caller) as tx:
            await what(tx, id_of(survivor), [id_of(source) for source in sources])

    return do


def prefer(api: Client, contact: dict[str, Any], **states: bool | None) -> Any:
    return api.data("PUT", f"/contacts/{contact['id']}/preferences", {"preferences": states})["preferences"]


def preferences(api: Client, contact: dict[str, Any]) -> Any:
    return api.data("GET", f"/contacts/{contact['id']}/preferences")["preferences"]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (True, False, "opted_out"),
        (False, True, "opted_out"),
        (None, False, "opted_out"),
        (False, None, "opted_out"),
        (True, None, "unknown"),
        (None, True, "unknown"),
        (True, True, "opted_in"),
        (None, None, "unknown"),
    ],
)
async def test_the_most_restrictive_state_wins(
    api: Client, do: Merge, ours: bool | None, theirs: bool | None, expected: str
) -> None:
    jane, double = api.contact(phone="+14155552671"), api.contact(phone="+14155552672")
    prefer(api, jane, sms=ours)
    prefer(api, double, sms=theirs)
    await do(service.merge, jane, double)
    assert preferences(api, jane)["sms"] == expected


async def test_a_double_that_cannot_be_reached_on_a_channel_says_nothing_about_it(api: Client, do: Merge) -> None:
    jane, double = api.contact(phone="+14155552671"), api.contact(email="jane@example.com")
    prefer(api, jane, sms=True)
    await do(service.merge, jane, double)
    assert preferences(api, jane)["sms"] == "opted_in"


async def test_the_merge_is_in_the_ledger(api: Client, do: Merge, workspace: Workspace, database: Database) -> None:
    jane, double = api.contact(phone="+14155552671"), api.contact(phone="+14155552672")
    prefer(api, double, sms=False)
    await do(service.merge, jane, double)
    record = api.data("GET", f"/contacts/{jane['id']}/consent/history")[0]
    assert (record["status"], record["source"]) == ("opted_out", "merge")
    assert record["metadata"] == {"merged_contact_id": double["id"]}
    async with database.session(Snapshot, workspace.caller) as snapshot:
        assert (await verify(snapshot)).is_intact


async def test_undoing_a_merge_opens_nothing(api: Client, do: Merge) -> None:
    jane, double = api.contact(phone="+14155552671"), api.contact(phone="+14155552672")
    prefer(api, double, sms=False)
    await do(service.merge, jane, double)
    prefer(api, jane, voice=False)
    await do(service.unmerge, jane, double)
    for contact in (jane, double):
        shown = preferences(api, contact)
        assert (shown["sms"], shown["voice"]) == ("opted_out", "opted_out")


async def test_an_opt_in_after_the_merge_does_not_reach_the_double(api: Client, do: Merge) -> None:
    jane, double = api.contact(phone="+14155552671"), api.contact(phone="+14155552672")
    prefer(api, double, sms=False)
    await do(service.merge, jane, double)
    prefer(api, jane, sms=True)
    await do(service.unmerge, jane, double)
    assert (preferences(api, jane)["sms"], preferences(api, double)["sms"]) == ("opted_in", "opted_out")


def test_consent_takes_part_in_merging() -> None:
    assert "consent" in [participant.name for participant in lifecycle.participants]
