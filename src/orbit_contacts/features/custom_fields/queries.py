"""Every statement on custom field definitions, and the removal of values from contacts."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.database import Reader, Transaction

COLUMNS: LiteralString = "id, key, type, label, description, options, position, created_at, updated_at"


async def hold_definitions(tx: Transaction) -> None:
    """For writers of values: no definition of the workspace is deleted until the transaction ends. Takes no row, and
    any number of writers hold at once."""
    await tx.fetch_value(
        "SELECT pg_advisory_xact_lock_shared(hashtextextended('custom field values', $1))", tx.caller.workspace_id
    )


async def await_writers(tx: Transaction) -> None:
    """For a deletion: writers of values have committed, later ones wait."""
    await tx.fetch_value(
        "SELECT pg_advisory_xact_lock(hashtextextended('custom field values', $1))", tx.caller.workspace_id
    )


async def lock_definitions(tx: Transaction) -> None:
    """One at a time defines, orders or deletes fields of a workspace; writers of values do not wait for it."""
    await tx.fetch_value(
        "SELECT pg_advisory_xact_lock(hashtextextended('custom field definitions', $1))", tx.caller.workspace_id
    )


async def find_by_keys(reader: Reader, keys: Sequence[str]) -> list[Record]:
    return await reader.fetch_all(
        """
        SELECT key, type, options FROM custom_fields
        WHERE workspace_id = $1 AND key = ANY($2) AND deleted_at IS NULL
        """,
        reader.caller.workspace_id,
        list(keys),
    )


async def all_fields(reader: Reader) -> list[Record]:
    """In their order; a workspace has at most 500."""
    return await reader.fetch_all(
        f"SELECT {COLUMNS} FROM custom_fields WHERE workspace_id = $1 AND deleted_at IS NULL ORDER BY position, id",
        reader.caller.workspace_id,
    )


async def find(reader: Reader, id: UUID) -> Record | None:
    return await reader.fetch_one(
        f"SELECT {COLUMNS} FROM custom_fields WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL",
        reader.caller.workspace_id,
        id,
    )


async def insert(
    tx: Transaction,
    id: UUID,
    key: str,
    type: str,
    label: str,
    description: str | None,
    options: Sequence[str],
    position: int,
) -> Record | None:
    """None when the key is taken."""
    return await tx.fetch_one(
        f"""
        INSERT INTO custom_fields (workspace_id, id, key, type, label, description, options, position, created_at,
                                   updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
        ON CONFLICT DO NOTHING
        RETURNING {COLUMNS}
        """,
        tx.caller.workspace_id,
        id,
        key,
        type,
        label,
        description,
        list(options),
        position,
        tx.now,
    )


async def update(tx: Transaction, id: UUID, label: str, description: str | None, options: Sequence[str]) -> Record:
    row = await tx.fetch_one(
        f"""
        UPDATE custom_fields SET label = $3, description = $4, options = $5, updated_at = $6
        WHERE workspace_id = $1 AND id = $2
        RETURNING {COLUMNS}
        """,
        tx.caller.workspace_id,
        id,
        label,
        description,
        list(options),
        tx.now,
    )
    assert row is not None
    return row


async def set_positions(tx: Transaction, ids: Sequence[UUID]) -> None:
    """The fields stand in this order, from 1."""
    await tx.execute(
        """
        UPDATE custom_fields f SET position = ordered.position
        FROM unnest($2::uuid[], $3::integer[]) AS ordered (id, position)
        WHERE f.workspace_id = $1 AND f.id = ordered.id AND f.position <> ordered.position
        """,
        tx.caller.workspace_id,
        list(ids),
        list(range(1, len(ids) + 1)),
    )


async def set_deleted(tx: Transaction, id: UUID) -> None:
    await tx.execute(
        "UPDATE custom_fields SET deleted_at = $3 WHERE workspace_id = $1 AND id = $2",
        tx.caller.workspace_id,
        id,
        tx.now,
    )


async def delete(tx: Transaction, id: UUID) -> None:
    await tx.execute("DELETE FROM custom_fields WHERE workspace_id = $1 AND id = $2", tx.caller.workspace_id, id)


async def remove_values(tx: Transaction, cell_id: int, key: str, before: UUID, limit: int) -> list[UUID]:
    """Remove the values of up to `limit` contacts of a cell made before `before`, newest first, deleted ones included.

    Gives the contacts. Those that someone else is changing are passed over, so that this never waits.
    """
    rows = await tx.fetch_all(
        """
        UPDATE contacts c SET custom_fields = c.custom_fields - $2
        FROM (SELECT h.id FROM contacts h WHERE h.cell_id = $1 AND h.id < $3 AND h.custom_fields ? $2
              ORDER BY h.id DESC LIMIT $4 FOR UPDATE SKIP LOCKED) AS holder
        WHERE c.cell_id = $1 AND c.id = holder.id
        RETURNING c.id
        """,
        cell_id,
        key,
        before,
        limit,
    )
    return [row["id"] for row in rows]


async def has_values(reader: Reader, key: str) -> bool:
    return await reader.fetch_value(
        "SELECT EXISTS (SELECT FROM contacts c WHERE c.cell_id = ANY($1) AND c.custom_fields ? $2)",
        reader.caller.cells,
        key,
    )
