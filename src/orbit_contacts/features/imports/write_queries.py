"""The statements that bring a batch of rows into the tables, and those that take one back."""

from collections import Counter
from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.copying import Encoded
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.features.imports.copies import (
    CONTACT_COLUMNS,
    IDENTIFIER_COLUMNS,
    MANIFEST_COLUMNS,
    STAGED_COLUMNS,
    Group,
)
from orbit_contacts.features.imports.planning import Claim


def cells_of(reader: Reader, contact_ids: Iterable[UUID]) -> list[int]:
    return [reader.caller.cell(ids.cell_number(id)) for id in contact_ids]


def cells_among(reader: Reader, contact_ids: Iterable[UUID]) -> list[int]:
    """The cells that contacts are in, each once."""
    if reader.caller.cell_count == 1:
        return [reader.caller.cell(0)]
    return sorted(set(cells_of(reader, contact_ids)))


async def claim(tx: Transaction, identifiers: Encoded) -> bool:
    """Take identifiers, sorted by kind and key. False when one of them is not free: then the transaction can only go
    back to a savepoint."""
    try:
        await tx.copy_encoded("contact_identifiers", IDENTIFIER_COLUMNS, identifiers)
    except asyncpg.UniqueViolationError:
        return False
    return True


async def release(tx: Transaction, releases: Sequence[Claim]) -> None:
    await tx.execute(
        """
        DELETE FROM contact_identifiers
        WHERE workspace_id = $1 AND cell_id = ANY($2) AND contact_id = ANY($3)
          AND (kind = 'phone' AND value = ANY($4) OR kind = 'email' AND value = ANY($5)
               OR kind = 'external_id' AND value = ANY($6))
        """,
        tx.caller.workspace_id,
        cells_among(tx, (each.contact_id for each in releases)),
        [each.contact_id for each in releases],
        [each.key for each in releases if each.kind == "phone"],
        [each.key for each in releases if each.kind == "email"],
        [each.key for each in releases if each.kind == "external_id"],
    )


async def release_all(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    await tx.execute(
        "DELETE FROM contact_identifiers WHERE workspace_id = $1 AND cell_id = ANY($2) AND contact_id = ANY($3)",
        tx.caller.workspace_id,
        cells_among(tx, contact_ids),
        contact_ids,
    )


async def set_deleted(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    await tx.execute(
        "UPDATE contacts SET deleted_at = $1, updated_at = $1 WHERE cell_id = ANY($2) AND id = ANY($3)",
        tx.now,
        cells_among(tx, contact_ids),
        contact_ids,
    )


async def insert_contacts(tx: Transaction, contacts: Encoded) -> None:
    await tx.copy_encoded("contacts", CONTACT_COLUMNS, contacts)


async def update_contacts(tx: Transaction, staged: Encoded, contact_ids: Sequence[UUID]) -> None:
    """Every field of locked contacts, by way of a table of this session."""
    await tx.execute(
        """
        CREATE TEMP TABLE IF NOT EXISTS import_staged (
            cell_id bigint, id uuid, updated_at timestamptz, search_text text, phone text, phone_extension text,
            email text, external_id text, first_name text, last_name text, display_name text, company text,
            country_code text, timezone text, language text, lifecycle_stage text, tags text[], metadata jsonb,
            custom_fields jsonb, PRIMARY KEY (cell_id, id)
        ) ON COMMIT DELETE ROWS
        """
    )
    await tx.execute("TRUNCATE import_staged")
    await tx.copy_encoded("import_staged", STAGED_COLUMNS, staged)
    await tx.execute("ANALYZE import_staged (cell_id, id)")
    await tx.execute(
        """
        UPDATE contacts c
        SET updated_at = s.updated_at, search_text = s.search_text, phone = s.phone,
            phone_extension = s.phone_extension, email = s.email, external_id = s.external_id,
            first_name = s.first_name, last_name = s.last_name, display_name = s.display_name, company = s.company,
            country_code = s.country_code, timezone = s.timezone, language = s.language,
            lifecycle_stage = s.lifecycle_stage, tags = s.tags, metadata = s.metadata,
            custom_fields = s.custom_fields
        FROM pg_temp.import_staged s
        WHERE c.cell_id = ANY($1) AND c.id = ANY($2) AND c.cell_id = s.cell_id AND c.id = s.id
        """,
        cells_among(tx, contact_ids),
        contact_ids,
    )


async def count(tx: Transaction, live: Counter[Group], ever: Counter[Group]) -> None:
    """Append the change of the totals."""
    groups = [group for group in {**live, **ever} if live[group] or ever[group]]
    if groups:
        await tx.copy_in(
            "contact_counts",
            ("workspace_id", "cell_id", "lifecycle_stage", "country_code", "live", "ever"),
            [(tx.caller.workspace_id, *group, live[group], ever[group]) for group in groups],
        )


async def updated_at(tx: Transaction, contact_ids: Sequence[UUID]) -> dict[UUID, Instant]:
    rows = await tx.fetch_all(
        "SELECT id, updated_at FROM contacts WHERE cell_id = ANY($1) AND id = ANY($2)",
        sorted(set(cells_of(tx, contact_ids))),
        contact_ids,
    )
    return {row["id"]: row["updated_at"] for row in rows}


async def insert_manifest(tx: Transaction, manifest: Encoded) -> None:
    await tx.copy_encoded("import_changes", MANIFEST_COLUMNS, manifest)


async def manifest_page(tx: Transaction, import_id: UUID, limit: int) -> list[Record]:
    """What is left of a manifest, in the order in which contacts are locked."""
    return await tx.fetch_all(
        """
        SELECT cell_id, contact_id, created, at, contact_updated_at, changes, tags, list_ids FROM import_changes
        WHERE cell_id = ANY($1) AND import_id = $2 ORDER BY cell_id, contact_id LIMIT $3
        """,
        tx.caller.cells,
        import_id,
        limit,
    )


async def delete_manifest(tx: Transaction, import_id: UUID, contact_ids: Sequence[UUID]) -> None:
    await tx.execute(
        "DELETE FROM import_changes WHERE cell_id = ANY($1) AND import_id = $2 AND contact_id = ANY($3)",
        tx.caller.cells,
        import_id,
        contact_ids,
    )


async def forget_contact(tx: Transaction, contact_id: UUID) -> None:
    """An erased contact is in no manifest; few imports have one, for a day."""
    await tx.execute(
        """
        DELETE FROM import_changes WHERE cell_id = $1 AND contact_id = $2 AND import_id = ANY($3)
        """,
        tx.caller.cell(ids.cell_number(contact_id)),
        contact_id,
        [
            row["id"]
            for row in await tx.fetch_all(
                "SELECT id FROM imports WHERE workspace_id = $1 AND has_manifest", tx.caller.workspace_id
            )
        ],
    )
