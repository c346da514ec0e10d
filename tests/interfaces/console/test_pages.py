"""The pages as a browser without JavaScript reads them."""

import re

import pytest

from tests.conftest import Client
from tests.interfaces.console.conftest import Visitor

PAGES = [
    "/contacts",
    "/contacts/new",
    "/lists",
    "/opt-outs",
    "/blocked",
    "/suppressions",
    "/bulk",
    "/imports",
    "/duplicates",
    "/model",
    "/sending",
    "/sending/quiet-hours",
    "/sending/quiet-hours?phone=%2B4915123456789&channel=sms",
    "/settings",
    "/settings/keys",
    "/settings/fields",
    "/settings/audit",
    "/settings/retention",
    "/status",
    "/palette?q=a",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_stands_and_allows_nothing_foreign(visitor: Visitor, path: str) -> None:
    page = visitor.get(path)
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith(
        "default-src 'none'; script-src 'self'; style-src 'self';"
    )
    assert "style=" not in page.text
    assert not re.search(r"<script(?![^>]* src=)", page.text)
    assert not re.search(r"\son[a-z]+=", page.text)


def test_markup_in_a_name_is_text(api: Client, visitor: Visitor) -> None:
    contact = api.contact(display_name="<script>alert(1)</script>", tags=["<b>"], company='"><img src=x>')
    for path in ("/contacts", f"/contacts/{contact['id']}", f"/contacts/{contact['id']}?edit=details"):
        text = visitor.get(path).text
        assert "&lt;script&gt;alert(1)" in text
        assert "<script>alert" not in text
        assert "<img src=x" not in text


def test_pages_go_forward_and_back(api: Client, visitor: Visitor) -> None:
    for number in range(60):
        api.contact(first_name=f"P{number:02}")

    def link(text: str, rel: str) -> str:
        found = re.search(rf'rel="{rel}" href="/console([^"]+)"', text)
        assert found
        return found[1].replace("&amp;", "&")

    first = visitor.get("/contacts?limit=25&sort=created_at").text
    second = visitor.get(link(first, "next")).text
    third = visitor.get(link(second, "next")).text
    assert "26–50 of 60" in second
    assert "51–60 of 60" in third
    assert 'rel="next"' not in third
    assert "26–50 of 60" in visitor.get(link(third, "prev")).text
    assert "1–25 of 60" in visitor.get(link(second, "prev")).text


@pytest.mark.parametrize("query", ["sort=nonsense", "limit=9999", "limit=x", "nonsense=1", "cursor=cur_x", "list_id=x"])
def test_an_address_that_means_nothing_is_told_so(visitor: Visitor, query: str) -> None:
    page = visitor.get(f"/contacts?{query}")
    assert 400 <= page.status_code < 500
    assert 'role="alert"' in page.text


def test_a_contact_that_cannot_be_added_keeps_what_was_typed(visitor: Visitor) -> None:
    page = visitor.post("/contacts/new", first_name="Ada", phone="12")
    assert page.status_code == 422
    assert 'value="Ada"' in page.text
    assert 'aria-invalid="true"' in page.text


def test_details_change_and_emptied_fields_are_cleared(api: Client, visitor: Visitor) -> None:
    contact = api.contact(first_name="Ada", last_name="Byron", company="Analytical")
    page = visitor.post(f"/contacts/{contact['id']}", last_name="Lovelace", company="")
    assert page.status_code == 200
    stored = api.data("GET", f"/contacts/{contact['id']}")
    assert (stored["first_name"], stored["last_name"], stored["company"]) == ("Ada", "Lovelace", None)


def test_custom_fields_are_edited_with_their_types(api: Client, visitor: Visitor) -> None:
    api.data("POST", "/custom-fields", {"key": "score", "type": "number"})
    api.data("POST", "/custom-fields", {"key": "vip", "type": "boolean"})
    contact = api.contact()
    path = f"/contacts/{contact['id']}"
    visitor.post(path, **{"custom.score": "7.5", "custom.vip": "true"})
    assert api.data("GET", path)["custom_fields"] == {"score": 7.5, "vip": True}
    assert visitor.post(path, **{"custom.score": "many"}).status_code == 422
    visitor.post(path, **{"custom.score": ""})
    assert api.data("GET", path)["custom_fields"] == {"vip": True}


def test_consent_from_the_console_names_its_source(api: Client, visitor: Visitor) -> None:
    contact = api.contact(email="ada@example.com")
    visitor.post(f"/contacts/{contact['id']}/consent", set="email=opted_out")
    detail = api.data("GET", f"/contacts/{contact['id']}/preferences")["details"]["email"]
    assert (detail["status"], detail["source"]) == ("opted_out", "console")
    refused = visitor.post(f"/contacts/{contact['id']}/consent", set="email=unknown")
    assert "An opt-out stays" in refused.text
    assert "ada@example.com" in visitor.get("/opt-outs").text


def test_delete_is_taken_back(api: Client, visitor: Visitor) -> None:
    contact = api.contact()
    page = visitor.post(f"/contacts/{contact['id']}/delete")
    assert "Restore" in page.text
    assert api.get(f"/contacts/{contact['id']}").status_code == 404
    visitor.post(f"/contacts/{contact['id']}/restore")
    assert api.get(f"/contacts/{contact['id']}").status_code == 200


def test_bulk_concerns_all_that_match_the_filter(api: Client, visitor: Visitor) -> None:
    for country in ("DE", "DE", "FR"):
        api.contact(country_code=country)
    page = visitor.post("/contacts/bulk", action="add_tags", tag="eu", all_matching="1", filter="country_code=DE")
    assert "Tag added to 2 contacts." in page.text
    tagged = api.get("/contacts", tags="eu").json()["data"]
    assert {contact["country_code"] for contact in tagged} == {"DE"}
    action = re.search(r'action="/console(/bulk/[^/]+/undo)"', page.text)
    assert action
    assert "Taken back for 2 contacts." in visitor.post(action[1]).text
    assert api.get("/contacts", tags="eu").json()["data"] == []


def test_a_new_key_is_shown_once(api: Client, visitor: Visitor) -> None:
    page = visitor.post("/settings/keys", name="robot", scopes=["contacts:read"])
    key = re.search(r"dv_live_sk_\w{40}", page.text)
    assert key
    assert key[0] not in visitor.get("/settings/keys").text
    assert Client(api.url, key[0]).get("/contacts").status_code == 200


def test_sample_data_fills_an_empty_workspace(api: Client, visitor: Visitor) -> None:
    assert "Nobody is here yet" in visitor.get("/contacts").text
    assert "250 invented people were added." in visitor.post("/sample-data").text


def test_events_are_kept_as_long_as_somebody_says(api: Client, visitor: Visitor) -> None:
    visitor.post("/settings/retention", days="365")
    assert api.data("GET", "/settings/events") == {"event_retention_days": 365}
    assert 'value="365"' in visitor.get("/settings/retention").text
    for wrong in ("0", "many", "99999999"):
        assert visitor.post("/settings/retention", days=wrong).status_code == 422
    visitor.post("/settings/retention", days="")
    assert api.data("GET", "/settings/events") == {"event_retention_days": None}


def test_status_tells_queue_disk_and_migrations(visitor: Visitor) -> None:
    page = visitor.get("/status").text
    assert "applied, none is pending" in page
    assert "Largest tables" in page
    assert "PostgreSQL 1" in page
