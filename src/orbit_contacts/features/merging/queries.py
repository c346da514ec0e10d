"""Every statement on merges: contacts as a whole, their identifiers and aliases, their events, the records."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.ids import cell_number
from orbit_contacts.features.contacts.queries import COLUMNS

MERGE_COLUMNS: LiteralString = "survivor_id, id, source_ids, merged_at, merged_by, undone_at"


def cell(reader: Reader, contact_id: UUID) -> int:
    return reader.caller.cell(cell_number(contact_id))


async def lock_contacts(tx: Transaction, contact_ids: Sequence[UUID]) -> dict[UUID, Record]:
    """Contacts, deleted ones included, locked in the order in which every lock of several is taken."""
    rows = await tx.fetch_all(
        f"""
        SELECT {COLUMNS}, c.blocked_by FROM contacts c WHERE c.cell_id = ANY($1) AND c.id = ANY($2)
        ORDER BY c.cell_id, c.id FOR UPDATE
        """,
        list({cell(tx, id) for id in contact_ids}),
        list(contact_ids),
    )
    return {row["id"]: row for row in rows}


async def set_block(tx: Transaction, id: UUID, at: Instant | None, reason: str | None, by: str | None) -> None:
    await tx.execute(
        "UPDATE contacts SET blocked_at = $3, block_reason = $4, blocked_by = $5 WHERE cell_id = $1 AND id = $2",
        cell(tx, id),
        id,
        at,
        reason,
        by,
    )


async def identifiers_of(reader: Reader, contact_ids: Sequence[UUID]) -> list[Record]:
    """What contacts hold: contact_id, kind, value (the match key)."""
    return await reader.fetch_all(
        """
        SELECT contact_id, kind, value FROM contact_identifiers
        WHERE workspace_id = $1 AND cell_id = ANY($2) AND contact_id = ANY($3) ORDER BY kind, value
        """,
        reader.caller.workspace_id,
        list({cell(reader, id) for id in contact_ids}),
        list(contact_ids),
    )


async def move_identifiers(
    tx: Transaction, owner: UUID, heir: UUID, kinds: Sequence[str], values: Sequence[str]
) -> set[tuple[str, str]]:
    """Hand over those of the identifiers that `owner` holds; gives them."""
    rows = await tx.fetch_all(
        """
        UPDATE contact_identifiers SET cell_id = $4, contact_id = $5
        WHERE workspace_id = $1 AND cell_id = $2 AND contact_id = $3
          AND (kind, value) IN (SELECT kind, value FROM unnest($6::text[], $7::text[]) AS given (kind, value))
        RETURNING kind, value
        """,
        tx.caller.workspace_id,
        cell(tx, owner),
        owner,
        cell(tx, heir),
        heir,
        list(kinds),
        list(values),
    )
    return {(row["kind"], row["value"]) for row in rows}


async def claim(tx: Transaction, id: UUID, kinds: Sequence[str], values: Sequence[str]) -> set[tuple[str, str]]:
    """Take those of the identifiers that are free; gives them."""
    rows = await tx.fetch_all(
        """
        INSERT INTO contact_identifiers (workspace_id, kind, value, cell_id, contact_id)
        SELECT $1, kind, value, $2, $3 FROM unnest($4::text[], $5::text[]) AS wanted (kind, value)
        ORDER BY kind, value
        ON CONFLICT DO NOTHING
        RETURNING kind, value
        """,
        tx.caller.workspace_id,
        cell(tx, id),
        id,
        list(kinds),
        list(values),
    )
    return {(row["kind"], row["value"]) for row in rows}


async def aliases_of(reader: Reader, contact_ids: Sequence[UUID]) -> list[Record]:
    """Aliases by age: contact_id, kind, key, value, source_id, added_at."""
    return await reader.fetch_all(
        """
        SELECT contact_id, kind, key, value, source_id, added_at FROM contact_aliases
        WHERE cell_id = ANY($1) AND contact_id = ANY($2) ORDER BY added_at, kind, value
        """,
        list({cell(reader, id) for id in contact_ids}),
        list(contact_ids),
    )


async def insert_alias(tx: Transaction, contact_id: UUID, kind: str, key: str, value: str, source_id: UUID) -> None:
    await tx.execute(
        """
        INSERT INTO contact_aliases (workspace_id, cell_id, contact_id, kind, key, value, source_id, added_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
        """,
        tx.caller.workspace_id,
        cell(tx, contact_id),
        contact_id,
        kind,
        key,
        value,
        source_id,
        tx.now,
    )


async def delete_aliases_from(tx: Transaction, contact_id: UUID, source_ids: Sequence[UUID]) -> None:
    await tx.execute(
        "DELETE FROM contact_aliases WHERE cell_id = $1 AND contact_id = $2 AND source_id = ANY($3)",
        cell(tx, contact_id),
        contact_id,
        list(source_ids),
    )


async def delete_alias(tx: Transaction, contact_id: UUID, kind: str, key: str) -> None:
    await tx.execute(
        "DELETE FROM contact_aliases WHERE cell_id = $1 AND contact_id = $2 AND kind = $3 AND key = $4",
        cell(tx, contact_id),
        contact_id,
        kind,
        key,
    )


async def move_events(tx: Transaction, owner: UUID, heir: UUID, event_ids: Sequence[UUID] | None) -> list[UUID]:
    """Hand over the events of a contact, all of them or those named; gives their ids."""
    rows = await tx.fetch_all(
        """
        WITH moved AS (
            DELETE FROM events WHERE workspace_id = $1 AND cell_id = $2 AND contact_id = $3
                AND ($6::uuid[] IS NULL OR id = ANY($6))
            RETURNING *
        )
        INSERT INTO events (workspace_id, cell_id, contact_id, occurred_at, id, recorded_at, type, channel,
                            direction, data, title, category, message_id, call_id, ticket_id, event_id, key, source,
                            actor, position, number)
        SELECT $1, $4, $5, occurred_at, id, recorded_at, type, channel, direction, data, title, category, message_id,
               call_id, ticket_id, event_id, key, source, actor, position, number
        FROM moved
        RETURNING id
        """,
        tx.caller.workspace_id,
        cell(tx, owner),
        owner,
        cell(tx, heir),
        heir,
        None if event_ids is None else list(event_ids),
    )
    return [row["id"] for row in rows]


async def insert_merge(
    tx: Transaction,
    survivor: UUID,
    id: UUID,
    sources: Sequence[UUID],
    before: bytes,
    after: bytes,
    manifests: bytes,
) -> None:
    await tx.execute(
        """
        INSERT INTO merges (workspace_id, cell_id, survivor_id, id, source_ids, merged_at, merged_by, fields_before,
                            fields_after, manifests)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        tx.caller.workspace_id,
        cell(tx, survivor),
        survivor,
        id,
        list(sources),
        tx.now,
        tx.caller.actor,
        before,
        after,
        manifests,
    )


async def insert_merged_contact(
    tx: Transaction,
    source: UUID,
    survivor: UUID,
    merge_id: UUID,
    identifiers: Sequence[tuple[str, str]],
    event_ids: Sequence[UUID],
) -> None:
    await tx.execute(
        """
        INSERT INTO merged_contacts (workspace_id, cell_id, contact_id, survivor_id, merge_id, identifier_kinds,
                                     identifier_values, event_ids)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        tx.caller.workspace_id,
        cell(tx, source),
        source,
        survivor,
        merge_id,
        [kind for kind, _ in identifiers],
        [value for _, value in identifiers],
        list(event_ids),
    )


async def merged_into(reader: Reader, contact_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """For contacts that are hidden because they were merged: into whom."""
    rows = await reader.fetch_all(
        "SELECT contact_id, survivor_id FROM merged_contacts WHERE cell_id = ANY($1) AND contact_id = ANY($2)",
        list({cell(reader, id) for id in contact_ids}),
        list(contact_ids),
    )
    return {row["contact_id"]: row["survivor_id"] for row in rows}


async def merged_of(reader: Reader, survivor: UUID) -> list[UUID]:
    """The contacts that are hidden because they were merged into this one."""
    rows = await reader.fetch_all(
        "SELECT contact_id FROM merged_contacts WHERE workspace_id = $1 AND survivor_id = $2 ORDER BY contact_id",
        reader.caller.workspace_id,
        survivor,
    )
    return [row["contact_id"] for row in rows]


async def merged_contacts_of(reader: Reader, sources: Sequence[UUID], merge_id: UUID) -> list[Record]:
    return await reader.fetch_all(
        """
        SELECT contact_id, identifier_kinds, identifier_values, event_ids FROM merged_contacts
        WHERE cell_id = ANY($1) AND contact_id = ANY($2) AND merge_id = $3 ORDER BY contact_id
        """,
        list({cell(reader, id) for id in sources}),
        list(sources),
        merge_id,
    )


async def delete_merged_contacts(tx: Transaction, sources: Sequence[UUID], merge_id: UUID) -> None:
    await tx.execute(
        "DELETE FROM merged_contacts WHERE cell_id = ANY($1) AND contact_id = ANY($2) AND merge_id = $3",
        list({cell(tx, id) for id in sources}),
        list(sources),
        merge_id,
    )


async def merges_page(reader: Reader, survivor: UUID, before: UUID | None, limit: int) -> list[Record]:
    """Newest first."""
    return await reader.fetch_all(
        f"""
        SELECT {MERGE_COLUMNS} FROM merges
        WHERE cell_id = $1 AND survivor_id = $2 AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4
        """,
        cell(reader, survivor),
        survivor,
        before,
        limit,
    )


async def find_merge(reader: Reader, survivor: UUID, id: UUID | None) -> Record | None:
    """A merge into this survivor; without an id, the latest that is not undone."""
    return await reader.fetch_one(
        f"""
        SELECT {MERGE_COLUMNS}, fields_before, fields_after, manifests FROM merges
        WHERE cell_id = $1 AND survivor_id = $2 AND (id = $3 OR $3::uuid IS NULL AND undone_at IS NULL)
        ORDER BY id DESC LIMIT 1
        """,
        cell(reader, survivor),
        survivor,
        id,
    )


async def set_undone(tx: Transaction, survivor: UUID, id: UUID) -> None:
    await tx.execute(
        """
        UPDATE merges SET undone_at = $4, fields_before = NULL, fields_after = NULL, manifests = NULL
        WHERE cell_id = $1 AND survivor_id = $2 AND id = $3
        """,
        cell(tx, survivor),
        survivor,
        id,
        tx.now,
    )


async def forget_manifests(tx: Transaction, before: Instant) -> int:
    """Merges that can no longer be undone keep who and when, not what the contacts held."""
    return await tx.execute(
        """
        /* all workspaces: what can no longer be undone is forgotten */
        UPDATE merges SET fields_before = NULL, fields_after = NULL, manifests = NULL
        WHERE manifests IS NOT NULL AND merged_at < $1
        """,
        before,
    )
