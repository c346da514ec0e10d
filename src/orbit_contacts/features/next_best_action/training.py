"""Training rows: every matured send with its contact as it stood the moment before the send.

Nothing of a row is known later than its send: trials count from the instant they were known, the workspace's
rates are those of the start of the week. So a fit never sees an outcome before its time.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action.decay import WEEK, weight, weights
from orbit_contacts.features.next_best_action.events import CHANNELS, NO_CHANNEL, Code
from orbit_contacts.features.next_best_action.features import (
    F,
    Rates,
    Snapshot,
    Workspace,
    at,
    parts,
    rates,
    usual,
    weeks_before,
    worth,
)
from orbit_contacts.features.next_best_action.local_time import BINS, bins_of
from orbit_contacts.features.next_best_action.messages import (
    AHEAD,
    NEVER,
    Bools,
    Events,
    Floats,
    Ints,
    Messages,
    gather,
)
from orbit_contacts.features.next_best_action.rebuild import AWAKE, Contacts
from orbit_contacts.features.next_best_action.tastes import HOURS

_C = len(CHANNELS)
_BLOCK = 5_000


@dataclass(slots=True)
class Profile:
    """What is known of m contacts beside their events."""

    lead: Floats
    """(m,) 0 or 1"""
    customer: Floats
    available: Bools
    """(m, 11) channels a message could have gone out on"""


@dataclass(slots=True)
class Examples:
    """k matured sends, oldest first."""

    contact: Ints
    channel: Ints
    bins: Ints
    instant: Ints
    key: Ints
    success: Floats
    """(k,) 0 or 1"""
    available: Bools
    """(k, 11), the channel of the send included"""
    before: Snapshot
    week: Ints
    """(k,) index into `tables`"""
    tables: list[Rates]

    def design(self, hours: Floats = HOURS) -> Floats:
        """(k, F) features of the sends as they were made; `hours` as `features.parts` takes it, here and below."""
        whole = np.empty((len(self.success), F))
        for rows, of in self._by_week(hours):
            whole[rows] = at(of, np.arange(len(rows)), self.channel[rows], self.bins[rows])
        return whole

    def logits(self, coefficients: Floats, hours: Floats = HOURS) -> Floats:
        """(k, 11) what the coefficients (F + 1,) make of every channel, at the hour of the send."""
        whole = np.empty((len(self.success), _C))
        for rows, of in self._by_week(hours):
            for channel in range(_C):
                on = np.full(len(rows), channel)
                seen = at(of, np.arange(len(rows)), on, self.bins[rows])
                whole[rows, channel] = seen @ coefficients[1:] + coefficients[0]
        return whole

    def usual(self, coefficients: Floats, hours: Floats = HOURS) -> Floats:
        """(k,) mean logit of the contact over its channels and all hours, for coefficients (F + 1,)."""
        whole = np.empty(len(self.success))
        for rows, of in self._by_week(hours):
            whole[rows] = usual(of, coefficients, self.available[rows])
        return whole

    def where(self, rows: npt.NDArray[np.intp] | Bools) -> "Examples":
        """The sends at `rows`."""
        return Examples(
            self.contact[rows],
            self.channel[rows],
            self.bins[rows],
            self.instant[rows],
            self.key[rows],
            self.success[rows],
            self.available[rows],
            self.before.where(rows),
            self.week[rows],
            self.tables,
        )

    def _by_week(self, hours: Floats) -> list[tuple[npt.NDArray[np.intp], list[Floats]]]:
        blocks: list[tuple[npt.NDArray[np.intp], list[Floats]]] = []
        for week in range(len(self.tables)):
            rows = np.flatnonzero(self.week == week)
            for first in range(0, len(rows), _BLOCK):
                block = rows[first : first + _BLOCK]
                blocks.append((block, parts(self.before.where(block), self.tables[week], hours)))
        return blocks


def examples(events: Events, contacts: Contacts, profile: Profile, begin: int, now: int) -> Examples:
    """The sends of m contacts from `begin` on whose outcome is known by `now`.

    Args:
        events: all events of these contacts, the ones before `begin` too; deduplicated, any order.
        contacts: their time zones.
        profile: their stage and channels.
        begin, now: microseconds.
    """
    events = events.where(events.instant <= now)
    m = len(contacts.zone_of)
    messages = gather(events)
    messages = messages.where(messages.known)
    bins = bins_of(messages.start, contacts.zone_of[messages.contact], contacts.zones)
    acts = events.where(AWAKE[events.code])
    act_bins = bins_of(acts.instant, contacts.zone_of[acts.contact], contacts.zones)

    chosen = np.flatnonzero((messages.start >= begin) & (messages.known_at <= now))
    chosen = chosen[np.argsort(messages.start[chosen], kind="stable")]
    asked = messages.where(chosen)
    available = profile.available[asked.contact].copy()
    available[np.arange(len(chosen)), asked.channel] = True
    return Examples(
        contact=asked.contact,
        channel=asked.channel,
        bins=bins[chosen],
        instant=asked.start,
        key=asked.key,
        success=asked.success.astype(np.float64),
        available=available,
        before=_before(asked, messages, bins, acts, act_bins, events, profile, m),
        week=(asked.start - begin) // WEEK,
        tables=_weekly(messages, bins, acts, act_bins, begin, now),
    )


def _weekly(messages: Messages, bins: Ints, acts: Events, act_bins: Ints, begin: int, now: int) -> list[Rates]:
    """Rates of the workspace at `begin`, a week later, and so on up to `now`."""
    count = max(0, (now - begin) // WEEK) + 1

    def running(known: Ints, cell: Ints, amount: Floats, size: int) -> Floats:
        """(count, size) sum of what was known before each week began."""
        week = np.clip((known - begin) // WEEK + 1, 0, count)
        summed = np.bincount(week * size + cell, amount, (count + 1) * size).reshape(count + 1, size)
        return summed.cumsum(0)[:count].astype(np.float64)

    cell = messages.channel * BINS + bins
    weighted = weights(messages.start)
    trials = running(messages.known_at, cell, weighted, _C * BINS)
    successes = running(messages.known_at, cell, weighted * messages.success, _C * BINS)
    squares = running(messages.known_at, np.zeros_like(cell), np.square(weighted), 1)
    act_weight = weights(acts.instant)
    activity = running(acts.instant, act_bins, act_weight, BINS)
    got = np.flatnonzero((acts.code == Code.RECEIVED) & (acts.channel != NO_CHANNEL))
    inbound = running(acts.instant[got], acts.channel[got].astype(np.int64), act_weight[got], _C)
    tables: list[Rates] = []
    for week in range(count):
        fade = 1.0 / weight(begin + week * WEEK)
        tables.append(
            rates(
                Workspace(
                    trials[week].reshape(_C, BINS) * fade,
                    successes[week].reshape(_C, BINS) * fade,
                    activity[week] * fade,
                    inbound[week] * fade,
                    worth(float(trials[week].sum()) * fade, float(squares[week, 0]) * fade * fade),
                )
            )
        )
    return tables


def _before(
    asked: Messages,
    messages: Messages,
    bins: Ints,
    acts: Events,
    act_bins: Ints,
    events: Events,
    profile: Profile,
    m: int,
) -> Snapshot:
    """The contacts of the `asked` sends the moment before them."""
    when, who = asked.start, asked.contact
    fade = 1.0 / weights(when)
    weighted = weights(messages.start)
    known = messages.known_at
    counted = np.flatnonzero(known < AHEAD)
    pair = messages.contact * _C + messages.channel
    slot = messages.contact * BINS + bins
    answered = weighted * messages.success
    act_weight = weights(acts.instant)
    got = np.flatnonzero((acts.code == Code.RECEIVED) & (acts.channel != NO_CHANNEL))
    engaged = np.flatnonzero(messages.engaged < AHEAD)
    tickets = np.flatnonzero((events.code == Code.TICKET_OPENED) | (events.code == Code.TICKET_CLOSED))
    change = np.where(events.code[tickets] == Code.TICKET_OPENED, 1.0, -1.0)

    trial = _Past(pair[counted], known[counted], weighted[counted], answered[counted])
    slots = _Past(slot[counted], known[counted], weighted[counted], answered[counted])
    inbound = _Past(acts.contact[got] * _C + acts.channel[got], acts.instant[got], act_weight[got])
    activity = _Past(acts.contact * BINS + act_bins, acts.instant, act_weight)
    named = np.flatnonzero(messages.sent < AHEAD)
    sent = _Past(pair[named], messages.sent[named], np.ones(len(named)))
    answer = _Past(pair[engaged], messages.engaged[engaged], np.ones(len(engaged)))
    anywhere = _Past(messages.contact, messages.start, np.ones(len(pair)))
    ticket = _Past(events.contact[tickets], events.instant[tickets], change)

    def each(past: _Past, size: int, which: int = 0) -> Floats:
        """(k, size) sums of contact x size cells."""
        columns = [past.total(who * size + index, when, which) for index in range(size)]
        return np.stack(columns, axis=1)

    def since(past: _Past) -> Floats:
        columns = [past.latest(who * _C + index, when) for index in range(_C)]
        return np.stack([_weeks(when, column) for column in columns], axis=1)

    return Snapshot(
        trials=each(trial, _C) * fade[:, None],
        successes=each(trial, _C, 1) * fade[:, None],
        inbound=each(inbound, _C) * fade[:, None],
        activity=each(activity, BINS) * fade[:, None],
        slot_trials=each(slots, BINS) * fade[:, None],
        slot_successes=each(slots, BINS, 1) * fade[:, None],
        weeks_sent=since(sent),
        weeks_engaged=since(answer),
        sends_in_week=anywhere.total(who, when) - anywhere.total(who, when - WEEK),
        lead=profile.lead[who],
        customer=profile.customer[who],
        open_ticket=np.clip(ticket.total(who, when), 0.0, 1.0),
    )


def _weeks(now: Ints, then: Ints) -> Floats:
    return weeks_before(0, then - np.where(then > NEVER, now, 0))


class _Past:
    """Sums and latest instants of cells before any instant, by binary search in cumulative sums."""

    def __init__(self, cell: Ints, instant: Ints, *amounts: Floats) -> None:
        order = np.lexsort((instant, cell))
        self._cell, self._instant = cell[order], instant[order]
        self._sums = [np.concatenate([[0.0], np.cumsum(amount[order])]) for amount in amounts]

    def _bounds(self, cell: Ints, instant: Ints) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """First row of the cell, and first row of it that is not before the instant."""
        low = np.searchsorted(self._cell, cell, side="left")
        high = np.searchsorted(self._cell, cell, side="right")
        first = low.copy()
        # A bisection of all queries at once: rows of a cell are in order of time.
        while True:
            open_ = low < high
            if not open_.any():
                return first, low
            middle = (low + high) // 2
            earlier = open_ & (self._instant[np.minimum(middle, len(self._instant) - 1)] < instant)
            low = np.where(earlier, middle + 1, low)
            high = np.where(open_ & ~earlier, middle, high)

    def total(self, cell: Ints, instant: Ints, which: int = 0) -> Floats:
        """(k,) sum over the rows of the cell strictly before the instant."""
        first, last = self._bounds(cell, instant)
        return self._sums[which][last] - self._sums[which][first]

    def latest(self, cell: Ints, instant: Ints) -> Ints:
        """(k,) latest instant of the cell strictly before the given one, NEVER when there is none."""
        first, last = self._bounds(cell, instant)
        if not len(self._instant):
            return np.full(len(cell), NEVER, dtype=np.int64)
        return np.where(last > first, self._instant[np.maximum(last - 1, 0)], NEVER)
