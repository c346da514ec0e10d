"""Every statement on organizations, workspaces, keys and the audit log."""

from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Connection, Reader, Transaction
from orbit_contacts.features.workspaces.caching import callers_changed


async def find_workspace(connection: Connection, workspace_id: int) -> Record | None:
    return await connection.fetchrow(
        "SELECT id, organization_id, mode, cell_count, default_region FROM workspaces WHERE id = $1",
        workspace_id,
    )


async def set_default_region(tx: Transaction, region: str | None) -> None:
    await tx.execute("UPDATE workspaces SET default_region = $2 WHERE id = $1", tx.caller.workspace_id, region)
    # It is part of every cached caller.
    callers_changed()
    await tx.fetch_value("SELECT pg_notify('orbit_keys', '')")


async def first_workspace(connection: Connection) -> Record | None:
    return await connection.fetchrow(
        """
        SELECT id, organization_id, mode, cell_count, default_region FROM workspaces
        WHERE mode = 'live' ORDER BY id LIMIT 1
        """
    )


async def every_workspace(connection: Connection) -> list[Record]:
    return await connection.fetch(
        "/* all workspaces: for commands over all of them */ "
        "SELECT id, cell_count, mode, default_region FROM workspaces ORDER BY id"
    )


async def workspace_of_organization(connection: Connection, organization_id: int, mode: str) -> Record | None:
    return await connection.fetchrow(
        """
        SELECT id, organization_id, mode, cell_count, default_region FROM workspaces
        WHERE organization_id = $1 AND mode = $2
        """,
        organization_id,
        mode,
    )


async def insert_organization(connection: Connection, name: str, now: Instant) -> int:
    return await connection.fetchval(
        "INSERT INTO organizations (name, created_at) VALUES ($1, $2) RETURNING id", name, now
    )


async def insert_workspace(connection: Connection, organization_id: int, mode: str, now: Instant) -> int:
    return await connection.fetchval(
        "INSERT INTO workspaces (organization_id, mode, created_at) VALUES ($1, $2, $3) RETURNING id",
        organization_id,
        mode,
        now,
    )


async def key_by_hash(connection: Connection, hash: bytes) -> Record | None:
    """A key with its workspace; the hash is the secret's own, so it names one row of one workspace."""
    return await connection.fetchrow(
        """
        SELECT k.id, k.name, k.type, k.scopes, k.allowed_ips, k.expires_at, k.revoke_at, k.revoked_at,
               k.workspace_id, w.organization_id, w.mode, w.cell_count, w.default_region
        FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id
        WHERE k.hash = $1
        """,
        hash,
    )


async def insert_key(
    connection: Connection,
    *,
    id: UUID,
    workspace_id: int,
    name: str,
    type: str,
    scopes: list[str],
    allowed_ips: list[str],
    hint: str,
    hash: bytes,
    created_by: str,
    now: Instant,
    expires_at: Instant | None,
) -> bool:
    """False when the very same key exists already."""
    status = await connection.execute(
        """
        INSERT INTO api_keys (id, workspace_id, name, type, scopes, allowed_ips, hint, hash, created_by,
                              created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT DO NOTHING
        """,
        id,
        workspace_id,
        name,
        type,
        scopes,
        allowed_ips,
        hint,
        hash,
        created_by,
        now,
        expires_at,
    )
    return status.endswith(" 1")


async def keys(reader: Reader, before: UUID | None, limit: int) -> list[Record]:
    """Keys of the caller's organization in both modes, newest first."""
    return await reader.fetch_all(
        """
        SELECT k.*, w.mode FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id
        WHERE w.organization_id = (SELECT organization_id FROM workspaces WHERE id = $1)
          AND ($2::uuid IS NULL OR k.id < $2)
        ORDER BY k.id DESC LIMIT $3
        """,
        reader.caller.workspace_id,
        before,
        limit,
    )


async def lock_key(tx: Transaction, id: UUID) -> Record | None:
    return await tx.fetch_one(
        """
        SELECT k.*, w.mode FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id
        WHERE k.id = $2 AND w.organization_id = (SELECT organization_id FROM workspaces WHERE id = $1)
        FOR UPDATE OF k
        """,
        tx.caller.workspace_id,
        id,
    )


async def set_revocation(tx: Transaction, row: Record, revoke_at: Instant | None, revoked_at: Instant | None) -> None:
    await tx.execute(
        "UPDATE api_keys SET revoke_at = $3, revoked_at = $4 WHERE workspace_id = $1 AND id = $2",
        row["workspace_id"],
        row["id"],
        revoke_at,
        revoked_at,
    )
    # This process drops the key from its cache now, every other one when this commits.
    callers_changed()
    await tx.fetch_value("SELECT pg_notify('orbit_keys', encode($1, 'hex'))", row["hash"])


async def insert_audit(tx: Transaction, id: UUID, action: str, subject: str, details: bytes) -> None:
    await tx.execute(
        """
        INSERT INTO audit_log (workspace_id, id, actor, action, subject, details, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        tx.caller.workspace_id,
        id,
        tx.caller.actor,
        action,
        subject,
        details,
        tx.now,
    )


async def audit_entries(reader: Reader, before: UUID | None, limit: int) -> list[Record]:
    return await reader.fetch_all(
        """
        SELECT id, actor, action, subject, details, created_at FROM audit_log
        WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2)
        ORDER BY id DESC LIMIT $3
        """,
        reader.caller.workspace_id,
        before,
        limit,
    )


async def installation_secret(connection: Connection, fresh: bytes, now: Instant) -> bytes:
    """The installation's secret; `fresh` becomes it on a new database."""
    await connection.execute(
        "INSERT INTO installation (secret, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING", fresh, now
    )
    return await connection.fetchval("SELECT secret FROM installation")
