"""The sums of many contacts from columns of events: all of them for a rebuild, a batch for an update.

`update` adds a batch to what is known of its messages; `rebuild` is an update from nothing. A rebuild works on
chunks of whole contacts, so that memory stays flat: a chunk of 1 M events needs about 250 MB.
"""

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action.decay import weights
from orbit_contacts.features.next_best_action.events import CHANNELS, NO_CHANNEL, OF_THE_CONTACT, Code
from orbit_contacts.features.next_best_action.local_time import BINS, Zone, bins_of
from orbit_contacts.features.next_best_action.messages import (
    AHEAD,
    NEVER,
    Bools,
    Events,
    Floats,
    Ints,
    Messages,
    gather,
    merge,
)

C: Final = len(CHANNELS)
AWAKE: Final = np.isin(np.arange(256), [int(code) for code in OF_THE_CONTACT])
"""(256,) whether a code is an act of the contact's own accord"""


@dataclass(slots=True)
class Contacts:
    """The time zones of m contacts: `zones[zone_of[i]]` is contact i's."""

    zone_of: npt.NDArray[np.integer]
    zones: list[Zone]


@dataclass(slots=True)
class State:
    """The sums of m contacts and what they add to the workspace's; `state.py` says what each one is."""

    trials: Floats
    successes: Floats
    inbound: Floats
    delivered: Floats
    failed: Floats
    last_sent: Ints
    last_engaged: Ints
    activity: Floats
    slot_trials: Floats
    slot_successes: Floats
    open_tickets: Floats
    orders: Floats
    recent_orders: Floats
    order_value: Floats
    first_order: Ints
    last_order: Ints
    first_active: Ints
    last_active: Ints
    last_inbound: Ints
    workspace_trials: Floats
    workspace_successes: Floats
    workspace_squares: Floats
    """(1,) sum of the squared weights of the trials"""

    def plus(self, delta: "State") -> "State":
        """Sums add up, `last_` is the later, `first_` the earlier."""
        joined: dict[str, Any] = {}
        for column in fields(self):
            name = column.name
            join = np.maximum if name[:5] == "last_" else np.minimum if name[:6] == "first_" else np.add
            joined[name] = join(getattr(self, name), getattr(delta, name))
        return State(**joined)


def rebuild(events: Events, contacts: Contacts, now: int, uncounted: Ints | None = None) -> tuple[State, Messages]:
    """State of m contacts from all their events, and their messages.

    Args:
        events: all events of the contacts.
        contacts: their time zones.
        now: microseconds; trials known by then are counted.
        uncounted: keys of messages that are not to be counted yet: those whose rows say so, when the sums as
            they are stored right now are wanted, to be taken off before better ones are put in their place.
    """
    nothing = Messages.none()
    if uncounted is None:
        return update(events, nothing, contacts, now)
    after = gather(events)
    after.counted = (after.known_at <= now) & ~np.isin(after.key, uncounted)
    return _change(events, nothing, after, contacts), after


def update(events: Events, known: Messages, contacts: Contacts, now: int) -> tuple[State, Messages]:
    """What a batch of events changes: the State to add, and the messages as they now stand.

    Args:
        events: events not seen before.
        known: what was known of the messages the events speak of, and any others that may have matured.
        contacts: the contacts both speak of.
        now: microseconds; trials known by then are counted.
    """
    after = merge(known, gather(events))
    after.counted = after.known_at <= now
    return _change(events, known, after, contacts), after


def _change(events: Events, known: Messages, after: Messages, contacts: Contacts) -> State:
    m = len(contacts.zone_of)
    trials = _Trials.of(after, contacts)
    if len(known.key):
        trials = trials.minus(_Trials.of(known, contacts))
    named = after.channel != NO_CHANNEL
    pair = after.contact * C + np.where(named, after.channel, 0)

    acts = events.where(AWAKE[events.code])
    act_weight = weights(acts.instant)
    act_bins = bins_of(acts.instant, contacts.zone_of[acts.contact], contacts.zones)
    wrote = acts.code == Code.RECEIVED
    inbound = wrote & (acts.channel != NO_CHANNEL)
    orders = np.flatnonzero(acts.code == Code.ORDERED)
    buyer = acts.contact[orders]
    refunds = np.flatnonzero(events.code == Code.REFUNDED)
    tickets = np.flatnonzero((events.code == Code.TICKET_OPENED) | (events.code == Code.TICKET_CLOSED))
    change = np.where(events.code[tickets] == Code.TICKET_OPENED, 1.0, -1.0)

    return State(
        trials=trials.trials,
        successes=trials.successes,
        inbound=_sum(acts.contact * C + acts.channel, act_weight, inbound, m * C).reshape(m, C),
        delivered=trials.delivered,
        failed=trials.failed,
        last_sent=_latest(pair, after.last_sent, named, m * C).reshape(m, C),
        last_engaged=_latest(pair, after.last_engaged, named, m * C).reshape(m, C),
        activity=_sum(acts.contact * BINS + act_bins, act_weight, None, m * BINS).reshape(m, BINS),
        slot_trials=trials.slot_trials,
        slot_successes=trials.slot_successes,
        open_tickets=_sum(events.contact[tickets], change, None, m),
        orders=_sum(buyer, np.ones(len(orders)), None, m),
        recent_orders=_sum(buyer, act_weight[orders], None, m),
        order_value=_sum(buyer, acts.value[orders], None, m)
        - _sum(events.contact[refunds], events.value[refunds], None, m),
        first_order=-_latest(buyer, -acts.instant[orders], None, m),
        last_order=_latest(buyer, acts.instant[orders], None, m),
        first_active=-_latest(acts.contact, -acts.instant, None, m),
        last_active=_latest(acts.contact, acts.instant, None, m),
        last_inbound=_latest(acts.contact, acts.instant, wrote, m),
        workspace_trials=trials.workspace_trials,
        workspace_successes=trials.workspace_successes,
        workspace_squares=trials.workspace_squares,
    )


@dataclass(slots=True)
class _Trials:
    """What messages add to the sums: trials and successes once counted, deliveries and failures at once."""

    trials: Floats
    successes: Floats
    delivered: Floats
    failed: Floats
    slot_trials: Floats
    slot_successes: Floats
    workspace_trials: Floats
    workspace_successes: Floats
    workspace_squares: Floats

    @staticmethod
    def of(messages: Messages, contacts: Contacts) -> "_Trials":
        m = len(contacts.zone_of)
        messages = messages.where(messages.known)
        bins = bins_of(messages.start, contacts.zone_of[messages.contact], contacts.zones)
        weight = weights(messages.start)
        success, counted = messages.success, messages.counted
        arrived = (messages.delivered < AHEAD) | success
        answered = counted & success
        pair = messages.contact * C + messages.channel
        slot = messages.contact * BINS + bins
        lane = messages.channel * BINS + bins
        return _Trials(
            trials=_sum(pair, weight, counted, m * C).reshape(m, C),
            successes=_sum(pair, weight, answered, m * C).reshape(m, C),
            delivered=_sum(pair, weight, arrived, m * C).reshape(m, C),
            failed=_sum(pair, weight, messages.failed & ~arrived, m * C).reshape(m, C),
            slot_trials=_sum(slot, weight, counted, m * BINS).reshape(m, BINS),
            slot_successes=_sum(slot, weight, answered, m * BINS).reshape(m, BINS),
            workspace_trials=_sum(lane, weight, counted, C * BINS).reshape(C, BINS),
            workspace_successes=_sum(lane, weight, answered, C * BINS).reshape(C, BINS),
            workspace_squares=np.array([float(np.square(weight[counted]).sum())]),
        )

    def minus(self, other: "_Trials") -> "_Trials":
        return _Trials(*(getattr(self, c.name) - getattr(other, c.name) for c in fields(self)))


def _sum(cell: Ints, amount: Floats, rows: Bools | None, size: int) -> Floats:
    if rows is not None:
        cell, amount = cell[rows], amount[rows]
    return np.bincount(cell, amount, size).astype(np.float64)


def _latest(cell: Ints, instant: Ints, rows: Bools | None, size: int) -> Ints:
    """(size,) the greatest instant of each cell, NEVER where it has none."""
    if rows is not None:
        cell, instant = cell[rows], instant[rows]
    latest = np.full(size, NEVER, dtype=np.int64)
    np.maximum.at(latest, cell, instant)
    return latest
