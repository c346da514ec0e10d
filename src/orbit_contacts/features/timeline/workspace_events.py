"""The events of a workspace: pages in the order in which they were recorded, and one by its id.

The key of a row, (recorded_at, number), never changes, also not when an event goes to another contact by a merge: a
walk shows every event that was there all along once, whatever writers do meanwhile. `recorded_at` is the instant at
which its transaction began, so an event may come in behind the place that a walk has reached; who must not miss one
follows the feed, in the order of the commits.

A page is bounded work whatever its filters: one probe of `events_by_recording` in each partition, then rows in order,
`LOOKED_AT` at most and what else was recorded at the last one's instant. Those of a contact come from the primary key,
in its timeline's order.
"""

from typing import LiteralString, NamedTuple
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import SECOND, format_instant, parse_instant
from orbit_contacts.core.database import Reader
from orbit_contacts.core.errors import InvalidRequest, NotFound
from orbit_contacts.core.pagination import Page, decode_cursor, encode_cursor, limit_of
from orbit_contacts.core.where import Where
from orbit_contacts.features.timeline import filters, listing
from orbit_contacts.features.timeline.doors import door_of
from orbit_contacts.features.timeline.models import EventsQuery, WorkspaceEvent

# How many rows one page looks at. In the text of the statement, so that its plan, made once for all values, is one for
# few rows.
LOOKED_AT: LiteralString = "5000"

# Events are taken up to 5 minutes before they happen; nothing lies further ahead of its recording.
_AHEAD = 600 * SECOND

_COLUMNS: LiteralString = listing.COLUMNS + ", e.source, e.contact_id, e.recorded_at, e.number"


class _Order(NamedTuple):
    """The two columns that rows are sorted by, and the type of the key of a cursor."""

    time: LiteralString
    tie: LiteralString
    key: type[tuple[int, int | UUID]]


_AS_RECORDED = _Order("recorded_at", "number", tuple[int, int])
_AS_HAPPENED = _Order("occurred_at", "id", tuple[int, UUID])


async def page(reader: Reader, query: EventsQuery) -> Page[WorkspaceEvent]:
    """One page of the events that the query asks for; the cursor leads on, also from a page that found none."""
    limit = limit_of(query)
    order = _AS_RECORDED if query.contact_id is None else _AS_HAPPENED
    descending = filters.descending(query.order, default=True)
    within = _within(reader, query)
    _beyond(within, order, decode_cursor(reader, "events", query, order.key), descending=descending)
    wanted = Where()
    wanted.args = within.args  # both are parts of one statement
    filters.by_type(wanted, query.types, query.kind)
    filters.by_channel(wanted, query.channel)
    filters.by_direction(wanted, query.direction)
    filters.by_time(wanted, query.from_, query.to)
    is_wanted: LiteralString = wanted.text or "true"
    way: LiteralString = " DESC" if descending else ""
    sorting: LiteralString = " ORDER BY e." + order.time + way + ", e." + order.tie + way
    rows = await reader.fetch_all(
        "SELECT e.*, " + is_wanted + " AS is_wanted FROM (SELECT " + _COLUMNS
        + ", row_number() OVER (" + sorting + ") AS looked FROM events e WHERE " + within.text
        + sorting + " LIMIT " + LOOKED_AT + ") e WHERE " + is_wanted + " OR e.looked = " + LOOKED_AT
        + sorting + " LIMIT " + within.bind(limit + 1),
        *within.args,
    )  # fmt: skip
    last = _last(rows, limit)
    key = None if last is None else (last[order.time], last[order.tie])
    cursor = None if key is None else encode_cursor(reader, "events", query, key)
    return Page([event_of(row) for row in rows[:limit] if row["is_wanted"]], cursor)


def _within(reader: Reader, query: EventsQuery) -> Where:
    """The events among which is looked: a contact's of the time asked for, or all that were recorded since it began."""
    if query.contact_id is not None:
        id = ids.parse("con", query.contact_id)
        if id is None:
            raise InvalidRequest(
                "This is no contact's id.", field="contact_id", value=query.contact_id[:64], expected="con_…"
            )
        where = filters.of_contact(reader, id)
        filters.by_time(where, query.from_, query.to)
        return where
    where = Where()
    where.add("e.workspace_id = " + where.bind(reader.caller.workspace_id))
    if query.from_ is not None:
        where.add("e.recorded_at >= " + where.bind(parse_instant(query.from_, "from") - _AHEAD))
    return where


def _beyond(where: Where, order: _Order, key: tuple[int, int | UUID] | None, *, descending: bool) -> None:
    """Only what follows the row of this key; the bound on the time alone is the index's."""
    if key is None:
        return
    time, tie = where.bind(key[0]), where.bind(key[1])
    than: LiteralString = "<" if descending else ">"
    where.add("e." + order.time + " " + than + "= " + time)
    where.add("(e." + order.time + ", e." + order.tie + ") " + than + " (" + time + ", " + tie + ")")


def _last(rows: list[Record], limit: int) -> Record | None:
    """The row behind which the next page begins; None when nothing lies behind."""
    if len(rows) > limit:
        return rows[limit - 1]
    return rows[-1] if rows and rows[-1]["looked"] == int(LOOKED_AT) else None


async def get(reader: Reader, id: UUID) -> WorkspaceEvent:
    """The event of this id; refuses when there is none. Ids begin with the millisecond of the recording."""
    began = ids.milliseconds(id) * 1000
    row = await reader.fetch_one(
        "SELECT " + _COLUMNS + " FROM events e WHERE e.workspace_id = $1 AND e.id = $2 "
        "AND e.recorded_at >= $3 AND e.recorded_at < $4",
        reader.caller.workspace_id,
        id,
        began,
        began + 1000,
    )
    if row is None:
        text = ids.text("evt", id)
        raise NotFound(f"There is no event `{text}`.", field="id", value=text, expected="the id of an event")
    return event_of(row)


def event_of(row: Record) -> WorkspaceEvent:
    """The public form of a row of `_COLUMNS`."""
    return WorkspaceEvent(
        contact_id=ids.contact_text(row["contact_id"]),
        source=door_of(row["source"], row["actor"]),
        recorded_at=format_instant(row["recorded_at"]),
        **msgspec.structs.asdict(listing.item_of(row)),
    )
