"""Scores from the sums of a contact and its newest events; the formulas of docs/guide/profile.md. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from math import exp
from statistics import median
from typing import NamedTuple

from orbit_contacts.core.clock import DAY, Instant
from orbit_contacts.features.timeline.kinds import kind_of

HALF_LIFE = 30 * DAY
FULL_SCALE = 10.0
"""Weight of acts at which engagement is 63; it nears 100 beyond three times as much."""

USUAL_GAP = 30.0
SHORTEST_GAP = 7.0

_WEIGHTS = {
    "message.received": 3.0,
    "message.replied": 3.0,
    "message.clicked": 3.0,
    "call.answered": 3.0,
    "order.placed": 5.0,
    "ticket.opened": 2.0,
    "message.opened": 0.5,
    "message.read": 0.5,
}
_NO_ACT = frozenset({"message.opened", "message.read"})
"""Machines open mail: it counts a little for engagement, and not as a sign of life."""


class Seen(NamedTuple):
    """One of the newest events."""

    at: Instant
    type: str
    channel: str | None
    direction: str | None


class Purchases(NamedTuple):
    orders: int
    last_at: Instant | None


class Behaviour:
    """What a contact did of its own accord, as far as its newest events tell."""

    def __init__(self, seen: Sequence[Seen], now: Instant) -> None:
        self._now = now
        weighted = [(event, weight_of(event)) for event in seen]
        self._weighted = [(event, weight) for event, weight in weighted if weight > 0]
        self._acts = [event for event, _ in self._weighted if event.type not in _NO_ACT]

    @property
    def last_act(self) -> Instant | None:
        return max((act.at for act in self._acts), default=None)

    def engagement(self) -> int:
        """0 to 100: acts count by their kind, half as much every 30 days."""
        return scaled(sum(weight * fade(self._now - event.at) for event, weight in self._weighted))

    def churn_risk(self, created_at: Instant) -> float:
        """0 to 1: how long the contact has been silent, against the gaps it usually leaves between active days."""
        since = self.last_act if self.last_act is not None else created_at
        silent = max(self._now - since, 0) / DAY
        return round(1 - 2 ** (-silent / (2 * self._usual_gap())), 3)

    def _usual_gap(self) -> float:
        days = sorted({act.at // DAY for act in self._acts})
        if len(days) < 3:
            return USUAL_GAP
        return max(median(later - earlier for earlier, later in pairwise(days)), SHORTEST_GAP)

    def preferred_channel(self) -> str | None:
        """The channel of most weight among its acts; of equals the one used last."""
        weights: defaultdict[str, float] = defaultdict(float)
        latest: dict[str, Instant] = {}
        for event, weight in self._weighted:
            if event.channel is not None and event.type not in _NO_ACT:
                weights[event.channel] += weight
                latest[event.channel] = max(event.at, latest.get(event.channel, event.at))
        return max(weights, key=lambda channel: (weights[channel], latest[channel]), default=None)


def fade(age: Instant) -> float:
    """What is left of a weight after so many microseconds; all of it before."""
    return 2 ** (-max(age, 0) / HALF_LIFE)


def scaled(total: float) -> int:
    """A sum of weights as a score, 0 to 100."""
    return round(100 * (1 - exp(-total / FULL_SCALE)))


def weight_of(event: Seen) -> float:
    """What an event says of the contact's interest; 0 for what others did."""
    if (weight := _WEIGHTS.get(event.type)) is not None:
        return weight
    kind = kind_of(event.type)
    if kind == "call":
        return 3.0 if event.type == "call.started" and event.direction == "inbound" else 0.0
    is_own = kind == "event" and event.direction != "outbound" and not event.type.startswith("order.")
    return 1.0 if is_own else 0.0


def rfm_label(purchases: Purchases, last_act: Instant | None, created_at: Instant, now: Instant) -> str:
    """A word for how recently and how often the contact bought."""
    if purchases.last_at is None or purchases.orders < 1:
        if last_act is not None and now - last_act <= 90 * DAY:
            return "prospect"
        return "new" if now - created_at <= 30 * DAY else "inactive"
    days = (now - purchases.last_at) / DAY
    if days <= 30:
        return "champion" if purchases.orders >= 4 else "loyal" if purchases.orders >= 2 else "new_customer"
    if days <= 90:
        return "loyal" if purchases.orders >= 4 else "promising"
    if days <= 180:
        return "at_risk" if purchases.orders >= 2 else "needs_attention"
    return "lost"


def trait_tags(behaviour: Behaviour, purchases: Purchases, *, tickets_open: int, now: Instant) -> list[str]:
    """Tags that follow from the figures, in alphabetical order."""
    channel, last_act = behaviour.preferred_channel(), behaviour.last_act
    tags = {
        "buyer": purchases.orders >= 1,
        "repeat_buyer": purchases.orders >= 2,
        "open_ticket": tickets_open > 0,
        "highly_engaged": behaviour.engagement() >= 70,
        "dormant": last_act is not None and now - last_act > 180 * DAY,
        f"prefers_{channel}": channel is not None,
    }
    return sorted(tag for tag, holds in tags.items() if holds)
