"""Fitting a workspace's model and judging the one in force, on a sample of its contacts."""

import asyncio
from typing import NamedTuple

import msgspec
import numpy as np

from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.features.next_best_action import nightly, queries, service
from orbit_contacts.features.next_best_action.card import Card
from orbit_contacts.features.next_best_action.decay import WEEK
from orbit_contacts.features.next_best_action.events import CHANNEL_INDEX
from orbit_contacts.features.next_best_action.followed import Decisions, Logged, followed
from orbit_contacts.features.next_best_action.learned import columns
from orbit_contacts.features.next_best_action.messages import Events
from orbit_contacts.features.next_best_action.model import COLD, Model, read

_CONTACTS = 5_000
_SENDS = 100_000
_EVENTS = 1_000_000
_HISTORY = 40 * WEEK
"""Older than the sends that are learned from: what was known before the first of them counts too."""


class _Material(NamedTuple):
    sample: service.Sample
    events: Events
    logged: Logged
    current: Model


async def fit(tx: Transaction) -> Model | None:
    """Train on a sample of the workspace and keep the version; None while there is too little to learn from."""
    found = await _material(tx)
    if found is None:
        return None
    model = await asyncio.to_thread(
        nightly.train,
        found.events,
        found.sample.contacts,
        found.sample.profile,
        tx.now,
        f"{format_instant(tx.now)}-{tx.caller.workspace_id}",
        found.current,
        found.logged,
    )
    if model.sends < COLD:
        return None
    await queries.insert_model(tx, msgspec.json.encode(model), await queries.sends(tx))
    service.forget(tx)
    return model


async def evaluate(reader: Reader) -> Card | None:
    """What the model in force and the simple policies would have been worth in the last two weeks; keeps nothing."""
    found = await _material(reader)
    if found is None:
        return None
    return await asyncio.to_thread(
        nightly.evaluate,
        found.events,
        found.sample.contacts,
        found.sample.profile,
        reader.now,
        found.current,
        found.logged,
    )


async def _material(reader: Reader) -> _Material | None:
    sample = await service.sample(reader, reader.now - _HISTORY, _SENDS, _CONTACTS, _EVENTS)
    if not sample.events:
        return None
    events = columns(sample.events, sample.numbers)
    current = read(await queries.latest_model(reader))
    return _Material(sample, events, await _logged(reader, sample, events), current)


async def _logged(reader: Reader, sample: service.Sample, events: Events) -> Logged:
    numbers = sample.numbers
    rows = await queries.decisions_to_send(reader, list(numbers), reader.now - nightly.SPAN)
    known = [row for row in rows if row["channel"] in CHANNEL_INDEX]
    decisions = Decisions(
        np.array([numbers[row["contact_id"]] for row in known], dtype=np.int64),
        np.array([row["decided_at"] for row in known], dtype=np.int64),
        np.array([CHANNEL_INDEX[row["channel"]] for row in known], dtype=np.int64),
        np.array([row["propensity"] for row in known], dtype=np.float64),
    )
    return followed(decisions, events)
