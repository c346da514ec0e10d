"""What this program itself does to a contact, written in the transaction that does it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.timeline import queries
from orbit_contacts.features.timeline.models import Event
from orbit_contacts.features.timeline.recording import recorded

_BATCH = 5_000


async def record(
    tx: Transaction,
    contact_id: UUID,
    type: str,
    data: dict[str, Any],
    *,
    channel: str | None = None,
    direction: str | None = None,
) -> UUID:
    """Add one event of our own to a contact's timeline, at the transaction's instant."""
    cell = ids.cell_number(contact_id)
    event = Event(contact_id, tx.now, ids.mint(tx.now, cell), type, channel, direction, msgspec.json.encode(data))
    await queries.insert_event(
        tx,
        cell_id=tx.caller.cell(cell),
        contact_id=contact_id,
        id=event.id,
        occurred_at=event.occurred_at,
        type=type,
        channel=channel,
        direction=direction,
        data=event.data,
        actor=tx.caller.actor,
    )
    for hook in recorded:
        await hook(tx, [event])
    return event.id


async def record_each(tx: Transaction, type: str, data: Sequence[tuple[UUID, dict[str, Any]]]) -> None:
    """Add one event of our own to each of many contacts, given with its data, at the transaction's instant."""
    for start in range(0, len(data), _BATCH):
        events = [
            Event(id, tx.now, ids.mint(tx.now, ids.cell_number(id)), type, None, None, msgspec.json.encode(fields))
            for id, fields in sorted(data[start : start + _BATCH], key=_by_contact)
        ]
        cells = [tx.caller.cell(ids.cell_number(event.contact_id)) for event in events]
        keys = [None] * len(events)
        await queries.insert_events(tx, cells, keys, events, None, tx.caller.actor)
        for hook in recorded:
            await hook(tx, events)


def _by_contact(row: tuple[UUID, dict[str, Any]]) -> int:
    return row[0].int
