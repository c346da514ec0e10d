"""From the rows of the timeline to what the model learns from."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np
from asyncpg.protocol import Record

from orbit_contacts.features.next_best_action.events import OF_A_MESSAGE, Meaning, classify
from orbit_contacts.features.next_best_action.local_time import Zone
from orbit_contacts.features.next_best_action.messages import Events
from orbit_contacts.features.next_best_action.rebuild import Contacts, State, rebuild
from orbit_contacts.features.next_best_action.state import ContactState, message_key

_SUMS = ContactState.__struct_fields__
# The columns of `messages.Events`.
_ROW = np.dtype(
    [("contact", "i8"), ("code", "u1"), ("channel", "u1"), ("instant", "i8"), ("key", "i8"), ("value", "f8")]
)


def state_of(rows: Sequence[Record], where: Zone, now: int) -> tuple[ContactState, list[tuple[int, int]]]:
    """The sums of one contact, rebuilt from its events, and its sends of (channel, microseconds), oldest first."""
    index = {rows[0]["contact_id"]: 0} if rows else {}
    contacts = Contacts(np.zeros(1, dtype=np.int64), [where])
    state, messages = rebuild(columns(rows, index), contacts, now)
    sends = messages.where(messages.known)
    order = np.argsort(sends.start, kind="stable")
    return contact_of(state, 0), list(zip(sends.channel[order].tolist(), sends.start[order].tolist(), strict=True))


def contact_of(state: State, row: int) -> ContactState:
    """One contact out of many."""
    return ContactState(**{name: getattr(state, name)[row].tolist() for name in _SUMS})


def columns(rows: Sequence[Record], index: dict[UUID, int]) -> Events:
    """Rows of `queries.LEARNED` of the contacts in `index`, in columns; those that teach nothing are left out."""
    found: list[tuple[int, int, int, int, int, float]] = []
    for row in rows:
        contact_id: UUID = row["contact_id"]
        meaning = _meaning(row)
        if meaning is None or contact_id not in index:
            continue
        code, channel, value = meaning
        reference: str | None = row["reference"]
        key = message_key(contact_id.bytes, reference) if reference and code in OF_A_MESSAGE else 0
        found.append((index[contact_id], code, channel, row["occurred_at"], key, value))
    table = np.array(found, dtype=_ROW)
    return Events(*(np.ascontiguousarray(table[name]) for name in _ROW.names or ()))


def _meaning(row: Record) -> Meaning | None:
    amount: str | None = row["amount"]
    if amount is None:
        return _usual(row["type"], row["channel"], row["direction"], row["category"])
    told: dict[str, Any] = {"value": amount, "duration_seconds": amount}
    return classify(row["type"], row["channel"], row["direction"], row["category"], told)


@lru_cache(maxsize=4096)
def _usual(type: str, channel: str | None, direction: str | None, category: str | None) -> Meaning | None:
    """The meaning of events whose data play no part in it."""
    return classify(type, channel, direction, category, None)
