"""Who is signed in: sessions of API keys and of one-time links.

A token is random and lives in a cookie; the database holds its hash. The tables are read before any tenant is known,
by that hash, as API keys are.
"""

import hashlib
import secrets
from typing import NamedTuple
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import DAY, SECOND, now
from orbit_contacts.core.database import Database, Transaction
from orbit_contacts.core.errors import Unauthorized
from orbit_contacts.features.workspaces import service as workspaces

SESSION_SECONDS = 7 * 86_400
LINK_SECONDS = 600


class Session(NamedTuple):
    """A signed-in caller; `created_at` is when they signed in."""

    token: str
    caller: Caller
    created_at: int


def hash_token(token: str) -> bytes:
    """Tokens hold 256 random bits, so a plain hash cannot be searched back."""
    return hashlib.sha256(token.encode()).digest()


async def start(tx: Transaction, *, role: str | None = None) -> str:
    """Sign the caller in and give the token: a session of its API key, or of `role` for one that is no key."""
    token = secrets.token_urlsafe(32)
    await tx.execute(
        "DELETE FROM console_sessions WHERE workspace_id = $1 AND expires_at < $2", tx.caller.workspace_id, tx.now
    )
    await tx.execute(
        """
        INSERT INTO console_sessions (token_hash, workspace_id, key_id, role, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        hash_token(token),
        tx.caller.workspace_id,
        _key_id(tx.caller),
        role,
        tx.now,
        tx.now + SESSION_SECONDS * SECOND,
    )
    await workspaces.audit(tx, "console.signed_in", tx.caller.actor, {})
    return token


def _key_id(caller: Caller) -> UUID | None:
    return ids.parse("key", caller.actor_id) if caller.actor_type == "api_key" else None


async def find(database: Database, token: str) -> Session | None:
    """The session behind a cookie; None when it ended, or its key was revoked or expired."""
    async with database.prepared.connection() as connection:
        row = await connection.fetchrow(
            """
            SELECT s.role, s.created_at AS signed_in_at, k.id, k.name, k.type, k.scopes, k.allowed_ips, k.expires_at,
                   k.revoke_at, k.revoked_at, w.id AS workspace_id, w.mode, w.cell_count, w.default_region
            FROM console_sessions s JOIN workspaces w ON w.id = s.workspace_id LEFT JOIN api_keys k ON k.id = s.key_id
            WHERE s.token_hash = $1 AND s.expires_at > $2
            """,
            hash_token(token),
            now(),
        )
        if row is None:
            return None
        if row["role"] is None:
            caller = workspaces.caller_of_key(row)
            ended = caller.expires_at is not None and caller.expires_at <= now()
            return None if ended else Session(token, caller, row["signed_in_at"])
        workspace = {**row, "id": row["workspace_id"]}
    return Session(token, _person(workspace, row["role"]), row["signed_in_at"])


def _person(workspace: dict[str, object], role: str) -> Caller:
    """Whoever opened a one-time link."""
    return workspaces.caller_of_workspace(
        workspace,  # pyright: ignore[reportArgumentType]  # a row with one column renamed
        actor="console",
        name="one-time link",
        role=role,
        actor_type="user",
    )


async def end(database: Database, token: str) -> None:
    async with database.prepared.connection() as connection:
        await connection.execute("DELETE FROM console_sessions WHERE token_hash = $1", hash_token(token))


async def end_all(tx: Transaction) -> int:
    """Sign the caller out everywhere: every session of its key, or every session of a one-time link."""
    await workspaces.audit(tx, "console.signed_out_everywhere", tx.caller.actor, {})
    return await tx.execute(
        "DELETE FROM console_sessions WHERE workspace_id = $1 AND key_id IS NOT DISTINCT FROM $2",
        tx.caller.workspace_id,
        _key_id(tx.caller),
    )


async def make_link(tx: Transaction, role: str) -> str:
    """The token of a link that signs one person in, once, within ten minutes."""
    token = secrets.token_urlsafe(32)
    await tx.execute(
        "DELETE FROM console_links WHERE workspace_id = $1 AND expires_at < $2", tx.caller.workspace_id, tx.now - DAY
    )
    await tx.execute(
        """
        INSERT INTO console_links (token_hash, workspace_id, role, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        hash_token(token),
        tx.caller.workspace_id,
        role,
        tx.now,
        tx.now + LINK_SECONDS * SECOND,
    )
    return token


async def open_link(database: Database, token: str) -> str:
    """Use a one-time link up and give the token of the session it starts."""
    async with database.prepared.connection() as connection:
        row = await connection.fetchrow(
            """
            WITH used AS (
                DELETE FROM console_links WHERE token_hash = $1 AND expires_at > $2 RETURNING workspace_id, role
            )
            SELECT w.id, w.mode, w.cell_count, w.default_region, used.role
            FROM used JOIN workspaces w ON w.id = used.workspace_id
            """,
            hash_token(token),
            now(),
        )
    if row is None:
        raise Unauthorized("This link was used already, or is older than ten minutes.", field="token", value=None)
    async with database.transaction(_person(dict(row), row["role"])) as tx:
        return await start(tx, role=row["role"])
