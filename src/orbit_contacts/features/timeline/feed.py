"""Everything that happened in a workspace, in the order in which it was committed: pages and a live stream.

A row's place is (position, number), made by the database (migration 0006). `change_horizon()` bounds what is final:
below it no transaction can add a row any more, so a reader who goes on from the last place it saw misses nothing and
sees nothing twice, whatever writers do meanwhile. Two changes of one contact stand in the order they were made.
The horizon is asked for in a statement of its own: what is below it must be visible to the one that reads.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import LiteralString, NamedTuple

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.database import Reader, Unbound
from orbit_contacts.core.errors import InvalidCursor, InvalidRequest, ServiceUnavailable
from orbit_contacts.core.ids import text as id_text
from orbit_contacts.core.where import Where
from orbit_contacts.features.timeline import filters
from orbit_contacts.features.timeline.doors import door_of
from orbit_contacts.features.timeline.kinds import kind_of
from orbit_contacts.features.timeline.models import Change, Changes, ChangesQuery, StreamQuery

DEFAULT_LIMIT = 200
MAX_LIMIT = 1_000

# With a filter, how many rows one page looks at; the page may then be short, and says where to go on.
LOOKED_AT = 5_000

MAX_STREAMS = 100
POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0

# A stream ends after this and its client comes again: no key that was revoked listens on. Tests set less.
lifetime_seconds = 3600.0

_PLACE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})\Z")
_encode = msgspec.json.Encoder().encode


class Place(NamedTuple):
    """Where a change stands in the order of all changes."""

    position: int
    number: int

    @property
    def text(self) -> str:
        return f"{self.position}-{self.number}"


BEGINNING = Place(0, 0)


def place_of(text: str, field: str) -> Place:
    """The place that a `seq` names; `0` is the beginning."""
    if text.strip() == "0":
        return BEGINNING
    found = _PLACE.match(text.strip())
    if found is None:
        raise InvalidCursor(
            f"`{field}` is no place in the feed.", field=field, value=text[:100], expected="`next` of an earlier answer"
        )
    return Place(int(found[1]), int(found[2]))


async def changes(reader: Reader, query: ChangesQuery) -> Changes:
    """The changes after a place; `next` always leads on, also from an empty page."""
    limit = query.limit if query.limit is not None else DEFAULT_LIMIT
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest(
            f"`limit` must lie between 1 and {MAX_LIMIT}.", field="limit", value=limit, expected=f"1-{MAX_LIMIT}"
        )
    after = BEGINNING if query.after is None else place_of(query.after, "after")
    page, place, more = await _page(reader, after, limit, query.types, query.kind)
    return Changes(changes=page, next=place.text, has_more=more)


async def _page(
    reader: Reader, after: Place, limit: int, types: list[str], kinds: list[str]
) -> tuple[list[Change], Place, bool]:
    """At most `limit` changes, the place up to which rows were looked at, and whether there is more."""
    chosen = Where()
    chosen.bind(reader.caller.workspace_id)
    chosen.bind(after.position)
    chosen.bind(after.number)
    chosen.bind(await _horizon(reader))
    filters.by_type(chosen, types, kinds)
    is_filtered = bool(types or kinds)
    looked_at = max(LOOKED_AT, limit) if is_filtered else limit
    condition: LiteralString = chosen.text if is_filtered else "true"
    rows = await reader.fetch_all(
        """
        SELECT e.position, e.number, e.cell_id, e.contact_id, e.id, e.occurred_at, e.type, e.channel, e.direction,
               e.source, e.actor, e.message_id, e.event_id, """
        + ("CASE WHEN " + condition + " THEN e.data END AS data" if is_filtered else "e.data")
        + """
        FROM events e
        WHERE e.workspace_id = $1 AND (e.position, e.number) > ($2, $3) AND e.position < $4
        ORDER BY e.position, e.number LIMIT """
        + chosen.bind(looked_at + 1),
        *chosen.args,
    )
    found: list[Change] = []
    place = after
    for row in rows[:looked_at]:
        if len(found) == limit:
            return found, place, True
        place = Place(row["position"], row["number"])
        if row["data"] is not None:
            found.append(_change(row, place))
    return found, place, len(rows) > looked_at


def _change(row: Record, place: Place) -> Change:
    return Change(
        seq=place.text,
        id=id_text("evt", row["id"]),
        contact_id=id_text("con", row["contact_id"]),
        kind=kind_of(row["type"]),
        type=row["type"],
        channel=row["channel"],
        direction=row["direction"],
        timestamp=format_instant(row["occurred_at"]),
        source=door_of(row["source"], row["actor"]),
        data=row["data"],
        message_id=row["message_id"],
        event_id=row["event_id"],
    )


async def _horizon(reader: Reader) -> int:
    """The position below which everything is final."""
    return await reader.fetch_value("SELECT change_horizon()")


async def end_of_feed(reader: Reader) -> Place:
    """The place after everything that is final now. A transaction that writes its first row later may still be given
    the last position of these, but a number that is drawn later."""
    number = await reader.fetch_value("SELECT coalesce(pg_sequence_last_value('event_numbers'::regclass), 0)")
    return Place(await _horizon(reader) - 1, number)


class _Streams:
    """How many streams this process serves; each costs a look into the database twice a second."""

    open = 0


def open_streams() -> int:
    return _Streams.open


async def stream(work: Unbound, query: StreamQuery, last_event_id: str | None) -> AsyncGenerator[bytes]:
    """Server-sent events from now on, or from `last_event_id` on. Refuses one too many."""
    checked = Where()
    filters.by_type(checked, query.types, query.kind)
    async with work.reader() as reader:
        place = place_of(last_event_id, "Last-Event-ID") if last_event_id else await end_of_feed(reader)
    if _Streams.open >= MAX_STREAMS:
        raise ServiceUnavailable(f"This server has {MAX_STREAMS} streams open; try again later.")
    return _sent(work, query, place)


async def _sent(work: Unbound, query: StreamQuery, place: Place) -> AsyncGenerator[bytes]:
    _Streams.open += 1
    try:
        loop = asyncio.get_running_loop()
        ends = loop.time() + lifetime_seconds
        spoke = loop.time()
        yield b"retry: 2000\n\n"
        while loop.time() < ends:
            async with work.reader() as reader:
                page, place, more = await _page(reader, place, DEFAULT_LIMIT, query.types, query.kind)
            if page:
                spoke = loop.time()
                yield b"".join(map(_told, page))
            elif loop.time() - spoke >= HEARTBEAT_SECONDS:
                spoke = loop.time()
                # No event, but its id is kept: a filtered stream resumes where it has looked.
                yield f": still here\nid: {place.text}\n\n".encode()
            if not more:
                await asyncio.sleep(POLL_SECONDS)
    finally:
        _Streams.open -= 1


def _told(change: Change) -> bytes:
    return f"id: {change.seq}\nevent: {change.type}\ndata: ".encode() + _encode(change) + b"\n\n"
