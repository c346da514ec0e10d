"""Every statement on frequency caps and compliance settings; those on sends are in `send_queries`."""

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core.database import Reader, Transaction

_CAP: LiteralString = "id, name, channel, category, max_sends, window_seconds, kind, enabled, created_at, updated_at"


async def compliance_settings(reader: Reader) -> msgspec.Raw | None:
    return await reader.fetch_value(
        "SELECT settings -> 'compliance' FROM workspaces WHERE id = $1", reader.caller.workspace_id
    )


async def lock_compliance_settings(tx: Transaction) -> msgspec.Raw | None:
    return await tx.fetch_value(
        "SELECT settings -> 'compliance' FROM workspaces WHERE id = $1 FOR NO KEY UPDATE", tx.caller.workspace_id
    )


async def renew_rules(tx: Transaction, version: str) -> None:
    """Say that caps or settings changed: every server process reads them again before its next check."""
    await tx.execute(
        "UPDATE workspaces SET settings = settings || jsonb_build_object('rules_version', $2::text) WHERE id = $1",
        tx.caller.workspace_id,
        version,
    )


async def put_compliance_settings(tx: Transaction, document: bytes) -> None:
    await tx.execute(
        "UPDATE workspaces SET settings = settings || jsonb_build_object('compliance', $2::jsonb) WHERE id = $1",
        tx.caller.workspace_id,
        document,
    )


async def insert_cap(tx: Transaction, id: UUID, values: Sequence[Any]) -> Record:
    row = await tx.fetch_one(
        f"""
        INSERT INTO frequency_caps (workspace_id, id, created_at, updated_at, name, channel, category, max_sends,
                                    window_seconds, kind, enabled)
        VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10)
        RETURNING {_CAP}
        """,
        tx.caller.workspace_id,
        id,
        tx.now,
        *values,
    )
    assert row is not None
    return row


async def count_caps(reader: Reader) -> int:
    return await reader.fetch_value(
        "SELECT count(*) FROM frequency_caps WHERE workspace_id = $1", reader.caller.workspace_id
    )


async def caps(reader: Reader, enabled: bool | None, before: UUID | None, limit: int) -> list[Record]:
    """Caps, newest first."""
    return await reader.fetch_all(
        f"""
        SELECT {_CAP} FROM frequency_caps
        WHERE workspace_id = $1 AND ($2::boolean IS NULL OR enabled = $2) AND ($3::uuid IS NULL OR id < $3)
        ORDER BY id DESC LIMIT $4
        """,
        reader.caller.workspace_id,
        enabled,
        before,
        limit,
    )


async def find_cap(reader: Reader, id: UUID) -> Record | None:
    return await reader.fetch_one(
        f"SELECT {_CAP} FROM frequency_caps WHERE workspace_id = $1 AND id = $2", reader.caller.workspace_id, id
    )


async def lock_cap(tx: Transaction, id: UUID) -> Record | None:
    return await tx.fetch_one(
        f"SELECT {_CAP} FROM frequency_caps WHERE workspace_id = $1 AND id = $2 FOR UPDATE", tx.caller.workspace_id, id
    )


async def update_cap(tx: Transaction, id: UUID, values: Sequence[Any]) -> Record:
    row = await tx.fetch_one(
        f"""
        UPDATE frequency_caps
        SET updated_at = $3, name = $4, channel = $5, category = $6, max_sends = $7, window_seconds = $8, kind = $9,
            enabled = $10
        WHERE workspace_id = $1 AND id = $2
        RETURNING {_CAP}
        """,
        tx.caller.workspace_id,
        id,
        tx.now,
        *values,
    )
    assert row is not None
    return row


async def delete_cap(tx: Transaction, id: UUID) -> int:
    return await tx.execute(
        "DELETE FROM frequency_caps WHERE workspace_id = $1 AND id = $2", tx.caller.workspace_id, id
    )


async def rules(reader: Reader) -> list[Record]:
    """The workspace's compliance settings and the version of its rules, once for each enabled cap (or once, with
    null columns, without any)."""
    return await reader.fetch_all(
        """
        SELECT w.settings -> 'compliance' AS compliance, w.settings ->> 'rules_version' AS rules_version,
               f.id, f.name, f.channel, f.category, f.max_sends, f.window_seconds, f.kind
        FROM workspaces w LEFT JOIN frequency_caps f ON f.workspace_id = w.id AND f.enabled AND f.workspace_id = $1
        WHERE w.id = $1 ORDER BY f.id
        """,
        reader.caller.workspace_id,
    )


async def contact_of_phone(reader: Reader, key: str) -> Record | None:
    """The live contact that holds a number: id, phone, timezone, dnc."""
    return await reader.fetch_one(
        """
        SELECT c.id, c.phone, c.timezone, c.dnc
        FROM contact_identifiers i JOIN contacts c ON c.cell_id = i.cell_id AND c.id = i.contact_id
        WHERE i.workspace_id = $1 AND i.kind = 'phone' AND i.value = $2 AND c.deleted_at IS NULL
        """,
        reader.caller.workspace_id,
        key,
    )
