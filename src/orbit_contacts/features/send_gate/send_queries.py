"""Every statement on what the gate looks at of contacts, and on the sends that were recorded."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.features.consent.queries import CELLS, CONSENT_OF_CONTACT, CONTACTS
from orbit_contacts.features.contacts.address_hash import hash_key


async def recipients(reader: Reader, contact_ids: Sequence[UUID], since: Instant, limit: int) -> list[Record]:
    """All that the gate looks at of live contacts, in one statement.

    `consent` and `suppressed` are for `consent.service.consent_of`; `sent` are the newest sends after `since`, at most
    `limit`, as (sent_at, channel, category, message_id), newest first; `number` is that of the last recorded send;
    `rules_version` says which of the workspace's rules are in force.
    """
    key = hash_key(reader)
    return await reader.fetch_all(
        f"""
        SELECT c.id, c.phone, c.timezone, c.blocked_at, c.block_reason, c.dnc, c.updated_at,
               w.settings ->> 'rules_version' AS rules_version, {CONSENT_OF_CONTACT},
               array(SELECT (s.sent_at, s.channel, s.category, s.message_id) FROM contact_sends s
                     WHERE s.cell_id = c.cell_id AND s.contact_id = c.id AND s.sent_at > $6
                     ORDER BY s.sent_at DESC LIMIT $7) AS sent,
               (SELECT max(s.number) FROM contact_sends s
                WHERE s.cell_id = c.cell_id AND s.contact_id = c.id AND s.number IS NOT NULL) AS number
        FROM contacts c CROSS JOIN workspaces w
        WHERE c.cell_id = {CELLS} AND c.id = {CONTACTS} AND c.deleted_at IS NULL AND w.id = $1
        """,
        reader.caller.workspace_id,
        reader.caller.cells,
        list(contact_ids),
        key.inner,
        key.outer,
        since,
        limit,
    )


async def lock_recipients(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    """Hold contacts against other sends and against changes of consent until the transaction ends."""
    await tx.execute(
        """
        SELECT FROM contacts
        WHERE cell_id = ANY((SELECT $1::bigint[])::bigint[]) AND id = ANY((SELECT $2::uuid[])::uuid[])
          AND deleted_at IS NULL
        ORDER BY id FOR NO KEY UPDATE
        """,
        tx.caller.cells,
        list(contact_ids),
    )


class Counted(NamedTuple):
    """The sends to count: those of a contact after `since` and until now, of a channel and category if given."""

    contact_id: UUID
    since: Instant
    limit: int
    channel: str | None
    category: str | None
    message_id: str | None
    """A message that is being checked again does not count against itself."""


async def count_sends(reader: Reader, asked: Sequence[Counted], until: Instant) -> list[Record]:
    """For each asked, in order: how many, the oldest, and the newest (at most `limit`)."""
    return await reader.fetch_all(
        """
        SELECT count(s.sent_at) AS used, min(s.sent_at) AS oldest,
               coalesce((array_agg(s.sent_at ORDER BY s.sent_at DESC) FILTER (WHERE s.sent_at IS NOT NULL))
                        [1:min(a.max_sends)], '{}') AS newest
        FROM unnest((SELECT $1::bigint[]), (SELECT $2::uuid[]), (SELECT $3::timestamptz[]), (SELECT $4::integer[]),
                    (SELECT $5::text[]), (SELECT $6::text[]), (SELECT $7::text[]))
          WITH ORDINALITY AS a (cell_id, contact_id, since, max_sends, channel, category, message_id, place)
        LEFT JOIN contact_sends s
          ON s.cell_id = a.cell_id AND s.contact_id = a.contact_id AND s.sent_at > a.since AND s.sent_at <= $8
         AND (a.channel IS NULL OR s.channel = a.channel)
         AND CASE WHEN a.category IS NULL THEN s.category <> 'transactional' ELSE s.category = a.category END
         AND (a.message_id IS NULL OR s.message_id IS DISTINCT FROM a.message_id)
        GROUP BY a.place ORDER BY a.place
        """,
        [reader.caller.cell(ids.cell_number(each.contact_id)) for each in asked],
        [each.contact_id for each in asked],
        [each.since for each in asked],
        [each.limit for each in asked],
        [each.channel for each in asked],
        [each.category for each in asked],
        [each.message_id for each in asked],
        until,
    )


class Message(Protocol):
    """A message to a contact, as its sender knows it."""

    @property
    def contact_id(self) -> UUID: ...
    @property
    def channel(self) -> str: ...
    @property
    def message_id(self) -> str | None: ...


async def recorded_messages(reader: Reader, asked: Sequence[Message]) -> set[tuple[UUID, str, str]]:
    """Those among messages that are recorded as sent: (contact, channel, message)."""
    rows = await reader.fetch_all(
        """
        SELECT s.contact_id, s.channel, s.message_id
        FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[]) AS a (cell_id, contact_id, channel, message_id)
        JOIN contact_sends s ON s.cell_id = a.cell_id AND s.contact_id = a.contact_id AND s.channel = a.channel
         AND s.message_id = a.message_id
        """,
        [reader.caller.cell(ids.cell_number(each.contact_id)) for each in asked],
        [each.contact_id for each in asked],
        [each.channel for each in asked],
        [each.message_id for each in asked],
    )
    return {(row["contact_id"], row["channel"], row["message_id"]) for row in rows}


class Send(NamedTuple):
    contact_id: UUID
    id: UUID
    sent_at: Instant
    channel: str
    category: str
    message_id: str | None
    number: int | None = None
    """Its place among the contact's recorded sends; none for those that no check recorded."""


async def insert_sends(tx: Transaction, sent: Sequence[Send]) -> None:
    """Write sends down; a message that is recorded already is not recorded again."""
    await tx.execute(
        """
        INSERT INTO contact_sends (workspace_id, cell_id, contact_id, sent_at, id, channel, category, message_id,
                                   number)
        SELECT $1, cell_id, contact_id, sent_at, id, channel, category, message_id, number
        FROM unnest($2::bigint[], $3::uuid[], $4::timestamptz[], $5::uuid[], $6::text[], $7::text[], $8::text[],
                    $9::integer[])
          AS sent (cell_id, contact_id, sent_at, id, channel, category, message_id, number)
        ON CONFLICT DO NOTHING
        """,
        tx.caller.workspace_id,
        [tx.caller.cell(ids.cell_number(each.contact_id)) for each in sent],
        [each.contact_id for each in sent],
        [each.sent_at for each in sent],
        [each.id for each in sent],
        [each.channel for each in sent],
        [each.category for each in sent],
        [each.message_id for each in sent],
        [each.number for each in sent],
    )


async def insert_send_if_unchanged(reader: Reader, sent: Send, seen: Instant) -> bool:
    """Write down one send to a contact that was last changed at `seen`, in a statement that is its own transaction.

    False when nothing was written: the contact is changed or was since, its number is taken, or the message is there.
    """
    count = await reader.execute(
        """
        INSERT INTO contact_sends (workspace_id, cell_id, contact_id, sent_at, id, channel, category, message_id,
                                   number)
        SELECT $1, c.cell_id, c.id, $4, $5, $6, $7, $8, $9
        FROM contacts c
        WHERE c.cell_id = $2 AND c.id = $3 AND c.updated_at = $10 AND c.deleted_at IS NULL
        FOR NO KEY UPDATE SKIP LOCKED
        ON CONFLICT DO NOTHING
        """,
        reader.caller.workspace_id,
        reader.caller.cell(ids.cell_number(sent.contact_id)),
        sent.contact_id,
        sent.sent_at,
        sent.id,
        sent.channel,
        sent.category,
        sent.message_id,
        sent.number,
        seen,
    )
    return count == 1


async def forget_sends(tx: Transaction, before: Instant) -> int:
    return await tx.execute(
        "/* all workspaces: no window reaches back that far */ DELETE FROM contact_sends WHERE sent_at < $1", before
    )


async def copy_sends(tx: Transaction, source: UUID, survivor: UUID) -> None:
    """What was sent to a contact counts for the one it is merged into as well."""
    await tx.execute(
        """
        INSERT INTO contact_sends (workspace_id, cell_id, contact_id, sent_at, id, channel, category, message_id)
        SELECT $1, $4, $5, s.sent_at, s.id, s.channel, s.category, s.message_id
        FROM contact_sends s WHERE s.cell_id = $2 AND s.contact_id = $3
        ON CONFLICT DO NOTHING
        """,
        tx.caller.workspace_id,
        tx.caller.cell(ids.cell_number(source)),
        source,
        tx.caller.cell(ids.cell_number(survivor)),
        survivor,
    )
