"""Every statement on contacts, their identifiers and counts, one typed function each."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import msgspec
from asyncpg.protocol import Record
from msgspec import UNSET, Raw

from orbit_contacts.core.clock import Instant, format_instant, format_instants
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.gathering import Lookup
from orbit_contacts.core.ids import cell_number
from orbit_contacts.core.ids import text as id_text
from orbit_contacts.core.ids import texts as id_texts
from orbit_contacts.features.contacts.models import Contact
from orbit_contacts.features.contacts.rules import Identifier

T = TypeVar("T")

# The fields of `Contact` in their order, but `blocked`, which `blocked_at` tells.
COLUMNS: LiteralString = (
    "c.id, c.phone, c.phone_extension, c.email, c.first_name, c.last_name, c.display_name, c.company, "
    "c.country_code, c.timezone, c.language, c.lifecycle_stage, c.tags, "
    "c.metadata::text AS metadata, c.custom_fields::text AS custom_fields, "
    "c.external_id, c.blocked_at, c.block_reason, c.dnc, c.source, c.created_at, c.updated_at, c.deleted_at"
)

_WIDTH = len(Contact.__struct_fields__) - 1

LIVE = Lookup(
    f"SELECT {COLUMNS} FROM contacts c WHERE c.cell_id = $1 AND c.id = $2 AND c.deleted_at IS NULL",
    f"""
    SELECT {COLUMNS}, asked.place
    FROM unnest($1::bigint[], $2::uuid[]) WITH ORDINALITY AS asked (cell_id, id, place)
    JOIN contacts c ON c.cell_id = asked.cell_id AND c.id = asked.id AND c.deleted_at IS NULL
    """,
)

# What a caller may set; the order of the parameters of `insert_contact` and `update_contact`.
FIELDS = (
    "phone",
    "phone_extension",
    "email",
    "external_id",
    "first_name",
    "last_name",
    "display_name",
    "company",
    "country_code",
    "timezone",
    "language",
    "lifecycle_stage",
    "tags",
    "metadata",
    "custom_fields",
)

MAPS = ("metadata", "custom_fields")


def contact_of(row: Record) -> Contact:
    """The public form of a row selected with `COLUMNS` (further columns may follow)."""
    (
        id, *known, metadata, custom_fields, external_id,
        blocked_at, block_reason, dnc, source, created_at, updated_at, deleted_at
    ) = row[:_WIDTH]  # fmt: skip
    created = format_instant(created_at)
    fields: list[Any] = [
        id_text("con", id),
        *known,
        Raw(metadata),
        Raw(custom_fields),
        external_id,
        blocked_at is not None,
        None if blocked_at is None else format_instant(blocked_at),
        block_reason,
        dnc,
        source,
        created,
        created if updated_at == created_at else format_instant(updated_at),
        UNSET if deleted_at is None else format_instant(deleted_at),
    ]
    return Contact(*fields)


def contacts_of(rows: Sequence[Record]) -> list[Contact]:
    """`contact_of` of each, column by column: nothing but times is done value by value."""
    if not rows:
        return []
    (
        id, *known, metadata, custom_fields, external_id,
        blocked_at, block_reason, dnc, source, created_at, updated_at, deleted_at
    ) = list(zip(*rows, strict=True))[:_WIDTH]  # fmt: skip
    created = format_instants(created_at)
    return list(
        map(
            Contact,
            id_texts("con", id),
            *known,
            map(Raw, metadata),
            map(Raw, custom_fields),
            external_id,
            [at is not None for at in blocked_at],
            _times(blocked_at, None),
            block_reason,
            dnc,
            source,
            created,
            created if updated_at == created_at else format_instants(updated_at),
            _times(deleted_at, UNSET),
        )
    )


def _times(instants: Sequence[Instant | None], absent: T) -> Iterable[str | T]:
    if instants.count(None) == len(instants):
        return repeat(absent)
    return [absent if at is None else format_instant(at) for at in instants]


def stored_fields(row: Record) -> dict[str, Any]:
    """What a caller may set, as it is stored; `metadata` and `custom_fields` as maps."""
    fields = {name: row[name] for name in FIELDS}
    for name in MAPS:
        fields[name] = msgspec.json.decode(fields[name])
    return fields


async def find(reader: Reader, cell_id: int, id: UUID) -> Record | None:
    """A live contact."""
    return await reader.fetch_one(LIVE.one, cell_id, id)


async def find_many(reader: Reader, ids: Sequence[UUID]) -> list[Record]:
    """Live contacts among `ids`, in no order."""
    return await reader.fetch_all(
        f"SELECT {COLUMNS} FROM contacts c WHERE c.cell_id = ANY($1) AND c.id = ANY($2) AND c.deleted_at IS NULL",
        reader.caller.cells,
        list(ids),
    )


async def lock(tx: Transaction, cell_id: int, id: UUID) -> Record | None:
    """A live contact, locked until the transaction ends."""
    return await tx.fetch_one(
        f"SELECT {COLUMNS} FROM contacts c WHERE c.cell_id = $1 AND c.id = $2 AND c.deleted_at IS NULL FOR UPDATE",
        cell_id,
        id,
    )


async def lock_many(tx: Transaction, contact_ids: Sequence[UUID]) -> list[Record]:
    """The live contacts among `contact_ids`, locked in the order of their ids."""
    return await tx.fetch_all(
        f"""
        SELECT {COLUMNS} FROM contacts c
        WHERE c.cell_id = ANY($1) AND c.id = ANY($2) AND c.deleted_at IS NULL ORDER BY c.id FOR UPDATE
        """,
        tx.caller.cells,
        list(contact_ids),
    )


async def lock_deleted(tx: Transaction, cell_id: int, id: UUID) -> Record | None:
    """A soft-deleted contact, locked."""
    return await tx.fetch_one(
        f"SELECT {COLUMNS} FROM contacts c WHERE c.cell_id = $1 AND c.id = $2 AND c.deleted_at IS NOT NULL FOR UPDATE",
        cell_id,
        id,
    )


async def claim_identifiers(
    tx: Transaction, cell_id: int, id: UUID, claimed: Sequence[Identifier]
) -> set[tuple[str, str]]:
    """Take identifiers for a contact; gives the (kind, key) that were free and are now its own."""
    rows = await tx.fetch_all(
        """
        INSERT INTO contact_identifiers (workspace_id, kind, value, cell_id, contact_id)
        SELECT $1, kind, value, $2, $3 FROM unnest($4::text[], $5::text[]) AS claimed (kind, value)
        ON CONFLICT DO NOTHING
        RETURNING kind, value
        """,
        tx.caller.workspace_id,
        cell_id,
        id,
        [identifier.kind for identifier in claimed],
        [identifier.key for identifier in claimed],
    )
    return {(row["kind"], row["value"]) for row in rows}


async def release_identifiers(tx: Transaction, cell_id: int, id: UUID, released: Sequence[Identifier]) -> None:
    await tx.execute(
        """
        DELETE FROM contact_identifiers
        WHERE workspace_id = $1 AND cell_id = $2 AND contact_id = $3
          AND (kind, value) IN (SELECT kind, value FROM unnest($4::text[], $5::text[]) AS released (kind, value))
        """,
        tx.caller.workspace_id,
        cell_id,
        id,
        [identifier.kind for identifier in released],
        [identifier.key for identifier in released],
    )


async def release_all_identifiers(tx: Transaction, cell_id: int, id: UUID) -> None:
    await tx.execute(
        "DELETE FROM contact_identifiers WHERE workspace_id = $1 AND cell_id = $2 AND contact_id = $3",
        tx.caller.workspace_id,
        cell_id,
        id,
    )


async def holders(reader: Reader, identifiers: Sequence[Identifier]) -> list[Record]:
    """Who holds these identifiers: rows of kind, value, contact_id."""
    return await reader.fetch_all(
        """
        SELECT i.kind, i.value, i.contact_id FROM contact_identifiers i
        WHERE i.workspace_id = $1
          AND (i.kind, i.value) IN (SELECT kind, value FROM unnest($2::text[], $3::text[]) AS asked (kind, value))
        """,
        reader.caller.workspace_id,
        [identifier.kind for identifier in identifiers],
        [identifier.key for identifier in identifiers],
    )


async def insert_contact(
    tx: Transaction,
    cell_id: int,
    id: UUID,
    bucket: int,
    fields: dict[str, Any],
    source: str,
    search_text: str,
    identifiers: Sequence[Identifier],
) -> Record | None:
    """The row, its count and its identifiers, in one statement of one cell.

    None when another contact holds one of the identifiers: then those that were free are taken, and nothing else.
    """
    return await tx.fetch_one(
        f"""
        WITH claimed AS (
            INSERT INTO contact_identifiers (workspace_id, kind, value, cell_id, contact_id)
            SELECT $1, kind, value, $2, $3 FROM unnest($23::text[], $24::text[]) AS wanted (kind, value)
            ON CONFLICT DO NOTHING
            RETURNING kind
        ), free AS (
            SELECT FROM claimed HAVING count(*) = cardinality($23::text[])
        ), counted AS (
            INSERT INTO contact_counts (workspace_id, cell_id, lifecycle_stage, country_code, live, ever)
            SELECT $1, $2, $18, $15, 1, 1 FROM free
        )
        INSERT INTO contacts AS c (workspace_id, cell_id, id, bucket, source, search_text, created_at, updated_at,
                              phone, phone_extension, email, external_id, first_name, last_name, country_code,
                              display_name, company, lifecycle_stage, timezone, language, tags, metadata,
                              custom_fields)
        SELECT $1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, $13, $15, $14, $16, $18, $17, $19, $20, $21, $22
        FROM free
        RETURNING {COLUMNS}
        """,
        tx.caller.workspace_id,
        cell_id,
        id,
        bucket,
        source,
        search_text,
        tx.now,
        fields.get("phone"),
        fields.get("phone_extension"),
        fields.get("email"),
        fields.get("external_id"),
        fields.get("first_name"),
        fields.get("last_name"),
        fields.get("display_name"),
        fields.get("country_code"),
        fields.get("company"),
        fields.get("timezone"),
        fields.get("lifecycle_stage"),
        fields.get("language"),
        fields.get("tags") or [],
        fields.get("metadata") or b"{}",
        fields.get("custom_fields") or b"{}",
        [identifier.kind for identifier in identifiers],
        [identifier.key for identifier in identifiers],
    )


async def update_contact(
    tx: Transaction, cell_id: int, id: UUID, fields: dict[str, Any], updated_at: Instant, search_text: str
) -> Record:
    row = await tx.fetch_one(
        f"""
        UPDATE contacts c
        SET updated_at = $3, search_text = $4, phone = $5, phone_extension = $6, email = $7, external_id = $8,
            first_name = $9, last_name = $10, display_name = $11, company = $12, country_code = $13,
            timezone = $14, language = $15, lifecycle_stage = $16, tags = $17, metadata = $18, custom_fields = $19
        WHERE c.cell_id = $1 AND c.id = $2
        RETURNING {COLUMNS}
        """,
        cell_id,
        id,
        updated_at,
        search_text,
        *[fields[name] for name in FIELDS],
    )
    assert row is not None
    return row


async def set_tags(tx: Transaction, tags: Mapping[UUID, list[str]]) -> None:
    """New tags for locked contacts."""
    await tx.execute(
        """
        UPDATE contacts c
        SET tags = ARRAY(SELECT jsonb_array_elements_text(given.tags)),
            updated_at = greatest($4, c.updated_at + interval '1 microsecond')
        FROM unnest($1::bigint[], $2::uuid[], $3::jsonb[]) AS given (cell_id, id, tags)
        WHERE c.cell_id = given.cell_id AND c.id = given.id
        """,
        [tx.caller.cell(cell_number(id)) for id in tags],
        list(tags),
        [msgspec.json.encode(each) for each in tags.values()],
        tx.now,
    )


async def set_deleted(tx: Transaction, cell_id: int, id: UUID, deleted_at: Instant | None) -> Record:
    row = await tx.fetch_one(
        f"""
        UPDATE contacts c SET deleted_at = $3, updated_at = $4 WHERE c.cell_id = $1 AND c.id = $2 RETURNING {COLUMNS}
        """,
        cell_id,
        id,
        deleted_at,
        tx.now,
    )
    assert row is not None
    return row


async def erase(tx: Transaction, cell_id: int, id: UUID) -> None:
    """The row goes, and with it (foreign keys) every row that hangs on it."""
    await tx.execute("DELETE FROM contacts WHERE cell_id = $1 AND id = $2", cell_id, id)


async def expired_deletions(reader: Reader, before: Instant, limit: int) -> list[Record]:
    """Soft-deleted contacts whose time to be restored is over: workspace_id, cell_id, id."""
    return await reader.fetch_all(
        """
        /* all workspaces: the purge after 30 days */
        SELECT workspace_id, cell_id, id FROM contacts WHERE deleted_at < $1 ORDER BY deleted_at LIMIT $2
        """,
        before,
        limit,
    )
