"""One-click unsubscribe: a link without login; opening it changes nothing, posting to it opts out."""

import string
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.features.consent.unsubscribe import Token, decode, encode
from tests.conftest import Client, Server


def link(api: Client, contact: dict[str, Any]) -> str:
    made = api.data("POST", f"/contacts/{contact['id']}/unsubscribe-link")
    assert made["headers"] == {
        "List-Unsubscribe": f"<{made['url']}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return made["url"][made["url"].index("/email/") :]


def status(api: Client, contact: dict[str, Any]) -> Any:
    return api.data("GET", f"/contacts/{contact['id']}/preferences")["details"]["email"]


@pytest.fixture
def jane(api: Client) -> dict[str, Any]:
    return api.contact(email="jane@example.com")


def test_opening_the_link_changes_nothing(api: Client, server: Server, jane: dict[str, Any]) -> None:
    page = httpx.get(server.url + link(api, jane))
    assert page.status_code == 200
    assert '<form method="post">' in page.text
    assert "j•••@example.com" in page.text
    assert "jane@" not in page.text
    assert "script" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert status(api, jane)["status"] == "unknown"


def test_one_click_opts_out_without_a_redirect(api: Client, server: Server, jane: dict[str, Any]) -> None:
    url = server.url + link(api, jane)
    for _ in range(2):
        page = httpx.post(url, data={"List-Unsubscribe": "One-Click"})
        assert page.status_code == 200
        assert "You are unsubscribed" in page.text
    assert (status(api, jane)["status"], status(api, jane)["source"]) == ("opted_out", "email_unsubscribe")
    history = api.data("GET", f"/contacts/{jane['id']}/consent/history")
    assert [(record["status"], record["actor"]) for record in history] == [("opted_out", "recipient:unsubscribe_link")]
    assert "You are unsubscribed" in httpx.get(url).text


def test_the_link_works_after_the_person_was_erased(api: Client, server: Server, jane: dict[str, Any]) -> None:
    url = server.url + link(api, jane)
    api.data("DELETE", f"/contacts/{jane['id']}")
    assert httpx.post(url).status_code == 200
    again = api.contact(email="jane@example.com")
    assert status(api, again)["status"] == "opted_out"
    assert "this address" in httpx.get(url).text


def test_the_address_the_message_went_to_is_closed_too(api: Client, server: Server, jane: dict[str, Any]) -> None:
    url = server.url + link(api, jane)
    api.data("PATCH", f"/contacts/{jane['id']}", {"email": "jane@new.example.com"})
    assert httpx.post(url).status_code == 200
    assert status(api, jane)["status"] == "opted_out"
    assert status(api, api.contact(email="jane@example.com"))["status"] == "opted_out"


def test_a_changed_link_is_not_valid(api: Client, server: Server, jane: dict[str, Any]) -> None:
    url = link(api, jane)
    for broken in (url[:-2], url[:-1] + ("A" if url[-1] != "A" else "B"), url + "A", "/email/unsubscribe/x"):
        for page in (httpx.get(server.url + broken), httpx.post(server.url + broken)):
            assert page.status_code == 404
    assert status(api, jane)["status"] == "unknown"


ALPHABET = string.ascii_letters + string.digits + "-_"
KEY = b"k" * 32


@pytest.mark.parametrize("number", [0, 1, 7])
def test_a_token_has_one_spelling(number: int) -> None:
    """At every position, every other character; and signs that a lenient decoder skips or takes for another."""
    token = Token(number, UUID(int=number), bytes([number]) * 16)
    text = encode(KEY, token)
    assert decode(KEY, text) == token
    for place in range(len(text)):
        for other in set(ALPHABET) - {text[place]}:
            assert decode(KEY, text[:place] + other + text[place + 1 :]) is None, place
        for more in (*"=\n +/%.", "A", "AA", "A="):
            assert decode(KEY, text[:place] + more + text[place:]) is None, place
        assert decode(KEY, text[:place] + text[place + 1 :]) is None, place
    for end in ("=", "==", "\n", " ", "A", "AAAA"):
        assert decode(KEY, text + end) is None


def test_a_link_needs_an_address(api: Client) -> None:
    response = api.post(f"/contacts/{api.contact(phone='+14155552671')['id']}/unsubscribe-link")
    assert (response.status_code, response.json()["error"]["details"]["field"]) == (422, "email")


@given(st.text(max_size=120))
def test_any_text_is_a_token_or_none(text: str) -> None:
    assert decode(KEY, text) is None
