"""Events come in: one, many, as lines; what is wrong is rejected by itself, what is known is a duplicate."""

import asyncio
import json
import re
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orbit_contacts.core import clock
from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.events.orders import checked_order
from orbit_contacts.features.timeline.stats import order_value
from tests.conftest import Client


def timeline(api: Client, contact: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
    response = api.get(f"/contacts/{contact['id']}/timeline", **params)
    assert response.is_success, response.text
    return response.json()["data"]


def batch(api: Client, *events: dict[str, Any], **options: Any) -> dict[str, Any]:
    response = api.post("/events/batch", {"events": list(events), **options})
    assert response.status_code == 202, response.text
    return response.json()["data"]


def test_an_event_can_be_read_at_once(api: Client) -> None:
    ada = api.contact(first_name="Ada")
    response = api.post(
        f"/contacts/{ada['id']}/events",
        {
            "type": "message.delivered",
            "channel": "sms",
            "message_id": "msg_1",
            "timestamp": "2026-03-08T12:00:00Z",
            "data": {"text": "Your parcel is on its way"},
        },
    )
    assert response.status_code == 202
    accepted = response.json()["data"]
    assert (accepted["accepted"], accepted["duplicates"], accepted["rejected"]) == (1, 0, [])
    item = timeline(api, ada, kind="message")[0]
    assert item == {
        "id": accepted["id"],
        "kind": "message",
        "type": "message.delivered",
        "channel": "sms",
        "direction": "outbound",
        "title": "SMS delivered",
        "summary": "Your parcel is on its way",
        "timestamp": "2026-03-08T12:00:00Z",
        "actor": None,
        "data": {"text": "Your parcel is on its way"},
        "message_id": "msg_1",
    }


def test_an_event_without_a_time_happened_now(api: Client) -> None:
    ada = api.contact()
    before = clock.now() // clock.SECOND
    api.data("POST", f"/contacts/{ada['id']}/events", {"type": "page.viewed"})
    told = clock.parse_instant(timeline(api, ada, kind="event")[0]["timestamp"], "timestamp") // clock.SECOND
    assert before <= told <= clock.now() // clock.SECOND


@pytest.mark.parametrize(
    ("event", "code", "field"),
    [
        ({"type": "Message Sent"}, "VALIDATION_ERROR", "type"),
        ({"type": "order..placed"}, "VALIDATION_ERROR", "type"),
        ({"type": ""}, "MISSING_REQUIRED_FIELD", "type"),
        ({}, "MISSING_REQUIRED_FIELD", "type"),
        ({"type": 5}, "VALIDATION_ERROR", "type"),
        ({"type": "message.sent", "channel": "pigeon"}, "INVALID_CHANNEL", "channel"),
        ({"type": "message.sent", "direction": "sideways"}, "VALIDATION_ERROR", "direction"),
        ({"type": "a", "timestamp": "yesterday"}, "VALIDATION_ERROR", "timestamp"),
        ({"type": "a", "timestamp": "1969-12-31T23:59:59Z"}, "VALIDATION_ERROR", "timestamp"),
        ({"type": "a", "event_id": "x" * 256}, "VALIDATION_ERROR", "event_id"),
        ({"type": "a", "data": [1]}, "VALIDATION_ERROR", "data"),
        ({"type": "order.placed", "data": {"value": "abc"}}, "VALIDATION_ERROR", "data.value"),
        ({"type": "order.placed", "data": {"value": "49.9"}}, "VALIDATION_ERROR", "data.value"),
        ({"type": "order.placed", "data": {"value": -5}}, "VALIDATION_ERROR", "data.value"),
        ({"type": "order.placed", "data": {"value": 1e15}}, "VALIDATION_ERROR", "data.value"),
        ({"type": "order.placed", "data": {"value": True}}, "VALIDATION_ERROR", "data.value"),
        ({"type": "order.refunded", "data": {"value": [5]}}, "VALIDATION_ERROR", "data.value"),
        ({"type": "order.placed", "data": {"currency": "EURO"}}, "VALIDATION_ERROR", "data.currency"),
        ({"type": "order.placed", "data": {"currency": ""}}, "VALIDATION_ERROR", "data.currency"),
        ({"type": "order.refunded", "data": {"currency": 978}}, "VALIDATION_ERROR", "data.currency"),
        ({"type": "a", "data": {"n": "\0"}}, "VALIDATION_ERROR", None),
        ({"type": "a", "data": {"n": "x" * 70_000}}, "VALIDATION_ERROR", "data"),
    ],
)
def test_a_wrong_event_is_refused_alone_and_rejected_in_a_batch(
    api: Client, event: dict[str, Any], code: str, field: str | None
) -> None:
    ada = api.contact(external_id="ada")
    refused = api.post(f"/contacts/{ada['id']}/events", event)
    assert refused.status_code == 422, refused.text
    assert refused.json()["error"]["code"] == code
    if field:
        assert refused.json()["error"]["details"]["field"] == field
    told = batch(api, {"type": "a.b", "external_id": "ada"}, event | {"external_id": "ada"})
    assert (told["accepted"], told["duplicates"]) == (1, 0)
    assert [(r["index"], r["code"]) for r in told["rejected"]] == [(1, code)]
    assert [item["type"] for item in timeline(api, ada, kind="event")] == ["a.b"]


@pytest.mark.parametrize(
    "data",
    ['{"a": 1e400000}', '{"a": "\\ud800"}', '{"a": ' + "[" * 40 + "]" * 40 + "}", '{"a": ' + "9" * 5000 + "}"],
)
def test_data_the_database_cannot_hold_is_rejected_and_the_rest_stays(api: Client, data: str) -> None:
    ada = api.contact(external_id="ada")
    good, bad = '{"type": "good", "external_id": "ada"}', '{"type": "bad", "external_id": "ada", "data": '
    body = f'{{"events": [{good}, {bad}{data}}}]}}'
    response = api.http.post("/events/batch", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 202, response.text
    assert [r["index"] for r in response.json()["data"]["rejected"]] == [1]
    assert [item["type"] for item in timeline(api, ada, kind="event")] == ["good"]


def test_large_numbers_that_can_be_held_come_back(api: Client) -> None:
    ada = api.contact()
    api.data("POST", f"/contacts/{ada['id']}/events", {"type": "a", "data": {"n": 10**250, "f": 1e-200, "t": "1e999"}})
    assert timeline(api, ada, kind="event")[0]["data"] == {"n": 10**250, "f": 1e-200, "t": "1e999"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({}, {}),
        ({"value": None, "currency": None}, {"value": None, "currency": None}),
        ({"value": 0, "currency": "eur"}, {"value": 0, "currency": "EUR"}),
        (
            {"currency": " uSd ", "value": 49.9, "items": [{"value": "abc"}], "total": "x", "n": 10**60},
            {"currency": "USD", "value": 49.9, "items": [{"value": "abc"}], "total": "x", "n": 10**60},
        ),
    ],
)
def test_an_order_keeps_what_was_sent_and_its_currency_in_capitals(
    api: Client, sent: dict[str, Any], kept: dict[str, Any]
) -> None:
    ada = api.contact(external_id="ada")
    api.data("POST", f"/contacts/{ada['id']}/events", {"type": "order.placed", "data": sent})
    assert batch(api, {"type": "order.refunded", "external_id": "ada", "data": sent})["accepted"] == 1
    assert [item["data"] for item in timeline(api, ada, kind="event")] == [kept, kept]


def test_amounts_of_other_events_are_free(api: Client) -> None:
    ada = api.contact()
    api.data("POST", f"/contacts/{ada['id']}/events", {"type": "cart.filled", "data": {"value": "abc", "currency": 1}})
    assert timeline(api, ada, kind="event")[0]["data"] == {"value": "abc", "currency": 1}


def test_a_line_with_a_wrong_amount_is_rejected_with_what_it_held(api: Client) -> None:
    api.contact(external_id="ada")
    order = '{"type": "order.placed", "external_id": "ada", "data": {"value": %s}}'
    body = "\n".join(order % value for value in ("5", '"abc"', "-1"))
    response = api.http.post("/events/batch", content=body, headers={"Content-Type": "application/x-ndjson"})
    told = response.json()["data"]
    assert told["accepted"] == 1
    assert [(r["index"], r["field"], r["value"]) for r in told["rejected"]] == [
        (1, "data.value", "abc"),
        (2, "data.value", -1),
    ]


@pytest.mark.parametrize("data", [b'{"\xff": 1, "currency": "eur"}', b'{"currency": "\xff"}', b'{"value": 1e309}'])
def test_an_order_that_cannot_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        checked_order(data, "data")
    assert refused.value.details["field"] == "data"


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["value", "currency", "other"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.lists(st.integers()),
    )
)
def test_an_order_is_refused_or_counts_as_it_says(data: dict[str, Any]) -> None:
    try:
        kept = msgspec.json.decode(checked_order(msgspec.json.encode(data), "data"))
    except Refusal:
        return
    currency = kept.get("currency")
    assert currency is None or re.fullmatch("[A-Z]{3}", currency)
    assert order_value(msgspec.json.encode(kept)) == (kept.get("value") or 0)


def test_an_event_may_lie_a_little_ahead_but_not_more(api: Client) -> None:
    ada = api.contact()
    near = clock.format_instant(clock.now() + 4 * 60 * clock.SECOND)
    far = clock.format_instant(clock.now() + 6 * 60 * clock.SECOND)
    assert api.post(f"/contacts/{ada['id']}/events", {"type": "a", "timestamp": near}).status_code == 202
    refused = api.post(f"/contacts/{ada['id']}/events", {"type": "a", "occurred_at": far})
    assert refused.json()["error"]["details"]["field"] == "timestamp"


def test_late_events_find_their_place_by_time(api: Client) -> None:
    ada = api.contact(external_id="ada")
    for day in ("2026-03-03", "2016-03-01", "2026-03-02"):
        batch(api, {"type": "visit", "external_id": "ada", "occurred_at": day})
    told = [item["timestamp"][:10] for item in timeline(api, ada, types="visit")]
    assert told == ["2026-03-03", "2026-03-02", "2016-03-01"]


def test_an_event_id_is_taken_once_at_whatever_time(api: Client) -> None:
    ada = api.contact(external_id="ada")
    first = {"type": "visit", "external_id": "ada", "event_id": "e1", "timestamp": "2026-03-01"}
    assert batch(api, first)["accepted"] == 1
    told = batch(api, first, first | {"timestamp": "2020-01-01"}, first | {"event_id": "e2"})
    assert (told["accepted"], told["duplicates"], told["rejected"]) == (1, 2, [])
    assert sorted(item["event_id"] for item in timeline(api, ada, types="visit")) == ["e1", "e2"]


def test_event_ids_of_two_contacts_are_two_events(api: Client) -> None:
    api.contact(external_id="ada")
    api.contact(external_id="ben")
    told = batch(api, *({"type": "visit", "external_id": name, "event_id": "e1"} for name in ("ada", "ben")))
    assert told["accepted"] == 2


def test_type_message_and_time_identify_an_event_without_id(api: Client) -> None:
    ada = api.contact()
    event = {"type": "message.opened", "channel": "email", "message_id": "m1", "timestamp": "2026-03-01T10:00:00Z"}
    path = f"/contacts/{ada['id']}/events"
    assert api.data("POST", path, event)["accepted"] == 1
    again = api.data("POST", path, event)
    assert (again["accepted"], again["duplicates"], again["id"]) == (0, 1, None)
    assert api.data("POST", path, event | {"timestamp": "2026-03-01T10:00:01Z"})["accepted"] == 1
    assert api.data("POST", path, event | {"type": "message.clicked"})["accepted"] == 1
    assert api.data("POST", path, event | {"message_id": "m2"})["accepted"] == 1


def test_events_without_any_id_are_all_kept(api: Client) -> None:
    ada = api.contact(external_id="ada")
    event = {"type": "visit", "external_id": "ada", "timestamp": "2026-03-01"}
    assert batch(api, event, event)["accepted"] == 2
    assert len(timeline(api, ada, types="visit")) == 2


async def test_concurrent_duplicates_are_inserted_once(api: Client) -> None:
    ada = api.contact(external_id="ada")
    events = [
        {"type": "visit", "external_id": "ada", "event_id": f"e{n}", "timestamp": "2026-03-01"} for n in range(20)
    ] + [
        {"type": "message.sent", "external_id": "ada", "message_id": f"m{n}", "timestamp": "2026-03-01"}
        for n in range(20)
    ]
    async with httpx.AsyncClient(base_url=api.http.base_url, headers=api.http.headers, timeout=30) as http:
        answers = await asyncio.gather(
            *(http.post("/events/batch", json={"events": events[::step]}) for step in (1, -1) * 4)
        )
    told = [answer.json()["data"] for answer in answers]
    assert sum(t["accepted"] for t in told) == 40
    assert sum(t["duplicates"] for t in told) == 7 * 40
    assert len(timeline(api, ada, types="visit,message.sent", limit=200)) == 40
    assert api.get(f"/contacts/{ada['id']}/timeline", kind="message").json()["meta"]["pagination"]["total"] == 20


def test_a_batch_names_contacts_by_any_identifier(api: Client) -> None:
    ada = api.contact(external_id="a-1", email="ada@example.com", phone="+14155550100")
    told = batch(
        api,
        {"type": "a", "contact_id": ada["id"]},
        {"type": "b", "external_id": "a-1"},
        {"type": "c", "email": "ADA@Example.com"},
        {"type": "d", "phone": "+1 (415) 555-0100"},
        {"type": "e", "external_id": "unknown", "email": "ada@example.com"},
        {"type": "f", "email": "nobody@example.com"},
        {"type": "g"},
        {"type": "h", "phone": "12"},
        {"type": "i", "contact_id": "con_" + "0" * 26},
        {"type": "j", "contact_id": "nonsense"},
    )
    assert told["accepted"] == 5
    assert [(r["index"], r["code"]) for r in told["rejected"]] == [
        (5, "NOT_FOUND"),
        (6, "MISSING_REQUIRED_FIELD"),
        (7, "INVALID_PHONE_NUMBER"),
        (8, "NOT_FOUND"),
        (9, "NOT_FOUND"),
    ]
    assert {item["type"] for item in timeline(api, ada, kind="event")} == set("abcde")


def test_unknown_contacts_are_made_when_asked(api: Client) -> None:
    told = batch(
        api,
        {"type": "visit", "email": "new@example.com", "external_id": "n-1"},
        {"type": "visit", "email": "NEW@example.com"},
        {"type": "visit", "external_id": "n-1"},
        {"type": "visit", "phone": "+14155550123"},
        {"type": "visit", "phone": "not a number"},
        create_contacts=True,
    )
    assert told["accepted"] == 4
    assert [(r["index"], r["code"]) for r in told["rejected"]] == [(4, "INVALID_PHONE_NUMBER")]
    people = api.get("/contacts").json()["data"]
    assert {(p["external_id"], p["email"], p["phone"], p["source"]) for p in people} == {
        ("n-1", "new@example.com", None, "api"),
        (None, None, "+14155550123", "api"),
    }
    new = next(p for p in people if p["email"])
    assert len(timeline(api, new, types="visit")) == 3
    assert len(timeline(api, new, types="contact.created")) == 1


def test_lines_of_events(api: Client) -> None:
    ada = api.contact(external_id="ada")
    lines = [
        json.dumps({"type": "a", "external_id": "ada"}),
        "",
        "{not json",
        json.dumps({"type": "b", "external_id": "ada"}),
        json.dumps({"type": "c", "external_id": "ben"}),
    ]
    headers = {"Content-Type": "application/x-ndjson"}
    response = api.http.post("/events/batch", content="\n".join(lines), headers=headers)
    assert response.status_code == 202
    told = response.json()["data"]
    assert told["accepted"] == 2
    assert [(r["index"], r["code"]) for r in told["rejected"]] == [(1, "VALIDATION_ERROR"), (3, "NOT_FOUND")]
    assert {item["type"] for item in timeline(api, ada, kind="event")} == {"a", "b"}
    url = "/events/batch?create_contacts=true"
    assert api.http.post(url, content=lines[-1], headers=headers).json()["data"]["accepted"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"events": []}, 422),
        ({"events": {}}, 422),
        ({"events": [{"type": "a", "external_id": "x"}] * 10_001}, 422),
        ([], 400),
    ],
)
def test_a_batch_that_is_none_is_refused(api: Client, body: Any, status: int) -> None:
    assert api.post("/events/batch", body).status_code == status


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
def test_a_byte_order_mark_does_not_count(api: Client, content_type: str) -> None:
    event = {"type": "a", "contact_id": api.contact()["id"]}
    text = json.dumps({"events": [event]} if content_type == "application/json" else event)
    response = api.http.post(
        "/events/batch", content=b"\xef\xbb\xbf" + text.encode(), headers={"Content-Type": content_type}
    )
    assert response.json()["data"] == {"accepted": 1, "duplicates": 0, "rejected": []}


@pytest.mark.parametrize("timestamp", [None, "2026-03-08T12:00:00Z"])
def test_events_of_one_instant_stand_in_the_order_they_were_told(api: Client, timestamp: str | None) -> None:
    ada, ben = api.contact(), api.contact()
    told = [
        {"type": "step", "contact_id": contact["id"], "title": str(n), "timestamp": timestamp}
        for n in range(60)
        for contact in (ada, ben)
    ]
    assert batch(api, *told)["accepted"] == 120
    for contact in (ada, ben):
        items = timeline(api, contact, types="step", order="asc", limit=200)
        assert [item["title"] for item in items] == [str(n) for n in range(60)]


def test_ten_thousand_events_in_one_batch(api: Client) -> None:
    ada = api.contact(external_id="ada")
    events = [{"type": "visit", "external_id": "ada", "event_id": str(n)} for n in range(9_999)]
    assert batch(api, *events, {"type": "visit", "external_id": "x"})["accepted"] == 9_999
    told = batch(api, *events, {"type": "visit", "external_id": "ada"})
    assert (told["accepted"], told["duplicates"]) == (1, 9_999)
    pagination = api.get(f"/contacts/{ada['id']}/timeline").json()["meta"]["pagination"]
    assert (pagination["total"], pagination["total_is_exact"]) == (1_000, False)


def test_events_of_contacts_that_are_not_there_are_refused(api: Client) -> None:
    ada = api.contact()
    api.delete(f"/contacts/{ada['id']}?soft=true")
    for id in (ada["id"], "con_" + "0" * 26, "nonsense"):
        assert api.post(f"/contacts/{id}/events", {"type": "a"}).status_code == 404


def test_another_workspaces_contact_takes_no_events(api: Client, workspace: Any) -> None:
    ada = workspace.test_api.contact(external_id="ada")
    assert api.post(f"/contacts/{ada['id']}/events", {"type": "a"}).status_code == 404
    told = batch(api, {"type": "a", "contact_id": ada["id"]}, {"type": "a", "external_id": "ada"})
    assert [r["code"] for r in told["rejected"]] == ["NOT_FOUND", "NOT_FOUND"]


def test_an_idempotent_batch_is_replayed(api: Client) -> None:
    api.contact(external_id="ada")
    body = {"events": [{"type": "visit", "external_id": "ada"}]}
    answers = [api.post("/events/batch", body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotent-replayed"] == "true"


def test_erasing_a_contact_removes_its_events_and_frees_their_ids(api: Client) -> None:
    ada = api.contact(external_id="ada")
    event = {"type": "visit", "external_id": "ada", "event_id": "e1"}
    assert batch(api, event)["accepted"] == 1
    assert api.delete(f"/contacts/{ada['id']}").status_code == 204
    again = api.contact(external_id="ada")
    assert batch(api, event)["accepted"] == 1
    assert len(timeline(api, again, types="visit")) == 1
