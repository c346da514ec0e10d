"""Every statement on exports and their pieces."""

from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.where import Where
from orbit_contacts.features.contacts.queries import COLUMNS


async def insert_export(tx: Transaction, id: UUID, request: bytes, format: str, expires_at: Instant) -> None:
    await tx.execute(
        """
        INSERT INTO exports (workspace_id, id, request, format, status, actor, created_at, expires_at)
        VALUES ($1, $2, $3, $4, 'queued', $5, $6, $7)
        """,
        tx.caller.workspace_id,
        id,
        request,
        format,
        tx.caller.actor,
        tx.now,
        expires_at,
    )


async def find(reader: Reader, id: UUID) -> Record | None:
    return await reader.fetch_one(
        "SELECT * FROM exports WHERE workspace_id = $1 AND id = $2", reader.caller.workspace_id, id
    )


async def page(reader: Reader, before: UUID | None, limit: int) -> list[Record]:
    return await reader.fetch_all(
        "SELECT * FROM exports WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        reader.caller.workspace_id,
        before,
        limit,
    )


async def set_status(tx: Transaction, id: UUID, status: str, rows: int, size: int, ended: Instant | None) -> None:
    await tx.execute(
        """
        UPDATE exports SET status = $3, row_count = $4, size_bytes = $5, completed_at = $6
        WHERE workspace_id = $1 AND id = $2
        """,
        tx.caller.workspace_id,
        id,
        status,
        rows,
        size,
        ended,
    )


async def clear_pieces(tx: Transaction, id: UUID) -> None:
    await tx.execute("DELETE FROM export_pieces WHERE workspace_id = $1 AND export_id = $2", tx.caller.workspace_id, id)


async def insert_piece(tx: Transaction, id: UUID, number: int, data: bytes) -> None:
    await tx.execute(
        "INSERT INTO export_pieces (workspace_id, export_id, number, data) VALUES ($1, $2, $3, $4)",
        tx.caller.workspace_id,
        id,
        number,
        data,
    )


async def piece(reader: Reader, id: UUID, number: int) -> bytes | None:
    return await reader.fetch_value(
        "SELECT data FROM export_pieces WHERE workspace_id = $1 AND export_id = $2 AND number = $3",
        reader.caller.workspace_id,
        id,
        number,
    )


async def contacts_page(unhurried: Reader, where: Where, after: UUID | None, limit: int) -> list[Record]:
    """The next contacts that satisfy a condition, oldest first; to be planned for its values."""
    bounded = where.copy()
    if after is not None:
        bounded.add("c.id > " + bounded.bind(after))
    places = bounded.bind(limit)
    return await unhurried.fetch_all(
        "SELECT " + COLUMNS + " FROM contacts c WHERE " + bounded.text + " ORDER BY c.id LIMIT " + places,
        *bounded.args,
    )


async def ids_page(unhurried: Reader, where: Where, limit: int) -> list[UUID]:
    """The ids of the next contacts that satisfy a condition, oldest first; to be planned for its values."""
    bounded = where.copy()
    places = bounded.bind(limit)
    rows = await unhurried.fetch_all(
        "SELECT c.id FROM contacts c WHERE " + bounded.text + " ORDER BY c.id LIMIT " + places, *bounded.args
    )
    return [row["id"] for row in rows]


async def end_of_page(unhurried: Reader, after: UUID | None, limit: int) -> UUID | None:
    """The id of the last of the next so many contacts, deleted ones too, which an index tells; None when there is none.

    To be planned for its values.
    """
    where = Where()
    cells = unhurried.caller.cells
    where.add(
        "c.cell_id = " + where.bind(cells[0]) if len(cells) == 1 else "c.cell_id = ANY(" + where.bind(cells) + ")"
    )
    if after is not None:
        where.add("c.id > " + where.bind(after))
    places = where.bind(limit)
    return await unhurried.fetch_value(
        "SELECT page.id FROM (SELECT c.id FROM contacts c WHERE "
        + where.text
        + " ORDER BY c.id LIMIT "
        + places
        + ") AS page ORDER BY page.id DESC LIMIT 1",
        *where.args,
    )


async def identifiers_of(reader: Reader, contact_id: UUID) -> list[Record]:
    return await reader.fetch_all(
        "SELECT kind, value FROM contact_identifiers WHERE cell_id = $1 AND contact_id = $2 ORDER BY kind, value",
        reader.caller.cell(ids.cell_number(contact_id)),
        contact_id,
    )


async def events_of(reader: Reader, contact_id: UUID, after: tuple[Instant, UUID] | None, limit: int) -> list[Record]:
    """The next events of a contact, oldest first."""
    occurred_at, id = after or (None, None)
    return await reader.fetch_all(
        """
        SELECT id, type, channel, direction, occurred_at, data FROM events
        WHERE cell_id = $1 AND contact_id = $2
          AND ($3::timestamptz IS NULL OR (occurred_at, id) > ($3, $4::uuid))
        ORDER BY occurred_at, id LIMIT $5
        """,
        reader.caller.cell(ids.cell_number(contact_id)),
        contact_id,
        occurred_at,
        id,
        limit,
    )


async def forget_expired(tx: Transaction, before: Instant) -> int:
    """Drop files whose time is over; the row stays a month, to say so."""
    await tx.execute(
        """
        /* all workspaces: files are kept for a day */
        DELETE FROM export_pieces p USING exports e
        WHERE e.workspace_id = p.workspace_id AND e.id = p.export_id AND e.expires_at < $1
        """,
        tx.now,
    )
    return await tx.execute(
        "/* all workspaces: exports are remembered for a month */ DELETE FROM exports WHERE expires_at < $1", before
    )
