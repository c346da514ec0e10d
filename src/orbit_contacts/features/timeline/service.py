"""What this program itself does to a contact, written in the transaction that does it."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from orbit_contacts.core import copying, ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import Instant
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


class Encoded(NamedTuple):
    """Events of our own, ready to be stored."""

    events: list[Event]
    rows: copying.Encoded


def encode_each(caller: Caller, at: Instant, type: str, data: Sequence[tuple[UUID, bytes]]) -> Encoded:
    """One event for each of many contacts, given with its data as JSON. Pure, so that it can be made in a thread while
    the database does something else."""
    events = [
        Event(id, at, ids.mint(at, ids.cell_number(id)), type, None, None, fields)
        for id, fields in sorted(data, key=_by_contact)
    ]
    return Encoded(events, copying.stream(queries.encoded_rows(caller, events)))


async def record_encoded(tx: Transaction, encoded: Encoded) -> None:
    """Add events that `encode_each` made, at the transaction's instant or a little before."""
    await queries.copy_events(tx, encoded.rows)
    if encoded.events:
        for hook in recorded:
            await hook(tx, encoded.events)


async def record_each(tx: Transaction, type: str, data: Sequence[tuple[UUID, dict[str, Any]]]) -> None:
    """Add one event of our own to each of many contacts, given with its data, at the transaction's instant."""
    for start in range(0, len(data), _BATCH):
        batch = [(id, msgspec.json.encode(fields)) for id, fields in data[start : start + _BATCH]]
        await record_encoded(tx, encode_each(tx.caller, tx.now, type, batch))


def _by_contact(row: tuple[UUID, bytes]) -> int:
    return row[0].int
