"""What happened to invented people: `events()`, in columns.

A person's history depends on the seed, the person and the end alone, never on who else is in the batch.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.interfaces.demo import episodes as e
from orbit_contacts.interfaces.demo.draws import Draws, Indices, Rows
from orbit_contacts.interfaces.demo.events import INBOUND, OUTBOUND, EventBatch, Tape, Thread
from orbit_contacts.interfaces.demo.habits import DAY, EMAIL, SMS, Habits, LocalTime, habits_of
from orbit_contacts.interfaces.demo.people import BATCH, Person
from orbit_contacts.interfaces.demo.rhythm import microseconds

_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE

_DELIVERED_SHARE = 0.965
_AT_ONCE_SHARE = 0.6
"""Of the answers: how many come within the hour or so; the others wait for the person's own hour."""
_CLICK_SHARES = np.array([0.75 if channel == EMAIL else 0.45 for channel in range(len(e.CHANNELS))])
"""Of the answers by channel: how many click; the rest reply, and some do both."""
_BOTH_SHARE = 0.12
_MACHINE_OPENS, _IDLE_OPENS, _IDLE_READS = 0.3, 0.2, 0.5
"""E-mail that machines open; mail and chats that people open and leave at that."""


def events(
    seed: int, persons: Sequence[Person], *, per_contact: float = 10.0, until: datetime, batch: int = BATCH
) -> Iterator[EventBatch]:
    """The history of `persons` up to `until` (aware): about `per_contact` events each, `contact.created`
    included.

    One batch for each `batch` persons; `person` counts from the start of `persons`. Who was added lately had
    no time for much, and has fewer. Raises InvalidRequest when an argument is out of range.
    """
    if not 1.0 <= per_contact <= 10_000.0:
        raise InvalidRequest(
            "The number of events for a contact is out of range.",
            field="per_contact",
            value=per_contact,
            expected="1 to 10,000",
        )
    if until.tzinfo is None:
        raise InvalidRequest("The time has no zone.", field="until", value=str(until), expected="a time with a zone")
    return _batches(Draws(seed), persons, per_contact, microseconds(until), max(batch, 1))


def _batches(
    draws: Draws, persons: Sequence[Person], per_contact: float, until: int, batch: int
) -> Iterator[EventBatch]:
    for first in range(0, len(persons), batch):
        part = persons[first : first + batch]
        told = _history(draws, part, per_contact, until)
        yield told._replace(person=told.person + first)


def _history(draws: Draws, persons: Sequence[Person], per_contact: float, until: int) -> EventBatch:
    created = e.created_times(persons)
    clock = LocalTime((person.timezone for person in persons), created, until)
    people = e.audience(persons, clock, created)
    habits = habits_of(draws, people.rows)
    # One of a person's events is `contact.created`.
    all_of_them = e.episodes(draws, people, habits, clock, (per_contact - 1) / e.EVENTS_PER_EPISODE, until)
    tape = Tape(draws, until)
    own_key = people.rows << np.uint64(16) | np.uint64(0xFFFF)
    Thread(tape, np.arange(len(persons)), own_key).record("contact.created", created)
    tell = {
        e.CAMPAIGN: _campaign,
        e.INBOUND: _inbound,
        e.CALL: _call,
        e.TICKET: _ticket,
        e.ORDER: _order,
        e.NOTE: _note,
    }
    for kind, telling in tell.items():
        telling(tape, draws, people, habits, all_of_them.only(all_of_them.kind == kind))
    return tape.batch()


def _campaign(tape: Tape, draws: Draws, people: e.Audience, habits: Habits, sent: e.Episodes) -> None:
    person, key, channel = sent.person, sent.key, sent.channel
    message = Thread(tape, person, key, channel, OUTBOUND)
    message.record("message.sent", sent.at)
    is_delivered = (draws.uniform("delivered", key) < _DELIVERED_SHARE) & ~habits.is_dead[person, channel]
    delivered = sent.at + _after(draws, "delivery", key, 4 * _SECOND)
    message.record("message.delivered", delivered, where=is_delivered)
    message.record("message.failed", delivered, where=~is_delivered)
    is_answered = is_delivered & (draws.uniform("answer", key) < habits.answers(person, channel, sent.local))
    answered = delivered + _delay(draws, habits, sent)
    way = draws.uniform("way", key)
    is_clicked = is_answered & (way < _CLICK_SHARES[channel])
    is_replied = is_answered & (~is_clicked | (draws.uniform("both", key) < _BOTH_SHARE))
    is_mail = channel == EMAIL
    idle = draws.uniform("idle", key)
    by_machine = is_mail & (draws.uniform("machine", key) < _MACHINE_OPENS)
    is_opened = is_delivered & is_mail & (is_answered | by_machine | (idle < _IDLE_OPENS))
    is_read = is_delivered & ~is_mail & (channel != SMS) & (is_answered | (idle < _IDLE_READS))
    seen = np.where(by_machine, delivered + 20 * _SECOND, np.maximum(answered - _MINUTE, delivered + _SECOND))
    message.record("message.opened", seen, where=is_opened)
    message.record("message.read", seen, where=is_read)
    message.record("message.clicked", answered, where=is_clicked)
    replied = answered + np.where(is_clicked, 3 * _MINUTE, 0)
    message.record("message.replied", replied, where=is_replied, direction=INBOUND)


def _delay(draws: Draws, habits: Habits, sent: e.Episodes) -> Indices:
    """How long an answer takes: about half an hour, or until the person's own hour has come, within a day."""
    at_once = 2 * _MINUTE + _after(draws, "at once", sent.key, 35 * _MINUTE)
    own = (habits.hour[sent.person] + 0.4 * draws.logistic("answer hour", sent.key)) % 24 * _HOUR
    later = (own.astype(np.int64) - sent.local % DAY) % DAY + 5 * _MINUTE
    return np.where(draws.uniform("patience", sent.key) < _AT_ONCE_SHARE, at_once, later)


def _after(draws: Draws, purpose: str, key: Rows, mean: int) -> Indices:
    """An exponential waiting time in microseconds, at most ten times its mean."""
    return (np.minimum(-np.log(1 - draws.uniform(purpose, key)), 10.0) * mean).astype(np.int64)


def _inbound(tape: Tape, draws: Draws, people: e.Audience, habits: Habits, sent: e.Episodes) -> None:
    Thread(tape, sent.person, sent.key, sent.channel, INBOUND).record("message.received", sent.at)


def _call(tape: Tape, draws: Draws, people: e.Audience, habits: Habits, made: e.Episodes) -> None:
    person, key = made.person, made.key
    direction = (draws.uniform("caller", key) < 0.2).astype(np.int64)
    # Somebody is there to answer a call to the business; the person answers when it suits.
    chance = np.where(direction == INBOUND, 0.92, habits.answers(person, made.channel, made.local))
    is_answered = draws.uniform("answer", key) < chance
    seconds = 8 + (_after(draws, "talk", key, 200 * _SECOND) // _SECOND)
    answered = made.at + 3 * _SECOND + _after(draws, "ringing", key, 6 * _SECOND)
    call = Thread(tape, person, key, made.channel, direction)
    call.record("call.started", made.at)
    call.record("call.answered", answered, where=is_answered)
    call.record("call.missed", made.at + 30 * _SECOND, where=~is_answered)
    call.record("call.ended", answered + seconds * _SECOND, where=is_answered, seconds=seconds)


def _ticket(tape: Tape, draws: Draws, people: e.Audience, habits: Habits, opened: e.Episodes) -> None:
    person, key = opened.person, opened.key
    updated = opened.at + _after(draws, "first answer", key, 5 * _HOUR)
    closed = updated + _after(draws, "solution", key, 40 * _HOUR)
    ticket = Thread(tape, person, key, opened.channel, INBOUND)
    ticket.record("ticket.opened", opened.at)
    ticket.record("ticket.updated", updated, where=draws.uniform("updated", key) < 0.8)
    ticket.record("ticket.closed", closed, where=draws.uniform("closed", key) < 0.88)


def _order(tape: Tape, draws: Draws, people: e.Audience, habits: Habits, placed: e.Episodes) -> None:
    person, key = placed.person, placed.key
    price_level = people.price_level[person]
    # The median order is e^3.9, 49 dollars' worth; dear currencies have no small coins.
    value = np.exp(3.9 + 0.5 * draws.logistic("value", key)) * price_level
    value = np.where(price_level >= 50, np.round(value), np.round(value, 2))
    order = Thread(tape, person, key)
    order.record("order.placed", placed.at, value=value)
    refunded = placed.at + DAY + _after(draws, "return", key, 6 * DAY)
    order.record("order.refunded", refunded, where=draws.uniform("refunded", key) < 0.045, value=value)


def _note(tape: Tape, draws: Draws, people: e.Audience, habits: Habits, written: e.Episodes) -> None:
    Thread(tape, written.person, written.key).record("note.created", written.at)
