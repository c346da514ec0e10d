"""Every statement on drafts of imports and their files."""

from typing import LiteralString
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction

COLUMNS: LiteralString = "id, file_name, content_type, size, choices, import_id, created_at"
PART_BYTES = 1 << 20


async def insert(
    tx: Transaction, id: UUID, file_name: str | None, content_type: str, content: bytes, choices: bytes
) -> None:
    await tx.execute(
        """
        INSERT INTO import_drafts (workspace_id, id, file_name, content_type, size, choices, created_by, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        tx.caller.workspace_id,
        id,
        file_name,
        content_type,
        len(content),
        choices,
        tx.caller.actor,
        tx.now,
    )
    await tx.copy_in(
        "import_draft_parts",
        ("workspace_id", "draft_id", "part", "data"),
        [
            (tx.caller.workspace_id, id, place // PART_BYTES, content[place : place + PART_BYTES])
            for place in range(0, len(content), PART_BYTES)
        ],
    )


async def drop_beyond(tx: Transaction, kept: int) -> None:
    """All drafts but the newest."""
    await tx.execute(
        """
        DELETE FROM import_drafts WHERE workspace_id = $1 AND id <> ALL
            (ARRAY(SELECT id FROM import_drafts WHERE workspace_id = $1 ORDER BY id DESC LIMIT $2))
        """,
        tx.caller.workspace_id,
        kept,
    )


async def find(reader: Reader, id: UUID) -> Record | None:
    return await reader.fetch_one(
        f"SELECT {COLUMNS} FROM import_drafts WHERE workspace_id = $1 AND id = $2", reader.caller.workspace_id, id
    )


async def lock(tx: Transaction, id: UUID) -> Record | None:
    return await tx.fetch_one(
        f"SELECT {COLUMNS} FROM import_drafts WHERE workspace_id = $1 AND id = $2 FOR UPDATE",
        tx.caller.workspace_id,
        id,
    )


async def content(reader: Reader, id: UUID) -> bytes:
    rows = await reader.fetch_all(
        "SELECT data FROM import_draft_parts WHERE workspace_id = $1 AND draft_id = $2 ORDER BY part",
        reader.caller.workspace_id,
        id,
    )
    return b"".join([row["data"] for row in rows])


async def choose(tx: Transaction, id: UUID, choices: bytes) -> None:
    await tx.execute(
        "UPDATE import_drafts SET choices = $3 WHERE workspace_id = $1 AND id = $2",
        tx.caller.workspace_id,
        id,
        choices,
    )


async def set_started(tx: Transaction, id: UUID, import_id: UUID) -> None:
    """The import holds the file from now on."""
    await tx.execute(
        "UPDATE import_drafts SET import_id = $3 WHERE workspace_id = $1 AND id = $2",
        tx.caller.workspace_id,
        id,
        import_id,
    )
    await tx.execute(
        "DELETE FROM import_draft_parts WHERE workspace_id = $1 AND draft_id = $2", tx.caller.workspace_id, id
    )


async def delete(tx: Transaction, id: UUID) -> None:
    await tx.execute("DELETE FROM import_drafts WHERE workspace_id = $1 AND id = $2", tx.caller.workspace_id, id)


async def delete_old(tx: Transaction, before: Instant) -> None:
    await tx.execute(
        "/* all workspaces: drafts live for a day */ DELETE FROM import_drafts WHERE created_at < $1", before
    )
