"""Every statement on duplicates: contacts to compare, what they are found by, pairs, and how far it went."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.where import Where
from orbit_contacts.features.merging.queries import cell

# The order of the fields of `similarity.Person`.
COMPARED: LiteralString = (
    "c.id, c.first_name, c.last_name, c.display_name, c.company, c.email, c.phone, c.external_id, c.country_code"
)


async def open_scan(tx: Transaction, cell_id: int) -> None:
    await tx.execute(
        """
        INSERT INTO duplicate_scans (workspace_id, cell_id, seen_at, seen_id) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
        """,
        tx.caller.workspace_id,
        cell_id,
        0,
        UUID(int=0),
    )


async def take_scan(tx: Transaction, cell_id: int, *, wait: bool) -> Record | None:
    """How far a cell is compared, for going on with it; None while another does, unless we `wait`."""
    if wait:
        return await tx.fetch_one(
            "SELECT seen_at, seen_id, queued_at FROM duplicate_scans WHERE cell_id = $1 FOR UPDATE", cell_id
        )
    return await tx.fetch_one(
        "SELECT seen_at, seen_id, queued_at FROM duplicate_scans WHERE cell_id = $1 FOR UPDATE SKIP LOCKED", cell_id
    )


async def set_scan(tx: Transaction, cell_id: int, seen_at: Instant, seen_id: UUID, queued_at: Instant | None) -> None:
    await tx.execute(
        "UPDATE duplicate_scans SET seen_at = $2, seen_id = $3, queued_at = $4 WHERE cell_id = $1",
        cell_id,
        seen_at,
        seen_id,
        queued_at,
    )


async def changed_contacts(tx: Transaction, cell_id: int, seen_at: Instant, seen_id: UUID, limit: int) -> list[Record]:
    """Live contacts that changed after a point and were not compared as they are now, in the order of their change."""
    return await tx.fetch_all(
        f"""
        SELECT {COMPARED}, c.updated_at FROM contacts c
        LEFT JOIN duplicate_profiles p ON p.cell_id = c.cell_id AND p.contact_id = c.id
        WHERE c.cell_id = $1 AND c.deleted_at IS NULL AND (c.updated_at, c.id) > ($2, $3)
          AND (p.version IS NULL OR p.version <> c.updated_at)
        ORDER BY c.updated_at, c.id LIMIT $4
        """,
        cell_id,
        seen_at,
        seen_id,
        limit,
    )


async def use_indexes(tx: Transaction) -> None:
    """For the rest of the transaction. While keys are being added nothing is known of how often they occur, and the
    planner takes every look-up of a key for one that finds a good part of the table."""
    await tx.execute("SET LOCAL enable_seqscan = off")


async def put_profiles(
    tx: Transaction, cell_id: int, contact_ids: Sequence[UUID], versions: Sequence[Instant], keys: Sequence[str]
) -> None:
    """`keys` are arrays in PostgreSQL's text form: their lengths differ, so they are no array of arrays."""
    await tx.execute(
        """
        INSERT INTO duplicate_profiles (workspace_id, cell_id, contact_id, version, keys)
        SELECT $1, $2, contact_id, version, keys::bigint[]
        FROM unnest($3::uuid[], $4::timestamptz[], $5::text[]) AS compared (contact_id, version, keys)
        ORDER BY contact_id
        ON CONFLICT (cell_id, contact_id) DO UPDATE SET version = excluded.version, keys = excluded.keys
        """,
        tx.caller.workspace_id,
        cell_id,
        list(contact_ids),
        list(versions),
        list(keys),
    )


async def sharing(tx: Transaction, keys: Sequence[int], most: int) -> list[Record]:
    """For each key the contacts that have it: key, contact_ids; of a common one, `most` and one more."""
    return await tx.fetch_all(
        """
        SELECT wanted.key, ARRAY(
            SELECT p.contact_id FROM duplicate_profiles p
            WHERE p.workspace_id = $1 AND p.keys @> ARRAY[wanted.key] LIMIT $3
        ) AS contact_ids
        FROM unnest($2::bigint[]) AS wanted (key)
        """,
        tx.caller.workspace_id,
        list(keys),
        most + 1,
    )


async def compared_contacts(reader: Reader, contact_ids: Sequence[UUID]) -> list[Record]:
    """What is compared of live contacts."""
    return await reader.fetch_all(
        f"SELECT {COMPARED} FROM contacts c WHERE c.cell_id = ANY($1) AND c.id = ANY($2) AND c.deleted_at IS NULL",
        reader.caller.cells,
        list(contact_ids),
    )


async def forget_pairs(tx: Transaction, contact_ids: Sequence[UUID], *, dismissed_too: bool = False) -> None:
    """Forget the pairs in which these contacts are, but those that were dismissed unless told so."""
    await tx.execute(
        """
        DELETE FROM duplicate_pairs
        WHERE workspace_id = $1 AND cell_id = ANY($2) AND contact_id = ANY($3) AND (dismissed_at IS NULL OR $4)
        """,
        tx.caller.workspace_id,
        list({cell(tx, id) for id in contact_ids}),
        list(contact_ids),
        dismissed_too,
    )
    await tx.execute(
        """
        DELETE FROM duplicate_pairs
        WHERE workspace_id = $1 AND other_id = ANY($2) AND (dismissed_at IS NULL OR $3)
        """,
        tx.caller.workspace_id,
        list(contact_ids),
        dismissed_too,
    )


async def forget_namesakes(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    """Forget the pairs of these contacts that rest on their name alone, which turned out to be a common one."""
    await tx.execute(
        """
        DELETE FROM duplicate_pairs
        WHERE workspace_id = $1 AND cell_id = ANY($2) AND contact_id = ANY($3) AND dismissed_at IS NULL
          AND jsonb_array_length(reasons) = 1 AND reasons -> 0 ->> 'code' = 'same_name'
        """,
        tx.caller.workspace_id,
        list({cell(tx, id) for id in contact_ids}),
        list(contact_ids),
    )


async def insert_pairs(
    tx: Transaction,
    contact_ids: Sequence[UUID],
    other_ids: Sequence[UUID],
    scores: Sequence[float],
    reasons: Sequence[bytes],
) -> None:
    """Pairs of an older and a newer contact; those that were dismissed stay so."""
    await tx.execute(
        """
        INSERT INTO duplicate_pairs (workspace_id, cell_id, contact_id, other_id, score, reasons, found_at)
        SELECT $1, cell_id, contact_id, other_id, score, reasons, $7
        FROM unnest($2::bigint[], $3::uuid[], $4::uuid[], $5::real[], $6::jsonb[])
             AS found (cell_id, contact_id, other_id, score, reasons)
        ORDER BY cell_id, contact_id, other_id
        ON CONFLICT DO NOTHING
        """,
        tx.caller.workspace_id,
        [cell(tx, id) for id in contact_ids],
        list(contact_ids),
        list(other_ids),
        list(scores),
        list(reasons),
        tx.now,
    )


async def pairs_page(
    reader: Reader,
    contact_id: UUID | None,
    min_score: float,
    after: tuple[float, UUID, UUID] | None,
    limit: int,
) -> list[Record]:
    """Pairs that were not dismissed, the likeliest first; only those of one contact if it is given."""
    where = _proposed(reader, contact_id, min_score)
    if after is not None:
        score, one, other = where.bind(after[0]), where.bind(after[1]), where.bind(after[2])
        where.add("(p.score, p.contact_id, p.other_id) < (" + score + "::real, " + one + ", " + other + ")")
    return await reader.fetch_all(
        "SELECT p.contact_id, p.other_id, p.score, p.reasons, p.found_at FROM duplicate_pairs p WHERE "
        + where.text
        + " ORDER BY p.score DESC, p.contact_id DESC, p.other_id DESC LIMIT "
        + where.bind(limit),
        *where.args,
    )


def _proposed(reader: Reader, contact_id: UUID | None, min_score: float) -> Where:
    where = Where()
    where.add("p.workspace_id = " + where.bind(reader.caller.workspace_id))
    where.add("p.dismissed_at IS NULL")
    where.add("p.score >= " + where.bind(min_score) + "::real")
    if contact_id is not None:
        place = where.bind(contact_id)
        cell_id = where.bind(cell(reader, contact_id))
        where.add("(p.cell_id = " + cell_id + " AND p.contact_id = " + place + " OR p.other_id = " + place + ")")
    return where


async def count_pairs(reader: Reader, contact_id: UUID | None, min_score: float, cap: int) -> int:
    """Pairs that were not dismissed, counted up to `cap`."""
    where = _proposed(reader, contact_id, min_score)
    limit = where.bind(cap)
    return await reader.fetch_value(
        "SELECT count(*) FROM (SELECT FROM duplicate_pairs p WHERE " + where.text + " LIMIT " + limit + ") AS counted",
        *where.args,
    )


async def dismiss(tx: Transaction, contact_id: UUID, other_id: UUID) -> None:
    """Note that an older and a newer contact are two people, whether or not anybody proposed them."""
    await tx.execute(
        """
        INSERT INTO duplicate_pairs (workspace_id, cell_id, contact_id, other_id, score, reasons, found_at,
                                     dismissed_at, dismissed_by)
        VALUES ($1, $2, $3, $4, 0, '[]', $5, $5, $6)
        ON CONFLICT (cell_id, contact_id, other_id)
        DO UPDATE SET dismissed_at = excluded.dismissed_at, dismissed_by = excluded.dismissed_by
        """,
        tx.caller.workspace_id,
        cell(tx, contact_id),
        contact_id,
        other_id,
        tx.now,
        tx.caller.actor,
    )


async def delete_pair(tx: Transaction, contact_id: UUID, other_id: UUID) -> None:
    await tx.execute(
        "DELETE FROM duplicate_pairs WHERE cell_id = $1 AND contact_id = $2 AND other_id = $3",
        cell(tx, contact_id),
        contact_id,
        other_id,
    )
