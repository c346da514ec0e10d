"""What ingest asks of contacts."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.database import Reader


async def live(reader: Reader, contact_ids: Sequence[UUID]) -> list[Record]:
    """Live contacts among `contact_ids`: rows of id and whether it is blocked, in no order."""
    return await reader.fetch_all(
        """
        SELECT c.id, c.blocked_at IS NOT NULL AS blocked FROM contacts c
        WHERE c.cell_id = ANY($1) AND c.id = ANY($2) AND c.deleted_at IS NULL
        """,
        reader.caller.cells,
        contact_ids,
    )


async def beginning_and_stage(reader: Reader, contact_id: UUID) -> Record | None:
    """Of a live contact when it was created and its lifecycle stage."""
    return await reader.fetch_one(
        "SELECT created_at, lifecycle_stage FROM contacts WHERE cell_id = $1 AND id = $2 AND deleted_at IS NULL",
        reader.caller.cell(ids.cell_number(contact_id)),
        contact_id,
    )
