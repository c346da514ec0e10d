"""Every statement on import jobs and on the way back that belongs to one."""

from typing import LiteralString
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.features.imports import file_queries

COLUMNS: LiteralString = (
    "id, status, dry_run, options, reading, file_name, total, position, created, updated, unchanged, skipped, "
    "warnings, attempts, error, has_manifest, created_by, created_at, started_at, progress_at, finished_at, "
    "rollback_expires_at, rolled_back_at, rollback"
)


async def insert(
    tx: Transaction,
    id: UUID,
    status: str,
    dry_run: bool,
    options: bytes,
    reading: bytes,
    file_name: str | None,
    total: int,
) -> Record:
    row = await tx.fetch_one(
        f"""
        INSERT INTO imports (workspace_id, id, status, dry_run, options, reading, file_name, total, created_by,
                             created_at, progress_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
        RETURNING {COLUMNS}
        """,
        tx.caller.workspace_id,
        id,
        status,
        dry_run,
        options,
        reading,
        file_name,
        total,
        tx.caller.actor,
        tx.now,
    )
    assert row is not None
    return row


async def find(reader: Reader, id: UUID) -> Record | None:
    return await reader.fetch_one(
        f"SELECT {COLUMNS} FROM imports WHERE workspace_id = $1 AND id = $2", reader.caller.workspace_id, id
    )


async def lock(tx: Transaction, id: UUID) -> Record | None:
    return await tx.fetch_one(
        f"SELECT {COLUMNS} FROM imports WHERE workspace_id = $1 AND id = $2 FOR UPDATE", tx.caller.workspace_id, id
    )


async def page(reader: Reader, before: UUID | None, limit: int) -> list[Record]:
    """Newest first."""
    return await reader.fetch_all(
        f"""
        SELECT {COLUMNS} FROM imports WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2)
        ORDER BY id DESC LIMIT $3
        """,
        reader.caller.workspace_id,
        before,
        limit,
    )


async def count(reader: Reader) -> int:
    return await reader.fetch_value("SELECT count(*) FROM imports WHERE workspace_id = $1", reader.caller.workspace_id)


async def start(tx: Transaction, id: UUID) -> None:
    await tx.execute(
        """
        UPDATE imports SET status = 'processing', started_at = $3, progress_at = $3
        WHERE workspace_id = $1 AND id = $2
        """,
        tx.caller.workspace_id,
        id,
        tx.now,
    )


async def advance(
    tx: Transaction,
    id: UUID,
    position: int,
    created: int,
    updated: int,
    unchanged: int,
    skipped: int,
    warnings: bytes,
    has_manifest: bool,
) -> None:
    await tx.execute(
        """
        UPDATE imports
        SET position = $3, created = created + $4, updated = updated + $5, unchanged = unchanged + $6,
            skipped = skipped + $7, warnings = $8, has_manifest = has_manifest OR $9, progress_at = $10
        WHERE workspace_id = $1 AND id = $2
        """,
        tx.caller.workspace_id,
        id,
        position,
        created,
        updated,
        unchanged,
        skipped,
        warnings,
        has_manifest,
        tx.now,
    )


async def finish(
    tx: Transaction, id: UUID, status: str, total: int, error: str | None, rollback_expires_at: Instant | None
) -> Record:
    """The end of the work, with which the file goes."""
    row = await tx.fetch_one(
        f"""
        UPDATE imports
        SET status = $3, total = $4, error = $5, finished_at = $6, rollback_expires_at = $7, has_file = false
        WHERE workspace_id = $1 AND id = $2
        RETURNING {COLUMNS}
        """,
        tx.caller.workspace_id,
        id,
        status,
        total,
        error,
        tx.now,
        rollback_expires_at,
    )
    assert row is not None
    await file_queries.delete_file(tx, id)
    return row


async def count_attempt(tx: Transaction, id: UUID) -> int:
    return await tx.fetch_value(
        "UPDATE imports SET attempts = attempts + 1 WHERE workspace_id = $1 AND id = $2 RETURNING attempts",
        tx.caller.workspace_id,
        id,
    )


async def commit_without_waiting(tx: Transaction) -> None:
    await tx.execute("SET LOCAL synchronous_commit = off")


async def set_rollback(tx: Transaction, id: UUID, status: str, rollback: bytes, done_at: Instant | None) -> Record:
    row = await tx.fetch_one(
        f"""
        UPDATE imports
        SET status = $3, rollback = $4, rolled_back_at = $5, has_manifest = has_manifest AND $5::timestamptz IS NULL,
            progress_at = $6
        WHERE workspace_id = $1 AND id = $2
        RETURNING {COLUMNS}
        """,
        tx.caller.workspace_id,
        id,
        status,
        rollback,
        done_at,
        tx.now,
    )
    assert row is not None
    return row


async def expired_manifests(tx: Transaction, before: Instant, limit: int) -> list[Record]:
    return await tx.fetch_all(
        """
        /* all workspaces: manifests are kept for a day */
        SELECT i.workspace_id, i.id, w.cell_count FROM imports i JOIN workspaces w ON w.id = i.workspace_id
        WHERE i.has_manifest AND i.rollback_expires_at < $1 AND i.status <> 'rolling_back'
        ORDER BY i.rollback_expires_at LIMIT $2
        """,
        before,
        limit,
    )


async def drop_manifest(tx: Transaction, id: UUID, limit: int) -> bool:
    """Forget a manifest, a batch at a time; whether it is all gone."""
    gone = await tx.execute(
        """
        DELETE FROM import_changes
        WHERE cell_id = ANY($1) AND import_id = $2 AND (cell_id, contact_id) IN (
            SELECT cell_id, contact_id FROM import_changes WHERE cell_id = ANY($1) AND import_id = $2 LIMIT $3)
        """,
        tx.caller.cells,
        id,
        limit,
    )
    if gone < limit:
        await tx.execute(
            "UPDATE imports SET has_manifest = false WHERE workspace_id = $1 AND id = $2", tx.caller.workspace_id, id
        )
    return gone < limit


async def stalled(tx: Transaction, before: Instant, limit: int) -> list[Record]:
    """Imports that nothing was heard of since then though they are not done."""
    return await tx.fetch_all(
        """
        /* all workspaces: jobs whose worker died are queued again */
        SELECT i.workspace_id, i.id, i.status, w.cell_count FROM imports i JOIN workspaces w ON w.id = i.workspace_id
        WHERE i.status IN ('queued', 'processing', 'rolling_back') AND i.progress_at < $1
        ORDER BY i.progress_at LIMIT $2 FOR UPDATE OF i SKIP LOCKED
        """,
        before,
        limit,
    )


async def touch(tx: Transaction, id: UUID) -> None:
    await tx.execute(
        "UPDATE imports SET progress_at = $3 WHERE workspace_id = $1 AND id = $2", tx.caller.workspace_id, id, tx.now
    )
