"""The sums are the same whatever the order, the batches and the repetitions the events come in."""

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orbit_contacts.core.clock import DAY
from orbit_contacts.features.next_best_action.decay import HOUR, LANDMARK, weight
from orbit_contacts.features.next_best_action.events import CHANNEL_INDEX, NO_CHANNEL, VOICE, Code
from orbit_contacts.features.next_best_action.local_time import bin_of, zone
from orbit_contacts.features.next_best_action.messages import Events, Messages
from orbit_contacts.features.next_best_action.rebuild import Contacts, State, rebuild, update
from orbit_contacts.features.next_best_action.state import ContactState, Event, MessageState

NOW = LANDMARK + 300 * DAY
BERLIN = zone("Europe/Berlin")
EMAIL, WHATSAPP = CHANNEL_INDEX["email"], CHANNEL_INDEX["whatsapp"]
MESSAGES = {11: EMAIL, 12: EMAIL, 13: WHATSAPP, 14: VOICE, 15: WHATSAPP}


def columns(rows: list[tuple[Event, int]], contact: int = 0) -> Events:
    """Events of one contact, each with the key of its message."""
    return Events(
        np.full(len(rows), contact, dtype=np.int64),
        np.array([event.code for event, _ in rows], dtype=np.uint8),
        np.array([event.channel for event, _ in rows], dtype=np.uint8),
        np.array([event.instant for event, _ in rows], dtype=np.int64),
        np.array([key for _, key in rows], dtype=np.int64),
        np.array([event.value for event, _ in rows], dtype=np.float64),
    )


def same(one: State, other: State) -> None:
    for column in fields(State):
        left, right = getattr(one, column.name), getattr(other, column.name)
        np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9, err_msg=column.name)


def as_state(contact: ContactState, slots: np.ndarray, squares: float) -> State:
    """The scalar state in columns of one contact."""
    values = {
        column.name: np.array([getattr(contact, column.name)])
        for column in fields(State)
        if not column.name.startswith("workspace_")
    }
    return State(
        **values, workspace_trials=slots[0], workspace_successes=slots[1], workspace_squares=np.array([squares])
    )


instants = st.integers(min_value=NOW - 30 * DAY, max_value=NOW)
of_a_message = st.tuples(
    st.sampled_from([Code.SENT, Code.DELIVERED, Code.FAILED, Code.ENGAGED]),
    st.sampled_from(sorted(MESSAGES)),
    instants,
).map(lambda row: (Event(row[0], MESSAGES[row[1]], row[2]), row[1]))
of_the_contact = st.tuples(
    st.sampled_from([Code.RECEIVED, Code.ACTIVE, Code.ORDERED, Code.REFUNDED, Code.TICKET_OPENED, Code.TICKET_CLOSED]),
    st.sampled_from([EMAIL, WHATSAPP, NO_CHANNEL]),
    instants,
    st.floats(0, 500),
).map(lambda row: (Event(*row), 0))
histories = st.lists(st.one_of(of_a_message, of_the_contact), max_size=25)


@settings(max_examples=150, deadline=None)
@given(histories, st.randoms(use_true_random=False), st.lists(st.integers(0, 25), max_size=4))
def test_late_shuffled_and_repeated_events_give_what_a_rebuild_gives(history, random, cuts):
    contacts = Contacts(np.zeros(1, dtype=np.int64), [BERLIN])
    whole, _ = rebuild(columns(history), contacts, NOW)

    # Event by event: shuffled, some of them twice, deduplicated by their id as the caller does.
    arrivals = list(enumerate(history)) * 2
    random.shuffle(arrivals)
    contact, messages, slots, seen, squares = ContactState(), {}, np.zeros((2, 11, 16)), set(), 0.0
    for clock, (event_id, (event, key)) in enumerate(arrivals):
        if event_id in seen:
            continue
        seen.add(event_id)
        message = messages.setdefault(key, MessageState()) if key else None
        early = NOW - 10 * DAY if clock < len(arrivals) // 2 else NOW
        delta = contact.apply(event, message, BERLIN, early)
        for channel, slot, trials, successes in delta.slots:
            slots[:, channel, slot] += (trials, successes)
            squares += trials * abs(trials)
    for message in messages.values():
        for channel, slot, trials, successes in contact.mature(message, BERLIN, NOW).slots:
            slots[:, channel, slot] += (trials, successes)
            squares += trials * abs(trials)
    same(as_state(contact, slots, squares), whole)

    # In batches: shuffled and cut anywhere, the first ones taken in at an earlier time.
    shuffled = list(history)
    random.shuffle(shuffled)
    edges = [0, *sorted(min(cut, len(history)) for cut in cuts), len(history)]
    total, known = update(columns([]), Messages.none(), contacts, NOW)
    for turn, (first, last) in enumerate(pairwise(edges)):
        clock = NOW - 20 * DAY if turn == 0 else NOW
        delta, known = update(columns(shuffled[first:last]), known, contacts, clock)
        total = total.plus(delta)
    delta, _ = update(columns([]), known, contacts, NOW)
    same(total.plus(delta), whole)


def test_success_is_booked_on_the_slot_of_the_send():
    sent = LANDMARK + 9 * HOUR
    history = [
        (Event(Code.SENT, EMAIL, sent), 11),
        (Event(Code.ENGAGED, EMAIL, sent + 20 * HOUR), 11),
    ]
    state, _ = rebuild(columns(history), Contacts(np.zeros(1, dtype=np.int64), [BERLIN]), sent + 21 * HOUR)
    assert state.slot_successes[0, bin_of(sent, BERLIN)] == pytest.approx(weight(sent))
    assert state.workspace_successes[EMAIL, bin_of(sent, BERLIN)] == pytest.approx(weight(sent))
    assert state.workspace_successes.sum() == pytest.approx(weight(sent))


@pytest.mark.parametrize(("channel", "hours"), [("email", 72), ("whatsapp", 48), ("sms", 48), ("voice", 24)])
def test_an_unanswered_send_is_a_trial_only_once_its_window_has_closed(channel, hours):
    index, sent = CHANNEL_INDEX[channel], NOW - hours * HOUR
    history = [(Event(Code.SENT, index, sent), 11)]
    contacts = Contacts(np.zeros(1, dtype=np.int64), [BERLIN])
    assert rebuild(columns(history), contacts, NOW - 1)[0].trials.sum() == 0.0
    assert rebuild(columns(history), contacts, NOW)[0].trials[0, index] == pytest.approx(weight(sent))


def test_an_answer_after_the_window_is_no_success():
    history = [
        (Event(Code.SENT, WHATSAPP, NOW - 10 * DAY), 13),
        (Event(Code.ENGAGED, WHATSAPP, NOW - 7 * DAY), 13),
    ]
    state, _ = rebuild(columns(history), Contacts(np.zeros(1, dtype=np.int64), [BERLIN]), NOW)
    assert state.trials[0, WHATSAPP] > 0
    assert state.successes.sum() == 0.0
    assert state.last_engaged[0, WHATSAPP] == NOW - 7 * DAY


def test_what_was_not_delivered_is_no_trial_but_counts_against_reachability():
    history = [(Event(Code.SENT, EMAIL, NOW - 20 * DAY), 11), (Event(Code.FAILED, EMAIL, NOW - 19 * DAY), 11)]
    state, _ = rebuild(columns(history), Contacts(np.zeros(1, dtype=np.int64), [BERLIN]), NOW)
    assert state.trials.sum() == 0.0
    assert state.failed[0, EMAIL] == pytest.approx(weight(NOW - 20 * DAY))


def test_events_without_an_id_belong_to_the_latest_send_on_their_channel():
    history = [
        (Event(Code.SENT, EMAIL, NOW - 20 * DAY), 0),
        (Event(Code.SENT, EMAIL, NOW - 19 * DAY), 0),
        (Event(Code.ENGAGED, EMAIL, NOW - 18 * DAY), 0),
        (Event(Code.ENGAGED, WHATSAPP, NOW - 18 * DAY), 0),
    ]
    state, messages = rebuild(columns(history), Contacts(np.zeros(1, dtype=np.int64), [BERLIN]), NOW)
    assert messages.success.tolist().count(True) == 1
    assert state.successes[0, EMAIL] == pytest.approx(weight(NOW - 19 * DAY))
    assert state.trials[0, EMAIL] == pytest.approx(weight(NOW - 19 * DAY) + weight(NOW - 20 * DAY))
    assert state.trials[0, WHATSAPP] == 0.0


def test_a_call_that_was_talked_is_a_trial_even_when_nobody_told_it_started():
    history = [(Event(Code.ENGAGED, VOICE, NOW - 5 * DAY), 0)]
    state, _ = rebuild(columns(history), Contacts(np.zeros(1, dtype=np.int64), [BERLIN]), NOW)
    assert state.successes[0, VOICE] == pytest.approx(state.trials[0, VOICE]) == pytest.approx(weight(NOW - 5 * DAY))


def test_the_same_id_of_two_contacts_is_two_messages():
    events = Events(
        *(
            np.concatenate(
                [getattr(columns([(Event(Code.SENT, EMAIL, NOW - 9 * DAY), 11)], who), name) for who in (0, 1)]
            )
            for name in Events.__slots__
        )
    )
    state, messages = rebuild(events, Contacts(np.zeros(2, dtype=np.int64), [BERLIN]), NOW)
    assert len(messages.key) == 2
    assert (state.trials[:, EMAIL] > 0).all()


@settings(max_examples=60, deadline=None)
@given(histories)
def test_what_is_stored_can_be_computed_again_and_taken_off(history):
    """The way out where adding is not exact: a new time zone, or an event that names no message."""
    contacts, tokyo = Contacts(np.zeros(1, dtype=np.int64), [BERLIN]), zone("Asia/Tokyo")
    early = NOW - 10 * DAY
    stored, messages = update(columns(history), Messages.none(), contacts, early)
    again, _ = rebuild(columns(history), contacts, NOW, uncounted=messages.key[~messages.counted])
    same(again, stored)
    moved = Contacts(np.zeros(1, dtype=np.int64), [tokyo])
    fresh, _ = rebuild(columns(history), moved, NOW)
    np.testing.assert_allclose(
        stored.workspace_trials + (fresh.workspace_trials - again.workspace_trials),
        fresh.workspace_trials,
        atol=1e-9,
    )
