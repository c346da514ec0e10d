"""Events into the store: known ones are left out, sums follow, and features above hear of the new ones."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.timeline import inbound, outbound, queries, stats
from orbit_contacts.features.timeline.models import Event, Recorded

# (tx, new events of any kind and contact), in the transaction that records them; our own events are among them.
recorded: list[Callable[[Transaction, Sequence[Event]], Awaitable[None]]] = []


def id_for(
    type: str, message_id: str | None, event_id: str | None, occurred_at: Instant, now: Instant, cell: int
) -> UUID:
    """A fresh id; for an event known by its message alone, the same id whenever it is told again."""
    if message_id is None or event_id is not None:
        return ids.mint(now, cell)
    digest = hashlib.blake2b(f"{type}\0{message_id}".encode(), digest_size=8).digest()
    return ids.assemble(occurred_at, cell, int.from_bytes(digest, "big"))


def key_of(event_id: str) -> int:
    """The 64 bits under which an event id is remembered for its contact."""
    digest = hashlib.blake2b(event_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


async def record_all(tx: Transaction, events: Sequence[Event], *, source: str) -> Recorded:
    """Add events of the caller's live contacts to their timelines; `source` is the door they came in by."""
    # One order for all transactions, so that two of them do not wait for each other in a circle.
    unique = {_identity(event): event for event in reversed(events)}
    ordered = sorted(unique.values(), key=_by_contact)
    fresh = await _not_known_by_key(tx, ordered)
    fresh = await _insert(tx, fresh, source)
    vanished = await _add_to_stats(tx, fresh)
    duplicates = len(events) - len(fresh)
    if vanished:
        fresh = await _take_back(tx, fresh, vanished)
    await _tell(tx, fresh)
    return Recorded(fresh, duplicates, vanished)


def _identity(event: Event) -> tuple[object, ...]:
    if event.event_id is not None:
        return (event.contact_id, event.event_id)
    return (event.contact_id, event.occurred_at, event.id)


def _by_contact(event: Event) -> tuple[int, Instant]:
    return event.contact_id.int, event.occurred_at


async def _not_known_by_key(tx: Transaction, events: list[Event]) -> list[Event]:
    keyed = sorted(
        ((event.contact_id, key_of(event.event_id)) for event in events if event.event_id is not None),
        key=lambda pair: (pair[0].int, pair[1]),
    )
    if not keyed:
        return events
    free = await queries.take_keys(
        tx, [_cell(tx, id) for id, _ in keyed], [id for id, _ in keyed], [key for _, key in keyed]
    )
    if len(free) == len(keyed):
        return events
    return [event for event in events if event.event_id is None or (event.contact_id, key_of(event.event_id)) in free]


def _cell(tx: Transaction, contact_id: UUID) -> int:
    return tx.caller.cell(ids.cell_number(contact_id))


async def _insert(tx: Transaction, events: list[Event], source: str) -> list[Event]:
    if not events:
        return []
    cells = [_cell(tx, event.contact_id) for event in events]
    added = await queries.insert_events(tx, cells, list(zip(*events, strict=True)), source, None)
    if len(added) == len(events):
        return events
    new = set(added)
    return [event for event in events if event.id in new]


async def _add_to_stats(tx: Transaction, events: list[Event]) -> set[UUID]:
    """Add to the sums; gives the contacts that another transaction removed while this one was at work."""
    sums = stats.added_by(events)
    waiting = list(sums)
    for attempt in range(3):
        if not waiting:
            break
        if attempt:
            await queries.start_stats(tx, waiting)
        cells = [_cell(tx, id) for id in waiting]
        done = await queries.add_to_stats(tx, cells, waiting, stats.columns(sums, waiting))
        waiting = [id for id in waiting if id not in done]
    return set(waiting)


async def _take_back(tx: Transaction, events: list[Event], vanished: set[UUID]) -> list[Event]:
    gone = [event for event in events if event.contact_id in vanished]
    cells = [_cell(tx, event.contact_id) for event in gone]
    await queries.delete_events(
        tx, cells, [e.contact_id for e in gone], [e.occurred_at for e in gone], [e.id for e in gone]
    )
    keyed = [event for event in gone if event.event_id is not None]
    await queries.free_keys(
        tx,
        [_cell(tx, event.contact_id) for event in keyed],
        [event.contact_id for event in keyed],
        [key_of(event.event_id or "") for event in keyed],
    )
    return [event for event in events if event.contact_id not in vanished]


async def _tell(tx: Transaction, events: list[Event]) -> None:
    if not events:
        return
    for event in events:
        if event.type == inbound.RECEIVED and event.channel is not None and event.direction == "inbound":
            for hook in inbound.received:
                await hook(tx, event.contact_id, event.channel, msgspec.json.decode(event.data), event.occurred_at)
    if sends := [event for event in events if event.type == outbound.SENT and event.direction != "inbound"]:
        for hook in outbound.sent:
            await hook(tx, sends)
    for hook in recorded:
        await hook(tx, events)
