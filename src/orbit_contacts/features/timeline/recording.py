"""Events into the store: known ones are left out, sums follow, and features above hear of the new ones."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.concurrency import meanwhile
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.timeline import inbound, outbound, queries, stats
from orbit_contacts.features.timeline.models import Event, Recorded

# (tx, new events of any kind and contact), in the transaction that records them; our own events are among them.
recorded: list[Callable[[Transaction, Sequence[Event]], Awaitable[None]]] = []


_AT_A_TIME = 500


def key_of(event: Event) -> int | None:
    """The 64 bits by which an event is known among its contact's: those of its event id, or else of type, message and
    time; None for an event that nothing identifies."""
    if event.event_id is not None:
        known_by = event.event_id
    elif event.message_id is not None:
        known_by = f"{event.type}\0{event.message_id}\0{event.occurred_at}"
    else:
        return None
    return int.from_bytes(hashlib.blake2b(known_by.encode(), digest_size=8).digest(), "big", signed=True)


async def record_one(tx: Transaction, event: Event, if_blocked: bytes | None, *, source: str) -> Recorded | None:
    """Add one event to a contact's timeline, as `record_all` does; None when there is no such live contact.

    `if_blocked` are the event's data in place of its own when the contact is blocked.
    """
    cell_id, sums = _cell(tx, event.contact_id), stats.added_by([event])
    row = await queries.insert_one(tx, cell_id, key_of(event), event, if_blocked, source, sums[event.contact_id])
    if row is None:
        return None
    if not row["added"]:
        return Recorded([], 1, set())
    if row["blocked"] and if_blocked is not None:
        event = event._replace(data=if_blocked)
    vanished = set[UUID]() if row["summed"] else await _add_to_stats(tx, sums)
    if vanished:
        await _take_back(tx, [event], vanished)
        return None
    await _tell(tx, [event])
    return Recorded([event], 0, vanished)


async def record_all(tx: Transaction, events: Sequence[Event], *, source: str) -> Recorded:
    """Add events of the caller's live contacts to their timelines; `source` is the door they came in by."""
    # One order for all transactions, so that two of them do not wait for each other in a circle.
    events = sorted(events, key=_by_contact)
    # PostgreSQL looks for what is known already while their sums are made here: most batches repeat nothing.
    async with meanwhile(_not_known(tx, events)) as looking:
        sums = await _sums(events)
        fresh, keys = await looking
    duplicates = len(events) - len(fresh)
    if duplicates:
        sums = await _sums(fresh)
    if fresh:
        await queries.insert_events(tx, [_cell(tx, event.contact_id) for event in fresh], keys, fresh, source, None)
    vanished = await _add_to_stats(tx, sums)
    if vanished:
        fresh = await _take_back(tx, fresh, vanished)
    await _tell(tx, fresh)
    return Recorded(fresh, duplicates, vanished)


def _by_contact(event: Event) -> tuple[int, Instant]:
    return event.contact_id.int, event.occurred_at


async def _not_known(tx: Transaction, events: list[Event]) -> tuple[list[Event], list[int | None]]:
    """Without what was recorded before, and without repetitions among them: the first one counts. And their keys."""
    keys = [key_of(event) for event in events]
    first: dict[tuple[UUID, int], Event] = {}
    for event, key in zip(events, keys, strict=True):
        if key is not None:
            first.setdefault((event.contact_id, key), event)
    if not first:
        return events, keys
    pairs = sorted(first, key=_by_number)
    known = await queries.take_keys(
        tx, [_cell(tx, id) for id, _ in pairs], [id for id, _ in pairs], [key for _, key in pairs]
    )
    if not known and len(first) == len(events):
        return events, keys
    fresh = [
        (event, key)
        for event, key in zip(events, keys, strict=True)
        if key is None or (first[event.contact_id, key] is event and (event.contact_id, key) not in known)
    ]
    return [event for event, _ in fresh], [key for _, key in fresh]


def _by_number(pair: tuple[UUID, int]) -> tuple[int, int]:
    return pair[0].int, pair[1]


def _cell(tx: Transaction, contact_id: UUID) -> int:
    return tx.caller.cell(ids.cell_number(contact_id))


async def _sums(events: Sequence[Event]) -> stats.Sums:
    """What many events add up to; other work goes on between them."""
    sums: stats.Sums = {}
    for start in range(0, len(events), _AT_A_TIME):
        await asyncio.sleep(0)
        stats.add(sums, events[start : start + _AT_A_TIME])
    return sums


async def _add_to_stats(tx: Transaction, sums: stats.Sums) -> set[UUID]:
    """Add to the sums; gives the contacts that another transaction removed while this one was at work."""
    waiting = list(sums)
    for attempt in range(3):
        if not waiting:
            break
        if attempt:
            await queries.start_stats(tx, waiting)
        cells = [_cell(tx, id) for id in waiting]
        missing = await queries.add_to_stats(tx, cells, waiting, stats.columns(sums, waiting))
        waiting = [id for id in waiting if id in missing]
    return set(waiting)


async def _take_back(tx: Transaction, events: list[Event], vanished: set[UUID]) -> list[Event]:
    gone = [event for event in events if event.contact_id in vanished]
    cells = [_cell(tx, event.contact_id) for event in gone]
    await queries.delete_events(
        tx, cells, [e.contact_id for e in gone], [e.occurred_at for e in gone], [e.id for e in gone]
    )
    keyed = [(event.contact_id, key) for event in gone if (key := key_of(event)) is not None]
    await queries.free_keys(tx, [_cell(tx, id) for id, _ in keyed], [id for id, _ in keyed], [key for _, key in keyed])
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
