"""Every statement that writes events, their keys and the sums over them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, LiteralString
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core import copying, ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.timeline.models import Event

# The fields of `models.Event`, in order.
_COLUMNS: LiteralString = (
    "contact_id, occurred_at, id, type, channel, direction, data, title, category, message_id, call_id, ticket_id, "
    "event_id"
)
_COPIED: Sequence[LiteralString] = _COLUMNS.split(", ")

# COPY writes many rows in half the time of an INSERT from arrays, but takes two round trips.
COPIED_FROM = 100


async def insert_event(
    tx: Transaction,
    *,
    cell_id: int,
    contact_id: UUID,
    id: UUID,
    occurred_at: Instant,
    type: str,
    channel: str | None,
    direction: str | None,
    data: bytes,
    actor: str | None,
) -> None:
    await tx.execute(
        """
        INSERT INTO events (workspace_id, cell_id, contact_id, occurred_at, id, recorded_at, type, channel,
                            direction, data, actor)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        tx.caller.workspace_id,
        cell_id,
        contact_id,
        occurred_at,
        id,
        tx.now,
        type,
        channel,
        direction,
        data,
        actor,
    )


async def insert_events(
    tx: Transaction,
    cells: Sequence[int],
    keys: Sequence[int | None],
    events: Sequence[Event],
    source: str | None,
    actor: str | None,
) -> None:
    """Add many events, each with its cell and the key it is known by."""
    if len(events) >= COPIED_FROM:
        workspace_id, now = tx.caller.workspace_id, tx.now
        # One by one, so that PostgreSQL works on the first rows while the next are encoded.
        rows = (
            (workspace_id, source, actor, now, cell, key, *event)
            for cell, key, event in zip(cells, keys, events, strict=True)
        )
        await tx.copy_in("events", ("workspace_id", "source", "actor", "recorded_at", "cell_id", "key", *_COPIED), rows)
        return
    await tx.execute(
        f"""
        INSERT INTO events (workspace_id, source, actor, recorded_at, cell_id, key, {_COLUMNS})
        SELECT $1, $2, $3, $4, e.*
        FROM unnest($5::bigint[], $6::bigint[], $7::uuid[], $8::timestamptz[], $9::uuid[], $10::text[], $11::text[],
                    $12::text[], $13::jsonb[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[],
                    $19::text[])
             AS e (cell_id, key, {_COLUMNS})
        """,
        tx.caller.workspace_id,
        source,
        actor,
        tx.now,
        cells,
        keys,
        *zip(*events, strict=True),
    )


async def insert_one(
    tx: Transaction,
    cell_id: int,
    key: int | None,
    event: Event,
    if_blocked: bytes | None,
    source: str,
    sums: Sequence[Any],
) -> Record | None:
    """One event of a contact, the key it is known by, and what it adds to the sums, in one statement: for a single
    event, planning and starting four of them costs more than the rows.

    `if_blocked` are the data when the contact is blocked. Gives whether it is `blocked`, the event was `added` (its key
    was free) and the sums were there to be `summed`; None when there is no such live contact.
    """
    return await tx.fetch_one(
        f"""
        WITH live AS (
            SELECT c.blocked_at IS NOT NULL AS blocked FROM contacts c
            WHERE c.cell_id = $5 AND c.id = $7 AND c.deleted_at IS NULL
        ), taken AS (
            INSERT INTO event_keys (workspace_id, cell_id, contact_id, key)
            SELECT $1, $5, $7, $6 FROM live WHERE $6::bigint IS NOT NULL
            ON CONFLICT DO NOTHING
            RETURNING true
        ), added AS (
            INSERT INTO events (workspace_id, source, actor, recorded_at, cell_id, key, {_COLUMNS})
            SELECT $1, $2, NULL, $3, $5, $6, $7, $8, $9, $10, $11, $12,
                   CASE WHEN blocked AND $4::jsonb IS NOT NULL THEN $4 ELSE $13::jsonb END, $14, $15, $16, $17, $18, $19
            FROM live WHERE $6 IS NULL OR EXISTS (SELECT FROM taken)
            RETURNING true
        ), summed AS (
            UPDATE contact_stats s
            SET messages_sent = s.messages_sent + $20, messages_received = s.messages_received + $21,
                calls_started = s.calls_started + $22, calls_ended = s.calls_ended + $23,
                tickets_opened = s.tickets_opened + $24, tickets_closed = s.tickets_closed + $25,
                events = s.events + $26, orders = s.orders + $27, order_value = s.order_value + $28,
                last_order_at = greatest(s.last_order_at, $29), last_inbound_at = greatest(s.last_inbound_at, $30),
                last_outbound_at = greatest(s.last_outbound_at, $31),
                last_activity_at = greatest(s.last_activity_at, $32)
            WHERE s.cell_id = $5 AND s.contact_id = $7 AND EXISTS (SELECT FROM added)
            RETURNING true
        )
        SELECT blocked, EXISTS (SELECT FROM added) AS added, EXISTS (SELECT FROM summed) AS summed FROM live
        """,
        tx.caller.workspace_id,
        source,
        tx.now,
        if_blocked,
        cell_id,
        key,
        *event,
        *sums,
    )


_OWN_COLUMNS: tuple[LiteralString, ...] = (
    *("workspace_id", "actor", "recorded_at", "occurred_at", "type"),
    *("cell_id", "contact_id", "id", "data"),
)


def encoded_rows(caller: Caller, events: Iterable[Event]) -> Iterator[bytes]:
    """Events that this program made, for `copy_events`: without channel, key and the sender's details."""
    beginning = copying.columns(len(_OWN_COLUMNS)) + copying.bigint(caller.workspace_id) + copying.text(caller.actor)
    head, before = b"", (-1, "", -1)
    for event in events:
        cell = caller.cell(ids.cell_number(event.contact_id))
        if (event.occurred_at, event.type, cell) != before:
            before = (event.occurred_at, event.type, cell)
            at = copying.timestamptz(event.occurred_at)
            head = beginning + at + at + copying.text(event.type) + copying.bigint(cell)
        yield head + copying.uuid(event.contact_id) + copying.uuid(event.id) + copying.jsonb(event.data)


async def copy_events(tx: Transaction, rows: copying.Encoded) -> None:
    await tx.copy_encoded("events", _OWN_COLUMNS, rows)


async def take_keys(
    tx: Transaction, cells: Sequence[int], contact_ids: Sequence[UUID], keys: Sequence[int]
) -> set[tuple[UUID, int]]:
    """Take keys: different (contact, key) pairs. Gives those that were not free, which are few or none."""
    rows = await tx.fetch_all(
        """
        WITH taken AS (
            INSERT INTO event_keys (workspace_id, cell_id, contact_id, key)
            SELECT $1, k.cell_id, k.contact_id, k.key
            FROM unnest($2::bigint[], $3::uuid[], $4::bigint[]) AS k (cell_id, contact_id, key)
            ON CONFLICT DO NOTHING
            RETURNING contact_id, key
        )
        SELECT contact_id, key FROM unnest($3::uuid[], $4::bigint[]) AS asked (contact_id, key)
        EXCEPT SELECT contact_id, key FROM taken
        """,
        tx.caller.workspace_id,
        cells,
        contact_ids,
        keys,
    )
    return {(row["contact_id"], row["key"]) for row in rows}


async def free_keys(tx: Transaction, cells: Sequence[int], contact_ids: Sequence[UUID], keys: Sequence[int]) -> int:
    return await tx.execute(
        """
        DELETE FROM event_keys k
        USING unnest($1::bigint[], $2::uuid[], $3::bigint[]) AS d (cell_id, contact_id, key)
        WHERE k.cell_id = d.cell_id AND k.contact_id = d.contact_id AND k.key = d.key
        """,
        cells,
        contact_ids,
        keys,
    )


async def add_to_stats(
    tx: Transaction, cells: Sequence[int], contact_ids: Sequence[UUID], columns: Sequence[Sequence[Any] | None]
) -> set[UUID]:
    """Add to the sums of contacts, given in the columns of `stats`; gives the contacts that have none to add to."""
    rows = await tx.fetch_all(
        """
        WITH done AS (
            UPDATE contact_stats s
            SET messages_sent = s.messages_sent + coalesce(d.messages_sent, 0),
                messages_received = s.messages_received + coalesce(d.messages_received, 0),
                calls_started = s.calls_started + coalesce(d.calls_started, 0),
                calls_ended = s.calls_ended + coalesce(d.calls_ended, 0),
                tickets_opened = s.tickets_opened + coalesce(d.tickets_opened, 0),
                tickets_closed = s.tickets_closed + coalesce(d.tickets_closed, 0),
                events = s.events + coalesce(d.events, 0), orders = s.orders + coalesce(d.orders, 0),
                order_value = s.order_value + coalesce(d.order_value, 0),
                last_order_at = greatest(s.last_order_at, d.last_order_at),
                last_inbound_at = greatest(s.last_inbound_at, d.last_inbound_at),
                last_outbound_at = greatest(s.last_outbound_at, d.last_outbound_at),
                last_activity_at = greatest(s.last_activity_at, d.last_activity_at)
            FROM unnest($1::bigint[], $2::uuid[], $3::int[], $4::int[], $5::int[], $6::int[], $7::int[], $8::int[],
                        $9::int[], $10::int[], $11::float8[], $12::timestamptz[], $13::timestamptz[],
                        $14::timestamptz[], $15::timestamptz[])
                 AS d (cell_id, contact_id, messages_sent, messages_received, calls_started, calls_ended,
                       tickets_opened, tickets_closed, events, orders, order_value, last_order_at, last_inbound_at,
                       last_outbound_at, last_activity_at)
            WHERE s.cell_id = d.cell_id AND s.contact_id = d.contact_id
            RETURNING s.contact_id
        )
        SELECT asked AS contact_id FROM unnest($2::uuid[]) AS asked EXCEPT SELECT contact_id FROM done
        """,
        cells,
        contact_ids,
        *columns,
    )
    return {row["contact_id"] for row in rows}


async def start_stats(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    """Give live contacts their row of sums, all nought. Waits for a transaction that is removing one."""
    await tx.execute(
        """
        INSERT INTO contact_stats (workspace_id, cell_id, contact_id, messages_sent, messages_received, calls_started,
                                   calls_ended, tickets_opened, tickets_closed, events, orders, order_value)
        SELECT c.workspace_id, c.cell_id, c.id, 0, 0, 0, 0, 0, 0, 0, 0, 0
        FROM contacts c
        WHERE c.cell_id = ANY($1) AND c.id = ANY($2) AND c.deleted_at IS NULL
        ORDER BY c.cell_id, c.id
        FOR KEY SHARE OF c
        ON CONFLICT DO NOTHING
        """,
        tx.caller.cells,
        contact_ids,
    )


async def take_stats(tx: Transaction, cell_id: int, contact_id: UUID) -> list[Any] | None:
    """Remove a contact's sums and give them, in the order of `stats`; waits for those who are adding to them."""
    row = await tx.fetch_one(
        """
        DELETE FROM contact_stats WHERE cell_id = $1 AND contact_id = $2
        RETURNING messages_sent, messages_received, calls_started, calls_ended, tickets_opened, tickets_closed, events,
                  orders, order_value, last_order_at, last_inbound_at, last_outbound_at, last_activity_at
        """,
        cell_id,
        contact_id,
    )
    return None if row is None else list(row)


async def copy_keys(tx: Transaction, cell_id: int, contact_id: UUID, heir_cell_id: int, heir_id: UUID) -> int:
    """What is known of one contact is known of another too."""
    return await tx.execute(
        """
        INSERT INTO event_keys (workspace_id, cell_id, contact_id, key)
        SELECT k.workspace_id, $3, $4, k.key FROM event_keys k WHERE k.cell_id = $1 AND k.contact_id = $2
        ON CONFLICT DO NOTHING
        """,
        cell_id,
        contact_id,
        heir_cell_id,
        heir_id,
    )


async def events_to_sum(
    tx: Transaction, cell_id: int, contact_id: UUID, after: tuple[Instant, UUID] | None, limit: int
) -> list[Record]:
    """The next events of a contact, oldest first: what `stats` reads of them."""
    return await tx.fetch_all(
        """
        SELECT occurred_at, id, type, direction, data FROM events
        WHERE cell_id = $1 AND contact_id = $2
          AND ($3::timestamptz IS NULL OR (occurred_at, id) > ($3, $4))
        ORDER BY occurred_at, id LIMIT $5
        """,
        cell_id,
        contact_id,
        None if after is None else after[0],
        None if after is None else after[1],
        limit,
    )


async def delete_events(
    tx: Transaction,
    cells: Sequence[int],
    contact_ids: Sequence[UUID],
    occurred_at: Sequence[Instant],
    ids: Sequence[UUID],
) -> int:
    return await tx.execute(
        """
        DELETE FROM events e
        USING unnest($1::bigint[], $2::uuid[], $3::timestamptz[], $4::uuid[])
              AS d (cell_id, contact_id, occurred_at, id)
        WHERE e.cell_id = d.cell_id AND e.contact_id = d.contact_id AND e.occurred_at = d.occurred_at AND e.id = d.id
        """,
        cells,
        contact_ids,
        occurred_at,
        ids,
    )


async def delete_events_of(tx: Transaction, cell_id: int, contact_id: UUID) -> int:
    """Remove a contact's events and what was noted of them; gives how many events there were."""
    await tx.execute("DELETE FROM contact_stats WHERE cell_id = $1 AND contact_id = $2", cell_id, contact_id)
    await tx.execute("DELETE FROM event_keys WHERE cell_id = $1 AND contact_id = $2", cell_id, contact_id)
    return await tx.execute("DELETE FROM events WHERE cell_id = $1 AND contact_id = $2", cell_id, contact_id)
