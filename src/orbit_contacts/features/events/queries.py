"""What ingest asks of contacts."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.database import Reader


async def unusual(reader: Reader, contact_ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Which of many contacts are not there, or deleted (false), and which are blocked (true): few or none."""
    rows = await reader.fetch_all(
        """
        SELECT asked.id, c.blocked_at IS NOT NULL AS blocked
        FROM unnest((SELECT $2::bigint[]), (SELECT $3::uuid[])) AS asked (cell_id, id)
        LEFT JOIN contacts c
          ON c.cell_id = asked.cell_id AND c.id = asked.id AND c.deleted_at IS NULL AND c.workspace_id = $1
        WHERE c.id IS NULL OR c.blocked_at IS NOT NULL
        """,
        reader.caller.workspace_id,
        [reader.caller.cell(ids.cell_number(id)) for id in contact_ids],
        contact_ids,
    )
    return {row["id"]: row["blocked"] for row in rows}


async def beginning_and_stage(reader: Reader, contact_id: UUID) -> Record | None:
    """Of a live contact when it was created and its lifecycle stage."""
    return await reader.fetch_one(
        "SELECT created_at, lifecycle_stage FROM contacts WHERE cell_id = $1 AND id = $2 AND deleted_at IS NULL",
        reader.caller.cell(ids.cell_number(contact_id)),
        contact_id,
    )
