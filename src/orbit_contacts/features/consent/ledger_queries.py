"""Every statement on the ledger: records, heads and checkpoints."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from asyncpg.protocol import Record as Row

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.features.consent.records import GENESIS, Record

COLUMNS: LiteralString = (
    "workspace_id, cell_id, subject_id, sequence, id, recorded_at, subject, status, scope, address_kind, address_hash, "
    "excluded, source, actor, consent_type, lawful_basis, text_version, cause, details_hash, details, salt, "
    "previous_hash, hash"
)


def record_of(row: Row) -> Record:
    values = dict(row.items())
    values["excluded"] = tuple(values["excluded"])
    return Record(**values)


async def lock_heads(tx: Transaction, subjects: Sequence[tuple[int, UUID]]) -> dict[UUID, Row]:
    """The heads of chains given as (cell_id, subject_id), begun where there was none, and locked; sorted, so that two
    writers never wait on each other."""
    ordered = sorted(subjects)
    rows = await tx.fetch_all(
        """
        INSERT INTO consent_heads (workspace_id, cell_id, subject_id, sequence, recorded_at, hash, anchored_sequence)
        SELECT $1, cell_id, subject_id, 0, $4, $5, 0
        FROM unnest($2::bigint[], $3::uuid[]) AS asked (cell_id, subject_id)
        ON CONFLICT (cell_id, subject_id) DO UPDATE SET workspace_id = excluded.workspace_id
        RETURNING subject_id, sequence, recorded_at, hash
        """,
        tx.caller.workspace_id,
        [cell_id for cell_id, _ in ordered],
        [subject_id for _, subject_id in ordered],
        tx.now,
        GENESIS,
    )
    return {row["subject_id"]: row for row in rows}


async def insert_records(tx: Transaction, records: Sequence[Record]) -> None:
    """Append records, and move the heads of their chains to the last of each."""
    last = {record.subject_id: record for record in records}
    await tx.execute(
        """
        WITH moved AS (
            UPDATE consent_heads h SET sequence = m.sequence, recorded_at = m.recorded_at, hash = m.hash
            FROM unnest($22::bigint[], $23::uuid[], $24::integer[], $25::timestamptz[], $26::bytea[])
              AS m (cell_id, subject_id, sequence, recorded_at, hash)
            WHERE h.cell_id = m.cell_id AND h.subject_id = m.subject_id
        )
        INSERT INTO consent_records (workspace_id, cell_id, subject_id, sequence, id, recorded_at, subject, status,
                                     scope, address_kind, address_hash, excluded, source, actor, consent_type,
                                     lawful_basis, text_version, cause, details_hash, details, salt, previous_hash,
                                     hash)
        SELECT $1, cell_id, subject_id, sequence, id, recorded_at, subject, status, scope, address_kind, address_hash,
               string_to_array(excluded, ','), source, $21, consent_type, lawful_basis,
               text_version, cause, details_hash, details, salt, previous_hash, hash
        FROM unnest($2::bigint[], $3::uuid[], $4::integer[], $5::uuid[], $6::timestamptz[], $7::text[], $8::text[],
                    $9::text[], $10::text[], $11::bytea[], $12::text[], $13::text[], $14::text[], $15::text[],
                    $16::text[], $17::uuid[], $18::bytea[], $19::bytea[], $20::bytea[], $27::bytea[], $28::bytea[])
          AS r (cell_id, subject_id, sequence, id, recorded_at, subject, status, scope, address_kind, address_hash,
                excluded, source, consent_type, lawful_basis, text_version, cause, details_hash, details, salt,
                previous_hash, hash)
        """,
        tx.caller.workspace_id,
        [r.cell_id for r in records],
        [r.subject_id for r in records],
        [r.sequence for r in records],
        [r.id for r in records],
        [r.recorded_at for r in records],
        [r.subject for r in records],
        [r.status for r in records],
        [r.scope for r in records],
        [r.address_kind for r in records],
        [r.address_hash for r in records],
        [",".join(r.excluded) for r in records],
        [r.source for r in records],
        [r.consent_type for r in records],
        [r.lawful_basis for r in records],
        [r.text_version for r in records],
        [r.cause for r in records],
        [r.details_hash for r in records],
        [r.details for r in records],
        [r.salt for r in records],
        tx.caller.actor,
        [r.cell_id for r in last.values()],
        [r.subject_id for r in last.values()],
        [r.sequence for r in last.values()],
        [r.recorded_at for r in last.values()],
        [r.hash for r in last.values()],
        [r.previous_hash for r in records],
        [r.hash for r in records],
    )


async def anonymise(tx: Transaction, cell_id: int, subject_id: UUID) -> None:
    """Remove the words that may name a person from a chain; their digests stay."""
    await tx.execute(
        """
        UPDATE consent_records SET details = NULL, salt = NULL
        WHERE cell_id = $1 AND subject_id = $2 AND details IS NOT NULL
        """,
        cell_id,
        subject_id,
    )


async def chain(reader: Reader, cell_id: int, subject_id: UUID, until: Instant | None = None) -> list[Row]:
    """All records of a subject, oldest first, up to an instant if given."""
    return await reader.fetch_all(
        f"""
        SELECT {COLUMNS} FROM consent_records
        WHERE cell_id = $1 AND subject_id = $2 AND ($3::timestamptz IS NULL OR recorded_at <= $3) ORDER BY sequence
        """,
        cell_id,
        subject_id,
        until,
    )


async def history(reader: Reader, cell_id: int, subject_id: UUID, before: int | None, limit: int) -> list[Row]:
    """Records of a subject, newest first."""
    return await reader.fetch_all(
        f"""
        SELECT {COLUMNS} FROM consent_records
        WHERE cell_id = $1 AND subject_id = $2 AND ($3::integer IS NULL OR sequence < $3)
        ORDER BY sequence DESC LIMIT $4
        """,
        cell_id,
        subject_id,
        before,
        limit,
    )


async def of_address(reader: Reader, hash: bytes, before: UUID | None, limit: int) -> list[Row]:
    """Records about an address, of whichever subject, newest first."""
    return await reader.fetch_all(
        f"""
        SELECT {COLUMNS} FROM consent_records
        WHERE workspace_id = $1 AND cell_id = ANY($2) AND address_hash = $3 AND ($4::uuid IS NULL OR id < $4)
        ORDER BY id DESC LIMIT $5
        """,
        reader.caller.workspace_id,
        reader.caller.cells,
        hash,
        before,
        limit,
    )


async def find(reader: Reader, cell_id: int, id: UUID) -> Row | None:
    return await reader.fetch_one(f"SELECT {COLUMNS} FROM consent_records WHERE cell_id = $1 AND id = $2", cell_id, id)


async def walk(reader: Reader, cell_id: int, after: tuple[UUID, int], limit: int) -> list[Row]:
    """Records of a cell in the order of their chains, after (subject_id, sequence)."""
    return await reader.fetch_all(
        f"""
        SELECT {COLUMNS} FROM consent_records
        WHERE cell_id = $1 AND (subject_id, sequence) > ($2, $3) ORDER BY subject_id, sequence LIMIT $4
        """,
        cell_id,
        *after,
        limit,
    )


async def heads_of(reader: Reader, subjects: Sequence[tuple[int, UUID]]) -> dict[UUID, Row]:
    """The heads of chains given as (cell_id, subject_id)."""
    rows = await reader.fetch_all(
        """
        SELECT subject_id, sequence, recorded_at, hash FROM consent_heads
        WHERE cell_id = ANY($1) AND subject_id = ANY($2)
        """,
        list({cell_id for cell_id, _ in subjects}),
        [subject_id for _, subject_id in subjects],
    )
    return {row["subject_id"]: row for row in rows}


async def heads(reader: Reader, cell_id: int, after: UUID, limit: int) -> list[Row]:
    """Heads of a cell by subject, with the record each names, whose hash is null when it is gone."""
    return await reader.fetch_all(
        """
        SELECT h.subject_id, h.sequence, h.anchored_sequence, r.hash AS record_hash
        FROM consent_heads h
        LEFT JOIN consent_records r
          ON r.cell_id = h.cell_id AND r.subject_id = h.subject_id AND r.sequence = h.sequence
        WHERE h.cell_id = $1 AND h.subject_id > $2 ORDER BY h.subject_id LIMIT $3
        """,
        cell_id,
        after,
        limit,
    )


async def workspaces_to_anchor(reader: Reader, limit: int) -> list[Row]:
    return await reader.fetch_all(
        """
        /* all workspaces: which of them have consent records since their last checkpoint */
        SELECT DISTINCT h.workspace_id, w.cell_count
        FROM consent_heads h JOIN workspaces w ON w.id = h.workspace_id
        WHERE h.sequence > h.anchored_sequence LIMIT $1
        """,
        limit,
    )


async def anchor_heads(tx: Transaction, limit: int) -> list[Row]:
    """Heads that moved since they were last anchored, marked as anchored."""
    return await tx.fetch_all(
        """
        WITH moved AS (
            SELECT cell_id, subject_id, sequence, hash FROM consent_heads
            WHERE workspace_id = $1 AND cell_id = ANY($2) AND sequence > anchored_sequence
            ORDER BY cell_id, subject_id LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        UPDATE consent_heads h SET anchored_sequence = moved.sequence FROM moved
        WHERE h.cell_id = moved.cell_id AND h.subject_id = moved.subject_id
        RETURNING h.cell_id, h.subject_id, moved.sequence, moved.hash
        """,
        tx.caller.workspace_id,
        tx.caller.cells,
        limit,
    )


async def last_checkpoint(reader: Reader) -> Row | None:
    return await reader.fetch_one(
        "SELECT number, hash FROM consent_checkpoints WHERE workspace_id = $1 ORDER BY number DESC LIMIT 1",
        reader.caller.workspace_id,
    )


async def insert_checkpoint(
    tx: Transaction, number: int, previous_hash: bytes, hash: bytes, heads: Sequence[Row]
) -> None:
    await tx.execute(
        """
        WITH named AS (
            INSERT INTO consent_checkpoint_heads (workspace_id, cell_id, number, subject_id, sequence, hash)
            SELECT $1, cell_id, $2, subject_id, sequence, hash
            FROM unnest($6::bigint[], $7::uuid[], $8::integer[], $9::bytea[])
              AS head (cell_id, subject_id, sequence, hash)
        )
        INSERT INTO consent_checkpoints (workspace_id, number, created_at, subjects, previous_hash, hash)
        VALUES ($1, $2, $3, cardinality($7::uuid[]), $4, $5)
        """,
        tx.caller.workspace_id,
        number,
        tx.now,
        previous_hash,
        hash,
        [head["cell_id"] for head in heads],
        [head["subject_id"] for head in heads],
        [head["sequence"] for head in heads],
        [head["hash"] for head in heads],
    )


async def checkpoints(reader: Reader, after: int, limit: int) -> list[Row]:
    """Checkpoints in their order."""
    return await reader.fetch_all(
        """
        SELECT number, created_at, subjects, previous_hash, hash FROM consent_checkpoints
        WHERE workspace_id = $1 AND number > $2 ORDER BY number LIMIT $3
        """,
        reader.caller.workspace_id,
        after,
        limit,
    )


async def newest_checkpoints(reader: Reader, before: int | None, limit: int) -> list[Row]:
    return await reader.fetch_all(
        """
        SELECT number, created_at, subjects, previous_hash, hash FROM consent_checkpoints
        WHERE workspace_id = $1 AND ($2::integer IS NULL OR number < $2) ORDER BY number DESC LIMIT $3
        """,
        reader.caller.workspace_id,
        before,
        limit,
    )


async def checkpoint_heads(reader: Reader, number: int) -> list[Row]:
    """What a checkpoint names, with the hash that the ledger has there now, null when the record is gone."""
    return await reader.fetch_all(
        """
        SELECT n.cell_id, n.subject_id, n.sequence, n.hash, r.hash AS record_hash
        FROM consent_checkpoint_heads n
        LEFT JOIN consent_records r
          ON r.cell_id = n.cell_id AND r.subject_id = n.subject_id AND r.sequence = n.sequence
        WHERE n.cell_id = ANY($1) AND n.number = $2
        """,
        reader.caller.cells,
        number,
    )


async def count(reader: Reader, cell_id: int, subject_id: UUID) -> int:
    """How many records a subject has: the sequence of its last."""
    sequence = await reader.fetch_value(
        "SELECT max(sequence) FROM consent_records WHERE cell_id = $1 AND subject_id = $2", cell_id, subject_id
    )
    return sequence or 0
