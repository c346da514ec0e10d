"""Every statement of next best action: what was learned from, what was decided, and the models."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction

# What `learned` reads of an event, in its order: last the hash of its message or call, and the money or the seconds it
# tells of.
LEARNED: LiteralString = """
    e.contact_id, e.type, e.channel, e.direction, e.occurred_at, e.category,
    CASE WHEN e.type LIKE 'message.%' THEN hashtextextended(coalesce(e.message_id, e.data ->> 'message_id'), 0)
         WHEN e.type LIKE 'call.%' THEN hashtextextended(coalesce(e.call_id, e.data ->> 'call_id'), 1) END AS key,
    CASE WHEN e.type LIKE 'order.%' THEN e.data ->> 'value'
         WHEN e.type LIKE 'call.%' THEN e.data ->> 'duration_seconds' END AS amount
"""
# The commonest of what teaches nothing is not even read.
OF_USE: LiteralString = """
    e.type NOT IN ('message.opened', 'message.read', 'message.created', 'ticket.updated', 'contact.created',
                   'contact.updated', 'note.created')
"""


async def events_of(reader: Reader, contact_id: UUID, limit: int) -> list[Record]:
    """The newest events of one contact that may teach something."""
    return await reader.fetch_all(
        f"""
        SELECT {LEARNED} FROM events e
        WHERE e.cell_id = $1 AND e.contact_id = $2 AND {OF_USE} ORDER BY e.occurred_at DESC, e.id DESC LIMIT $3
        """,
        reader.caller.cell(ids.cell_number(contact_id)),
        contact_id,
        limit,
    )


async def totals(reader: Reader, contact_id: UUID) -> Record | None:
    """The sums of all events of one contact that the timeline keeps."""
    return await reader.fetch_one(
        """
        SELECT orders, order_value, tickets_opened, tickets_closed FROM contact_stats
        WHERE cell_id = $1 AND contact_id = $2
        """,
        reader.caller.cell(ids.cell_number(contact_id)),
        contact_id,
    )


async def recently_written_to(reader: Reader, since: Instant, sends: int, contacts: int) -> list[UUID]:
    """Contacts among the newest sends of a workspace."""
    rows = await reader.fetch_all(
        """
        SELECT DISTINCT contact_id FROM (
            SELECT e.contact_id FROM events e
            WHERE e.cell_id = ANY($1) AND e.type = 'message.sent' AND e.occurred_at >= $2
            ORDER BY e.occurred_at DESC LIMIT $3
        ) AS written LIMIT $4
        """,
        reader.caller.cells,
        since,
        sends,
        contacts,
    )
    return [row["contact_id"] for row in rows]


async def events_of_many(reader: Reader, contact_ids: Sequence[UUID], since: Instant, limit: int) -> list[Record]:
    return await reader.fetch_all(
        f"""
        SELECT {LEARNED} FROM events e
        WHERE e.cell_id = ANY($1) AND e.contact_id = ANY($2) AND e.occurred_at >= $3 AND {OF_USE}
        ORDER BY e.contact_id, e.occurred_at LIMIT $4
        """,
        reader.caller.cells,
        list(contact_ids),
        since,
        limit,
    )


async def profiles(reader: Reader, contact_ids: Sequence[UUID]) -> list[Record]:
    return await reader.fetch_all(
        """
        SELECT id, phone, email, timezone, lifecycle_stage, created_at FROM contacts
        WHERE cell_id = ANY($1) AND id = ANY($2) AND deleted_at IS NULL
        """,
        reader.caller.cells,
        list(contact_ids),
    )


async def latest_decision(reader: Reader, contact_id: UUID, fingerprint: bytes, since: UUID) -> Record | None:
    """The newest decision on the same facts in the epoch that begins with `since`."""
    return await reader.fetch_one(
        """
        SELECT id, expires_at, answer FROM nba_decisions
        WHERE cell_id = $1 AND contact_id = $2 AND id >= $4 AND fingerprint = $3 ORDER BY decided_at DESC LIMIT 1
        """,
        reader.caller.cell(ids.cell_number(contact_id)),
        contact_id,
        fingerprint,
        since,
    )


async def insert_decision(
    tx: Transaction, contact_id: UUID, id: UUID, fingerprint: bytes, expires_at: Instant, record: bytes, answer: bytes
) -> None:
    await tx.execute(
        """
        INSERT INTO nba_decisions (workspace_id, cell_id, contact_id, id, fingerprint, expires_at, record, answer,
                                   decided_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT DO NOTHING
        """,
        tx.caller.workspace_id,
        tx.caller.cell(ids.cell_number(contact_id)),
        contact_id,
        id,
        fingerprint,
        expires_at,
        record,
        answer,
        tx.now,
    )


async def stored_answer(reader: Reader, contact_id: UUID, id: UUID) -> bytes | None:
    return await reader.fetch_value(
        "SELECT answer FROM nba_decisions WHERE cell_id = $1 AND contact_id = $2 AND id = $3",
        reader.caller.cell(ids.cell_number(contact_id)),
        contact_id,
        id,
    )


async def latest_model(reader: Reader) -> bytes | None:
    return await reader.fetch_value(
        "SELECT model FROM nba_models WHERE workspace_id = $1 ORDER BY trained_at DESC LIMIT 1",
        reader.caller.workspace_id,
    )


async def latest_model_at(reader: Reader) -> Instant | None:
    """When the version in force was fitted."""
    return await reader.fetch_value(
        "SELECT trained_at FROM nba_models WHERE workspace_id = $1 ORDER BY trained_at DESC LIMIT 1",
        reader.caller.workspace_id,
    )


async def insert_model(tx: Transaction, model: bytes, sends: int) -> None:
    await tx.execute(
        """
        INSERT INTO nba_models (workspace_id, trained_at, model, sends, event_number)
        VALUES ($1, $2, $3, $4, coalesce(pg_sequence_last_value('event_numbers'::regclass), 0))
        ON CONFLICT DO NOTHING
        """,
        tx.caller.workspace_id,
        tx.now,
        model,
        sends,
    )


async def sends(reader: Reader) -> int:
    """Messages the workspace has sent in all."""
    return await reader.fetch_value(
        "SELECT coalesce(sum(messages_sent), 0)::bigint FROM contact_stats WHERE cell_id = ANY($1)",
        reader.caller.cells,
    )


async def decisions_to_send(reader: Reader, contact_ids: Sequence[UUID], since: Instant) -> list[Record]:
    """Logged decisions that named a channel, with the chance they named it with."""
    return await reader.fetch_all(
        """
        SELECT contact_id, decided_at, record ->> 'channel' AS channel,
               (record ->> 'channel_propensity')::float8 AS propensity
        FROM nba_decisions
        WHERE cell_id = ANY($1) AND contact_id = ANY($2) AND decided_at >= $3 AND record ->> 'channel' IS NOT NULL
        """,
        reader.caller.cells,
        list(contact_ids),
        since,
    )


async def workspaces_that_grew(reader: Reader, least: int) -> list[int]:
    """Workspaces with twice the sends of their newest model, or `least` of them and no model.

    The sums of a workspace are asked for only when as many events came since its fit, all workspaces taken together,
    as it had sends then: they take 0.2 s where a million contacts were written to.
    """
    rows = await reader.fetch_all(
        """
        /* all workspaces: sends have doubled since the last fit */
        SELECT w.id FROM workspaces w
        LEFT JOIN LATERAL (
            SELECT m.sends, m.event_number FROM nba_models m WHERE m.workspace_id = w.id
            ORDER BY m.trained_at DESC LIMIT 1
        ) AS newest ON true
        WHERE CASE
            WHEN NOT EXISTS (
                SELECT FROM contact_stats s
                WHERE s.cell_id BETWEEN w.id * 1024 AND w.id * 1024 + w.cell_count - 1
            ) THEN false
            WHEN newest.sends IS NULL THEN $1 <= (
                SELECT count(*) FROM (
                    SELECT FROM events e
                    WHERE e.cell_id BETWEEN w.id * 1024 AND w.id * 1024 + w.cell_count - 1 AND e.type = 'message.sent'
                    LIMIT $1
                ) AS sent
            )
            WHEN pg_sequence_last_value('event_numbers'::regclass) - newest.event_number < newest.sends THEN false
            ELSE greatest(2 * newest.sends, $1) <= (
                SELECT sum(s.messages_sent) FROM contact_stats s
                WHERE s.cell_id BETWEEN w.id * 1024 AND w.id * 1024 + w.cell_count - 1
            )
        END
        """,
        least,
    )
    return [row["id"] for row in rows]


async def workspaces_to_fit(reader: Reader, before: Instant) -> list[int]:
    """Workspaces with a message in the last day and no model since `before`."""
    rows = await reader.fetch_all(
        """
        /* all workspaces: the nightly fit */
        SELECT w.id FROM workspaces w
        WHERE NOT EXISTS (SELECT FROM nba_models m WHERE m.workspace_id = w.id AND m.trained_at > $1)
          AND EXISTS (
              SELECT FROM events e
              WHERE e.cell_id BETWEEN w.id * 1024 AND w.id * 1024 + w.cell_count - 1
                AND e.type = 'message.sent' AND e.occurred_at > $1
          )
        """,
        before,
    )
    return [row["id"] for row in rows]


async def forget_old(tx: Transaction, before: Instant) -> int:
    return await tx.execute(
        "/* all workspaces: decisions are kept for a hundred days */ DELETE FROM nba_decisions WHERE decided_at < $1",
        before,
    )
