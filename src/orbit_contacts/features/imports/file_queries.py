"""Every statement on what came with an import: its file, what chunks of it met, skipped rows, remembered mappings."""

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction

PART_BYTES = 1 << 20


async def insert_file(tx: Transaction, id: UUID, data: bytes) -> None:
    await tx.copy_in(
        "import_files",
        ("workspace_id", "import_id", "part", "data"),
        [
            (tx.caller.workspace_id, id, place // PART_BYTES, data[place : place + PART_BYTES])
            for place in range(0, len(data), PART_BYTES)
        ],
    )
    await tx.execute(
        "UPDATE imports SET has_file = true WHERE workspace_id = $1 AND id = $2", tx.caller.workspace_id, id
    )


async def file_part(reader: Reader, id: UUID, part: int) -> bytes | None:
    return await reader.fetch_value(
        "SELECT data FROM import_files WHERE workspace_id = $1 AND import_id = $2 AND part = $3",
        reader.caller.workspace_id,
        id,
        part,
    )


async def insert_chunk(tx: Transaction, id: UUID, position: int, seen: bytes) -> None:
    await tx.execute(
        "INSERT INTO import_chunks (workspace_id, import_id, position, seen) VALUES ($1, $2, $3, $4)",
        tx.caller.workspace_id,
        id,
        position,
        seen,
    )


async def chunks(reader: Reader, id: UUID) -> list[Record]:
    return await reader.fetch_all(
        "SELECT seen FROM import_chunks WHERE workspace_id = $1 AND import_id = $2 ORDER BY position",
        reader.caller.workspace_id,
        id,
    )


async def delete_file(tx: Transaction, id: UUID) -> None:
    """The bytes, and what their chunks have met."""
    for statement in _DELETIONS:
        await tx.execute(statement, tx.caller.workspace_id, id)


_DELETIONS: tuple[LiteralString, ...] = (
    "DELETE FROM import_files WHERE workspace_id = $1 AND import_id = $2",
    "DELETE FROM import_chunks WHERE workspace_id = $1 AND import_id = $2",
)


async def insert_skipped(
    tx: Transaction, id: UUID, rows: Sequence[tuple[int, int, str, str | None, str, list[str]]]
) -> None:
    """`rows` of place, row number, code, field, message and cells."""
    if rows:
        await tx.copy_in(
            "import_skipped",
            ("workspace_id", "import_id", "place", "row_number", "code", "field", "message", "cells"),
            [(tx.caller.workspace_id, id, *row) for row in rows],
        )


async def skipped(reader: Reader, id: UUID, after: int, limit: int) -> list[Record]:
    """In the order of the file."""
    return await reader.fetch_all(
        """
        SELECT place, row_number, code, field, message, cells FROM import_skipped
        WHERE workspace_id = $1 AND import_id = $2 AND place > $3 ORDER BY place LIMIT $4
        """,
        reader.caller.workspace_id,
        id,
        after,
        limit,
    )


async def skipped_of(reader: Reader, import_ids: Sequence[UUID], limit: int) -> list[Record]:
    """The first skipped rows of each import."""
    return await reader.fetch_all(
        """
        SELECT s.import_id, s.row_number, s.code, s.field, s.message
        FROM unnest($2::uuid[]) AS asked (import_id)
        CROSS JOIN LATERAL (
            SELECT * FROM import_skipped k WHERE k.workspace_id = $1 AND k.import_id = asked.import_id
            ORDER BY k.place LIMIT $3
        ) s
        ORDER BY s.import_id, s.place
        """,
        reader.caller.workspace_id,
        import_ids,
        limit,
    )


async def delete_old_skipped(tx: Transaction, before: Instant, limit: int) -> int:
    """Forget the skipped rows of imports that ended before."""
    return await tx.execute(
        """
        /* all workspaces: skipped rows are kept for 30 days */
        DELETE FROM import_skipped WHERE (workspace_id, import_id, place) IN (
            SELECT s.workspace_id, s.import_id, s.place FROM import_skipped s
            JOIN imports i ON i.workspace_id = s.workspace_id AND i.id = s.import_id
            WHERE i.finished_at < $1 LIMIT $2)
        """,
        before,
        limit,
    )


async def remembered_mapping(reader: Reader, header_hash: bytes) -> Any:
    return await reader.fetch_value(
        "SELECT mapping FROM import_mappings WHERE workspace_id = $1 AND header_hash = $2",
        reader.caller.workspace_id,
        header_hash,
    )


async def remember_mapping(tx: Transaction, header_hash: bytes, mapping: bytes) -> None:
    await tx.execute(
        """
        INSERT INTO import_mappings (workspace_id, header_hash, mapping, used_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (workspace_id, header_hash) DO UPDATE
        SET mapping = excluded.mapping, used_at = excluded.used_at
        """,
        tx.caller.workspace_id,
        header_hash,
        mapping,
        tx.now,
    )
