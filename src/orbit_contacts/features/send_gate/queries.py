"""Every statement on frequency caps, recorded sends and compliance settings."""

from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple, Protocol
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction

_CAP: LiteralString = "id, name, channel, category, max_sends, window_seconds, kind, enabled, created_at, updated_at"


async def compliance_settings(reader: Reader) -> msgspec.Raw | None:
    return await reader.fetch_value(
        "SELECT settings -> 'compliance' FROM workspaces WHERE id = $1", reader.caller.workspace_id
    )


async def lock_compliance_settings(tx: Transaction) -> msgspec.Raw | None:
    return await tx.fetch_value(
        "SELECT settings -> 'compliance' FROM workspaces WHERE id = $1 FOR NO KEY UPDATE", tx.caller.workspace_id
    )


async def renew_rules(tx: Transaction, version: str) -> None:
    """Say that caps or settings changed: every server process reads them again before its next check."""
    await tx.execute(
        "UPDATE workspaces SET settings = settings || jsonb_build_object('rules_version', $2::text) WHERE id = $1",
        tx.caller.workspace_id,
        version,
    )


async def put_compliance_settings(tx: Transaction, document: bytes) -> None:
    await tx.execute(
        "UPDATE workspaces SET settings = settings || jsonb_build_object('compliance', $2::jsonb) WHERE id = $1",
        tx.caller.workspace_id,
        document,
    )


async def insert_cap(tx: Transaction, id: UUID, values: Sequence[Any]) -> Record:
    row = await tx.fetch_one(
        f"""
        INSERT INTO frequency_caps (workspace_id, id, created_at, updated_at, name, channel, category, max_sends,
                                    window_seconds, kind, enabled)
        VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10)
        RETURNING {_CAP}
        """,
        tx.caller.workspace_id,
        id,
        tx.now,
        *values,
    )
    assert row is not None
    return row


async def count_caps(reader: Reader) -> int:
    return await reader.fetch_value(
        "SELECT count(*) FROM frequency_caps WHERE workspace_id = $1", reader.caller.workspace_id
    )


async def caps(reader: Reader, enabled: bool | None, before: UUID | None, limit: int) -> list[Record]:
    """Caps, newest first."""
    return await reader.fetch_all(
        f"""
        SELECT {_CAP} FROM frequency_caps
        WHERE workspace_id = $1 AND ($2::boolean IS NULL OR enabled = $2) AND ($3::uuid IS NULL OR id < $3)
        ORDER BY id DESC LIMIT $4
        """,
        reader.caller.workspace_id,
        enabled,
        before,
        limit,
    )


async def find_cap(reader: Reader, id: UUID) -> Record | None:
    return await reader.fetch_one(
        f"SELECT {_CAP} FROM frequency_caps WHERE workspace_id = $1 AND id = $2", reader.caller.workspace_id, id
    )


async def lock_cap(tx: Transaction, id: UUID) -> Record | None:
    return await tx.fetch_one(
        f"SELECT {_CAP} FROM frequency_caps WHERE workspace_id = $1 AND id = $2 FOR UPDATE", tx.caller.workspace_id, id
    )


async def update_cap(tx: Transaction, id: UUID, values: Sequence[Any]) -> Record:
    row = await tx.fetch_one(
        f"""
        UPDATE frequency_caps
        SET updated_at = $3, name = $4, channel = $5, category = $6, max_sends = $7, window_seconds = $8, kind = $9,
            enabled = $10
        WHERE workspace_id = $1 AND id = $2
        RETURNING {_CAP}
        """,
        tx.caller.workspace_id,
        id,
        tx.now,
        *values,
    )
    assert row is not None
    return row


async def delete_cap(tx: Transaction, id: UUID) -> int:
    return await tx.execute(
        "DELETE FROM frequency_caps WHERE workspace_id = $1 AND id = $2", tx.caller.workspace_id, id
    )


# Arrays are seen through a subquery, so that the prepared plan is kept whatever they hold.
_RECIPIENT: LiteralString = """
    SELECT c.id, c.phone, c.timezone, c.blocked_at, c.block_reason, c.dnc,
           w.settings ->> 'rules_version' AS rules_version
    FROM contacts c CROSS JOIN workspaces w
    WHERE c.cell_id = ANY((SELECT $1::bigint[])::bigint[]) AND c.id = ANY((SELECT $2::uuid[])::uuid[])
      AND c.deleted_at IS NULL AND w.id = $3
"""


async def recipients(reader: Reader, contact_ids: Sequence[UUID]) -> list[Record]:
    """Live contacts, as the gate looks at them, and which version of the workspace's rules is in force."""
    return await reader.fetch_all(_RECIPIENT, reader.caller.cells, list(contact_ids), reader.caller.workspace_id)


async def lock_recipients(tx: Transaction, contact_ids: Sequence[UUID]) -> list[Record]:
    """The same, locked against other sends and against changes of consent until the transaction ends."""
    return await tx.fetch_all(
        _RECIPIENT + " ORDER BY c.id FOR NO KEY UPDATE OF c",
        tx.caller.cells,
        list(contact_ids),
        tx.caller.workspace_id,
    )


async def rules(reader: Reader) -> list[Record]:
    """The workspace's compliance settings and the version of its rules, once for each enabled cap (or once, with
    null columns, without any)."""
    return await reader.fetch_all(
        """
        SELECT w.settings -> 'compliance' AS compliance, w.settings ->> 'rules_version' AS rules_version,
               f.id, f.name, f.channel, f.category, f.max_sends, f.window_seconds, f.kind
        FROM workspaces w LEFT JOIN frequency_caps f ON f.workspace_id = w.id AND f.enabled AND f.workspace_id = $1
        WHERE w.id = $1 ORDER BY f.id
        """,
        reader.caller.workspace_id,
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


async def sends(reader: Reader, asked: Sequence[Counted], until: Instant) -> list[Record]:
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


async def insert_sends(tx: Transaction, sent: Sequence[Send]) -> None:
    """Record sends; a message that is recorded already is not recorded again."""
    await tx.execute(
        """
        INSERT INTO contact_sends (workspace_id, cell_id, contact_id, sent_at, id, channel, category, message_id)
        SELECT $1, cell_id, contact_id, sent_at, id, channel, category, message_id
        FROM unnest($2::bigint[], $3::uuid[], $4::timestamptz[], $5::uuid[], $6::text[], $7::text[], $8::text[])
          AS sent (cell_id, contact_id, sent_at, id, channel, category, message_id)
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
    )


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


async def contact_of_phone(reader: Reader, key: str) -> Record | None:
    """The live contact that holds a number: id, phone, timezone, dnc."""
    return await reader.fetch_one(
        """
        SELECT c.id, c.phone, c.timezone, c.dnc
        FROM contact_identifiers i JOIN contacts c ON c.cell_id = i.cell_id AND c.id = i.contact_id
        WHERE i.workspace_id = $1 AND i.kind = 'phone' AND i.value = $2 AND c.deleted_at IS NULL
        """,
        reader.caller.workspace_id,
        key,
    )
