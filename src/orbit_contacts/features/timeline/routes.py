"""What happened in the whole workspace: its events, the change feed and the live stream."""

from orbit_contacts.core.database import Reader, Transaction, Unbound
from orbit_contacts.core.errors import InvalidChannel, InvalidCursor
from orbit_contacts.core.ids import EventId
from orbit_contacts.core.operations import Request, Routes, Stream
from orbit_contacts.core.pagination import Page
from orbit_contacts.features.timeline import feed, retention, workspace_events
from orbit_contacts.features.timeline.models import (
    Changes,
    ChangesQuery,
    EventSettings,
    EventsQuery,
    StreamQuery,
    WorkspaceEvent,
)

routes = Routes("Events")


@routes.get("/events", scope="contacts:read", refuses=(InvalidChannel,))
async def list_events(reader: Reader, query: EventsQuery) -> Page[WorkspaceEvent]:
    """List the events of the workspace in the order in which they were recorded, the last first.

    With `contact_id` they stand in the order of that contact's timeline. Events of deleted contacts are among them,
    those of erased ones are gone. A page looks at 5,000 events: with a filter it may be short or empty and still
    have more. Nothing is counted: `total` is null. To learn of every event once, follow `/changes`.
    """
    return await workspace_events.page(reader, query)


@routes.get("/events/{id}", scope="contacts:read")
async def get_event(reader: Reader, id: EventId) -> WorkspaceEvent:
    """Get one event."""
    return await workspace_events.get(reader, id)


@routes.get("/changes", scope="contacts:read", refuses=(InvalidCursor,))
async def list_changes(reader: Reader, query: ChangesQuery) -> Changes:
    """List every change of the workspace in the order in which it was committed, deletions included.

    Start without `after`, then send `next` again and again: nothing is left out and nothing comes twice. A change
    appears once no older transaction is open. With a filter a page may be short or empty and still have more.
    """
    return await feed.changes(reader, query)


@routes.get(
    "/events/stream",
    scope="contacts:read",
    produces=("text/event-stream",),
    token_in_query=True,
    refuses=(InvalidCursor,),
)
async def stream_events(work: Unbound, query: StreamQuery, request: Request) -> Stream:
    """Follow the workspace's events as they happen (server-sent events).

    Every event has an `id`; a client that reconnects with `Last-Event-ID` misses none. A browser may send its key as
    `?token=`. After an hour the stream ends and is to be opened again.
    """
    chunks = await feed.stream(work, query, request.header("Last-Event-ID"))
    return Stream("text/event-stream", chunks, {"X-Accel-Buffering": "no"})


@routes.get("/settings/events", scope="contacts:read")
async def get_event_settings(reader: Reader) -> EventSettings:
    """How long the workspace keeps its events."""
    return await retention.get(reader)


@routes.patch("/settings/events", scope="settings:write")
async def change_event_settings(tx: Transaction, body: EventSettings) -> EventSettings:
    """Set how long the workspace keeps its events; older ones are deleted in the course of a day, for good."""
    return await retention.change(tx, body)
