"""STOP, START and HELP: which texts are keywords, and what they do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.core import ids
from orbit_contacts.core.database import Database, Transaction
from orbit_contacts.features.consent import service
from orbit_contacts.features.consent.keywords import HELP, START, STOP, keyword, meaning
from orbit_contacts.features.timeline import inbound
from tests.conftest import Client, Workspace


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("STOP", "STOP"),
        (" stop.\n", "STOP"),
        ("Stop!!!", "STOP"),
        ('"unsubscribe"', "UNSUBSCRIBE"),
        ("\u200bstop\u200b", "STOP"),
        ("ＳＴＯＰ", "STOP"),
        ("Start", "START"),
        ("help?", "HELP"),
        ("please stop by tomorrow", None),
        ("stopp", None),
        ("don't stop", None),
        ("", None),
        ("...", None),
        ("STOP " * 40, None),
    ],
)
def test_only_a_whole_message_is_a_keyword(text: str, word: str | None) -> None:
    assert keyword(text) == word


@given(st.sampled_from(sorted(STOP | START | HELP)), st.text(" \t\n", max_size=3), st.text(" .!?,…", max_size=5))
def test_space_case_and_punctuation_do_not_matter(word: str, before: str, after: str) -> None:
    assert keyword(before + word.lower() + after) == keyword(before + word + after) == word


@given(st.text(max_size=80))
def test_any_text_has_a_keyword_or_none(text: str) -> None:
    word = keyword(text)
    assert word is None or meaning(word) in ("stop", "start", "help")


@pytest.fixture
def send(workspace: Workspace, database: Database):
    async def send(contact: dict[str, str], channel: str, text: str) -> service.KeywordAnswer | None:
        id = ids.parse("con", contact["id"])
        assert id is not None
        async with database.transaction(workspace.caller) as tx:
            return await service.inbound_keyword(tx, id, channel, text)

    return send


def closed(api: Client, contact: dict[str, str]) -> set[str]:
    shown = api.data("GET", f"/contacts/{contact['id']}/preferences")["preferences"]
    return {channel for channel, status in shown.items() if status == "opted_out"}


async def test_stop_closes_everything_the_number_is_reached_by(api: Client, send) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    answer = await send(jane, "sms", "Stop!")
    assert (answer.keyword, answer.meaning) == ("STOP", "stop")
    assert "START" in answer.reply
    assert closed(api, jane) == set(api.data("GET", f"/contacts/{jane['id']}/preferences")["preferences"]) - {"email"}
    entries = api.data("GET", "/compliance/suppression-list")
    assert {(entry["scope"], entry["source"]) for entry in entries} == {("all", "keyword"), ("sms", "keyword")}
    assert api.data("GET", f"/contacts/{jane['id']}")["dnc"] is True


async def test_a_second_stop_is_not_answered_and_writes_nothing(api: Client, send) -> None:
    jane = api.contact(phone="+14155552671")
    await send(jane, "sms", "STOP")
    before = api.data("GET", f"/contacts/{jane['id']}/consent/history")
    assert (await send(jane, "sms", "stopall")).reply is None
    assert api.data("GET", f"/contacts/{jane['id']}/consent/history") == before


async def test_start_opens_the_channel_it_came_on_and_no_other(api: Client, send) -> None:
    jane = api.contact(phone="+14155552671")
    await send(jane, "whatsapp", "STOP")
    everything = closed(api, jane)
    assert "STOP" in (await send(jane, "whatsapp", "unstop")).reply
    assert everything - closed(api, jane) == {"whatsapp"}
    assert api.data("GET", f"/contacts/{jane['id']}/preferences")["preferences"]["whatsapp"] == "opted_in"
    await send(jane, "whatsapp", "STOP")
    assert closed(api, jane) == everything


@pytest.mark.parametrize(("channel", "expected"), [("email", {"email"}), ("messenger", {"messenger"})])
async def test_stop_elsewhere_closes_that_channel(api: Client, send, channel: str, expected: set[str]) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    await send(jane, channel, "unsubscribe")
    assert closed(api, jane) == expected


async def test_stop_of_a_person_whose_number_we_do_not_know(api: Client, send) -> None:
    jane = api.contact(external_id="jane-1")
    await send(jane, "sms", "STOP")
    assert closed(api, jane) == {"fax", "rcs", "sms", "viber", "voice", "whatsapp"}


async def test_help_and_ordinary_messages_change_nothing(api: Client, send) -> None:
    jane = api.contact(phone="+14155552671")
    assert "STOP" in (await send(jane, "sms", "HELP")).reply
    assert await send(jane, "sms", "Thanks!") is None
    assert await send(jane, "carrier_pigeon", "STOP") is None
    assert api.data("GET", f"/contacts/{jane['id']}/consent/history") == []


async def test_an_inbound_message_is_heard_in_its_own_transaction(
    api: Client, workspace: Workspace, database: Database
) -> None:
    jane = api.contact(phone="+14155552671")
    id = ids.parse("con", jane["id"])

    async def receive(tx: Transaction, text: object) -> None:
        for hear in inbound.received:
            await hear(tx, id, "sms", {"text": text})

    async def receive_and_fail(tx: Transaction) -> None:
        await receive(tx, "STOP")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.run(Transaction, workspace.caller, receive_and_fail)
    assert closed(api, jane) == set()
    async with database.transaction(workspace.caller) as tx:
        await receive(tx, "STOP")
        await receive(tx, 7)
    assert "sms" in closed(api, jane)


def test_stop_as_an_event_over_http(api: Client) -> None:
    jane = api.contact(phone="+14155552671", email="jane@example.com")
    event = {"type": "message.received", "channel": "sms", "data": {"text": "Stop."}}
    assert api.post(f"/contacts/{jane['id']}/events", event).status_code == 202
    assert {"sms", "voice", "whatsapp"} <= closed(api, jane)
    assert "email" not in closed(api, jane)
