"""What happened in the whole workspace: the change feed and the live stream."""

from orbit_contacts.core.database import Reader, Transaction, Unbound
from orbit_contacts.core.errors import InvalidCursor
from orbit_contacts.core.operations import Request, Routes, Stream
from orbit_contacts.features.timeline import feed, retention
from orbit_contacts.features.timeline.models import Changes, ChangesQuery, EventSettings, StreamQuery

routes = Routes("Events")


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
