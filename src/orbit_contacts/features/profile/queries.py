"""What a profile reads of a contact's events."""

from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.database import Reader


async def sums(reader: Reader, cell_id: int, contact_id: UUID) -> Record | None:
    """The sums kept with the events; None for a contact that never had one."""
    return await reader.fetch_one(
        """
        SELECT messages_sent, messages_received, calls_started, calls_ended, tickets_opened, tickets_closed, events,
               orders, last_order_at, last_inbound_at, last_outbound_at, last_activity_at
        FROM contact_stats WHERE cell_id = $1 AND contact_id = $2
        """,
        cell_id,
        contact_id,
    )


async def newest(reader: Reader, cell_id: int, contact_id: UUID, limit: int) -> list[Record]:
    """The newest events: occurred_at, type, channel, direction."""
    return await reader.fetch_all(
        """
        SELECT occurred_at, type, channel, direction FROM events
        WHERE cell_id = $1 AND contact_id = $2 ORDER BY occurred_at DESC, id DESC LIMIT $3
        """,
        cell_id,
        contact_id,
        limit,
    )
