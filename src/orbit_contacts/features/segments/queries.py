"""Every statement on stored segments, and what their rules name."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.features.segments.counts import Count

COLUMNS: LiteralString = (
    "id, name, rules, uses, contact_count, count_is_exact, counted_at, count_cost, read_at, created_at, updated_at"
)


async def insert_segment(
    tx: Transaction, id: UUID, name: str, name_key: str, rules: str, uses: Sequence[UUID], count: Count
) -> Record | None:
    """None when the name is taken."""
    return await tx.fetch_one(
        f"""
        INSERT INTO segments (workspace_id, id, name, name_key, rules, uses, contact_count, count_is_exact, counted_at,
                              count_cost, read_at, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $11)
        ON CONFLICT DO NOTHING
        RETURNING {COLUMNS}
        """,
        tx.caller.workspace_id,
        id,
        name,
        name_key,
        rules,
        list(uses),
        count.value,
        count.is_exact,
        count.at,
        count.cost,
        tx.now,
    )


async def find(reader: Reader, id: UUID) -> Record | None:
    return await reader.fetch_one(
        f"SELECT {COLUMNS} FROM segments WHERE workspace_id = $1 AND id = $2", reader.caller.workspace_id, id
    )


async def find_many(reader: Reader, segment_ids: Sequence[UUID]) -> list[Record]:
    return await reader.fetch_all(
        f"SELECT {COLUMNS} FROM segments WHERE workspace_id = $1 AND id = ANY($2)",
        reader.caller.workspace_id,
        list(segment_ids),
    )


async def page(reader: Reader, before: UUID | None, limit: int) -> list[Record]:
    """Newest first."""
    return await reader.fetch_all(
        f"""
        SELECT {COLUMNS} FROM segments
        WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
        """,
        reader.caller.workspace_id,
        before,
        limit,
    )


async def count_segments(reader: Reader) -> int:
    return await reader.fetch_value("SELECT count(*) FROM segments WHERE workspace_id = $1", reader.caller.workspace_id)


async def lock_references(tx: Transaction) -> None:
    """Alone with what segments name, until the transaction ends: two changes at once could close a circle."""
    await tx.fetch_value("SELECT pg_advisory_xact_lock(hashtextextended('segments', $1))", tx.caller.workspace_id)


async def referring(reader: Reader) -> list[Record]:
    """The segments that name any: id, name, uses."""
    return await reader.fetch_all(
        "SELECT id, name, uses FROM segments WHERE workspace_id = $1 AND uses <> '{}' ORDER BY id",
        reader.caller.workspace_id,
    )


async def update_segment(
    tx: Transaction, id: UUID, name: str, name_key: str, rules: str, uses: Sequence[UUID], count: Count
) -> Record | None:
    """Raises asyncpg's UniqueViolationError when the name is taken."""
    return await tx.fetch_one(
        f"""
        UPDATE segments
        SET name = $3, name_key = $4, rules = $5, uses = $6, contact_count = $7, count_is_exact = $8, counted_at = $9,
            count_cost = $10, updated_at = $11
        WHERE workspace_id = $1 AND id = $2
        RETURNING {COLUMNS}
        """,
        tx.caller.workspace_id,
        id,
        name,
        name_key,
        rules,
        list(uses),
        count.value,
        count.is_exact,
        count.at,
        count.cost,
        tx.now,
    )


async def lock(tx: Transaction, id: UUID) -> Record | None:
    return await tx.fetch_one(
        f"SELECT {COLUMNS} FROM segments WHERE workspace_id = $1 AND id = $2 FOR UPDATE", tx.caller.workspace_id, id
    )


async def delete(tx: Transaction, id: UUID) -> int:
    return await tx.execute("DELETE FROM segments WHERE workspace_id = $1 AND id = $2", tx.caller.workspace_id, id)


async def store_count(reader: Reader, id: UUID, updated_at: Instant, count: Count) -> None:
    """Remember a count, unless the rules changed meanwhile or someone counted later."""
    await reader.execute(
        """
        UPDATE segments SET contact_count = $4, count_is_exact = $5, counted_at = $6, count_cost = $7
        WHERE workspace_id = $1 AND id = $2 AND updated_at = $3 AND counted_at <= $6
        """,
        reader.caller.workspace_id,
        id,
        updated_at,
        count.value,
        count.is_exact,
        count.at,
        count.cost,
    )


async def touch(reader: Reader, segment_ids: Sequence[UUID]) -> None:
    """Someone looks at these counts now."""
    await reader.execute(
        "UPDATE segments SET read_at = $3 WHERE workspace_id = $1 AND id = ANY($2)",
        reader.caller.workspace_id,
        list(segment_ids),
        reader.now,
    )


async def watched(tx: Transaction, read_since: Instant, counted_before: Instant, limit: int) -> list[Record]:
    """Counts that someone looked at lately and that grow old, the oldest first, each with its workspace."""
    return await tx.fetch_all(
        """
        /* all workspaces: keeping the counts young that people look at */
        SELECT s.workspace_id, w.cell_count, w.mode, w.default_region, s.id
        FROM segments s JOIN workspaces w ON w.id = s.workspace_id
        WHERE s.read_at >= $1 AND s.counted_at < $2 ORDER BY s.counted_at LIMIT $3
        """,
        read_since,
        counted_before,
        limit,
    )


async def list_names(reader: Reader, ids: Sequence[UUID]) -> dict[UUID, str]:
    rows = await reader.fetch_all(
        "SELECT id, name FROM lists WHERE workspace_id = $1 AND id = ANY($2)", reader.caller.workspace_id, list(ids)
    )
    return {row["id"]: row["name"] for row in rows}


async def segment_names(reader: Reader, ids: Sequence[UUID]) -> dict[UUID, str]:
    rows = await reader.fetch_all(
        "SELECT id, name FROM segments WHERE workspace_id = $1 AND id = ANY($2)", reader.caller.workspace_id, list(ids)
    )
    return {row["id"]: row["name"] for row in rows}
