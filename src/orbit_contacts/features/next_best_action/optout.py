"""Chance that a send makes the contact opt out: Beta-binomial by channel and by sends in the week before.

An opt-out within 7 days of a send is put down to the latest send before it, on the channel it names or, when it
names none, on any. The cells borrow from their column (recent sends), the columns from the workspace, and the
workspace from a shipped rate.
"""

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from orbit_contacts.core.clock import SECOND
from orbit_contacts.features.next_best_action.decay import WEEK
from orbit_contacts.features.next_best_action.events import CHANNELS, NO_CHANNEL, Code
from orbit_contacts.features.next_best_action.messages import AHEAD, Events, gather

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TYPICAL: Final = 0.004
"""Opt-outs per send where nothing is known: the order of magnitude senders report for marketing mail."""
_STRENGTH: Final = 250.0
_BUCKETS: Final = 4
_C: Final = len(CHANNELS)


class OptOuts(msgspec.Struct, frozen=True):
    """Counts that the chances are made of, (11, 4) each: channel by 0, 1, 2-3, 4 or more sends in the week."""

    sends: list[list[float]]
    opt_outs: list[list[float]]

    def chances(self) -> Floats:
        """(11, 4) posterior means."""
        sends, left = np.array(self.sends), np.array(self.opt_outs)
        overall = (left.sum() + _STRENGTH * TYPICAL) / (sends.sum() + _STRENGTH)
        column = (left.sum(0) + _STRENGTH * overall) / (sends.sum(0) + _STRENGTH)
        return (left + _STRENGTH * column) / (sends + _STRENGTH)


NONE: Final = OptOuts([[0.0] * _BUCKETS for _ in range(_C)], [[0.0] * _BUCKETS for _ in range(_C)])


def bucket(sends_in_week: npt.NDArray[np.number]) -> Ints:
    """0, 1, 2 (two or three) or 3 (four or more)."""
    return np.searchsorted(np.array([1, 2, 4]), sends_in_week, side="right").astype(np.int64)


def count_opt_outs(events: Events, begin: int, now: int) -> OptOuts:
    """Sends from `begin` on that are at least 7 days old at `now`, and the opt-outs they led to."""
    messages = gather(events)
    messages = messages.where(messages.sent < AHEAD)
    messages = messages.where(np.lexsort((messages.sent, messages.contact)))
    if not len(messages.sent):
        return NONE
    who, when, on = messages.contact, messages.sent, messages.channel
    base = int(when.min())
    # Contact and second in one ordered number; 2^32 seconds are 136 years.
    order = who * 2**32 + (when - base) // SECOND
    recent = np.arange(len(order)) - np.searchsorted(order, order - WEEK // SECOND)
    left = np.zeros(len(order))
    leaving = np.flatnonzero(events.code == Code.OPTED_OUT)
    for row in leaving.tolist():
        at, contact, channel = int(events.instant[row]), int(events.contact[row]), int(events.channel[row])
        first, last = np.searchsorted(who, contact), np.searchsorted(who, contact, side="right")
        near = np.arange(first, last)
        near = near[(when[near] <= at) & (when[near] > at - WEEK)]
        if channel != NO_CHANNEL:
            near = near[on[near] == channel]
        if len(near):
            left[near[-1]] = 1.0
    old = (when >= begin) & (when <= now - WEEK) & (on != NO_CHANNEL)
    cell = (on * _BUCKETS + bucket(recent))[old]
    size = _C * _BUCKETS
    sends = np.bincount(cell, minlength=size).reshape(_C, _BUCKETS)
    gone = np.bincount(cell, left[old], size).astype(np.float64).reshape(_C, _BUCKETS)
    return OptOuts(sends.astype(np.float64).tolist(), gone.tolist())
