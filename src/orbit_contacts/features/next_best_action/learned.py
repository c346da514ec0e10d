"""From the rows of the timeline to what the model learns from."""

from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

import numpy as np
from asyncpg.protocol import Record

from orbit_contacts.features.next_best_action.events import OF_A_MESSAGE, Meaning, classify
from orbit_contacts.features.next_best_action.local_time import Zone
from orbit_contacts.features.next_best_action.messages import Events
from orbit_contacts.features.next_best_action.rebuild import Contacts, State, rebuild
from orbit_contacts.features.next_best_action.state import ContactState

_SUMS = ContactState.__struct_fields__


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
    contacts: list[int] = []
    meant: list[Meaning] = []
    instants: list[int] = []
    keys: list[int] = []
    # The columns in their order: by name they cost twice as much, and there may be millions of rows.
    for contact_id, type, channel, direction, occurred_at, category, key, amount in rows:
        if amount is None:
            meaning = _usual(type, channel, direction, category)
        else:
            meaning = classify(type, channel, direction, category, {"value": amount, "duration_seconds": amount})
        if meaning is None or contact_id not in index:
            continue
        contacts.append(index[contact_id])
        meant.append(meaning)
        instants.append(occurred_at)
        keys.append(key if key is not None and meaning.code in OF_A_MESSAGE else 0)
    return Events(
        np.array(contacts, dtype=np.int64),
        np.array([meaning.code for meaning in meant], dtype=np.uint8),
        np.array([meaning.channel for meaning in meant], dtype=np.uint8),
        np.array(instants, dtype=np.int64),
        np.array(keys, dtype=np.int64),
        np.array([meaning.value for meaning in meant], dtype=np.float64),
    )


@lru_cache(maxsize=4096)
def _usual(type: str, channel: str | None, direction: str | None, category: str | None) -> Meaning | None:
    """The meaning of events whose data play no part in it."""
    return classify(type, channel, direction, category, None)
