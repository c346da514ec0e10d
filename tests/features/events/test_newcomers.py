"""Batches with `create_contacts`: the contacts nobody knows are made together, and are contacts like any other."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.conftest import Client


def tell(api: Client, *namings: dict[str, Any], **event: Any) -> dict[str, Any]:
    events = [{"type": "page.viewed", **event, **naming} for naming in namings]
    return api.data("POST", "/events/batch", {"events": events, "create_contacts": True})


def found(api: Client, **query: str) -> list[dict[str, Any]]:
    return api.get("/contacts", **query).json()["data"]


def test_ten_thousand_strangers_in_one_batch(api: Client) -> None:
    told = tell(api, *({"email": f"stranger{n}@example.com"} for n in range(10_000)))
    assert (told["accepted"], told["duplicates"], told["rejected"]) == (10_000, 0, [])
    pagination = api.get("/contacts", limit="1").json()["meta"]["pagination"]
    assert (pagination["total"], pagination["total_is_exact"]) == (10_000, True)
    again = tell(api, *({"email": f"Stranger{n}@example.com"} for n in range(10_000)))
    assert again["accepted"] == 10_000
    assert api.get("/contacts", limit="1").json()["meta"]["pagination"]["total"] == 10_000


def test_they_are_as_if_created_one_by_one(api: Client) -> None:
    tell(
        api,
        {"phone": "+1 (415) 555-2671 x77", "email": "Ada@Example.com", "external_id": " a-1 "},
        {"email": "ben@example.com"},
    )
    (ada,) = found(api, search="ada 2671")
    alone = api.contact(phone="+1 (415) 555-2672 x77", email="Eve@Example.com", external_id=" e-1 ")
    differing = {"id", "phone", "email", "external_id", "created_at", "updated_at"}
    assert {k: v for k, v in ada.items() if k not in differing} == {
        k: v for k, v in alone.items() if k not in differing
    }
    assert (ada["phone"], ada["email"], ada["external_id"]) == ("+14155552671", "ada@example.com", "a-1")
    assert found(api, phone="+14155552671") == found(api, external_id="a-1") == [ada]
    items = api.get(f"/contacts/{ada['id']}/timeline").json()["data"]
    assert sorted(item["type"] for item in items) == ["contact.created", "page.viewed"]
    assert api.data("PATCH", f"/contacts/{ada['id']}", {"first_name": "Ada"})["first_name"] == "Ada"


def test_names_of_one_batch_that_share_an_identifier_are_one_contact(api: Client) -> None:
    told = tell(
        api,
        {"email": "ada@example.com"},
        {"email": "ADA@example.com", "external_id": "a-1"},
        {"phone": "+55 11 98765-4321"},
        {"phone": "+55 11 8765-4321"},
        {"external_id": "a-1"},
    )
    assert told["accepted"] == 5
    assert {(c["email"], c["phone"], c["external_id"]) for c in found(api)} == {
        ("ada@example.com", None, None),
        (None, "+5511987654321", None),
        (None, None, "a-1"),
    }


def test_what_is_known_of_an_address_reaches_them(api: Client) -> None:
    ada, ben = api.contact(phone="+14155552671"), api.contact(email="ben@example.com")
    api.data("PUT", f"/contacts/{ada['id']}/preferences", {"preferences": {"sms": False}})
    api.data("POST", f"/contacts/{ben['id']}/block")
    for contact in (ada, ben):
        assert api.delete(f"/contacts/{contact['id']}").status_code == 204
    tell(api, {"phone": "+14155552671"}, {"email": "ben@example.com"}, type="message.received", channel="sms")
    (ada,), (ben,) = found(api, phone="+14155552671"), found(api, email="ben@example.com")
    assert api.data("GET", f"/contacts/{ada['id']}/preferences")["preferences"]["sms"] == "opted_out"
    assert ben["blocked"]
    for contact, folder in ((ada, None), (ben, "spam")):
        (item,) = api.get(f"/contacts/{contact['id']}/timeline", types="message.received").json()["data"]
        assert item.get("folder") == folder


@pytest.mark.parametrize("backwards", [False, True])
def test_two_batches_at_once_make_nobody_twice(api: Client, backwards: bool) -> None:
    names = [{"email": f"stranger{n}@example.com"} for n in range(300)]
    batches = [names, names[::-1] if backwards else names]

    async def race() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=api.http.base_url, headers=api.http.headers, timeout=60) as http:
            bodies = [
                {"create_contacts": True, "events": [{"type": "page.viewed", **name} for name in batch]}
                for batch in batches
            ]
            return await asyncio.gather(*(http.post("/events/batch", json=body) for body in bodies))

    assert [answer.json()["data"]["accepted"] for answer in asyncio.run(race())] == [300, 300]
    assert api.get("/contacts", limit="1").json()["meta"]["pagination"]["total"] == 300
    assert (
        len({contact["email"] for contact in [*found(api, limit="200"), *found(api, limit="200", sort="created_at")]})
        == 300
    )
