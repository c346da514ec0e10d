"""What a batch of rows is looked up by, and the contacts that it means."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.contacts.queries import COLUMNS
from orbit_contacts.features.imports.write_queries import cells_among


async def plan_for_values(tx: Transaction) -> None:
    """Plan each statement of this transaction for the tables as they are now. A plan made while a table was empty
    would read all of it for every batch: the keys are always looked up in the index."""
    await tx.execute(
        """
        SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
               set_config('enable_mergejoin', 'off', true), set_config('enable_hashjoin', 'off', true)
        """
    )


async def holders(
    tx: Transaction, phones: Sequence[str], emails: Sequence[str], external_ids: Sequence[str]
) -> dict[tuple[str, str], UUID]:
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
        phones,
        emails,
        external_ids,
    )
    return {(kind, value): contact_id for kind, value, contact_id in rows}


async def contacts(tx: Transaction, contact_ids: Sequence[UUID], *, lock: bool) -> list[Record]:
    """The live contacts, with the version of their row."""
    return await (_locked if lock else _read)(tx, contact_ids)


async def _read(tx: Transaction, contact_ids: Sequence[UUID]) -> list[Record]:
    return await tx.fetch_all(
        f"""
        SELECT {COLUMNS}, c.xmin AS version FROM contacts c
        WHERE c.cell_id = ANY($1) AND c.id = ANY($2) AND c.deleted_at IS NULL
        """,
        cells_among(tx, contact_ids),
        contact_ids,
    )


async def _locked(tx: Transaction, contact_ids: Sequence[UUID]) -> list[Record]:
    """Locked in the order of cell and id."""
    return await tx.fetch_all(
        f"""
        SELECT {COLUMNS}, c.xmin AS version FROM contacts c
        WHERE c.cell_id = ANY($1) AND c.id = ANY($2) AND c.deleted_at IS NULL
        ORDER BY c.cell_id, c.id
        FOR UPDATE
        """,
        cells_among(tx, contact_ids),
        contact_ids,
    )


async def lock_versions(tx: Transaction, contact_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The live contacts with the versions of their rows, locked in the order of cell and id."""
    rows = await tx.fetch_all(
        """
        SELECT c.id, c.xmin AS version FROM contacts c
        WHERE c.cell_id = ANY($1) AND c.id = ANY($2) AND c.deleted_at IS NULL
        ORDER BY c.cell_id, c.id
        FOR UPDATE
        """,
        cells_among(tx, contact_ids),
        contact_ids,
    )
    return {row["id"]: row["version"] for row in rows}


async def any_deleted(tx: Transaction, since: Instant) -> bool:
    """Whether a contact was deleted since then that can be restored."""
    return await tx.fetch_value(
        "SELECT EXISTS (SELECT FROM contacts WHERE cell_id = ANY($1) AND deleted_at > $2)", tx.caller.cells, since
    )


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
