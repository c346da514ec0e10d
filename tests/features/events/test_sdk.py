"""The doors for browsers: a public key may add to contacts, never read, replace or speak for them."""

from typing import Any

import httpx
import pytest

from tests.conftest import Client


class Browser:
    """A page of another origin with a public key."""

    def __init__(self, api: Client, key: str) -> None:
        self._http = httpx.Client(
            base_url=api.url, headers={"X-API-Key": key, "Origin": "https://shop.example"}, timeout=30
        )

    def ask(self, path: str, body: dict[str, Any]) -> httpx.Response:
        response = self._http.post(path, json=body)
        assert response.headers["access-control-allow-origin"] == "*"
        return response

    def data(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = self.ask(path, body)
        assert response.is_success, response.text
        return response.json()["data"]


@pytest.fixture
def browser(api: Client) -> Browser:
    key = api.data("POST", "/settings/api-keys", {"name": "shop", "type": "public", "scopes": ["contacts:write"]})
    return Browser(api, key["key"])


def timeline(api: Client, contact_id: str) -> list[tuple[str, Any]]:
    items = api.data("GET", f"/contacts/{contact_id}/timeline?kind=event&order=asc")
    return [(item["type"], item["data"]) for item in items]


def test_a_visitor_becomes_a_contact_and_keeps_what_was_recorded(api: Client, browser: Browser) -> None:
    viewed = {"event": "page.viewed", "anonymous_id": "v-1", "properties": {"path": "/shoes"}}
    assert browser.data("/sdk/track", viewed)["accepted"] == 1
    known = browser.data("/sdk/identify", {"anonymous_id": "v-1", "external_id": "c-1", "email": "ada@example.com"})
    assert known.keys() == {"contact_id"}
    browser.data("/sdk/track", {"event": "Signed Up", "user_id": "c-1"})
    assert timeline(api, known["contact_id"]) == [("page.viewed", {"path": "/shoes"}), ("signed_up", {})]
    ada = api.data("GET", f"/contacts/{known['contact_id']}")
    assert (ada["external_id"], ada["email"], ada["source"]) == ("c-1", "ada@example.com", "sdk")


def test_a_visitor_who_turns_out_to_be_known_is_merged(api: Client, browser: Browser) -> None:
    ada = api.contact(external_id="c-2", first_name="Ada")
    browser.data("/sdk/track", {"event": "page.viewed", "anonymous_id": "v-2", "event_id": "e-1"})
    visitor = api.data("GET", "/contacts?external_id=anonymous:v-2")[0]
    assert browser.data("/sdk/identify", {"anonymous_id": "v-2", "user_id": "c-2"}) == {"contact_id": ada["id"]}
    assert timeline(api, ada["id"]) == [("page.viewed", {})]
    assert api.get(f"/contacts/{visitor['id']}").status_code == 404
    again = browser.data("/sdk/track", {"event": "page.viewed", "external_id": "c-2", "event_id": "e-1"})
    assert (again["accepted"], again["duplicates"]) == (0, 1)


def test_two_people_at_one_browser_are_never_made_one(api: Client, browser: Browser) -> None:
    browser.data("/sdk/track", {"event": "page.viewed", "anonymous_id": "v-9"})
    ada = browser.data("/sdk/identify", {"anonymous_id": "v-9", "external_id": "ada", "email": "ada@example.com"})
    ben = browser.data("/sdk/identify", {"anonymous_id": "v-9", "external_id": "ben", "email": "ben@example.com"})
    assert ada != ben
    cleo = api.contact(external_id="cleo")
    browser.data("/sdk/track", {"event": "page.viewed", "anonymous_id": "v-10"})
    browser.data("/sdk/identify", {"anonymous_id": "v-10", "external_id": "cleo"})
    assert browser.data("/sdk/identify", {"anonymous_id": "v-10", "external_id": "ada"}) == ada
    assert api.data("GET", f"/contacts/{cleo['id']}")["external_id"] == "cleo"
    assert api.data("GET", f"/contacts/{ada['contact_id']}")["email"] == "ada@example.com"


def test_a_public_key_adds_identifiers_but_never_replaces_or_takes_them(api: Client, browser: Browser) -> None:
    ada = api.contact(external_id="c-3", email="ada@example.com")
    ben = api.contact(phone="+14155550133")
    given = {"external_id": "c-3", "email": "thief@example.com", "phone": "+14155550133"}
    assert browser.data("/sdk/identify", given)["contact_id"] == ada["id"]
    ada = api.data("GET", f"/contacts/{ada['id']}")
    assert (ada["email"], ada["phone"]) == ("ada@example.com", None)
    assert api.data("GET", f"/contacts/{ben['id']}")["phone"] == "+14155550133"
    browser.data("/sdk/identify", {"external_id": "c-3", "phone": "+14155550134"})
    assert api.data("GET", f"/contacts/{ada['id']}")["phone"] == "+14155550134"


def test_traits_are_fields_or_metadata(api: Client, browser: Browser) -> None:
    traits = {"firstName": "Ada", "company": "Analytical Engines", "plan": "pro"}
    known = browser.data("/sdk/identify", {"external_id": "c-4", "traits": traits})
    ada = api.data("GET", f"/contacts/{known['contact_id']}")
    assert (ada["first_name"], ada["company"], ada["metadata"]) == ("Ada", "Analytical Engines", {"plan": "pro"})


@pytest.mark.parametrize(
    "event", ["message.received", "message.sent", "contact.opted_in", "call.ended", "note.created"]
)
def test_a_page_cannot_speak_for_messages_or_consent(api: Client, browser: Browser, event: str) -> None:
    ada = api.contact(external_id="c-5")
    refused = browser.ask("/sdk/track", {"event": event, "external_id": "c-5", "properties": {"text": "STOP"}})
    assert refused.status_code == 422
    assert refused.json()["error"]["details"]["field"] == "event"
    assert api.data("GET", f"/contacts/{ada['id']}/preferences")["preferences"]["sms"] == "unknown"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"event": ""}, "event"),
        ({"event": "日本"}, "event"),
        ({"event": "viewed"}, "external_id"),
        ({"event": "viewed", "anonymous_id": " "}, "anonymous_id"),
        ({"event": "viewed", "email": "ada"}, "email"),
        ({"event": "viewed", "external_id": "c", "timestamp": "yesterday"}, "timestamp"),
        ({"event": "viewed", "external_id": "c", "properties": [1]}, "properties"),
        ({"event": "order.placed", "external_id": "c", "properties": {"value": "abc"}}, "properties.value"),
        ({"event": "Order.Placed", "external_id": "c", "properties": {"currency": "EURO"}}, "properties.currency"),
    ],
)
def test_what_cannot_be_tracked_is_refused(browser: Browser, body: dict[str, Any], field: str) -> None:
    refused = browser.ask("/sdk/track", body)
    assert refused.status_code == 422
    assert refused.json()["error"]["details"]["field"] == field


def test_a_public_key_opens_these_doors_only(api: Client, browser: Browser) -> None:
    key = browser._http.headers["X-API-Key"]  # pyright: ignore[reportPrivateUsage]
    for method, path in (("GET", "/contacts"), ("POST", "/contacts"), ("POST", "/events/batch"), ("GET", "/changes")):
        refused = httpx.request(method, f"{api.url}/api/v1{path}", headers={"X-API-Key": key}, json={})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")
        assert "secret key" in refused.json()["error"]["details"]["expected"]
    assert httpx.post(f"{api.url}/sdk/track", json={"event": "viewed", "external_id": "c"}).status_code == 401


@pytest.mark.parametrize("prefix", ["", "/v1", "/api/v1"])
def test_any_origin_may_ask_first(api: Client, prefix: str) -> None:
    for path in (f"{prefix}/sdk/identify", f"{prefix}/sdk/track"):
        asked = httpx.options(
            api.url + path,
            headers={
                "Origin": "https://shop.example",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type,x-api-key",
            },
        )
        assert asked.is_success
        assert asked.headers["access-control-allow-origin"] == "*"
        assert "POST" in asked.headers["access-control-allow-methods"]
        allowed = asked.headers["access-control-allow-headers"].lower()
        assert "x-api-key" in allowed
        assert "content-type" in allowed
    assert "access-control-allow-origin" not in api.get("/contacts").headers


def test_what_comes_in_by_a_secret_key_may_replace_identifiers(api: Client) -> None:
    ada = api.contact(external_id="c-6", email="old@example.com")
    headers = {"X-API-Key": api.key}
    given = {"external_id": "c-6", "email": "new@example.com"}
    assert httpx.post(f"{api.url}/sdk/identify", headers=headers, json=given).is_success
    assert api.data("GET", f"/contacts/{ada['id']}")["email"] == "new@example.com"
