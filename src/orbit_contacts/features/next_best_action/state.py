"""The sums of one contact, event by event. (`rebuild.py` makes the same sums for many, in columns.)

Columns of the state, one contact each (all `+=`, never rewritten, faded by forward decay: see `decay.py`):

=================  =======  ===================================================================================
column             shape    meaning
=================  =======  ===================================================================================
trials             11       weight of the sends whose outcome is known, by channel (order: `events.CHANNELS`)
successes          11       weight of those answered within the channel's window
inbound            11       weight of the messages and calls received from the contact
delivered, failed  11       weight of the sends that arrived (or were answered); that did not
last_sent          11       latest `message.sent` or outgoing call, microseconds, NEVER (-2^62) or NULL
last_engaged       11       latest click, reply or talk, likewise
activity           16       weight of the contact's own acts, by local-time bin (`local_time.py`)
slot_trials        16       trials by the local-time bin of the *send*
slot_successes     16       successes by the local-time bin of the *send*
open_tickets       1        opened minus closed, not decayed
orders             1        orders placed, not decayed; recent_orders: the same, decayed
order_value        1        money of orders minus refunds, not decayed
first_order        1        microseconds, AHEAD (2^62) or NULL; last_order: NEVER or NULL
first_active       1        first act of the contact's own; last_active: latest; last_inbound: latest received
=================  =======  ===================================================================================

and of the workspace, the same decayed sums: `slot_trials` and `slot_successes` by channel and bin of the send
(11 x 16), `activity` by bin (16), `inbound` by channel (11). Success is booked on the bin and with the weight of the
send, so that rates stay below one; a send that was not delivered is no trial; answers count for no bin of `activity`,
because when they come depends on when the sender wrote.

Nothing of this is stored (docs/adr/0011): a GET makes the sums of its contact with `rebuild.rebuild` from the events of
the timeline. `apply` and `mature` say the same event by event, in whatever order events come; the tests hold the two
against each other.
"""

from typing import Final

import msgspec

from orbit_contacts.features.next_best_action.decay import weight
from orbit_contacts.features.next_best_action.events import (
    CHANNELS,
    NO_CHANNEL,
    OF_A_MESSAGE,
    OF_THE_CONTACT,
    VOICE,
    WINDOWS,
    Code,
)
from orbit_contacts.features.next_best_action.local_time import BINS, Zone, bin_of
from orbit_contacts.features.next_best_action.messages import AHEAD, NEVER

C: Final = len(CHANNELS)


class Event(msgspec.Struct, frozen=True):
    """One classified event of one contact."""

    code: Code
    channel: int
    """index into CHANNELS, or NO_CHANNEL"""
    instant: int
    """microseconds, UTC"""
    value: float = 0.0


class MessageState(msgspec.Struct):
    """One message or call, as far as its events are known; the columns of `messages.Messages`."""

    channel: int = NO_CHANNEL
    sent: int = AHEAD
    last_sent: int = NEVER
    delivered: int = AHEAD
    failed: bool = False
    engaged: int = AHEAD
    last_engaged: int = NEVER
    counted: bool = False

    @property
    def start(self) -> int:
        """When the trial began; AHEAD while no send is known."""
        begun = min(self.sent, self.engaged) if self.channel == VOICE else self.sent
        return begun if begun < AHEAD else self.delivered

    @property
    def known(self) -> bool:
        """Whether there is a send to speak of."""
        return self.start < AHEAD and self.channel != NO_CHANNEL

    @property
    def success(self) -> bool:
        """An answer within the window of the channel."""
        return self.known and self.engaged < self.start + int(WINDOWS[self.channel])

    @property
    def known_at(self) -> int:
        """When the trial counts: at its success, else when its window closes; AHEAD when it never does."""
        if not self.known or (self.failed and not self.success):
            return AHEAD
        return max(self.engaged, self.start) if self.success else self.start + int(WINDOWS[self.channel])

    def observe(self, event: Event) -> None:
        """Take in one event of this message."""
        self.channel = min(self.channel, event.channel)
        if event.code is Code.SENT:
            self.sent = min(self.sent, event.instant)
            self.last_sent = max(self.last_sent, event.instant)
        elif event.code is Code.DELIVERED:
            self.delivered = min(self.delivered, event.instant)
        elif event.code is Code.FAILED:
            self.failed = True
        else:
            self.engaged = min(self.engaged, event.instant)
            self.last_engaged = max(self.last_engaged, event.instant)


class WorkspaceDelta(msgspec.Struct):
    """What one change adds to the workspace's sums."""

    slots: list[tuple[int, int, float, float]] = msgspec.field(default_factory=list[tuple[int, int, float, float]])
    """(channel, bin, trials, successes)"""
    activity: list[tuple[int, float]] = msgspec.field(default_factory=list[tuple[int, float]])
    """(bin, weight)"""
    inbound: list[tuple[int, float]] = msgspec.field(default_factory=list[tuple[int, float]])
    """(channel, weight)"""


def _zeros(size: int) -> list[float]:
    return [0.0] * size


class ContactState(msgspec.Struct):
    """The sums of one contact; the module's text says what each one is."""

    trials: list[float] = msgspec.field(default_factory=lambda: _zeros(C))
    successes: list[float] = msgspec.field(default_factory=lambda: _zeros(C))
    inbound: list[float] = msgspec.field(default_factory=lambda: _zeros(C))
    delivered: list[float] = msgspec.field(default_factory=lambda: _zeros(C))
    failed: list[float] = msgspec.field(default_factory=lambda: _zeros(C))
    last_sent: list[int] = msgspec.field(default_factory=lambda: [NEVER] * C)
    last_engaged: list[int] = msgspec.field(default_factory=lambda: [NEVER] * C)
    activity: list[float] = msgspec.field(default_factory=lambda: _zeros(BINS))
    slot_trials: list[float] = msgspec.field(default_factory=lambda: _zeros(BINS))
    slot_successes: list[float] = msgspec.field(default_factory=lambda: _zeros(BINS))
    open_tickets: float = 0.0
    orders: float = 0.0
    recent_orders: float = 0.0
    order_value: float = 0.0
    first_order: int = AHEAD
    last_order: int = NEVER
    first_active: int = AHEAD
    last_active: int = NEVER
    last_inbound: int = NEVER

    def apply(self, event: Event, message: MessageState | None, where: Zone, now: int) -> WorkspaceDelta:
        """Take in one event not seen before.

        Args:
            event: what happened.
            message: the row of its message, a fresh one if there is none yet; None for an event of no message.
                It is brought up to date too.
            where: the contact's time zone.
            now: microseconds; a trial known by then is counted.
        """
        delta = WorkspaceDelta()
        if event.code in OF_A_MESSAGE:
            if message is not None:
                self._book(message, -1.0, where, delta)
                message.observe(event)
                message.counted = message.known_at <= now
                self._book(message, 1.0, where, delta)
        elif event.code in OF_THE_CONTACT:
            self._act(event, where, delta)
        elif event.code is Code.REFUNDED:
            self.order_value -= event.value
        elif event.code is Code.TICKET_CLOSED:
            self.open_tickets -= 1.0
        return delta

    def mature(self, message: MessageState, where: Zone, now: int) -> WorkspaceDelta:
        """Count the trial of a message whose window has closed by `now`."""
        delta = WorkspaceDelta()
        if not message.counted and message.known_at <= now:
            self._book(message, -1.0, where, delta)
            message.counted = True
            self._book(message, 1.0, where, delta)
        return delta

    def _book(self, message: MessageState, sign: float, where: Zone, delta: WorkspaceDelta) -> None:
        if message.channel != NO_CHANNEL:
            self.last_sent[message.channel] = max(self.last_sent[message.channel], message.last_sent)
            self.last_engaged[message.channel] = max(self.last_engaged[message.channel], message.last_engaged)
        if not message.known:
            return
        channel, success = message.channel, message.success
        weighted = sign * weight(message.start)
        if success or message.delivered < AHEAD:
            self.delivered[channel] += weighted
        elif message.failed:
            self.failed[channel] += weighted
        if message.counted:
            slot = bin_of(message.start, where)
            answered = weighted if success else 0.0
            self.trials[channel] += weighted
            self.successes[channel] += answered
            self.slot_trials[slot] += weighted
            self.slot_successes[slot] += answered
            delta.slots.append((channel, slot, weighted, answered))

    def _act(self, event: Event, where: Zone, delta: WorkspaceDelta) -> None:
        weighted = weight(event.instant)
        slot = bin_of(event.instant, where)
        self.activity[slot] += weighted
        delta.activity.append((slot, weighted))
        self.first_active = min(self.first_active, event.instant)
        self.last_active = max(self.last_active, event.instant)
        if event.code is Code.RECEIVED:
            self.last_inbound = max(self.last_inbound, event.instant)
            if event.channel != NO_CHANNEL:
                self.inbound[event.channel] += weighted
                delta.inbound.append((event.channel, weighted))
        elif event.code is Code.ORDERED:
            self.orders += 1.0
            self.recent_orders += weighted
            self.order_value += event.value
            self.first_order = min(self.first_order, event.instant)
            self.last_order = max(self.last_order, event.instant)
        elif event.code is Code.TICKET_OPENED:
            self.open_tickets += 1.0
