"""Invented people and events as rows of the tables, ready for COPY."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, LiteralString, NamedTuple

import msgspec
import numpy as np
from asyncpg.pgproto.pgproto import UUID

from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import Instant, from_datetime
from orbit_contacts.core.ids import cell_number
from orbit_contacts.features.contacts.rules import identifiers
from orbit_contacts.features.contacts.text import search_text
from orbit_contacts.features.timeline.models import Event as Told
from orbit_contacts.interfaces.demo.draws import Draws, Indices, Rows
from orbit_contacts.interfaces.demo.events import Event, EventBatch
from orbit_contacts.interfaces.demo.people import Person

IDENTIFIER_COLUMNS: tuple[LiteralString, ...] = ("workspace_id", "kind", "value", "cell_id", "contact_id")
COUNT_COLUMNS: tuple[LiteralString, ...] = (
    "workspace_id",
    "cell_id",
    "lifecycle_stage",
    "country_code",
    "live",
    "ever",
)
CONTACT_COLUMNS: tuple[LiteralString, ...] = (
    "workspace_id",
    "cell_id",
    "id",
    "bucket",
    "phone",
    "phone_extension",
    "email",
    "external_id",
    "first_name",
    "last_name",
    "display_name",
    "company",
    "country_code",
    "timezone",
    "language",
    "lifecycle_stage",
    "tags",
    "metadata",
    "dnc",
    "blocked_at",
    "block_reason",
    "blocked_by",
    "source",
    "search_text",
    "created_at",
    "updated_at",
)
STATS_COLUMNS: tuple[LiteralString, ...] = (
    "workspace_id",
    "cell_id",
    "contact_id",
    "messages_sent",
    "messages_received",
    "calls_started",
    "calls_ended",
    "tickets_opened",
    "tickets_closed",
    "events",
    "orders",
    "order_value",
    "last_order_at",
    "last_inbound_at",
    "last_outbound_at",
    "last_activity_at",
)
EVENT_COLUMNS: tuple[LiteralString, ...] = (
    "workspace_id",
    "cell_id",
    "contact_id",
    "occurred_at",
    "id",
    "recorded_at",
    "type",
    "channel",
    "direction",
    "data",
)

_RANDOM_BITS = (1 << 62) - 1


class Chunk(NamedTuple):
    """Persons with what the tables know them by: cell (its number and its id), contact id, creation, bucket."""

    persons: Sequence[Person]
    cells: Indices
    cell_ids: Sequence[int]
    ids: Sequence[UUID]
    created: Sequence[Instant]
    buckets: Sequence[int]


def cells_of(draws: Draws, rows: Rows, cell_count: int) -> Indices:
    """The number of the cell in which each row's contact lives."""
    return (draws.bits("cell", rows) % np.uint64(cell_count)).astype(np.int64)


def contact_ids(draws: Draws, rows: Rows, created: Indices, cells: Indices) -> list[UUID]:
    """The id of each row's contact; its random bits follow from the seed and the row."""
    return _uuids(created, cells, draws.bits("contact id", rows))


def is_of_seed(draws: Draws, row: int, id: UUID) -> bool:
    """Whether this contact was made from this row of the seed, whenever that was."""
    (bits,) = draws.bits("contact id", np.array([row], dtype=np.uint64)).tolist()
    return id.int & _RANDOM_BITS == bits & _RANDOM_BITS


def identifier_rows(caller: Caller, chunk: Chunk) -> Iterator[tuple[Any, ...]]:
    for person, cell_id, id in zip(chunk.persons, chunk.cell_ids, chunk.ids, strict=True):
        own = {"phone": person.phone, "email": person.email, "external_id": person.external_id}
        for identifier in identifiers(own):
            yield caller.workspace_id, identifier.kind, identifier.key, cell_id, id


def contact_rows(caller: Caller, chunk: Chunk) -> Iterator[tuple[Any, ...]]:
    actor = caller.actor
    for p, cell_id, id, created_at, bucket in zip(
        chunk.persons, chunk.cell_ids, chunk.ids, chunk.created, chunk.buckets, strict=True
    ):
        yield (
            caller.workspace_id,
            cell_id,
            id,
            bucket,
            p.phone,
            p.phone_extension,
            p.email,
            p.external_id,
            p.first_name,
            p.last_name,
            p.display_name,
            p.company,
            p.country_code,
            p.timezone,
            p.language,
            p.lifecycle_stage,
            p.tags,
            msgspec.json.encode(p.metadata),
            p.dnc,
            None if p.blocked_at is None else from_datetime(p.blocked_at),
            p.block_reason,
            actor if p.blocked else None,
            p.source,
            search_text(p.first_name, p.last_name, p.display_name, p.company, p.email, p.phone),
            created_at,
            from_datetime(p.updated_at),
        )


def count_rows(caller: Caller, chunk: Chunk) -> list[tuple[Any, ...]]:
    """One delta for each cell, stage and country."""
    groups = Counter(
        (cell_id, person.lifecycle_stage, person.country_code)
        for person, cell_id in zip(chunk.persons, chunk.cell_ids, strict=True)
    )
    return [(caller.workspace_id, *group, count, count) for group, count in groups.items()]


def timeline_events(chunk: Chunk, batch: EventBatch) -> list[Told]:
    """The events of a batch as the timeline has them."""
    ids = _uuids(batch.at, chunk.cells[batch.person], batch.id)
    return [
        Told(
            chunk.ids[event.person],
            event.occurred_at,
            id,
            event.type,
            event.channel,
            event.direction,
            msgspec.json.encode(_data(event)),
        )
        for event, id in zip(batch.events(chunk.persons), ids, strict=True)
    ]


def event_rows(caller: Caller, events: Sequence[Told]) -> Iterator[tuple[Any, ...]]:
    """As if each had been told when it happened, which is also what its id says."""
    for event in events:
        cell_id = caller.cell(cell_number(event.contact_id))
        yield (
            caller.workspace_id,
            cell_id,
            event.contact_id,
            event.occurred_at,
            event.id,
            event.occurred_at,
            event.type,
            event.channel,
            event.direction,
            event.data,
        )


def stats_rows(caller: Caller, sums: Iterable[tuple[uuid.UUID, list[Any]]]) -> Iterator[tuple[Any, ...]]:
    """The sums kept with the events, for each contact that has some."""
    for id, row in sums:
        yield (caller.workspace_id, caller.cell(cell_number(id)), id, *row)


def _data(event: Event) -> dict[str, Any]:
    """What is stored of an event beside its own columns: its reference with the rest."""
    references = {"message_id": event.message_id, "call_id": event.call_id, "ticket_id": event.ticket_id}
    return {name: text for name, text in references.items() if text is not None} | event.data


def _uuids(at: Indices, cells: Indices, bits: Rows) -> list[UUID]:
    """Ids in the layout of `core.ids`: the instant (microseconds), the cell number, and these random bits."""
    milliseconds = (at // 1000).astype(np.uint64)
    high = milliseconds << np.uint64(16) | np.uint64(0x8000) | cells.astype(np.uint64) << np.uint64(2)
    high |= bits >> np.uint64(62)
    low = np.uint64(1 << 63) | bits & np.uint64(_RANDOM_BITS)
    packed = np.stack([high, low], axis=1).astype(">u8").tobytes()
    return [UUID(packed[place : place + 16]) for place in range(0, len(packed), 16)]
