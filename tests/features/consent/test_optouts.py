"""`GET /contacts/optouts`: who is opted out of anything, newest first."""

from typing import Any

import pytest

from tests.conftest import Client


def opt_out(api: Client, contact: dict[str, Any], *channels: str) -> None:
    api.data("PUT", f"/contacts/{contact['id']}/preferences", {"preferences": dict.fromkeys(channels, False)})


@pytest.fixture
def cast(api: Client) -> dict[str, dict[str, Any]]:
    people = {
        "jane": api.contact(phone="+14155552671", email="jane@example.com", first_name="Jane"),
        "john": api.contact(phone="+14155552672", first_name="John"),
        "ada": api.contact(email="ada@example.com", first_name="Ada"),
        "bob": api.contact(phone="+14155552673", first_name="Bob"),
    }
    opt_out(api, people["jane"], "sms")
    opt_out(api, people["ada"], "email", "viber")
    api.data("POST", "/compliance/suppression-list", {"address": "+14155552672", "scope": "sms"})
    opt_out(api, people["jane"], "viber")
    return people


def names(answer: Any) -> list[str]:
    return [contact["first_name"] for contact in answer]


def test_opted_out_contacts_newest_opt_out_first(api: Client, cast: dict[str, Any]) -> None:
    shown = api.data("GET", "/contacts/optouts")
    assert names(shown) == ["Jane", "John", "Ada"]
    assert [contact["opted_out_channels"] for contact in shown] == [["sms", "viber"], ["sms"], ["email", "viber"]]
    assert {name: shown[2][name] for name in cast["ada"]} == cast["ada"]
    assert shown[0]["opted_out_at"].endswith("Z")


def test_a_walk_repeats_and_skips_nobody(api: Client, cast: dict[str, Any]) -> None:
    seen, cursor = [], None
    while True:
        answer = api.get("/contacts/optouts", limit=1, **({"cursor": cursor} if cursor else {})).json()
        seen += names(answer["data"])
        cursor = answer["meta"]["pagination"]["cursor"]
        if cursor is None:
            break
    assert (seen, answer["meta"]["pagination"]["total"]) == (["Jane", "John", "Ada"], 3)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"channel": "sms"}, ["Jane", "John"]),
        ({"channel": "viber"}, ["Jane", "Ada"]),
        ({"channel": "fax"}, []),
        ({"search": "ja"}, ["Jane"]),
        ({"search": "example.com"}, ["Jane", "Ada"]),
        ({"search": "ADA@example.com"}, ["Ada"]),
        ({"search": "+1 415 555 2672"}, ["John"]),
        ({"search": "bob"}, []),
        ({"search": "+14155552673"}, []),
        ({"search": "example.com", "channel": "email"}, ["Ada"]),
    ],
)
def test_channel_and_search(api: Client, cast: dict[str, Any], query: dict[str, str], expected: list[str]) -> None:
    answer = api.get("/contacts/optouts", **query).json()
    assert (names(answer["data"]), answer["meta"]["pagination"]["total"]) == (expected, len(expected))


def test_opting_in_or_deleting_leaves_the_list(api: Client, cast: dict[str, Any]) -> None:
    api.data("PUT", f"/contacts/{cast['jane']['id']}/preferences", {"preferences": {"sms": True, "viber": True}})
    api.data("DELETE", f"/contacts/{cast['ada']['id']}?soft=true")
    assert names(api.data("GET", "/contacts/optouts")) == ["John"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"channel": "telegram"}, 422, "INVALID_CHANNEL"),
        ({"limit": 201}, 422, "VALIDATION_ERROR"),
        ({"cursor": "cur_x"}, 400, "INVALID_CURSOR"),
    ],
)
def test_what_cannot_be_listed_is_refused(api: Client, query: dict[str, Any], status: int, code: str) -> None:
    response = api.get("/contacts/optouts", **query)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
