"""What each event of the timeline means to the model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.features.next_best_action.events import CHANNEL_INDEX, NO_CHANNEL, VOICE, Code, Meaning, classify

SMS = CHANNEL_INDEX["sms"]


@pytest.mark.parametrize(
    ("type", "channel", "direction", "data", "expected"),
    [
        ("message.sent", "sms", None, {}, Meaning(Code.SENT, SMS, 0.0)),
        ("message.sent", "sms", "outbound", {}, Meaning(Code.SENT, SMS, 0.0)),
        ("message.delivered", "sms", None, {}, Meaning(Code.DELIVERED, SMS, 0.0)),
        ("message.failed", "sms", None, {}, Meaning(Code.FAILED, SMS, 0.0)),
        ("message.clicked", "sms", None, {}, Meaning(Code.ENGAGED, SMS, 0.0)),
        ("message.replied", None, None, None, Meaning(Code.ENGAGED, NO_CHANNEL, 0.0)),
        ("message.received", "sms", "inbound", {}, Meaning(Code.RECEIVED, SMS, 0.0)),
        ("message.opened", "email", None, {}, None),
        ("message.read", "whatsapp", None, {}, None),
        ("call.started", None, "outbound", {}, Meaning(Code.SENT, VOICE, 0.0)),
        ("call.missed", None, None, {}, Meaning(Code.SENT, VOICE, 0.0)),
        ("call.ended", None, None, {"duration_seconds": 9}, Meaning(Code.SENT, VOICE, 0.0)),
        ("call.ended", None, None, {"duration_seconds": 10}, Meaning(Code.ENGAGED, VOICE, 0.0)),
        ("call.answered", None, None, {"duration_seconds": "65"}, Meaning(Code.ENGAGED, VOICE, 0.0)),
        ("call.started", None, "inbound", {}, Meaning(Code.RECEIVED, VOICE, 0.0)),
        ("call.ended", None, "inbound", {"duration_seconds": 99}, None),
        ("order.placed", None, None, {"value": 19.5}, Meaning(Code.ORDERED, NO_CHANNEL, 19.5)),
        ("order.refunded", None, None, {"value": "5"}, Meaning(Code.REFUNDED, NO_CHANNEL, 5.0)),
        ("ticket.opened", None, None, {}, Meaning(Code.TICKET_OPENED, NO_CHANNEL, 0.0)),
        ("ticket.updated", None, None, {}, None),
        ("contact.opted_out", "sms", None, {}, Meaning(Code.OPTED_OUT, SMS, 0.0)),
        ("contact.updated", None, None, {}, None),
        ("note.created", None, None, {}, None),
        ("page.viewed", None, None, {}, Meaning(Code.ACTIVE, NO_CHANNEL, 0.0)),
        ("campaign.pushed", None, "outbound", {}, None),
        ("message.sent", "pigeon", None, {}, Meaning(Code.SENT, NO_CHANNEL, 0.0)),
    ],
)
def test_meaning_of_a_type(type, channel, direction, data, expected):
    assert classify(type, channel, direction, None, data) == expected


@pytest.mark.parametrize("type", ["message.sent", "message.clicked", "message.failed"])
def test_transactional_messages_teach_nothing(type):
    assert classify(type, "sms", None, "transactional", {}) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner), max_leaves=3
)


@given(
    st.sampled_from(["message.sent", "call.ended", "order.placed", "ticket.opened", "x", ""]) | st.text(),
    st.none() | st.text(),
    st.none() | st.text(),
    st.none() | st.text(),
    st.none() | st.dictionaries(st.sampled_from(["value", "duration_seconds"]), anything),
)
def test_no_event_is_an_error(type, channel, direction, category, data):
    meaning = classify(type, channel, direction, category, data)
    assert meaning is None or 0.0 <= meaning.value < 1e15
