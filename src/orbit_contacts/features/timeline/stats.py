"""What events add to the sums of their contacts. Pure.

Every sum is `+=` or the latest instant, so late and out-of-order events are right in any order.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from orbit_contacts.features.timeline.kinds import kind_of
from orbit_contacts.features.timeline.models import Event

# The columns of `contact_stats` after its key, in the order of a row of `added_by`.
COUNTS = (
    "messages_sent",
    "messages_received",
    "calls_started",
    "calls_ended",
    "tickets_opened",
    "tickets_closed",
    "events",
    "orders",
    "order_value",
)
LATEST = ("last_order_at", "last_inbound_at", "last_outbound_at", "last_activity_at")

# Amounts below it add up to the cent.
VALUE_LIMIT = 1e15

_NOTHING = (0,) * len(COUNTS) + (None,) * len(LATEST)

_COUNTED = {
    "message.sent": 0,
    "message.received": 1,
    "call.started": 2,
    "call.ended": 3,
    "call.missed": 3,
    "ticket.opened": 4,
    "ticket.closed": 5,
}
_EVENTS, _ORDERS, _VALUE, _LAST_ORDER, _LAST_INBOUND, _LAST_OUTBOUND, _LAST_ACTIVITY = range(6, 13)
_ACTIVITY = frozenset({"message", "call", "ticket", "event"})


Sums: TypeAlias = dict[UUID, list[Any]]
"""For each contact what its events add, a list in the order of `COUNTS` and `LATEST`."""


def added_by(events: Iterable[Event]) -> Sums:
    sums: Sums = {}
    add(sums, events)
    return sums


def add(sums: Sums, events: Iterable[Event]) -> None:
    """Add what further events add."""
    for event in events:
        row = sums.get(event.contact_id)
        if row is None:
            row = sums[event.contact_id] = list(_NOTHING)
        type, at = event.type, event.occurred_at
        kind = kind_of(type)
        if kind not in _ACTIVITY:
            continue
        _raise(row, _LAST_ACTIVITY, at)
        if event.direction == "inbound":
            _raise(row, _LAST_INBOUND, at)
        elif event.direction == "outbound" and (type == "message.sent" or kind == "call"):
            _raise(row, _LAST_OUTBOUND, at)
        if (place := _COUNTED.get(type)) is not None:
            row[place] += 1
        elif kind == "event":
            row[_EVENTS] += 1
            if type == "order.placed":
                row[_ORDERS] += 1
                row[_VALUE] += order_value(event.data)
                _raise(row, _LAST_ORDER, at)
            elif type == "order.refunded":
                row[_VALUE] -= order_value(event.data)


def _raise(row: list[Any], place: int, instant: int) -> None:
    if row[place] is None or row[place] < instant:
        row[place] = instant


def order_value(data: bytes) -> float:
    """`data.value` if it is a sensible amount, else 0; numbers in strings are accepted."""
    try:
        value: Any = msgspec.json.decode(data).get("value")
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return 0.0
        number = float(value)
    except (ValueError, OverflowError, AttributeError, RecursionError):
        return 0.0
    return number if math.isfinite(number) and 0.0 <= number < VALUE_LIMIT else 0.0


def united(one: Sequence[Any], other: Sequence[Any]) -> list[Any]:
    """Two rows of sums as one: counts are added, of two instants the later one stays."""
    counts = [one[place] + other[place] for place in range(len(COUNTS))]
    latest = [
        max((instant for instant in (one[place], other[place]) if instant is not None), default=None)
        for place in range(len(COUNTS), len(COUNTS) + len(LATEST))
    ]
    return counts + latest


def columns(sums: Sums, contact_ids: Sequence[UUID]) -> list[list[Any] | None]:
    """The rows of these contacts, turned into columns. One in which nothing is added is None: most events tell of a
    few things only."""
    turned = [list(column) for column in zip(*(sums[id] for id in contact_ids), strict=True)]
    return [
        None if column.count(nothing) == len(column) else column
        for column, nothing in zip(turned, _NOTHING, strict=True)
    ]
