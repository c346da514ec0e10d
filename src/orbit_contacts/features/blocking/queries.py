"""Every statement on blocks, and on the hashes of identifiers that stay blocked without a contact."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.features.contacts.address_hash import HASH_OF_IDENTIFIER, hash_key
from orbit_contacts.features.contacts.filters import live
from orbit_contacts.features.contacts.queries import COLUMNS


async def set_block(
    tx: Transaction, id: UUID, blocked_at: Instant | None, reason: str | None, blocked_by: str | None
) -> Record:
    row = await tx.fetch_one(
        f"""
        UPDATE contacts c
        SET blocked_at = $3, block_reason = $4, blocked_by = $5,
            updated_at = greatest($6, c.updated_at + interval '1 microsecond')
        WHERE c.cell_id = $1 AND c.id = $2
        RETURNING {COLUMNS}
        """,
        tx.caller.cell(ids.cell_number(id)),
        id,
        blocked_at,
        reason,
        blocked_by,
        tx.now,
    )
    assert row is not None
    return row


async def blocked(reader: Reader, after: tuple[Instant, UUID] | None, limit: int) -> list[Record]:
    """Live blocked contacts, newest block first."""
    where = live(reader)
    where.add("c.blocked_at IS NOT NULL")
    if after is not None:
        where.add("(c.blocked_at, c.id) < (" + where.bind(after[0]) + ", " + where.bind(after[1]) + ")")
    return await reader.fetch_all(
        "SELECT "
        + COLUMNS
        + ", c.blocked_by FROM contacts c WHERE "
        + where.text
        + " ORDER BY c.blocked_at DESC, c.id DESC LIMIT "
        + where.bind(limit),
        *where.args,
    )


async def count_blocked(reader: Reader, cap: int) -> int:
    return await reader.fetch_value(
        """
        SELECT count(*) FROM (
            SELECT FROM contacts WHERE cell_id = ANY($1) AND blocked_at IS NOT NULL AND deleted_at IS NULL LIMIT $2
        ) AS counted
        """,
        reader.caller.cells,
        cap,
    )


async def remember(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    """Keep the identifiers of the blocked ones among contacts, as hashes."""
    key = hash_key(tx)
    rows = await tx.fetch_all(
        """
        SELECT i.kind, i.value, c.blocked_at, c.blocked_by
        FROM contacts c JOIN contact_identifiers i ON i.cell_id = c.cell_id AND i.contact_id = c.id
        WHERE c.cell_id = ANY((SELECT $1::bigint[])::bigint[])
          AND c.id = ANY((SELECT $2::uuid[])::uuid[]) AND c.blocked_at IS NOT NULL
        """,
        tx.caller.cells,
        list(contact_ids),
    )
    if rows:
        entries = sorted((key.hash(row["kind"], row["value"]), row["blocked_at"], row["blocked_by"]) for row in rows)
        await tx.execute(
            """
            INSERT INTO blocked_identifiers (workspace_id, address_hash, blocked_at, blocked_by)
            SELECT $1, hash, at, actor FROM unnest($2::bytea[], $3::timestamptz[], $4::text[]) AS put (hash, at, actor)
            ON CONFLICT DO NOTHING
            """,
            tx.caller.workspace_id,
            [hash for hash, _, _ in entries],
            [at for _, at, _ in entries],
            [actor for _, _, actor in entries],
        )


async def remembered(reader: Reader, contact_ids: Sequence[UUID]) -> list[Record]:
    """The contacts that hold a blocked identifier: contact_id, and the earliest block's blocked_at and blocked_by."""
    key = hash_key(reader)
    return await reader.fetch_all(
        f"""
        SELECT DISTINCT ON (i.contact_id) i.contact_id, b.blocked_at, b.blocked_by
        FROM contact_identifiers i
        JOIN blocked_identifiers b ON b.workspace_id = i.workspace_id AND b.address_hash = {HASH_OF_IDENTIFIER}
        WHERE i.workspace_id = $1 AND i.cell_id = ANY((SELECT $2::bigint[])::bigint[])
          AND i.contact_id = ANY((SELECT $3::uuid[])::uuid[])
        ORDER BY i.contact_id, b.blocked_at
        """,
        reader.caller.workspace_id,
        reader.caller.cells,
        list(contact_ids),
        key.inner,
        key.outer,
    )


async def forget(tx: Transaction, contact_id: UUID) -> None:
    """Let the identifiers of a contact be free again."""
    key = hash_key(tx)
    await tx.execute(
        f"""
        DELETE FROM blocked_identifiers b USING contact_identifiers i
        WHERE b.workspace_id = $1 AND i.workspace_id = $1 AND i.cell_id = $2 AND i.contact_id = $3
          AND b.address_hash = {HASH_OF_IDENTIFIER}
        """,
        tx.caller.workspace_id,
        tx.caller.cell(ids.cell_number(contact_id)),
        contact_id,
        key.inner,
        key.outer,
    )


async def carry_over(tx: Transaction, found: Mapping[UUID, tuple[Instant, str | None]]) -> set[UUID]:
    """Block contacts as of an earlier block, unless they are blocked already; gives those that were not."""
    rows = await tx.fetch_all(
        """
        UPDATE contacts c
        SET blocked_at = put.blocked_at, blocked_by = put.blocked_by,
            updated_at = greatest($5, c.updated_at + interval '1 microsecond')
        FROM unnest($2::uuid[], $3::timestamptz[], $4::text[]) AS put (id, blocked_at, blocked_by)
        WHERE c.cell_id = ANY($1) AND c.id = put.id AND c.blocked_at IS NULL
        RETURNING c.id
        """,
        tx.caller.cells,
        list(found),
        [at for at, _ in found.values()],
        [actor for _, actor in found.values()],
        tx.now,
    )
    return {row["id"] for row in rows}
