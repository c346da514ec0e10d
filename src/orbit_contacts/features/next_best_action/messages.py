"""Messages and calls put together from their events, whatever the order the events come in.

Every column is a minimum, a maximum or an `or` over the events of one message, so that events may come late,
shuffled and in any batches.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action.events import CHANNELS, NO_CHANNEL, VOICE, WINDOWS, Code

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = Bools | npt.NDArray[np.intp]

NEVER: Final = -(2**62)
"""The instant of what has not happened yet and is looked for at the latest; the database holds NULL."""
AHEAD: Final = 2**62
"""The instant of what has not happened yet and is looked for at the earliest; the database holds NULL."""

_C: Final = len(CHANNELS)


@dataclass(slots=True)
class Events:
    """Columns of n events of m contacts, any order, already deduplicated by event id."""

    contact: Ints
    """(n,) 0..m-1"""
    code: npt.NDArray[np.uint8]
    """(n,) `Code`"""
    channel: npt.NDArray[np.uint8]
    """(n,) index into CHANNELS, or NO_CHANNEL"""
    instant: Ints
    """(n,) microseconds, UTC"""
    key: Ints
    """(n,) a hash of the message id or call id; 0 when the event names none"""
    value: Floats
    """(n,) money of an order, else 0"""

    def where(self, rows: Rows) -> "Events":
        """The events at `rows`."""
        return Events(
            self.contact[rows],
            self.code[rows],
            self.channel[rows],
            self.instant[rows],
            self.key[rows],
            self.value[rows],
        )


@dataclass(slots=True)
class Messages:
    """Columns of k messages and calls."""

    contact: Ints
    key: Ints
    channel: Ints
    """The smallest channel index its events name, NO_CHANNEL while none does."""
    sent: Ints
    """First send; AHEAD while only other events of the message are known."""
    last_sent: Ints
    """Last send; NEVER likewise."""
    delivered: Ints
    """First delivery, or AHEAD"""
    failed: Bools
    engaged: Ints
    """First click, reply or talk, or AHEAD"""
    last_engaged: Ints
    """Last one, or NEVER"""
    counted: Bools
    """Whether the sums hold the message as a trial."""

    @property
    def start(self) -> Ints:
        """When the trial began: some senders report only deliveries, some only calls that were talked."""
        call = np.where(self.channel == VOICE, self.engaged, AHEAD)
        begun = np.minimum(self.sent, call)
        return np.where(begun < AHEAD, begun, self.delivered)

    @property
    def known(self) -> Bools:
        """Whether there is a send to speak of."""
        return (self.start < AHEAD) & (self.channel != NO_CHANNEL)

    @property
    def success(self) -> Bools:
        """An answer within the window of the channel."""
        return self.known & (self.engaged < self.start + self._window)

    @property
    def known_at(self) -> Ints:
        """When the trial counts: at its success, else when its window closes; AHEAD when it never does."""
        success = self.success
        known = np.where(success, np.maximum(self.engaged, self.start), self.start + self._window)
        return np.where(self.known & (success | ~self.failed), known, AHEAD)

    @property
    def _window(self) -> Ints:
        return WINDOWS[np.minimum(self.channel, _C - 1)]

    def where(self, rows: Rows) -> "Messages":
        """The messages at `rows`."""
        return Messages(*(getattr(self, column.name)[rows] for column in fields(self)))

    @staticmethod
    def none() -> "Messages":
        """No message at all."""
        no, never = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
        return Messages(no, no, no, no, no, no, never, no, no, never)


def gather(events: Events) -> Messages:
    """The messages and calls the events speak of, none of them counted.

    Events with a key belong to the message of that key. A send without a key is a message of its own; what
    else has no key belongs to the contact's latest send on the same channel, if that lies within the window.
    """
    rows = np.flatnonzero((events.code >= Code.SENT) & (events.code <= Code.ENGAGED))
    events = events.where(rows)
    if (events.key == 0).any():
        events.key = _adopted(events)
        events = events.where(events.key != 0)
    sent, engaged = events.code == Code.SENT, events.code == Code.ENGAGED
    return _grouped(
        Messages(
            contact=events.contact,
            key=events.key,
            channel=events.channel.astype(np.int64),
            sent=np.where(sent, events.instant, AHEAD),
            last_sent=np.where(sent, events.instant, NEVER),
            delivered=np.where(events.code == Code.DELIVERED, events.instant, AHEAD),
            failed=events.code == Code.FAILED,
            engaged=np.where(engaged, events.instant, AHEAD),
            last_engaged=np.where(engaged, events.instant, NEVER),
            counted=np.zeros(len(events.key), dtype=np.bool_),
        )
    )


def merge(known: Messages, fresh: Messages) -> Messages:
    """`known` with what `fresh` adds; a message may be in both."""
    return _grouped(
        Messages(
            *(np.concatenate([getattr(known, column.name), getattr(fresh, column.name)]) for column in fields(known))
        )
    )


def _grouped(parts: Messages) -> Messages:
    """One row for each (contact, key)."""
    if not len(parts.key):
        return parts
    # One 64-bit number for the pair sorts twice as fast as two columns; it meets itself once in 2^64 pairs.
    pair = parts.key ^ (parts.contact * np.int64(-7046029254386353131))
    order = np.argsort(pair)
    pair = pair[order]
    first = np.flatnonzero(np.concatenate([[True], pair[1:] != pair[:-1]]))

    def least(column: Ints) -> Ints:
        return np.minimum.reduceat(column[order], first)

    def greatest(column: Ints) -> Ints:
        return np.maximum.reduceat(column[order], first)

    def ever(column: Bools) -> Bools:
        return np.logical_or.reduceat(column[order], first)

    return Messages(
        contact=parts.contact[order[first]],
        key=parts.key[order[first]],
        channel=least(parts.channel),
        sent=least(parts.sent),
        last_sent=greatest(parts.last_sent),
        delivered=least(parts.delivered),
        failed=ever(parts.failed),
        engaged=least(parts.engaged),
        last_engaged=greatest(parts.last_engaged),
        counted=ever(parts.counted),
    )


def _adopted(events: Events) -> Ints:
    """(n,) the key of each event of a message; 0 stays where no send is found."""
    send = events.code == Code.SENT
    loose = events.key == 0
    own = np.where(loose, -(events.instant * 16 + events.channel), events.key)
    cell = events.contact * 256 + events.channel
    # Within a cell by time, a send before what happened at the same instant.
    rows = np.flatnonzero((send | loose) & (events.channel != NO_CHANNEL))
    rows = rows[np.lexsort((~send[rows], events.instant[rows], cell[rows]))]
    latest = np.maximum.accumulate(np.where(send[rows], np.arange(len(rows)), -1))
    parent = rows[np.maximum(latest, 0)]
    window = WINDOWS[np.minimum(events.channel[rows], _C - 1)]
    within = (latest >= 0) & (cell[parent] == cell[rows]) & (events.instant[rows] < events.instant[parent] + window)
    keys = events.key.copy()
    found = rows[within]
    keys[found] = np.where(loose[found], own[parent[within]], keys[found])
    talked = (events.code == Code.ENGAGED) & (events.channel == VOICE) & (keys == 0)
    return np.where((send & loose) | talked, own, keys)
