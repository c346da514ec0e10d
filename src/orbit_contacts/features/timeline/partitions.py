"""Every statement on the partitions of events and on how long workspaces keep them.

A partition holds a quarter of a year. What lies before the first one, or comes while one is missing, is safe in the
default partition.
"""

from collections.abc import Sequence
from uuid import UUID

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction


async def make(tx: Transaction, ahead: int) -> bool:
    """Make the partition of the quarter that lies `ahead` quarters from now; whether it was missing."""
    return await tx.fetch_value(
        "SELECT make_events_partition(($1::timestamptz + $2 * interval '3 months')::date)", tx.now, ahead
    )


async def drop_before(tx: Transaction, before: Instant) -> int:
    """Drop the partitions that end before an instant; gives how many there were."""
    quarters = await tx.fetch_all(
        """
        SELECT first FROM (
            SELECT make_date(substr(c.relname, 8, 4)::int, substr(c.relname, 14, 1)::int * 3 - 2, 1) AS first
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'events'::regclass AND c.relname ~ '^events_[0-9]{4}_q[1-4]$'
        ) AS quarters
        WHERE first + interval '3 months' <= $1::timestamptz ORDER BY first
        """,
        before,
    )
    for row in quarters:
        await tx.fetch_value("SELECT drop_events_partition($1::date)", row["first"])
    return len(quarters)


async def retentions(reader: Reader) -> dict[int, int | None]:
    """For each workspace how many days it keeps events; None for always."""
    rows = await reader.fetch_all(
        "SELECT id, (settings ->> 'event_retention_days')::int AS days FROM workspaces ORDER BY id"
    )
    return {row["id"]: row["days"] for row in rows}


async def retention(reader: Reader) -> int | None:
    return await reader.fetch_value(
        "SELECT (settings ->> 'event_retention_days')::int FROM workspaces WHERE id = $1", reader.caller.workspace_id
    )


async def set_retention(tx: Transaction, days: int | None) -> None:
    await tx.execute(
        """
        UPDATE workspaces
        SET settings = settings - 'event_retention_days'
                     || jsonb_strip_nulls(jsonb_build_object('event_retention_days', $2::int))
        WHERE id = $1
        """,
        tx.caller.workspace_id,
        days,
    )


async def contacts_after(reader: Reader, cell_id: int, after: UUID, limit: int) -> list[UUID]:
    """The next contacts of a cell, deleted ones included."""
    rows = await reader.fetch_all(
        "SELECT id FROM contacts WHERE cell_id = $1 AND id > $2 ORDER BY id LIMIT $3", cell_id, after, limit
    )
    return [row["id"] for row in rows]


async def delete_before(tx: Transaction, cell_id: int, contact_ids: Sequence[UUID], before: Instant) -> int:
    """Delete the events of contacts that lie before an instant, and what is known by their ids."""
    return await tx.fetch_value(
        """
        WITH gone AS (
            DELETE FROM events WHERE cell_id = $1 AND contact_id = ANY($2) AND occurred_at < $3
            RETURNING cell_id, contact_id, key
        ), forgotten AS (
            DELETE FROM event_keys k USING gone
            WHERE k.cell_id = $1 AND k.cell_id = gone.cell_id AND k.contact_id = gone.contact_id AND k.key = gone.key
        )
        SELECT count(*) FROM gone
        """,
        cell_id,
        contact_ids,
        before,
    )
