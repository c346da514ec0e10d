"""Every statement on events."""

from uuid import UUID

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Transaction


async def insert_event(
    tx: Transaction,
    *,
    cell_id: int,
    contact_id: UUID,
    id: UUID,
    occurred_at: Instant,
    type: str,
    channel: str | None,
    direction: str | None,
    data: bytes,
) -> None:
    await tx.execute(
        """
        INSERT INTO events (workspace_id, cell_id, contact_id, occurred_at, id, recorded_at, type, channel,
                            direction, data)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        tx.caller.workspace_id,
        cell_id,
        contact_id,
        occurred_at,
        id,
        tx.now,
        type,
        channel,
        direction,
        data,
    )


async def delete_events_of(tx: Transaction, cell_id: int, contact_id: UUID) -> int:
    return await tx.execute("DELETE FROM events WHERE cell_id = $1 AND contact_id = $2", cell_id, contact_id)
