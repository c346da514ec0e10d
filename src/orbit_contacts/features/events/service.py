"""Events come in: checked one by one, found their contacts together, recorded in one transaction."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.concurrency import meanwhile
from orbit_contacts.core.database import Transaction
from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.events import merging as merging  # joins in merges
from orbit_contacts.features.events.models import (
    Accepted,
    AcceptedEvent,
    EventOfContact,
    NewEvent,
    Rejected,
)
from orbit_contacts.features.events.resolving import Naming, Resolver
from orbit_contacts.features.events.rules import Facts, facts_of
from orbit_contacts.features.timeline.models import Event
from orbit_contacts.features.timeline.recording import record_all, record_one

_AT_A_TIME = 500


class Draft(NamedTuple):
    """An event that is right in itself, and its place in the batch."""

    place: int
    facts: Facts
    naming: Naming


async def add_one(tx: Transaction, contact_id: UUID, given: NewEvent, *, source: str) -> AcceptedEvent:
    """Record one event of a contact; what is wrong with it is refused."""
    return await _record_one(tx, facts_of(given, tx.now), contact_id, source)


async def add_named(tx: Transaction, given: EventOfContact, *, create: bool, source: str) -> AcceptedEvent:
    """Record one event of the contact that it names; what is wrong with it is refused."""
    facts = facts_of(given, tx.now)
    resolver, naming = Resolver(tx), _naming(given)
    await resolver.look_up([naming])
    (contact,) = await resolver.resolve([naming], create=create, source=source)
    if isinstance(contact, Refusal):
        raise contact
    return await _record_one(tx, facts, contact.id, source)


def _naming(given: EventOfContact) -> Naming:
    return Naming(given.contact_id, given.external_id, given.phone, given.email)


async def _record_one(tx: Transaction, facts: Facts, contact_id: UUID, source: str) -> AcceptedEvent:
    event = _event(facts, contact_id, ids.mint(tx.now, ids.cell_number(contact_id)))
    recorded = await record_one(tx, event, _in_spam(event), source=source)
    if recorded is None:
        raise contacts.not_found(contact_id)
    new = recorded.events[0] if recorded.events else None
    return AcceptedEvent(
        accepted=len(recorded.events),
        duplicates=recorded.duplicates,
        rejected=[],
        id=None if new is None else ids.text("evt", new.id),
    )


def _event(facts: Facts, contact_id: UUID, id: UUID) -> Event:
    return Event(contact_id, facts.occurred_at, id, *facts[1:])


def _in_spam(event: Event) -> bytes | None:
    """The data of what a blocked contact sends: it goes to spam. Of two equal keys the last one counts."""
    if event.direction != "inbound":
        return None
    inside = event.data.rstrip()[1:-1].strip()
    return b"{" + inside + b',"folder":"spam"}' if inside else b'{"folder":"spam"}'


async def add_batch(
    tx: Transaction, given: Sequence[EventOfContact | Refusal], *, create: bool, source: str
) -> Accepted:
    """Record events of many contacts. One that is wrong is rejected by itself, with its place in the batch."""
    resolver = Resolver(tx)
    async with meanwhile(resolver.look_up([_naming(event) for event in given if not isinstance(event, Refusal)])) as up:
        drafts, rejected = await _checked(given, tx.now)
        await up
    found = await resolver.resolve([draft.naming for draft in drafts], create=create, source=source)
    events: list[Event] = []
    places: list[tuple[int, UUID]] = []
    rising = _rising(tx.now, [contact.id for contact in found if not isinstance(contact, Refusal)])
    for draft, contact in zip(drafts, found, strict=True):
        if isinstance(contact, Refusal):
            rejected.append(_rejected(draft.place, contact))
        else:
            event = _event(draft.facts, contact.id, next(rising))
            spam = _in_spam(event) if contact.blocked else None
            events.append(event if spam is None else event._replace(data=spam))
            places.append((draft.place, contact.id))
    recorded = await record_all(tx, events, source=source)
    rejected += [_rejected(index, contacts.not_found(id)) for index, id in places if id in recorded.vanished]
    rejected.sort(key=_index)
    accepted = len(recorded.events)
    return Accepted(accepted=accepted, duplicates=len(given) - accepted - len(rejected), rejected=rejected)


def _rising(now: Instant, contact_ids: Sequence[UUID]) -> Iterator[UUID]:
    """An id for an event of each contact, in their order: of events of one instant the one told later has the higher
    id, and stands later on the timeline."""
    cells = [ids.cell_number(id) for id in contact_ids]
    drawn = {cell: iter(sorted(ids.mint(now, cell) for _ in range(count))) for cell, count in Counter(cells).items()}
    return (next(drawn[cell]) for cell in cells)


async def _checked(given: Sequence[EventOfContact | Refusal], at: Instant) -> tuple[list[Draft], list[Rejected]]:
    drafts: list[Draft] = []
    rejected: list[Rejected] = []
    for index, event in enumerate(given):
        if index % _AT_A_TIME == _AT_A_TIME - 1:
            await asyncio.sleep(0)  # other requests go on while a large batch is read
        try:
            if isinstance(event, Refusal):
                raise event
            drafts.append(Draft(index, facts_of(event, at), _naming(event)))
        except Refusal as fault:
            rejected.append(_rejected(index, fault))
    return drafts, rejected


def _rejected(index: int, fault: Refusal) -> Rejected:
    details = fault.details
    return Rejected(
        index=index,
        code=fault.code,
        message=fault.message,
        field=details.get("field"),
        value=details.get("value"),
    )


def _index(rejected: Rejected) -> int:
    return rejected.index
