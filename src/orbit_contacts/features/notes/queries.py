"""Every statement on notes."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.database import Reader, Transaction

COLUMNS: LiteralString = "id, contact_id, body, pinned, author_type, author_id, author_name, created_at, updated_at"


async def insert(tx: Transaction, cell_id: int, contact_id: UUID, id: UUID, body: str, pinned: bool) -> Record:
    row = await tx.fetch_one(
        f"""
        INSERT INTO notes (workspace_id, cell_id, contact_id, id, body, pinned, author_type, author_id, author_name,
                           created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
        RETURNING {COLUMNS}
        """,
        tx.caller.workspace_id,
        cell_id,
        contact_id,
        id,
        body,
        pinned,
        tx.caller.actor_type,
        tx.caller.actor_id,
        tx.caller.actor_name,
        tx.now,
    )
    assert row is not None
    return row


async def find(reader: Reader, cell_id: int, contact_id: UUID, id: UUID) -> Record | None:
    return await reader.fetch_one(
        f"SELECT {COLUMNS} FROM notes WHERE cell_id = $1 AND contact_id = $2 AND id = $3", cell_id, contact_id, id
    )


async def page(reader: Reader, cell_id: int, contact_id: UUID, before: UUID | None, limit: int) -> list[Record]:
    """Newest first."""
    return await reader.fetch_all(
        f"""
        SELECT {COLUMNS} FROM notes
        WHERE cell_id = $1 AND contact_id = $2 AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4
        """,
        cell_id,
        contact_id,
        before,
        limit,
    )


async def count(reader: Reader, cell_id: int, contact_id: UUID) -> int:
    return await reader.fetch_value(
        "SELECT count(*) FROM notes WHERE cell_id = $1 AND contact_id = $2", cell_id, contact_id
    )


async def update(tx: Transaction, cell_id: int, contact_id: UUID, id: UUID, body: str, pinned: bool) -> Record:
    row = await tx.fetch_one(
        f"""
        UPDATE notes SET body = $4, pinned = $5, updated_at = $6 WHERE cell_id = $1 AND contact_id = $2 AND id = $3
        RETURNING {COLUMNS}
        """,
        cell_id,
        contact_id,
        id,
        body,
        pinned,
        tx.now,
    )
    assert row is not None
    return row


async def delete(tx: Transaction, cell_id: int, contact_id: UUID, id: UUID) -> int:
    return await tx.execute(
        "DELETE FROM notes WHERE cell_id = $1 AND contact_id = $2 AND id = $3", cell_id, contact_id, id
    )


async def ids_of(reader: Reader, cell_id: int, contact_id: UUID) -> list[UUID]:
    rows = await reader.fetch_all(
        "SELECT id FROM notes WHERE cell_id = $1 AND contact_id = $2 ORDER BY id", cell_id, contact_id
    )
    return [row["id"] for row in rows]


async def move(
    tx: Transaction, from_cell: int, from_contact: UUID, to_cell: int, to_contact: UUID, ids: Sequence[UUID]
) -> int:
    """Give those of the notes that a contact still has to another one, which may live in another cell."""
    return await tx.execute(
        """
        WITH moved AS (
            DELETE FROM notes WHERE workspace_id = $1 AND cell_id = $2 AND contact_id = $3 AND id = ANY($6) RETURNING *
        )
        INSERT INTO notes (workspace_id, cell_id, contact_id, id, body, pinned, author_type, author_id, author_name,
                           created_at, updated_at)
        SELECT $1, $4, $5, id, body, pinned, author_type, author_id, author_name, created_at, updated_at FROM moved
        """,
        tx.caller.workspace_id,
        from_cell,
        from_contact,
        to_cell,
        to_contact,
        list(ids),
    )
