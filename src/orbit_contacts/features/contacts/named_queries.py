"""The statements that add many contacts of whom only identifiers are known."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from orbit_contacts.core.database import Transaction
from orbit_contacts.core.ids import cell_number
from orbit_contacts.features.contacts.rules import Identifier


def _cells(tx: Transaction, contact_ids: Sequence[UUID]) -> list[int]:
    return [tx.caller.cell(cell_number(id)) for id in contact_ids]


async def claim(tx: Transaction, wanted: Sequence[tuple[Identifier, UUID]]) -> set[tuple[str, str]]:
    """Take identifiers, each for its contact; gives the (kind, key) that were free."""
    rows = await tx.fetch_all(
        """
        INSERT INTO contact_identifiers (workspace_id, kind, value, cell_id, contact_id)
        SELECT $1, kind, value, cell_id, contact_id
        FROM unnest($2::text[], $3::text[], $4::bigint[], $5::uuid[]) AS wanted (kind, value, cell_id, contact_id)
        ON CONFLICT DO NOTHING
        RETURNING kind, value
        """,
        tx.caller.workspace_id,
        [identifier.kind for identifier, _ in wanted],
        [identifier.key for identifier, _ in wanted],
        _cells(tx, [id for _, id in wanted]),
        [id for _, id in wanted],
    )
    return {(row["kind"], row["value"]) for row in rows}


async def release(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    """Give back whatever these contacts hold."""
    await tx.execute(
        "DELETE FROM contact_identifiers WHERE workspace_id = $1 AND cell_id = ANY($2) AND contact_id = ANY($3)",
        tx.caller.workspace_id,
        sorted(set(_cells(tx, contact_ids))),
        contact_ids,
    )


async def insert(
    tx: Transaction,
    cell_id: int,
    bucket: int,
    contacts: Mapping[UUID, dict[str, Any]],
    texts: Sequence[str],
    source: str,
) -> None:
    """The rows of one cell and their count; `texts` are their search texts."""
    rows = list(contacts.values())
    await tx.execute(
        """
        WITH counted AS (
            INSERT INTO contact_counts (workspace_id, cell_id, live, ever) VALUES ($1, $2, $11, $11)
        )
        INSERT INTO contacts (workspace_id, cell_id, id, bucket, source, search_text, created_at, updated_at,
                              phone, phone_extension, email, external_id, tags, metadata, custom_fields)
        SELECT $1, $2, id, $3, $4, search_text, $5, $5, phone, phone_extension, email, external_id, '{}', '{}', '{}'
        FROM unnest($6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[], $12::text[])
            AS given (id, search_text, phone, phone_extension, email, external_id)
        """,
        tx.caller.workspace_id,
        cell_id,
        bucket,
        source,
        tx.now,
        list(contacts),
        texts,
        [row.get("phone") for row in rows],
        [row.get("phone_extension") for row in rows],
        [row.get("email") for row in rows],
        len(rows),
        [row.get("external_id") for row in rows],
    )


async def blocked(tx: Transaction, contact_ids: Sequence[UUID]) -> set[UUID]:
    """Those who are blocked."""
    rows = await tx.fetch_all(
        "SELECT id FROM contacts WHERE cell_id = ANY($1) AND id = ANY($2) AND blocked_at IS NOT NULL",
        sorted(set(_cells(tx, contact_ids))),
        contact_ids,
    )
    return {row["id"] for row in rows}
