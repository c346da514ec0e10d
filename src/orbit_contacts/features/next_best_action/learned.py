"""From the rows of the timeline to what the model learns from."""

from collections.abc import Iterator, Sequence
from typing import Any, cast
from uuid import UUID

import msgspec
import numpy as np
from asyncpg.protocol import Record

from orbit_contacts.features.next_best_action.events import NO_CHANNEL, OF_A_MESSAGE, Code, classify
from orbit_contacts.features.next_best_action.local_time import Zone
from orbit_contacts.features.next_best_action.messages import Events
from orbit_contacts.features.next_best_action.state import ContactState, Event, MessageState, message_key


def meanings(rows: Sequence[Record]) -> Iterator[tuple[UUID, Event, int]]:
    """(contact, event, message key) of every row that teaches something."""
    for row in rows:
        data: Any = msgspec.json.decode(row["data"])
        fields = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
        category = fields.get("category")
        meaning = classify(
            row["type"], row["channel"], row["direction"], category if isinstance(category, str) else None, fields
        )
        if meaning is None:
            continue
        key = 0
        if meaning.code in OF_A_MESSAGE:
            reference = fields.get("message_id") or fields.get("call_id")
            key = message_key(row["contact_id"].bytes, reference) if isinstance(reference, str) and reference else 0
        yield row["contact_id"], Event(meaning.code, meaning.channel, row["occurred_at"], meaning.value), key


def state_of(rows: Sequence[Record], where: Zone, now: int) -> tuple[ContactState, list[tuple[int, int]]]:
    """The sums of one contact from its events, and its sends of (channel, microseconds), oldest first.

    A send without a message id is a message of its own: nothing can answer it but in time.
    """
    state = ContactState()
    messages: dict[int, MessageState] = {}
    sends: list[tuple[int, int]] = []
    lone = 0
    for _, event, key in sorted(meanings(rows), key=_time_of):
        if event.code is Code.SENT and event.channel != NO_CHANNEL:
            sends.append((event.channel, event.instant))
        message = None
        if event.code in OF_A_MESSAGE:
            if key == 0:
                lone -= 1
            message = messages.setdefault(key or lone, MessageState())
        state.apply(event, message, where, now)
    for message in messages.values():
        state.mature(message, where, now)
    return state, sends


def _time_of(item: tuple[UUID, Event, int]) -> int:
    return item[1].instant


def columns(rows: Sequence[Record], index: dict[UUID, int]) -> Events:
    """The same in columns, for many contacts."""
    found = [(index[contact], event, key) for contact, event, key in meanings(rows) if contact in index]
    return Events(
        np.array([contact for contact, _, _ in found], dtype=np.int64),
        np.array([event.code for _, event, _ in found], dtype=np.uint8),
        np.array([event.channel for _, event, _ in found], dtype=np.uint8),
        np.array([event.instant for _, event, _ in found], dtype=np.int64),
        np.array([key for _, _, key in found], dtype=np.int64),
        np.array([event.value for _, event, _ in found], dtype=np.float64),
    )
