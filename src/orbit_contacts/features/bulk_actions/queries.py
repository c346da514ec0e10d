"""Every statement on bulk actions and their items."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.where import Where


async def insert_action(tx: Transaction, id: UUID, action: str, params: bytes) -> None:
    await tx.execute(
        """
        INSERT INTO bulk_actions (workspace_id, id, action, params, status, requested, actor, created_at)
        VALUES ($1, $2, $3, $4, 'queued', 0, $5, $6)
        """,
        tx.caller.workspace_id,
        id,
        action,
        params,
        tx.caller.actor,
        tx.now,
    )


async def insert_items(tx: Transaction, id: UUID, contact_ids: Sequence[UUID]) -> None:
    await tx.execute(
        """
        INSERT INTO bulk_action_items (workspace_id, cell_id, action_id, contact_id)
        SELECT $1, cell_id, $2, contact_id FROM unnest($3::bigint[], $4::uuid[]) AS asked (cell_id, contact_id)
        ON CONFLICT DO NOTHING
        """,
        tx.caller.workspace_id,
        id,
        [tx.caller.cell(ids.cell_number(contact_id)) for contact_id in contact_ids],
        list(contact_ids),
    )


async def insert_matching(tx: Transaction, id: UUID, where: Where) -> int:
    """Bind an action to the contacts that satisfy a condition now; gives how many."""
    bounded = where.copy()
    workspace, action = bounded.bind(tx.caller.workspace_id), bounded.bind(id)
    return await tx.execute(
        "INSERT INTO bulk_action_items (workspace_id, cell_id, action_id, contact_id)"
        + " SELECT c.workspace_id, c.cell_id, "
        + action
        + "::uuid, c.id FROM contacts c WHERE c.workspace_id = "
        + workspace
        + " AND "
        + bounded.text,
        *bounded.args,
    )


async def set_requested(tx: Transaction, id: UUID, requested: int) -> None:
    await tx.execute(
        "UPDATE bulk_actions SET requested = $3 WHERE workspace_id = $1 AND id = $2",
        tx.caller.workspace_id,
        id,
        requested,
    )


async def set_status(tx: Transaction, id: UUID, status: str, completed_at: Instant | None) -> None:
    await tx.execute(
        "UPDATE bulk_actions SET status = $3, completed_at = $4 WHERE workspace_id = $1 AND id = $2",
        tx.caller.workspace_id,
        id,
        status,
        completed_at,
    )


async def find(reader: Reader, id: UUID) -> Record | None:
    return await reader.fetch_one(
        "SELECT * FROM bulk_actions WHERE workspace_id = $1 AND id = $2", reader.caller.workspace_id, id
    )


async def lock(tx: Transaction, id: UUID) -> Record | None:
    return await tx.fetch_one(
        "SELECT * FROM bulk_actions WHERE workspace_id = $1 AND id = $2 FOR UPDATE", tx.caller.workspace_id, id
    )


async def page(reader: Reader, before: UUID | None, limit: int) -> list[Record]:
    return await reader.fetch_all(
        """
        SELECT * FROM bulk_actions WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2)
        ORDER BY id DESC LIMIT $3
        """,
        reader.caller.workspace_id,
        before,
        limit,
    )


async def outcomes(reader: Reader, id: UUID) -> dict[str, int]:
    rows = await reader.fetch_all(
        """
        SELECT coalesce(outcome, 'waiting') AS outcome, count(*) AS number FROM bulk_action_items
        WHERE cell_id = ANY($1) AND action_id = $2 GROUP BY outcome
        """,
        reader.caller.cells,
        id,
    )
    return {row["outcome"]: row["number"] for row in rows}


async def items(reader: Reader, id: UUID, outcome: str, limit: int) -> list[Record]:
    return await reader.fetch_all(
        """
        SELECT contact_id, code, message FROM bulk_action_items
        WHERE cell_id = ANY($1) AND action_id = $2 AND outcome = $3 ORDER BY contact_id LIMIT $4
        """,
        reader.caller.cells,
        id,
        outcome,
        limit,
    )


async def waiting(tx: Transaction, id: UUID, limit: int) -> list[UUID]:
    """The next contacts of an action without an outcome, in id order."""
    rows = await tx.fetch_all(
        """
        SELECT contact_id FROM bulk_action_items
        WHERE cell_id = ANY($1) AND action_id = $2 AND outcome IS NULL ORDER BY contact_id LIMIT $3
        """,
        tx.caller.cells,
        id,
        limit,
    )
    return [row["contact_id"] for row in rows]


async def undoable(tx: Transaction, id: UUID, limit: int) -> list[Record]:
    return await tx.fetch_all(
        """
        SELECT contact_id, undo FROM bulk_action_items
        WHERE cell_id = ANY($1) AND action_id = $2 AND outcome = 'succeeded' ORDER BY contact_id LIMIT $3
        """,
        tx.caller.cells,
        id,
        limit,
    )


class Outcome(NamedTuple):
    contact_id: UUID
    outcome: str
    code: str | None = None
    message: str | None = None
    undo: bytes | None = None


async def set_outcomes(tx: Transaction, id: UUID, outcomes: Sequence[Outcome]) -> None:
    await tx.execute(
        """
        UPDATE bulk_action_items i SET outcome = o.outcome, code = o.code, message = o.message, undo = o.undo
        FROM unnest($2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::jsonb[])
            AS o (cell_id, contact_id, outcome, code, message, undo)
        WHERE i.cell_id = o.cell_id AND i.action_id = $1 AND i.contact_id = o.contact_id
        """,
        id,
        [tx.caller.cell(ids.cell_number(outcome.contact_id)) for outcome in outcomes],
        *map(list, zip(*outcomes, strict=True)),
    )


async def forget_old(tx: Transaction, before: Instant) -> None:
    await tx.execute(
        """
        /* all workspaces: bulk actions are kept for thirty days */
        DELETE FROM bulk_action_items i USING bulk_actions a
        WHERE a.workspace_id = i.workspace_id AND a.id = i.action_id AND a.created_at < $1
        """,
        before,
    )
    await tx.execute(
        "/* all workspaces: bulk actions are kept for thirty days */ DELETE FROM bulk_actions WHERE created_at < $1",
        before,
    )
