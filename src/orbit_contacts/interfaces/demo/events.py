"""Events in columns, and one by one in the form that the timeline takes them (contract, section 23)."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from orbit_contacts.interfaces.demo.draws import Draws, Floats, Indices, Rows
from orbit_contacts.interfaces.demo.habits import CHANNELS
from orbit_contacts.interfaces.demo.people import Person
from orbit_contacts.interfaces.demo.populations import populations

EVENT_TYPES = (
    "contact.created",
    "message.sent",
    "message.delivered",
    "message.failed",
    "message.opened",
    "message.read",
    "message.clicked",
    "message.replied",
    "message.received",
    "call.started",
    "call.answered",
    "call.missed",
    "call.ended",
    "ticket.opened",
    "ticket.updated",
    "ticket.closed",
    "order.placed",
    "order.refunded",
    "note.created",
)
DIRECTIONS = ("outbound", "inbound")
OUTBOUND, INBOUND = range(len(DIRECTIONS))
NONE = -1

_SUBJECTS = (
    "Invoice question",
    "Late delivery",
    "Login problem",
    "Change of address",
    "Feature request",
    "Refund",
)
_TEXTS = (
    "Asked to be called back next week.",
    "Prefers short messages.",
    "Met at the trade show.",
    "Wants an offer for ten seats.",
    "Renewal is due this quarter.",
)


class Event(NamedTuple):
    """One event; `occurred_at` in microseconds since the epoch, `person` the place in the list of persons."""

    person: int
    type: str
    channel: str | None
    direction: str | None
    occurred_at: int
    event_id: str
    message_id: str | None
    call_id: str | None
    ticket_id: str | None
    data: dict[str, Any]


class EventBatch(NamedTuple):
    """Columns of equal length, ordered by person, then time.

    `person` is the place in the list of persons; `type`, `channel`, `direction` are places in `EVENT_TYPES`,
    `CHANNELS`, `DIRECTIONS`, or -1; `at` is microseconds since the epoch. Events of one message, call, ticket
    or order share a `reference`; `id` is unlike any other of the seed. `value` (of an order, in the person's
    currency) and `seconds` (of a call) are 0 where they say nothing.
    """

    person: Indices
    type: Indices
    channel: Indices
    direction: Indices
    at: Indices
    id: Rows
    reference: Rows
    value: Floats
    seconds: Indices

    def events(self, persons: Sequence[Person]) -> Iterator[Event]:
        """The events one by one, given the persons they belong to."""
        currencies = {population.country: population.currency for population in populations()}
        columns = [column.tolist() for column in self]
        lines = cast("Iterator[tuple[int, int, int, int, int, int, int, float, int]]", zip(*columns, strict=True))
        for place, kind, channel, direction, at, id, reference, value, seconds in lines:
            person, type = persons[place], EVENT_TYPES[kind]
            family = type.partition(".")[0]
            text = f"{reference:016x}"
            data: dict[str, Any] = {}
            if family == "contact":
                data = {"source": person.source}
            elif family == "order":
                currency = currencies[person.country_code]
                data = {"order_id": f"ord_{text}", "value": value, "currency": currency}
            elif family == "ticket":
                data = {"subject": _SUBJECTS[reference % len(_SUBJECTS)]}
            elif family == "note":
                data = {"body": _TEXTS[reference % len(_TEXTS)]}
            elif seconds:
                data = {"duration_seconds": seconds}
            yield Event(
                place,
                type,
                None if channel < 0 else CHANNELS[channel],
                None if direction < 0 else DIRECTIONS[direction],
                at,
                f"evt_{id:016x}",
                f"msg_{text}" if family == "message" else None,
                f"call_{text}" if family == "call" else None,
                f"tkt_{text}" if family == "ticket" else None,
                data,
            )


class Tape:
    """Collects the events of all kinds of episodes, then puts them in order."""

    def __init__(self, draws: Draws, until: int) -> None:
        self.draws = draws
        self.until = until
        self.parts: list[EventBatch] = []

    def batch(self) -> EventBatch:
        """All that was recorded, ordered by person, then time, then type."""
        parts = self.parts
        person = np.concatenate([part.person for part in parts])
        type = np.concatenate([part.type for part in parts])
        at = np.concatenate([part.at for part in parts])
        order = np.lexsort((type, at, person))
        return EventBatch(
            person[order],
            type[order],
            np.concatenate([part.channel for part in parts])[order],
            np.concatenate([part.direction for part in parts])[order],
            at[order],
            np.concatenate([part.id for part in parts])[order],
            np.concatenate([part.reference for part in parts])[order],
            np.concatenate([part.value for part in parts])[order],
            np.concatenate([part.seconds for part in parts])[order],
        )


class Thread:
    """Episodes with at most one event of a type each; the events of one share person and reference."""

    def __init__(
        self,
        tape: Tape,
        person: Indices,
        key: Rows,
        channel: Indices | int = NONE,
        direction: Indices | int = NONE,
    ) -> None:
        self._tape = tape
        self._person, self._key = person, key
        self._channel, self._direction = channel, direction
        self._reference = tape.draws.bits("reference", key)

    def record(
        self,
        type: str,
        at: Indices,
        *,
        where: NDArray[np.bool_] | None = None,
        direction: Indices | int | None = None,
        value: Floats | float = 0.0,
        seconds: Indices | int = 0,
    ) -> None:
        """Add an event of this type at these times, for the episodes `where` says so, if before the end."""
        kept = at < self._tape.until
        if where is not None:
            kept &= where
        count = len(at)
        direction = self._direction if direction is None else direction
        self._tape.parts.append(
            EventBatch(
                self._person[kept],
                np.full(int(kept.sum()), EVENT_TYPES.index(type)),
                np.broadcast_to(self._channel, count)[kept],
                np.broadcast_to(direction, count)[kept],
                at[kept],
                self._tape.draws.bits(type, self._key[kept]),
                self._reference[kept],
                np.broadcast_to(value, count)[kept],
                np.broadcast_to(seconds, count)[kept],
            )
        )
