"""Events as they are stored and as they are read."""

from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta, Raw

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.pagination import PageQuery


class Event(NamedTuple):
    """One event on its way into a contact's timeline, checked; the columns in the order in which they are stored.

    `data` is a JSON object.
    """

    contact_id: UUID
    occurred_at: Instant
    id: UUID
    type: str
    channel: str | None
    direction: str | None
    data: bytes
    title: str | None = None
    category: str | None = None
    message_id: str | None = None
    call_id: str | None = None
    ticket_id: str | None = None
    event_id: str | None = None


class Recorded(NamedTuple):
    """What became of events: new ones, the number that were known already, and contacts that were gone meanwhile."""

    events: list[Event]
    duplicates: int
    vanished: set[UUID]


class Actor(msgspec.Struct, kw_only=True):
    type: Annotated[str, Meta(description="api_key, user or system.")]
    id: str


class Item(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One entry of a timeline."""

    id: Annotated[str, Meta(examples=["evt_01jd3w9k2e8a7v5n0q4r6t8y1z"])]
    kind: Annotated[str, Meta(description="message, call, ticket, event, note, consent or contact.")]
    type: Annotated[str, Meta(examples=["message.delivered"])]
    channel: str | None
    direction: Annotated[str | None, Meta(description="inbound or outbound.")]
    title: str
    summary: Annotated[str | None, Meta(description="One line of what it says.")]
    timestamp: Annotated[str, Meta(description="When it happened.")]
    actor: Annotated[Actor | None, Meta(description="Who did it, where that is known.")]
    data: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
    message_id: str | None = None
    call_id: str | None = None
    ticket_id: str | None = None
    event_id: Annotated[str | None, Meta(description="The sender's own id of the event.")] = None
    category: str | None = None
    folder: Annotated[str | None, Meta(description="`spam` for what a blocked contact sent.")] = None


class WorkspaceEvent(Item, kw_only=True, omit_defaults=True):
    """One event of the workspace: the entry of its contact's timeline, and whose it is."""

    contact_id: str
    source: Annotated[str, Meta(description="The door it came in by: api, sdk or console; `system` is none of them.")]
    recorded_at: Annotated[str, Meta(description="When it was recorded; `timestamp` is when it happened.")]


class Activity(msgspec.Struct, kw_only=True):
    """One communication: a message, a call, a ticket or a note."""

    type: str
    channel: str | None
    message_id: str | None
    timestamp: str


class TimelineQuery(PageQuery, kw_only=True):
    types: Annotated[list[str], Meta(description="Comma-separated types; `message.*` is all of a family.")] = []
    kind: Annotated[list[str], Meta(description="Comma-separated kinds: message, call, ticket, event, note, …")] = []
    channel: Annotated[list[str], Meta(description="Comma-separated channels.")] = []
    from_: Annotated[str | None, Meta(description="At or after; date or date-time.")] = msgspec.field(
        default=None, name="from"
    )
    to: Annotated[str | None, Meta(description="Before; date or date-time.")] = None
    order: Annotated[str | None, Meta(description="`desc` (newest first, as when absent) or `asc`.")] = None


class EventsQuery(TimelineQuery, kw_only=True):
    contact_id: Annotated[str | None, Meta(description="Only of this contact, deleted or not.")] = None
    direction: Annotated[str | None, Meta(description="`inbound` or `outbound`.")] = None


class JourneyQuery(TimelineQuery, kw_only=True):
    order: Annotated[str | None, Meta(description="`asc` (oldest first, as when absent) or `desc`.")] = None


class JourneySummary(msgspec.Struct, kw_only=True):
    """The whole journey, whatever page or filter was asked for."""

    first_seen_at: str | None
    last_seen_at: str | None
    days_active: Annotated[int, Meta(description="Days (UTC) with at least one touchpoint.")]
    touchpoints: Annotated[int, Meta(description="Messages, calls, tickets and custom events.")]
    by_channel: Annotated[dict[str, int], Meta(description="Touchpoints of each channel.")]
    current_stage: str | None


class Touchpoint(msgspec.Struct, kw_only=True):
    timestamp: str
    type: str
    channel: str | None
    title: str
    reference_id: Annotated[str | None, Meta(description="The id of the message, call or ticket.")]


class Stage(msgspec.Struct, kw_only=True):
    stage: str | None
    entered_at: str
    exited_at: str | None
    duration_seconds: Annotated[int, Meta(description="Until now for the current stage.")]
    attributed_to: Annotated[
        Touchpoint | None, Meta(description="The last touchpoint in the 30 days before the stage was entered.")
    ] = None


class JourneyEvent(msgspec.Struct, kw_only=True):
    timestamp: str
    type: str
    channel: str | None
    direction: str | None
    title: str
    lifecycle_stage: Annotated[str | None, Meta(description="The contact's stage at that time.")]
    source: Annotated[str, Meta(description="The door it came in by: api, sdk or console; `system` is none of them.")]
    reference_id: Annotated[str | None, Meta(description="The id of the message, call or ticket.")]


class Journey(msgspec.Struct, kw_only=True):
    contact_id: str
    summary: JourneySummary
    stages: list[Stage]
    events: list[JourneyEvent]


class Change(msgspec.Struct, kw_only=True):
    """One change as the feed tells it."""

    seq: Annotated[str, Meta(description="Its place in the order of changes; send it as `after`.")]
    id: str
    contact_id: str
    kind: str
    type: str
    channel: str | None
    direction: str | None
    timestamp: str
    source: Annotated[str, Meta(description="The door it came in by: api, sdk or console; `system` is none of them.")]
    data: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
    message_id: str | None
    event_id: str | None


class Changes(msgspec.Struct, kw_only=True):
    changes: list[Change]
    next: Annotated[str, Meta(description="Send as `after` to go on; the same when there is nothing new.")]
    has_more: bool


class ChangesQuery(msgspec.Struct, kw_only=True):
    after: Annotated[str | None, Meta(description="`next` or `seq` of an earlier answer; absent: from the start.")] = (
        None
    )
    limit: Annotated[int | None, Meta(description="Changes of a page, 1-1000; 200 when absent.")] = None
    types: Annotated[list[str], Meta(description="Comma-separated types; `contact.*` is all of a family.")] = []
    kind: Annotated[list[str], Meta(description="Comma-separated kinds.")] = []


class StreamQuery(msgspec.Struct, kw_only=True):
    types: Annotated[list[str], Meta(description="Comma-separated types; `message.*` is all of a family.")] = []
    kind: Annotated[list[str], Meta(description="Comma-separated kinds.")] = []
    token: Annotated[str | None, Meta(description="The API key, for browsers, which cannot send headers here.")] = None


class EventSettings(msgspec.Struct, kw_only=True):
    event_retention_days: Annotated[
        Annotated[int, Meta(ge=1, le=36_500)] | None,
        Meta(description="How many days events are kept; null for always."),
    ]
