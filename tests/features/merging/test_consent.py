"""Merging and undoing it never loosens consent; the most restrictive state wins."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Client
from tests.features.merging.test_merge import merge
from tests.features.merging.test_unmerge import unmerge

STRICTNESS = {"opted_in": 0, "unknown": 1, "opted_out": 2}
CHANNELS = ("sms", "email", "whatsapp")


def preferences(api: Client, contact: dict[str, Any]) -> dict[str, str]:
    return api.data("GET", f"/contacts/{contact['id']}/preferences")["preferences"]


def person(api: Client, n: int, **wanted: str) -> dict[str, Any]:
    made = api.contact(email=f"person{n}@example.com", phone=f"+1415555{2000 + n}")
    api.data("PUT", f"/contacts/{made['id']}/preferences", {"preferences": wanted})
    return made


@pytest.mark.parametrize(
    ("mine", "theirs", "merged"),
    [
        ("opted_in", "opted_out", "opted_out"),
        ("opted_out", "opted_in", "opted_out"),
        ("opted_in", "unknown", "unknown"),
        ("unknown", "opted_in", "unknown"),
        ("opted_in", "opted_in", "opted_in"),
    ],
)
def test_the_most_restrictive_consent_wins(api: Client, mine: str, theirs: str, merged: str) -> None:
    jane, john = person(api, 1, sms=mine), person(api, 2, sms=theirs)
    merge(api, jane, john)
    assert preferences(api, jane)["sms"] == merged


def test_a_suppressed_address_closes_the_survivor_and_stays_closed(api: Client) -> None:
    jane, john = person(api, 1, sms="opted_in"), person(api, 2)
    api.data("PUT", f"/contacts/{john['id']}/preferences", {"preferences": {"sms": "opted_out"}})
    merge(api, jane, john)
    assert preferences(api, jane)["sms"] == "opted_out"
    answer = unmerge(api, jane)
    assert preferences(api, jane)["sms"] == "opted_out"
    assert preferences(api, answer["restored"][0])["sms"] == "opted_out"


def test_an_opt_out_since_the_merge_holds_for_whoever_comes_back(api: Client) -> None:
    jane, john = person(api, 1), person(api, 2, email="opted_in")
    merge(api, jane, john)
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"email": "opted_out"}})
    unmerge(api, jane)
    assert preferences(api, john)["email"] == preferences(api, jane)["email"] == "opted_out"


def test_who_wins_a_suppressed_number_is_not_to_be_called(api: Client) -> None:
    jane = person(api, 1)
    john = api.contact(phone="+14155552671")
    api.data("POST", "/compliance/suppression-list", {"address": "+14155552671"})
    merged = merge(api, jane, john)["contact"]
    assert (jane["dnc"], merged["dnc"]) == (False, True)
    assert preferences(api, jane)["voice"] == "opted_out"
    assert unmerge(api, jane)["restored"][0]["dnc"] is True


STATES = st.fixed_dictionaries({channel: st.sampled_from(list(STRICTNESS)) for channel in CHANNELS})
STEPS = st.lists(st.sampled_from(["merge 0 1", "merge 1 0", "merge 0 2", "merge 2 1", "unmerge 0", "unmerge 1",
                                  "unmerge 2", "hide 0", "hide 1", "show 0", "show 1"]), max_size=6)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(STATES, STATES, STATES), STEPS)
def test_no_sequence_of_merges_and_deletions_loosens_consent(
    api: Client, states: tuple[dict[str, str], ...], steps: list[str]
) -> None:
    made = [api.contact() for _ in states]
    for contact, wanted in zip(made, states, strict=True):
        api.data("PUT", f"/contacts/{contact['id']}/preferences", {"preferences": wanted})
    strictest = [{channel: STRICTNESS[wanted[channel]] for channel in CHANNELS} for wanted in states]
    for step in steps:
        verb, first, *second = step.split()
        path = f"/contacts/{made[int(first)]['id']}"
        if verb == "merge":
            response = api.post(f"{path}/merge", {"source_ids": [made[int(second[0])]["id"]]})
        elif verb == "unmerge":
            response = api.post(f"{path}/unmerge")
        else:
            response = api.delete(f"{path}?soft=true") if verb == "hide" else api.post(f"{path}/restore")
        assert response.status_code in (200, 204, 404, 409)
        for contact, known in zip(made, strictest, strict=True):
            if api.get(f"/contacts/{contact['id']}").status_code == 200:
                now = {channel: STRICTNESS[state] for channel, state in preferences(api, contact).items()}
                assert all(now[channel] >= known[channel] for channel in CHANNELS), step
                known |= {channel: now[channel] for channel in CHANNELS}
