"""What a batch of rows will do, decided and encoded before it is done.

The next batch is decided while PostgreSQL writes the one before, on another connection and without locks; the
transaction that writes it makes sure that everything this was based on still holds (`writing`), else decides again."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY, Instant
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.contacts.buckets import bucket_of_next
from orbit_contacts.features.contacts.queries import FIELDS
from orbit_contacts.features.contacts.service import RESTORE_DAYS
from orbit_contacts.features.custom_fields import queries as custom_field_queries
from orbit_contacts.features.custom_fields import service as custom_fields
from orbit_contacts.features.imports import lookups
from orbit_contacts.features.imports.copies import Copies, copies_of
from orbit_contacts.features.imports.matching import Deleted, Holders, hits
from orbit_contacts.features.imports.models import ImportOptions
from orbit_contacts.features.imports.planning import Look, Plan, Stored, make_plan, stale, stored_of
from orbit_contacts.features.imports.preparation import Prepared, Settled, Skip, settle
from orbit_contacts.features.imports.seen import Seen, hash_of_contact
from orbit_contacts.features.imports.steadiness import aside
from orbit_contacts.features.lists import queries as list_queries

UNSTORABLE = (
    asyncpg.DataError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.StatementTooComplexError,
    UnicodeEncodeError,
)
"""What PostgreSQL refuses a value with."""

_IDS = 512


class Decision(NamedTuple):
    """A plan, and what it stands on: `settled`, and the row versions of the contacts it matched. `locked` when those
    are held by the transaction that made it."""

    plan: Plan
    copies: Copies
    settled: Settled
    versions: dict[UUID, int]
    skipped: list[Skip]
    at: Instant
    locked: bool


class Asked(NamedTuple):
    """Identifiers of a batch by kind."""

    phone: list[str]
    email: list[str]
    external_id: list[str]


class Batch(NamedTuple):
    """What all rows of an import have in common."""

    import_id: UUID
    options: ImportOptions
    region: str | None

    async def decide(self, tx: Transaction, rows: Sequence[Prepared], seen: Seen, *, lock: bool) -> Decision | None:
        """None when contacts changed while they were looked at."""
        settled = await settle_references(tx, rows, self.options)
        asked = await aside(_keys, rows)
        holders = await lookups.holders(tx, *asked)
        found: list[Record] = []
        matched: dict[UUID, set[tuple[str, str]]] = {}
        if holders and self.options.mode != "create":
            matched = _matched(holders)
            found = await lookups.contacts(tx, sorted(matched), lock=lock)
        deleted = await _deleted(tx, rows, holders)
        bucket = await bucket_of_next(tx, tx.caller.cell(0), len(rows))
        stored = await aside(_read_stored, found)
        if stale(matched, stored) and (
            # Gone, or known by a further identifier that its row does not show: only a second look can tell.
            len(stored) < len(matched) or await lookups.holders(tx, *by_kind(holders)) != holders
        ):
            return None
        versions = {row["id"]: row["version"] for row in found}

        def conclude() -> Decision:
            good, lists, skipped = settle(rows, settled, self.region)
            hashes = {id: hash_of_contact(id) for id in stored}
            met = seen.among([*(hash for row in good for hash in row.hashes), *hashes.values()])
            look = Look(holders, stored, hashes, deleted, met)
            joined = [id for id in self.options.list_ids if id in settled.joined]
            options = msgspec.structs.replace(self.options, list_ids=joined)
            plan = make_plan(good, lists, look, options, new_ids(tx.now), tx.now)
            copies = copies_of(tx.caller, self.import_id, plan, bucket, tx.now, events=options.emit_events)
            return Decision(plan, copies, settled, versions, skipped, tx.now, lock)

        return await aside(conclude)


async def settle_references(tx: Transaction, rows: Sequence[Prepared], options: ImportOptions) -> Settled:
    """What the rows refer to, held until the transaction ends."""
    named = {text: id for row in rows for text in row.lists if (id := ids.parse("lst", text)) is not None}
    wanted = {*named.values(), *options.list_ids}
    known = await list_queries.hold_lists(tx, sorted(wanted)) if wanted else set[UUID]()
    definitions = {}
    if any("custom_fields" in row.fields for row in rows):
        await custom_field_queries.hold_definitions(tx)
        definitions = await custom_fields.definitions(tx)
    lists = {text: id for text, id in named.items() if id in known}
    return Settled(lists, definitions, known.intersection(options.list_ids))


def _keys(rows: Sequence[Prepared]) -> Asked:
    return by_kind((kind, key) for row in rows for kind, key, _ in row.identifiers)


def by_kind(identifiers: Iterable[tuple[str, str]]) -> Asked:
    """Kinds and keys sorted out."""
    asked = {kind: list[str]() for kind in Asked._fields}
    for kind, key in identifiers:
        asked[kind].append(key)
    return Asked(**asked)


def _matched(holders: Holders) -> dict[UUID, set[tuple[str, str]]]:
    """Contacts, with the identifiers by which they were found."""
    matched: dict[UUID, set[tuple[str, str]]] = {}
    for identifier, holder in holders.items():
        matched.setdefault(holder, set()).add(identifier)
    return matched


def _read_stored(rows: Sequence[Any]) -> dict[UUID, Stored]:
    return {row["id"]: stored_of(row, FIELDS) for row in rows}


async def _deleted(tx: Transaction, rows: Sequence[Prepared], holders: Holders) -> dict[tuple[str, str], Deleted]:
    since = tx.now - RESTORE_DAYS * DAY
    if not await lookups.any_deleted(tx, since):
        return {}
    asked = by_kind((kind, value) for row in rows if not hits(row, holders) for kind, _, value in row.identifiers)
    if not any(asked):
        return {}
    found = await lookups.deleted_holders(tx, *asked, since)
    return {(row["kind"], row["value"]): Deleted(row["id"], row["kind"], row["value"]) for row in found}


def new_ids(at: Instant) -> Iterator[UUID]:
    """Ids for new contacts, ascending for as many as lie together in the indexes."""
    while True:
        yield from sorted(ids.mint(at) for _ in range(_IDS))
