"""Every statement on lists, their members and counts."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.ids import cell_number
from orbit_contacts.features.contacts import filters
from orbit_contacts.features.contacts.queries import COLUMNS


def cells_of(reader: Reader, contact_ids: Sequence[UUID]) -> list[int]:
    """The cell of each contact, in the same order."""
    return [reader.caller.cell(cell_number(id)) for id in contact_ids]


async def insert_list(tx: Transaction, id: UUID, name: str, name_key: str, description: str | None) -> Record | None:
    """None when the name is taken."""
    return await tx.fetch_one(
        """
        INSERT INTO lists (workspace_id, id, name, name_key, description, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $6)
        ON CONFLICT DO NOTHING
        RETURNING id, name, description, created_at, updated_at
        """,
        tx.caller.workspace_id,
        id,
        name,
        name_key,
        description,
        tx.now,
    )


async def find_list(reader: Reader, id: UUID) -> Record | None:
    return await reader.fetch_one(
        "SELECT id, name, description, created_at, updated_at FROM lists WHERE workspace_id = $1 AND id = $2",
        reader.caller.workspace_id,
        id,
    )


async def lists_page(reader: Reader, before: UUID | None, limit: int) -> list[Record]:
    """Newest first."""
    return await reader.fetch_all(
        """
        SELECT id, name, description, created_at, updated_at FROM lists
        WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
        """,
        reader.caller.workspace_id,
        before,
        limit,
    )


async def count_lists(reader: Reader) -> int:
    return await reader.fetch_value("SELECT count(*) FROM lists WHERE workspace_id = $1", reader.caller.workspace_id)


async def counts(reader: Reader, list_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Live members of each list that ever had one."""
    rows = await reader.fetch_all(
        """
        SELECT list_id, sum(live)::bigint AS live FROM list_counts
        WHERE cell_id = ANY($1) AND list_id = ANY($2) GROUP BY list_id
        """,
        reader.caller.cells,
        list(list_ids),
    )
    return {row["list_id"]: row["live"] for row in rows}


async def lock_list(tx: Transaction, id: UUID) -> Record | None:
    """For changing the list itself."""
    return await tx.fetch_one(
        """
        SELECT id, name, description, created_at, updated_at FROM lists
        WHERE workspace_id = $1 AND id = $2 FOR UPDATE
        """,
        tx.caller.workspace_id,
        id,
    )


async def hold_lists(tx: Transaction, list_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the lists that exist; none of them can be deleted until the transaction ends."""
    rows = await tx.fetch_all(
        "SELECT id FROM lists WHERE workspace_id = $1 AND id = ANY($2) ORDER BY id FOR KEY SHARE",
        tx.caller.workspace_id,
        list(list_ids),
    )
    return {row["id"] for row in rows}


async def update_list(tx: Transaction, id: UUID, name: str, name_key: str, description: str | None) -> Record | None:
    """Raises asyncpg's UniqueViolationError when the name is taken."""
    return await tx.fetch_one(
        """
        UPDATE lists SET name = $3, name_key = $4, description = $5, updated_at = $6
        WHERE workspace_id = $1 AND id = $2
        RETURNING id, name, description, created_at, updated_at
        """,
        tx.caller.workspace_id,
        id,
        name,
        name_key,
        description,
        tx.now,
    )


async def delete_list(tx: Transaction, id: UUID) -> int:
    return await tx.execute("DELETE FROM lists WHERE workspace_id = $1 AND id = $2", tx.caller.workspace_id, id)


async def delete_members(tx: Transaction, list_id: UUID, limit: int) -> int:
    """Forget up to `limit` memberships of a list, in any order."""
    return await tx.execute(
        """
        DELETE FROM list_members
        WHERE cell_id = ANY($1) AND list_id = $2 AND (cell_id, contact_id) IN (
            SELECT cell_id, contact_id FROM list_members WHERE cell_id = ANY($1) AND list_id = $2 LIMIT $3)
        """,
        tx.caller.cells,
        list_id,
        limit,
    )


async def delete_counts(tx: Transaction, list_id: UUID) -> int:
    return await tx.execute(
        "DELETE FROM list_counts WHERE cell_id = ANY($1) AND list_id = $2", tx.caller.cells, list_id
    )


async def hold_contacts(tx: Transaction, contact_ids: Sequence[UUID]) -> list[UUID]:
    """The live ones, in the order of cell and id; none can be deleted, restored or merged until the end."""
    rows = await tx.fetch_all(
        """
        SELECT c.id FROM contacts c WHERE c.cell_id = ANY($1) AND c.id = ANY($2) AND c.deleted_at IS NULL
        ORDER BY c.cell_id, c.id FOR SHARE
        """,
        list(set(cells_of(tx, contact_ids))),
        list(contact_ids),
    )
    return [row["id"] for row in rows]


async def insert_members(
    tx: Transaction, list_ids: Sequence[UUID], contact_ids: Sequence[UUID]
) -> list[tuple[UUID, UUID]]:
    """Put each of `contact_ids` on the list at its place in `list_ids`; gives the (list, contact) that are new."""
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
        list(list_ids),
        list(contact_ids),
        tx.now,
    )
    return [(row["list_id"], row["contact_id"]) for row in rows]


async def remove_members(tx: Transaction, list_id: UUID, contact_ids: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """The (list, contact) that were there."""
    rows = await tx.fetch_all(
        """
        DELETE FROM list_members WHERE cell_id = ANY($1) AND list_id = $2 AND contact_id = ANY($3)
        RETURNING list_id, contact_id
        """,
        list(set(cells_of(tx, contact_ids))),
        list_id,
        list(contact_ids),
    )
    return [(row["list_id"], row["contact_id"]) for row in rows]


async def remove_joined(
    tx: Transaction, list_ids: Sequence[UUID], contact_id: UUID, at: Instant
) -> list[tuple[UUID, UUID]]:
    """Of these memberships of a contact, forget those that began at `at`; gives the (list, contact) that did."""
    rows = await tx.fetch_all(
        """
        DELETE FROM list_members WHERE cell_id = $1 AND contact_id = $2 AND list_id = ANY($3) AND added_at = $4
        RETURNING list_id, contact_id
        """,
        tx.caller.cell(cell_number(contact_id)),
        contact_id,
        list(list_ids),
        at,
    )
    return [(row["list_id"], row["contact_id"]) for row in rows]


async def memberships(reader: Reader, contact_ids: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """Every (list, contact) of these contacts."""
    rows = await reader.fetch_all(
        "SELECT list_id, contact_id FROM list_members WHERE cell_id = ANY($1) AND contact_id = ANY($2)",
        list(set(cells_of(reader, contact_ids))),
        list(contact_ids),
    )
    return [(row["list_id"], row["contact_id"]) for row in rows]


async def append_counts(tx: Transaction, cells: Sequence[int], list_ids: Sequence[UUID], live: Sequence[int]) -> None:
    await tx.execute(
        """
        INSERT INTO list_counts (workspace_id, cell_id, list_id, live)
        SELECT $1, cell_id, list_id, live
        FROM unnest($2::bigint[], $3::uuid[], $4::integer[]) AS changed (cell_id, list_id, live)
        """,
        tx.caller.workspace_id,
        list(cells),
        list(list_ids),
        list(live),
    )


async def members_page(reader: Reader, list_id: UUID, before: UUID | None, limit: int) -> list[Record]:
    """Live contacts on a list, newest contact first: the order of its primary key, backwards."""
    where = filters.live(reader)
    where.add("m.list_id = " + where.bind(list_id))
    if before is not None:
        where.add("c.id < " + where.bind(before))
    return await reader.fetch_all(
        "SELECT "
        + COLUMNS
        + " FROM list_members m JOIN contacts c ON c.cell_id = m.cell_id AND c.id = m.contact_id WHERE "
        + where.text
        + " ORDER BY c.id DESC LIMIT "
        + where.bind(limit),
        *where.args,
    )


async def lists_of(reader: Reader, contact_id: UUID) -> list[Record]:
    """The lists of a contact: id and name, by name."""
    return await reader.fetch_all(
        """
        SELECT l.id, l.name FROM list_members m JOIN lists l ON l.id = m.list_id AND l.workspace_id = m.workspace_id
        WHERE m.workspace_id = $1 AND m.cell_id = $2 AND m.contact_id = $3 ORDER BY l.name_key
        """,
        reader.caller.workspace_id,
        reader.caller.cell(cell_number(contact_id)),
        contact_id,
    )


async def fold_counts(tx: Transaction, limit: int) -> int:
    """Replace the deltas of lists that have several by their sum; of `limit` lists at a time."""
    return await tx.execute(
        """
        /* all workspaces: the background folding of list counts */
        WITH several AS (
            SELECT cell_id, list_id FROM list_counts GROUP BY cell_id, list_id HAVING count(*) > 1 LIMIT $1
        ), folded AS (
            DELETE FROM list_counts n USING several s WHERE n.cell_id = s.cell_id AND n.list_id = s.list_id
            RETURNING n.workspace_id, n.cell_id, n.list_id, n.live
        )
        INSERT INTO list_counts (workspace_id, cell_id, list_id, live)
        SELECT workspace_id, cell_id, list_id, sum(live) FROM folded GROUP BY workspace_id, cell_id, list_id
        """,
        limit,
    )
