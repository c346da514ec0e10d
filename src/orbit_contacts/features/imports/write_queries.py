"""The statements that bring a batch of rows into the tables, and those that take one back."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, LiteralString
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.features.contacts.queries import COLUMNS, FIELDS
from orbit_contacts.features.imports.planning import EMPTY_MAP, Claim, Touched
from orbit_contacts.features.lists.queries import append_counts


async def plan_for_values(tx: Transaction) -> None:
    """Plan each statement of this transaction for the tables as they are now. A plan made while a table was empty
    would read all of it for every batch: the keys are always looked up in the index."""
    await tx.execute("SET LOCAL plan_cache_mode = force_custom_plan")
    await tx.execute("SET LOCAL enable_seqscan = off")
    await tx.execute("SET LOCAL enable_mergejoin = off")
    await tx.execute("SET LOCAL enable_hashjoin = off")


async def holders(tx: Transaction, kinds: Sequence[str], keys: Sequence[str]) -> dict[tuple[str, str], UUID]:
    """Looked up by arrays, not by a join: without statistics a join of a young table is planned the wrong way round,
    and 5,000 rows take a minute."""
    rows = await tx.fetch_all(
        """
        SELECT kind, value, contact_id FROM contact_identifiers
        WHERE workspace_id = $1 AND kind = 'phone' AND value = ANY($2)
        UNION ALL
        SELECT kind, value, contact_id FROM contact_identifiers
        WHERE workspace_id = $1 AND kind = 'email' AND value = ANY($3)
        UNION ALL
        SELECT kind, value, contact_id FROM contact_identifiers
        WHERE workspace_id = $1 AND kind = 'external_id' AND value = ANY($4)
        """,
        tx.caller.workspace_id,
        *_by_kind(zip(kinds, keys, strict=True)),
    )
    return {(row[0], row[1]): row[2] for row in rows}


def _by_kind(identifiers: Iterable[tuple[str, str]]) -> tuple[list[str], list[str], list[str]]:
    keys: dict[str, list[str]] = {"phone": [], "email": [], "external_id": []}
    for kind, key in identifiers:
        keys[kind].append(key)
    return keys["phone"], keys["email"], keys["external_id"]


async def lock_contacts(tx: Transaction, contact_ids: Sequence[UUID]) -> list[Record]:
    """The live contacts, locked in the order of cell and id."""
    return await tx.fetch_all(
        f"""
        SELECT {COLUMNS} FROM contacts c
        WHERE c.cell_id = ANY($1) AND c.id = ANY($2) AND c.deleted_at IS NULL
        ORDER BY c.cell_id, c.id
        FOR UPDATE
        """,
        _cells(tx, contact_ids),
        contact_ids,
    )


def cells_of(reader: Reader, contact_ids: Iterable[UUID]) -> list[int]:
    return [reader.caller.cell(ids.cell_number(id)) for id in contact_ids]


def _cells(reader: Reader, contact_ids: Iterable[UUID]) -> list[int]:
    return sorted(set(cells_of(reader, contact_ids)))


async def deleted_holders(
    tx: Transaction, phones: Sequence[str], emails: Sequence[str], external_ids: Sequence[str], since: Instant
) -> list[Record]:
    """Contacts deleted since then that had one of these: kind, value, id."""
    return await tx.fetch_all(
        """
        SELECT 'phone' AS kind, phone AS value, id FROM contacts
        WHERE cell_id = ANY($1) AND phone = ANY($2) AND deleted_at > $5
        UNION ALL
        SELECT 'email', email, id FROM contacts
        WHERE cell_id = ANY($1) AND email = ANY($3) AND deleted_at > $5
        UNION ALL
        SELECT 'external_id', external_id, id FROM contacts
        WHERE cell_id = ANY($1) AND external_id = ANY($4) AND deleted_at > $5
        """,
        tx.caller.cells,
        phones,
        emails,
        external_ids,
        since,
    )


async def claim(tx: Transaction, claims: Sequence[Claim]) -> int:
    """Take identifiers, sorted by kind and key; gives how many were free."""
    return await tx.execute(
        """
        INSERT INTO contact_identifiers (workspace_id, kind, value, cell_id, contact_id)
        SELECT $1, kind, value, cell_id, contact_id
        FROM unnest($2::text[], $3::text[], $4::bigint[], $5::uuid[]) AS wanted (kind, value, cell_id, contact_id)
        ORDER BY kind, value
        ON CONFLICT DO NOTHING
        """,
        tx.caller.workspace_id,
        [each.kind for each in claims],
        [each.key for each in claims],
        cells_of(tx, (each.contact_id for each in claims)),
        [each.contact_id for each in claims],
    )


async def release(tx: Transaction, releases: Sequence[Claim]) -> None:
    await tx.execute(
        """
        DELETE FROM contact_identifiers
        WHERE workspace_id = $1 AND cell_id = ANY($2) AND contact_id = ANY($3)
          AND (kind = 'phone' AND value = ANY($4) OR kind = 'email' AND value = ANY($5)
               OR kind = 'external_id' AND value = ANY($6))
        """,
        tx.caller.workspace_id,
        _cells(tx, (each.contact_id for each in releases)),
        [each.contact_id for each in releases],
        *_by_kind((each.kind, each.key) for each in releases),
    )


async def release_all(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    await tx.execute(
        "DELETE FROM contact_identifiers WHERE workspace_id = $1 AND cell_id = ANY($2) AND contact_id = ANY($3)",
        tx.caller.workspace_id,
        _cells(tx, contact_ids),
        contact_ids,
    )


async def set_deleted(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    await tx.execute(
        "UPDATE contacts SET deleted_at = $1, updated_at = $1 WHERE cell_id = ANY($2) AND id = ANY($3)",
        tx.now,
        _cells(tx, contact_ids),
        contact_ids,
    )


async def insert_contacts(tx: Transaction, created: Sequence[Touched], bucket: int) -> None:
    workspace_id, now = tx.caller.workspace_id, tx.now
    await tx.copy_in(
        "contacts",
        (
            *("workspace_id", "cell_id", "id", "bucket", "source", "search_text", "created_at", "updated_at"),
            *_FIELDS,
        ),
        [
            (
                *(workspace_id, cell_id, each.id, bucket, "import", each.search_text, now, now),
                *_values(each.fields),
            )
            for each, cell_id in zip(created, cells_of(tx, (each.id for each in created)), strict=True)
        ],
    )


_FIELDS: tuple[LiteralString, ...] = (
    *("phone", "phone_extension", "email", "external_id", "first_name", "last_name", "display_name", "company"),
    *("country_code", "timezone", "language", "lifecycle_stage", "tags", "metadata", "custom_fields"),
)
assert _FIELDS == FIELDS


def _values(fields: dict[str, Any]) -> list[Any]:
    get = fields.get
    metadata, custom_fields = get("metadata"), get("custom_fields")
    return [
        *map(get, _FIELDS[:12]),
        get("tags") or [],
        msgspec.json.encode(metadata) if metadata else EMPTY_MAP,
        msgspec.json.encode(custom_fields) if custom_fields else EMPTY_MAP,
    ]


async def update_contacts(tx: Transaction, updated: Sequence[Touched]) -> None:
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
    await tx.copy_in(
        "import_staged",
        ("cell_id", "id", "updated_at", "search_text", *_FIELDS),
        [
            (cell_id, each.id, each.updated_at, each.search_text, *_values(each.fields))
            for each, cell_id in zip(updated, cells_of(tx, (each.id for each in updated)), strict=True)
        ],
    )
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
        _cells(tx, (each.id for each in updated)),
        [each.id for each in updated],
    )


Group = tuple[int, str | None, str | None]
"""A cell, a lifecycle stage and a country: what live contacts are counted by."""


async def count(tx: Transaction, live: Counter[Group], ever: Counter[Group]) -> None:
    """Append the change of the totals."""
    groups = [group for group in {**live, **ever} if live[group] or ever[group]]
    if groups:
        await tx.copy_in(
            "contact_counts",
            ("workspace_id", "cell_id", "lifecycle_stage", "country_code", "live", "ever"),
            [(tx.caller.workspace_id, *group, live[group], ever[group]) for group in groups],
        )


def group_changes(tx: Transaction, touched: Iterable[Touched]) -> Counter[Group]:
    """What contacts that were there mean for the totals."""
    live: Counter[Group] = Counter()
    for each in touched:
        changes, fields = each.changes or {}, each.fields
        if "lifecycle_stage" in changes or "country_code" in changes:
            cell_id = tx.caller.cell(ids.cell_number(each.id))
            old = {name: changes[name]["old"] if name in changes else fields[name] for name in _GROUP}
            live[(cell_id, old["lifecycle_stage"], old["country_code"])] -= 1
            live[(cell_id, fields["lifecycle_stage"], fields["country_code"])] += 1
    return live


_GROUP = ("lifecycle_stage", "country_code")


async def insert_members(
    tx: Transaction, list_ids: Sequence[UUID], contact_ids: Sequence[UUID]
) -> list[tuple[UUID, UUID]]:
    """Put contacts on lists; gives the (list, contact) that are new, which are counted."""
    rows = await tx.fetch_all(
        """
        INSERT INTO list_members (workspace_id, cell_id, list_id, contact_id, added_at)
        SELECT $1, cell_id, list_id, contact_id, $5
        FROM unnest($2::bigint[], $3::uuid[], $4::uuid[]) AS wanted (cell_id, list_id, contact_id)
        ORDER BY cell_id, list_id, contact_id
        ON CONFLICT DO NOTHING
        RETURNING list_id, contact_id
        """,
        tx.caller.workspace_id,
        cells_of(tx, contact_ids),
        list_ids,
        contact_ids,
        tx.now,
    )
    added = [(row[0], row[1]) for row in rows]
    totals = Counter((tx.caller.cell(ids.cell_number(contact)), list_id) for list_id, contact in added)
    if totals:
        cells, lists = zip(*totals, strict=True)
        await append_counts(tx, cells, lists, list(totals.values()))
    return added


async def updated_at(tx: Transaction, contact_ids: Sequence[UUID]) -> dict[UUID, Instant]:
    rows = await tx.fetch_all(
        "SELECT id, updated_at FROM contacts WHERE cell_id = ANY($1) AND id = ANY($2)",
        sorted(set(cells_of(tx, contact_ids))),
        contact_ids,
    )
    return {row["id"]: row["updated_at"] for row in rows}


async def insert_manifest(
    tx: Transaction, import_id: UUID, rows: Iterable[tuple[UUID, bool, Instant, bytes, list[str], list[UUID]]]
) -> None:
    """`rows` of contact, created, when it changed last, changes, tags and lists it got."""
    await tx.copy_in(
        "import_changes",
        (
            *("workspace_id", "cell_id", "import_id", "at", "contact_id", "created", "contact_updated_at"),
            *("changes", "tags", "list_ids"),
        ),
        [(tx.caller.workspace_id, tx.caller.cell(ids.cell_number(row[0])), import_id, tx.now, *row) for row in rows],
    )


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
