"""Pages of a contact's timeline and of its communications."""

from typing import Any, LiteralString
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.database import Reader
from orbit_contacts.core.ids import text as id_text
from orbit_contacts.core.pagination import Page, decode_cursor, limit_of, page_of
from orbit_contacts.core.where import Where
from orbit_contacts.features.timeline import filters
from orbit_contacts.features.timeline.kinds import kind_of
from orbit_contacts.features.timeline.models import Activity, Actor, Item, TimelineQuery
from orbit_contacts.features.timeline.wording import summary_of, title_of

TOTAL_CAP = 1_000
_COMMUNICATION = ["message", "call", "ticket", "note"]

# The order in which `item_of` reads a row.
COLUMNS: LiteralString = (
    "e.occurred_at, e.id, e.type, e.channel, e.direction, e.title, e.data, e.actor, e.message_id, e.call_id, "
    "e.ticket_id, e.event_id, e.category"
)


async def timeline(reader: Reader, contact_id: UUID, query: TimelineQuery) -> Page[Item]:
    """One page of everything that happened to a contact, and how much there is (counted to 1,000)."""
    return await _page(reader, _name("timeline", contact_id), query, asked(reader, contact_id, query))


def asked(reader: Reader, contact_id: UUID, query: TimelineQuery) -> Where:
    """The events of a contact that the filters leave."""
    where = filters.of_contact(reader, contact_id)
    filters.by_type(where, query.types, query.kind)
    filters.by_channel(where, query.channel)
    filters.by_time(where, query.from_, query.to)
    return where


def _name(list: str, contact_id: UUID) -> str:
    """A cursor belongs to the timeline of one contact."""
    return f"{list}/{contact_id}"


async def _page(reader: Reader, name: str, query: TimelineQuery, where: Where) -> Page[Item]:
    limit = limit_of(query)
    descending = filters.descending(query.order, default=True)
    after = decode_cursor(reader, name, query, tuple[int, UUID])
    rows = await rows_after(reader, where, after, limit + 1, descending=descending)
    shown, cursor = page_of(reader, name, query, rows, limit, key_of)
    total, exact = (len(rows), True) if after is None and cursor is None else await _total(reader, where)
    return Page([item_of(row) for row in shown], cursor, total, exact)


async def rows_after(
    reader: Reader, where: Where, after: tuple[int, UUID] | None, limit: int, *, descending: bool
) -> list[Record]:
    """Rows of `COLUMNS` that follow the event with this time and id."""
    bounded = where.copy()
    filters.beyond(bounded, after, descending=descending)
    order: LiteralString = "e.occurred_at DESC, e.id DESC" if descending else "e.occurred_at, e.id"
    statement = "SELECT " + COLUMNS + ", e.source FROM events e WHERE " + bounded.text + " ORDER BY " + order
    return await reader.fetch_all(statement + " LIMIT " + bounded.bind(limit), *bounded.args)


def key_of(row: Record) -> tuple[int, UUID]:
    return row["occurred_at"], row["id"]


async def _total(reader: Reader, where: Where) -> tuple[int, bool]:
    capped = where.copy()
    limit = capped.bind(TOTAL_CAP + 1)
    count = await reader.fetch_value(
        "SELECT count(*) FROM (SELECT FROM events e WHERE " + capped.text + " LIMIT " + limit + ") AS counted",
        *capped.args,
    )
    return min(count, TOTAL_CAP), count <= TOTAL_CAP


async def recent(reader: Reader, contact_id: UUID, limit: int) -> list[Item]:
    """The newest entries of a timeline."""
    where = filters.of_contact(reader, contact_id)
    return [item_of(row) for row in await rows_after(reader, where, None, limit, descending=True)]


async def activity(reader: Reader, contact_id: UUID, query: TimelineQuery) -> Page[Activity]:
    """One page of a contact's messages, calls, tickets and notes."""
    where = asked(reader, contact_id, query)
    filters.by_type(where, [], _COMMUNICATION)
    page = await _page(reader, _name("activity", contact_id), query, where)
    items = [
        Activity(type=item.type, channel=item.channel, message_id=item.message_id, timestamp=item.timestamp)
        for item in page.items
    ]
    return Page(items, page.cursor, page.total, page.total_is_exact)


def item_of(row: Record) -> Item:
    """The public form of a row selected with `COLUMNS` (further columns may follow)."""
    data: dict[str, Any] = msgspec.json.decode(row[6])
    type, channel = row[2], row[3]
    return Item(
        id=id_text("evt", row[1]),
        kind=kind_of(type),
        type=type,
        channel=channel,
        direction=row[4],
        title=title_of(type, channel, row[5]),
        summary=summary_of(type, channel, data),
        timestamp=format_instant(row[0]),
        actor=_actor(row[7], data),
        data=row[6],
        message_id=row[8] or _reference(data, "message_id"),
        call_id=row[9] or _reference(data, "call_id"),
        ticket_id=row[10] or _reference(data, "ticket_id"),
        event_id=row[11],
        category=row[12],
        folder="spam" if data.get("folder") == "spam" else None,
    )


def _actor(stored: str | None, data: dict[str, Any]) -> Actor | None:
    """Who did what we wrote ourselves; else the agent that the sender named in the data."""
    if stored is not None:
        type, _, id = stored.partition(":")
        return Actor(type=type, id=id)
    agent = data.get("agent") or data.get("actor")
    return Actor(type="agent", id=agent) if isinstance(agent, str) else None


def _reference(data: dict[str, Any], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) else None
