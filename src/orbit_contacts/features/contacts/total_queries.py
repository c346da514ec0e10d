"""The totals of contacts: deltas by stage and country, appended with each change and summed when read (ADR 4)."""

from typing import LiteralString

from orbit_contacts.core.database import Reader, Transaction


def live_total(cells: LiteralString) -> LiteralString:
    """The scalar subquery of the number of live contacts in the cells of a parameter."""
    return "(SELECT coalesce(sum(live), 0)::bigint FROM contact_counts WHERE cell_id = ANY(" + cells + "))"


async def count_change(tx: Transaction, cell_id: int, stage: str | None, country: str | None, live: int) -> None:
    """Append a delta to the totals of a stage and country."""
    await tx.execute(
        """
        INSERT INTO contact_counts (workspace_id, cell_id, lifecycle_stage, country_code, live, ever)
        VALUES ($1, $2, $3, $4, $5, 0)
        """,
        tx.caller.workspace_id,
        cell_id,
        stage,
        country,
        live,
    )


async def count_live(reader: Reader, stage: str | None, country: str | None) -> int:
    """The exact number of live contacts, of one stage and country if given."""
    return await reader.fetch_value(
        """
        SELECT coalesce(sum(live), 0)::bigint FROM contact_counts
        WHERE cell_id = ANY($1)
          AND ($2::text IS NULL OR lifecycle_stage = $2) AND ($3::text IS NULL OR country_code = $3)
        """,
        reader.caller.cells,
        stage,
        country,
    )


async def count_ever(reader: Reader, cell_id: int) -> int:
    """How many contacts were ever added to a cell."""
    return await reader.fetch_value(
        "SELECT coalesce(sum(ever), 0)::bigint FROM contact_counts WHERE cell_id = $1", cell_id
    )


async def fold_counts(tx: Transaction) -> int:
    """Replace the deltas of each stage and country by their sum; what has a single row stays where it is."""
    return await tx.execute(
        """
        /* all workspaces: the background folding of totals */
        WITH several AS (
            SELECT cell_id, lifecycle_stage, country_code FROM contact_counts
            GROUP BY cell_id, lifecycle_stage, country_code HAVING count(*) > 1
        ), folded AS (
            DELETE FROM contact_counts c USING several s
            WHERE c.cell_id = s.cell_id AND coalesce(c.lifecycle_stage, '') = coalesce(s.lifecycle_stage, '')
              AND coalesce(c.country_code, '') = coalesce(s.country_code, '')
            RETURNING c.*
        )
        INSERT INTO contact_counts (workspace_id, cell_id, lifecycle_stage, country_code, live, ever)
        SELECT workspace_id, cell_id, lifecycle_stage, country_code, sum(live), sum(ever) FROM folded
        GROUP BY workspace_id, cell_id, lifecycle_stage, country_code
        """
    )
