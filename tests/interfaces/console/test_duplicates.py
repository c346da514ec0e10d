"""Pairs that may be one person: compared, merged and taken apart by plain forms."""

import re
from typing import Any

import pytest

from tests.conftest import Client
from tests.interfaces.console.conftest import Visitor

Pair = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture
def pair(api: Client) -> Pair:
    """Ada twice; the second one said no to e-mail."""
    ada = api.contact(first_name="Ada", last_name="Lovelace", email="ada.lovelace@example.com", tags=["vip"])
    again = api.contact(first_name="Ada", last_name="Lovelace", email="ada.lovelace@example.org", company="Engines")
    api.data("PUT", f"/contacts/{ada['id']}/preferences", {"preferences": {"email": True}})
    api.data("PUT", f"/contacts/{again['id']}/preferences", {"preferences": {"email": False}})
    return ada, again


def cells(text: str, label: str) -> list[str]:
    """The row of a fact: of the two, and after the merge."""
    row = re.search(rf'<th scope="row">{label}</th>(.*?)</tr>', text, re.DOTALL)
    assert row, label
    return [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td.*?>(.*?)</td>", row[1], re.DOTALL)]


def test_pairs_stand_with_score_and_reasons(pair: Pair, visitor: Visitor) -> None:
    page = visitor.get("/duplicates").text
    assert "Same mailbox name" in page
    assert re.search(r"\d\d%</b>", page)
    assert visitor.get(f"/duplicates?contact_id={pair[1]['id']}").text.count("Compare and merge</a>") == 1


def test_comparing_tells_what_the_merge_would_leave_and_changes_nothing(
    pair: Pair, api: Client, visitor: Visitor
) -> None:
    ada, again = pair
    page = visitor.get(f"/duplicates/{ada['id']}/{again['id']}").text
    assert cells(page, "Company") == ["—", "Engines", "Engines"]
    assert cells(page, "E-mail") == ["ada.lovelace@example.com", "ada.lovelace@example.org", "ada.lovelace@example.com"]
    assert cells(page, "e-mail") == ["opted in", "opted out", "opted out"]
    other = visitor.get(f"/duplicates/{ada['id']}/{again['id']}?keep={again['id']}").text
    assert cells(other, "E-mail")[2] == "ada.lovelace@example.org"
    assert [each["id"] for each in api.get("/contacts").json()["data"]] == [again["id"], ada["id"]]
    assert api.data("GET", f"/contacts/{ada['id']}/merges") == []


def test_a_merge_keeps_the_chosen_one_and_is_undone(pair: Pair, api: Client, visitor: Visitor) -> None:
    ada, again = pair
    merged = visitor.post(f"/duplicates/{ada['id']}/{again['id']}/merge", keep=again["id"])
    assert merged.url.path.endswith(again["id"])
    stored = api.data("GET", f"/contacts/{again['id']}")
    assert (stored["email"], stored["tags"]) == ("ada.lovelace@example.org", ["vip"])
    assert api.get(f"/contacts/{ada['id']}").status_code == 404
    history = visitor.get(f"/contacts/{again['id']}/merges").text
    assert "ada.lovelace@example.com" in history
    action = re.search(r'action="/console(/contacts/con_\w+/merges/mrg_\w+/undo)"', history)
    assert action
    assert "Ada Lovelace is a contact of its own again." in visitor.post(action[1]).text
    assert api.data("GET", f"/contacts/{ada['id']}")["tags"] == ["vip"]


def test_the_other_contact_is_searched_from_the_page_of_the_one(pair: Pair, api: Client, visitor: Visitor) -> None:
    ada, again = pair
    grace = api.contact(first_name="Grace", email="grace@example.com")
    page = visitor.get(f"/contacts/{ada['id']}").text
    assert f'href="/console/contacts/{ada["id"]}/merge"' in page
    assert f'href="/console/contacts/{ada["id"]}/merges"' in page
    offered = re.compile(rf'href="/console(/duplicates/{ada["id"]}/con_\w+)"')
    likely = offered.findall(visitor.get(f"/contacts/{ada['id']}/merge").text)
    assert likely == [f"/duplicates/{ada['id']}/{again['id']}"]
    found = offered.findall(visitor.get(f"/contacts/{ada['id']}/merge?q=grace").text)
    assert found == [f"/duplicates/{ada['id']}/{grace['id']}"]
    assert "Side by side" in visitor.get(found[0]).text
    assert offered.findall(visitor.get(f"/contacts/{ada['id']}/merge?q=lovelace").text) == likely
    assert "Nobody else" in visitor.get(f"/contacts/{ada['id']}/merge?q=zzzz").text


def test_two_people_are_not_proposed_again_until_that_is_taken_back(pair: Pair, visitor: Visitor) -> None:
    ada, again = pair
    address = f"/duplicates/{ada['id']}/{again['id']}"
    said = visitor.post(f"{address}/dismiss").text
    assert "No duplicates" in said
    assert f"{address}/propose" in said
    assert "Same mailbox name" in visitor.post(f"{address}/propose").text


@pytest.mark.parametrize("keep", ["con_x", ""])
def test_a_pair_that_is_none_is_refused(pair: Pair, visitor: Visitor, keep: str) -> None:
    ada = pair[0]["id"]
    assert visitor.get(f"/duplicates/{ada}/{ada}").status_code == 404
    if keep:
        assert visitor.get(f"/duplicates/{ada}/{pair[1]['id']}?keep={keep}").status_code == 422
