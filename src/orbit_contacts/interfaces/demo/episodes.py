"""When something happens between a business and its people, and of what kind: numpy columns of episodes.

An episode is a campaign message with its fate, a message from the person, a call, a ticket, an order or a
note; `history.py` turns episodes into events.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orbit_contacts.interfaces.demo.draws import Choices, Draws, Indices, Rows
from orbit_contacts.interfaces.demo.habits import (
    CHANNELS,
    DAY,
    EMAIL,
    SMS,
    VOICE,
    Habits,
    LocalTime,
    is_weekend,
)
from orbit_contacts.interfaces.demo.people import Person
from orbit_contacts.interfaces.demo.populations import populations
from orbit_contacts.interfaces.demo.rhythm import microseconds
from orbit_contacts.interfaces.demo.traits import PAYING_STAGES

KINDS = {"campaign": 0.69, "inbound": 0.07, "call": 0.08, "ticket": 0.05, "order": 0.07, "note": 0.04}
CAMPAIGN, INBOUND, CALL, TICKET, ORDER, NOTE = range(len(KINDS))

EVENTS_PER_EPISODE = 2.34
"""On average over all kinds: measured, and held by a test."""

_ACTIVITY = {
    "lead": 0.73,
    "customer": 1.37,
    "trial": 1.08,
    "churned": 0.78,
    "partner": 1.17,
    "evangelist": 1.86,
}
"""How busy a stage is; 1 on average over all people."""

_KIND = Choices([list(KINDS.values())])
_EMAIL_SHARE, _SMS_SHARE = 0.52, 0.2
"""Of the messages to people who can be reached on all channels; the rest go by the country's chat."""

_SENDING_HOUR = Choices([[4, 9, 12, 10, 7, 6, 7, 8, 7, 7, 8, 7, 5, 3]])
_FIRST_SENDING_HOUR = 8
"""Campaigns leave between 8 and 22 local time, most in the morning: not when people like to answer."""
_POSTPONED_WEEKENDS = 0.65
_HOUR = DAY // 24
_LONGEST = 65_535
"""Episodes of one person at most: their numbers fill 16 bits of a key."""


class Audience(NamedTuple):
    """What a history needs of each person, in columns; `zone` is a number of the `LocalTime` at hand."""

    rows: Rows
    created: Indices
    zone: Indices
    has_email: NDArray[np.bool_]
    has_phone: NDArray[np.bool_]
    chat: Indices
    is_paying: NDArray[np.bool_]
    activity: NDArray[np.float64]
    price_level: NDArray[np.float64]


class Episodes(NamedTuple):
    """`person` is the place in the audience, `key` unlike any other of the seed, `at` and `local`
    microseconds.

    `channel` is -1 for orders and notes. Each person's episodes are together, in no strict order of time.
    """

    person: Indices
    key: Rows
    kind: Indices
    channel: Indices
    at: Indices
    local: Indices

    def only(self, kept: NDArray[np.bool_]) -> "Episodes":
        return Episodes(
            self.person[kept],
            self.key[kept],
            self.kind[kept],
            self.channel[kept],
            self.at[kept],
            self.local[kept],
        )


def audience(persons: Sequence[Person], clock: LocalTime, created: Indices) -> Audience:
    """The columns of these people; `created` are their times in microseconds."""
    # A country's first population speaks for it: a person does not say which population it is of.
    chat = {population.country: CHANNELS.index(population.chat) for population in reversed(populations())}
    price = {population.country: population.price_level for population in populations()}
    return Audience(
        np.array([person.row for person in persons], dtype=np.uint64),
        created,
        clock.numbers([person.timezone for person in persons]),
        np.array([person.email is not None for person in persons], dtype=bool),
        np.array([person.phone is not None for person in persons], dtype=bool),
        np.array([chat[person.country_code] for person in persons], dtype=np.int64),
        np.array([person.lifecycle_stage in PAYING_STAGES for person in persons], dtype=bool),
        np.array([_ACTIVITY[person.lifecycle_stage] for person in persons], dtype=np.float64),
        np.array([price[person.country_code] for person in persons], dtype=np.float64),
    )


def created_times(persons: Sequence[Person]) -> Indices:
    """`created_at` in microseconds since the epoch."""
    return np.array([microseconds(person.created_at) for person in persons], dtype=np.int64)


def episodes(
    draws: Draws, people: Audience, habits: Habits, clock: LocalTime, per_person: float, until: int
) -> Episodes:
    """About `per_person` episodes each, from each one's creation to `until`, fewer for those made lately."""
    counts = _counts(draws, people, per_person, until)
    person = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(len(person)) - np.repeat(np.cumsum(counts) - counts, counts)
    key = people.rows[person] << np.uint64(16) | number.astype(np.uint64)
    along = (number + draws.uniform("episode", key)) / counts[person]
    created = people.created[person]
    moment = created + (along * (until - created)).astype(np.int64)
    kind = _kinds(draws, people, person, key)
    channel = _channels(draws, people, person, key, kind)
    offset = clock.offset(people.zone[person], moment)
    day = (moment + offset) // DAY
    is_sent = (kind == CAMPAIGN) | (kind == CALL) | (kind == NOTE)
    nobody = np.zeros(len(person), dtype=np.int64)
    sending_hour = _FIRST_SENDING_HOUR + _SENDING_HOUR.pick(nobody, draws.uniform("sending hour", key))
    sending = (sending_hour + draws.uniform("sending minute", key)) * _HOUR
    postponed = is_sent & is_weekend(day * DAY) & (draws.uniform("postponed", key) < _POSTPONED_WEEKENDS)
    own_hour = (habits.hour[person] + 0.7 * draws.logistic("own hour", key)) % 24 * _HOUR
    hour = np.where(is_sent, sending, own_hour).astype(np.int64)
    local = np.where(postponed, day + 2, day) * DAY + hour
    local = np.where(local - offset < created, local + DAY, local)
    at = local - offset
    return Episodes(person, key, kind, channel, at, local).only(at < until)


def _counts(draws: Draws, people: Audience, per_person: float, until: int) -> Indices:
    """Few have much and many have little (exponential over a floor), and nobody more than two a day."""
    lively = people.activity * (0.35 - 0.65 * np.log(1 - draws.uniform("activity", people.rows)))
    wanted = np.floor(per_person * lively + draws.uniform("episodes", people.rows))
    lived = 1 + 2.0 * np.maximum(until - people.created, 0) / DAY
    return np.where(people.created < until, np.minimum(np.minimum(wanted, lived), _LONGEST), 0).astype(np.int64)


def _kinds(draws: Draws, people: Audience, person: Indices, key: Rows) -> Indices:
    kind = _KIND.pick(np.zeros(len(key), dtype=np.int64), draws.uniform("kind", key))
    kind = np.where(((kind == ORDER) | (kind == TICKET)) & ~people.is_paying[person], CAMPAIGN, kind)
    return np.where((kind == CALL) & ~people.has_phone[person], CAMPAIGN, kind)


def _channels(draws: Draws, people: Audience, person: Indices, key: Rows, kind: Indices) -> Indices:
    draw = draws.uniform("channel", key)
    by_phone = np.where((draw - _EMAIL_SHARE) % 1.0 < _SMS_SHARE, SMS, people.chat[person])
    by_email = ((draw < _EMAIL_SHARE) | ~people.has_phone[person]) & people.has_email[person]
    channel = np.where(by_email, EMAIL, by_phone)
    channel = np.where(kind == CALL, VOICE, channel)
    return np.where((kind == ORDER) | (kind == NOTE), -1, channel)
