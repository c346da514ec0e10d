"""What happened to a contact, written in the transaction that made it happen."""

from typing import Any
from uuid import UUID

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.timeline import queries


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
    id = ids.mint(tx.now, cell)
    await queries.insert_event(
        tx,
        cell_id=tx.caller.cell(cell),
        contact_id=contact_id,
        id=id,
        occurred_at=tx.now,
        type=type,
        channel=channel,
        direction=direction,
        data=msgspec.json.encode(data),
    )
    return id
