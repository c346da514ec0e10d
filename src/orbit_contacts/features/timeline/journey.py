"""The journey of a contact: its stages, how long each took, and what happened in which."""

from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant, format_instant
from orbit_contacts.core.database import Reader, Unbound
from orbit_contacts.core.pagination import PagedObject, decode_cursor, limit_of, page_of
from orbit_contacts.features.timeline import filters
from orbit_contacts.features.timeline.doors import door_of
from orbit_contacts.features.timeline.listing import asked, key_of, rows_after
from orbit_contacts.features.timeline.models import (
    Journey,
    JourneyEvent,
    JourneyQuery,
    JourneySummary,
    Touchpoint,
)
from orbit_contacts.features.timeline.stages import Course, Turn
from orbit_contacts.features.timeline.wording import title_of

_MAX_TURNS = 1_000
_MAX_ATTRIBUTED = 50


class Traveller(NamedTuple):
    """What a journey needs to know of the contact itself."""

    id: UUID
    created_at: Instant
    stage: str | None


async def journey(reader: Reader, contact: Traveller, query: JourneyQuery) -> PagedObject[Journey]:
    """The whole journey in short, and one page of its events."""
    name = f"journey/{contact.id}"
    limit = limit_of(query)
    after = decode_cursor(reader, name, query, tuple[int, UUID])
    descending = filters.descending(query.order, default=False)
    rows = await rows_after(reader, asked(reader, contact.id, query), after, limit + 1, descending=descending)
    shown, cursor = page_of(reader, name, query, rows, limit, key_of)
    course = await course_of(reader, contact)
    data = Journey(
        contact_id=ids.contact_text(contact.id),
        summary=await _summary(reader, contact),
        stages=course.stages(reader.now, await _touched(reader, contact.id, course.changes[-_MAX_ATTRIBUTED:])),
        events=[event_of(row, course) for row in shown],
    )
    return PagedObject(data, cursor)


def check(reader: Reader, contact_id: UUID, query: JourneyQuery) -> None:
    """Refuse a filter or an order that is none."""
    asked(reader, contact_id, query)
    filters.descending(query.order, default=False)


async def course_of(reader: Reader, contact: Traveller) -> Course:
    rows = await reader.fetch_all(
        """
        SELECT occurred_at, data #>> '{changes,lifecycle_stage,old}' AS old,
               data #>> '{changes,lifecycle_stage,new}' AS new
        FROM events
        WHERE cell_id = $1 AND contact_id = $2 AND type = 'contact.updated'
          AND data #> '{changes,lifecycle_stage}' IS NOT NULL
        ORDER BY occurred_at, id LIMIT $3
        """,
        reader.caller.cell(ids.cell_number(contact.id)),
        contact.id,
        _MAX_TURNS,
    )
    return Course(contact.created_at, [Turn(row["occurred_at"], row["old"], row["new"]) for row in rows], contact.stage)


async def _touched(reader: Reader, contact_id: UUID, changes: list[Instant]) -> dict[Instant, Touchpoint]:
    """For changes of the stage the last touchpoint of the 30 days before: what the change is attributed to."""
    if not changes:
        return {}
    rows = await reader.fetch_all(
        """
        SELECT change.at, e.occurred_at, e.type, e.channel, e.title, e.data, e.message_id, e.call_id, e.ticket_id,
               e.event_id
        FROM unnest($3::timestamptz[]) AS change (at) CROSS JOIN LATERAL (
            SELECT * FROM events e
            WHERE e.cell_id = $1 AND e.contact_id = $2
              AND e.occurred_at <= change.at AND e.occurred_at > change.at - interval '30 days'
              AND NOT (e.type LIKE 'contact.%' OR e.type LIKE 'consent.%' OR e.type LIKE 'note.%')
            ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1
        ) AS e
        """,
        reader.caller.cell(ids.cell_number(contact_id)),
        contact_id,
        changes,
    )
    return {
        row["at"]: Touchpoint(
            timestamp=format_instant(row["occurred_at"]),
            type=row["type"],
            channel=row["channel"],
            title=title_of(row["type"], row["channel"], row["title"]),
            reference_id=_reference(row, msgspec.json.decode(row["data"])),
        )
        for row in rows
    }


async def _summary(reader: Reader, contact: Traveller) -> JourneySummary:
    rows = await reader.fetch_all(
        """
        SELECT channel, (occurred_at AT TIME ZONE 'UTC')::date AS day, count(*) AS touchpoints,
               min(occurred_at) AS first, max(occurred_at) AS last
        FROM events
        WHERE cell_id = $1 AND contact_id = $2
          AND NOT (type LIKE 'contact.%' OR type LIKE 'consent.%' OR type LIKE 'note.%')
        GROUP BY 1, 2
        """,
        reader.caller.cell(ids.cell_number(contact.id)),
        contact.id,
    )
    by_channel: Counter[str] = Counter()
    for row in rows:
        if row["channel"] is not None:
            by_channel[row["channel"]] += row["touchpoints"]
    return JourneySummary(
        first_seen_at=format_instant(min([contact.created_at, *(row["first"] for row in rows)])),
        last_seen_at=format_instant(max((row["last"] for row in rows), default=contact.created_at)),
        days_active=len({row["day"] for row in rows}),
        touchpoints=sum(row["touchpoints"] for row in rows),
        by_channel=dict(by_channel.most_common()),
        current_stage=contact.stage,
    )


def event_of(row: Record, course: Course) -> JourneyEvent:
    """The public form of a row of `rows_after`."""
    data: dict[str, Any] = msgspec.json.decode(row["data"])
    return JourneyEvent(
        timestamp=format_instant(row["occurred_at"]),
        type=row["type"],
        channel=row["channel"],
        direction=row["direction"],
        title=title_of(row["type"], row["channel"], row["title"]),
        lifecycle_stage=course.stage_at(row["occurred_at"]),
        source=door_of(row["source"], row["actor"]),
        reference_id=_reference(row, data),
    )


def _reference(row: Record, data: dict[str, Any]) -> str | None:
    for name in ("message_id", "call_id", "ticket_id"):
        value = row[name] or data.get(name)
        if isinstance(value, str):
            return value
    return row["event_id"]


async def events_in_pages(
    work: Unbound, contact: Traveller, query: JourneyQuery, *, most: int, page: int = 2_000
) -> AsyncGenerator[list[JourneyEvent]]:
    """The events that the filters leave, at most `most`; each page reads in a session of its own."""
    descending = filters.descending(query.order, default=False)
    async with work.reader() as reader:
        course = await course_of(reader, contact)
    after: tuple[int, UUID] | None = None
    left = most
    while left > 0:
        async with work.reader() as reader:
            where = asked(reader, contact.id, query)
            rows = await rows_after(reader, where, after, min(page, left), descending=descending)
        if not rows:
            return
        yield [event_of(row, course) for row in rows]
        left -= len(rows)
        after = key_of(rows[-1])
