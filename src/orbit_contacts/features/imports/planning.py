"""One batch of rows against the contacts that are there, decided in the order of the file. Pure.

The database says who holds which identifier and what the matched contacts hold (locked); from that the plan tells
everything to write. It is the same for a dry run.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.ids import contact_text
from orbit_contacts.features.contacts import rules
from orbit_contacts.features.contacts.text import search_text
from orbit_contacts.features.imports.matching import Deleted, Holders, deleted_message, target
from orbit_contacts.features.imports.models import ImportOptions, Warning
from orbit_contacts.features.imports.preparation import Prepared, Skip, skip_of
from orbit_contacts.features.imports.seen import hash_of
from orbit_contacts.features.imports.upserting import MAPS, merge

EMPTY_MAP = b"{}"


class Touched(NamedTuple):
    """A contact that a row makes or means (no row: a rollback). `changes` is None for a new one, empty when nothing
    differs."""

    row: Prepared | None
    id: UUID
    fields: dict[str, Any]
    changes: dict[str, dict[str, Any]] | None
    updated_at: Instant
    lists: list[UUID]
    search_text: str


class Claim(NamedTuple):
    kind: str
    key: str
    contact_id: UUID


class Plan:
    """What is to be written, and what the rest of the file must know."""

    def __init__(self) -> None:
        self.created: list[Touched] = []
        self.matched: list[Touched] = []
        self.claims: list[Claim] = []
        self.releases: list[Claim] = []
        self.skipped: list[Skip] = []
        self.warnings: list[Warning] = []
        self.seen: list[int] = []

    @property
    def updated(self) -> list[Touched]:
        """Matched contacts whose row changes."""
        return [each for each in self.matched if each.changes]


class Look(NamedTuple):
    """What the database tells of a batch: who holds its identifiers, the contacts that it means with the hash of each,
    who was deleted; and the hashes of the batch that earlier rows of the file have met."""

    holders: Holders
    stored: Mapping[UUID, "Stored"]
    hashes: Mapping[UUID, int]
    deleted: Mapping[tuple[str, str], Deleted]
    seen: set[int]


class Stored(NamedTuple):
    """A matched contact: its fields with the maps decoded, when it changed last, its own identifiers."""

    fields: dict[str, Any]
    updated_at: Instant
    identifiers: list[rules.Identifier]


def stored_of(row: Record, names: Sequence[str]) -> Stored:
    fields = {name: row[name] for name in names}
    for name in MAPS:
        fields[name] = msgspec.json.decode(fields[name])
    return Stored(fields, row["updated_at"], rules.identifiers(fields))


def stale(targets: Mapping[UUID, set[tuple[str, str]]], stored: Mapping[UUID, Stored]) -> bool:
    """Whether a contact that was matched (with the identifiers that matched it) is gone or holds something else now,
    as far as its own row tells."""
    for id, matched in targets.items():
        there = stored.get(id)
        if there is None or not matched <= {each[:2] for each in there.identifiers}:
            return True
    return False


def make_plan(
    rows: Sequence[Prepared],
    lists: Mapping[int, list[UUID]],
    look: Look,
    options: ImportOptions,
    new_ids: Iterator[UUID],
    now: Instant,
) -> Plan:
    """`lists` are those a row names, by its place in `rows`."""
    plan = Plan()
    met = set(look.seen)
    holders, stored = look.holders, look.stored
    for place, row in enumerate(rows):
        outcome = _decide(row, look, met, options)
        if isinstance(outcome, Skip):
            plan.skipped.append(outcome)
            continue
        wanted = sorted({*options.list_ids, *lists.get(place, ())}) if lists or options.list_ids else []
        if outcome is None:
            if (clash := _deleted_clash(row, look.deleted)) is not None:
                if options.if_deleted == "skip":
                    plan.skipped.append(Skip(row.row, "DELETED_CONTACT", clash.kind, deleted_message(clash)))
                    continue
                plan.warnings.append(_warning(row, clash))
            touched = _create(row, next(new_ids), wanted, now)
            plan.created.append(touched)
            plan.claims += [Claim(each.kind, each.key, touched.id) for each in row.identifiers]
            new = row.hashes
        else:
            there = stored[outcome]
            try:
                touched = _update(row, outcome, there, holders, options, wanted, now)
            except Refusal as refusal:
                plan.skipped.append(skip_of(row.row, refusal))
                continue
            plan.matched.append(touched)
            _move_identifiers(plan, touched, there, holders)
            new = [*row.hashes, look.hashes[outcome]]
            if there.identifiers != row.identifiers:
                new += [hash_of(each.kind, each.key) for each in there.identifiers if each not in row.identifiers]
        met.update(new)
        plan.seen += new
    plan.claims.sort()
    return plan


def _decide(row: Prepared, look: Look, met: set[int], options: ImportOptions) -> UUID | Skip | None:
    if not met.isdisjoint(row.hashes):
        place = next(i for i, each in enumerate(row.hashes) if each in met)
        identifier = row.identifiers[place]
        message = f"An earlier row of the file has this {identifier.kind}; the first one counts."
        return Skip(row.row, "DUPLICATE_IN_FILE", identifier.kind, message)
    outcome = target(row, look.holders, options)
    if isinstance(outcome, UUID) and look.hashes[outcome] in met:
        message = f"An earlier row of the file means the same contact, {contact_text(outcome)}; the first one counts."
        return Skip(row.row, "DUPLICATE_IN_FILE", None, message)
    return outcome


def _deleted_clash(row: Prepared, deleted: Mapping[tuple[str, str], Deleted]) -> Deleted | None:
    if not deleted:
        return None
    return next((found for each in row.identifiers if (found := deleted.get((each.kind, each.value)))), None)


def _warning(row: Prepared, clash: Deleted) -> Warning:
    return Warning(
        row=row.row.number,
        code="DELETED_CONTACT",
        field=clash.kind,
        message=deleted_message(clash),
        contact_id=contact_text(clash.contact_id),
    )


def _create(row: Prepared, id: UUID, lists: list[UUID], now: Instant) -> Touched:
    return Touched(row, id, row.fields, None, now, lists, search_text_of(row.fields))


def _update(
    row: Prepared,
    id: UUID,
    there: Stored,
    holders: Holders,
    options: ImportOptions,
    lists: list[UUID],
    now: Instant,
) -> Touched:
    held: frozenset[str] = frozenset()
    if there.identifiers != row.identifiers:
        own = {each.kind: each.key for each in there.identifiers}
        held = frozenset(
            each.kind
            for each in row.identifiers
            if own.get(each.kind) != each.key and holders.get((each.kind, each.key)) == id
        )
    merged = merge(there.fields, row.fields, options, held)
    updated_at = max(now, there.updated_at + 1) if merged.changes else there.updated_at
    text = search_text_of(merged.fields) if merged.changes else ""
    return Touched(row, id, merged.fields, merged.changes, updated_at, lists, text)


def _move_identifiers(plan: Plan, touched: Touched, there: Stored, holders: Holders) -> None:
    if not touched.changes or touched.changes.keys().isdisjoint(rules.IDENTIFIERS):
        return
    before = {(each.kind, each.key) for each in there.identifiers}
    after = {(each.kind, each.key) for each in rules.identifiers(touched.fields)}
    plan.claims += [Claim(*each, touched.id) for each in after - before if each not in holders]
    plan.releases += [Claim(*each, touched.id) for each in before - after]


def search_text_of(fields: Mapping[str, Any]) -> str:
    return search_text(
        fields.get("first_name"),
        fields.get("last_name"),
        fields.get("display_name"),
        fields.get("company"),
        fields.get("email"),
        fields.get("phone"),
    )
