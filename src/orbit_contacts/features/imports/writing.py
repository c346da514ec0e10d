"""A batch of rows into the database, in a transaction of the caller's."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.consent import changes as consent
from orbit_contacts.features.consent.records import Evidence
from orbit_contacts.features.contacts import lifecycle
from orbit_contacts.features.contacts.buckets import bucket_of_next
from orbit_contacts.features.contacts.queries import FIELDS
from orbit_contacts.features.contacts.service import RESTORE_DAYS
from orbit_contacts.features.custom_fields import queries as custom_field_queries
from orbit_contacts.features.custom_fields import service as custom_fields
from orbit_contacts.features.imports import write_queries as queries
from orbit_contacts.features.imports.matching import Deleted, Holders, hits
from orbit_contacts.features.imports.models import ImportOptions, Warning
from orbit_contacts.features.imports.planning import Plan, Stored, Touched, make_plan, stale, stored_of
from orbit_contacts.features.imports.preparation import Prepared, Settled, Skip, settle
from orbit_contacts.features.imports.seen import Seen, hash_of_contact
from orbit_contacts.features.lists import queries as list_queries
from orbit_contacts.features.timeline import service as timeline

_LOOKS = 6


class Contended(Exception):
    """Others take the same identifiers all the time; the batch is to be tried again later."""


class Outcome(msgspec.Struct):
    """What became of a batch; `seen` is for the rest of the file."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: list[Skip] = []
    warnings: list[Warning] = []
    seen: list[int] = []

    def add(self, other: "Outcome") -> None:
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.skipped += other.skipped
        self.warnings += other.warnings
        self.seen += other.seen


async def write(
    tx: Transaction, import_id: UUID, rows: Sequence[Prepared], seen: Seen, options: ImportOptions, region: str | None
) -> Outcome:
    """Bring rows in, all that can be; what cannot is skipped. With `dry_run` the same is done and undone."""
    await queries.plan_for_values(tx)
    settled, known_lists = await _settled(tx, rows, options)
    good, lists, skipped = await asyncio.to_thread(settle, rows, settled, region)
    options = msgspec.structs.replace(options, list_ids=[id for id in options.list_ids if id in known_lists])
    outcome = Outcome(skipped=list(skipped))
    if good:
        outcome.add(await _write_or_halve(tx, import_id, good, lists, seen, options))
    return outcome


async def _settled(tx: Transaction, rows: Sequence[Prepared], options: ImportOptions) -> tuple[Settled, set[UUID]]:
    """What the rows refer to, held until the transaction ends."""
    named = {text: id for row in rows for text in row.lists if (id := ids.parse("lst", text)) is not None}
    wanted = {*named.values(), *options.list_ids}
    known = await list_queries.hold_lists(tx, sorted(wanted)) if wanted else set[UUID]()
    definitions = {}
    if any("custom_fields" in row.fields for row in rows):
        await custom_field_queries.hold_definitions(tx)
        definitions = await custom_fields.definitions(tx)
    return Settled({text: id for text, id in named.items() if id in known}, definitions), known


async def _write_or_halve(
    tx: Transaction,
    import_id: UUID,
    rows: Sequence[Prepared],
    lists: dict[int, list[UUID]],
    seen: Seen,
    options: ImportOptions,
) -> Outcome:
    """A row whose values PostgreSQL refuses, for a reason nobody thought of, must not take the others with it."""
    await tx.execute("SAVEPOINT import_batch")
    try:
        outcome = await _write(tx, import_id, rows, lists, seen, options)
    except (asyncpg.DataError, asyncpg.ProgramLimitExceededError, asyncpg.StatementTooComplexError, UnicodeEncodeError):
        await tx.execute("ROLLBACK TO SAVEPOINT import_batch")
        if len(rows) == 1:
            return Outcome(skipped=[Skip(rows[0].row, "VALIDATION_ERROR", None, "A value cannot be stored.")])
        middle = len(rows) // 2
        outcome = await _write_or_halve(tx, import_id, rows[:middle], lists, seen, options)
        seen = seen.copy()
        seen.add(outcome.seen)
        rest = {place - middle: named for place, named in lists.items() if place >= middle}
        outcome.add(await _write_or_halve(tx, import_id, rows[middle:], rest, seen, options))
        return outcome
    await tx.execute("ROLLBACK TO SAVEPOINT import_batch" if options.dry_run else "RELEASE SAVEPOINT import_batch")
    return outcome


async def _write(
    tx: Transaction,
    import_id: UUID,
    rows: Sequence[Prepared],
    lists: dict[int, list[UUID]],
    seen: Seen,
    options: ImportOptions,
) -> Outcome:
    plan = await _claimed_plan(tx, rows, lists, seen, options)
    if plan.releases:
        await queries.release(tx, plan.releases)
    if plan.created:
        bucket = await bucket_of_next(tx, tx.caller.cell(0), len(plan.created))
        await queries.insert_contacts(tx, plan.created, bucket)
    if updated := plan.updated:
        await queries.update_contacts(tx, updated)
    await _count(tx, plan)
    everyone = [*plan.created, *plan.matched]
    added = await _join_lists(tx, everyone)
    if options.emit_events:
        await _record_events(tx, import_id, plan)
    moved = await _reach(tx, import_id, plan)
    changed = [
        each for each in everyone if each.changes is None or each.changes or each.id in added or each.id in moved
    ]
    fresh = await queries.updated_at(tx, sorted(moved)) if moved else {}
    manifest = await asyncio.to_thread(_manifest, changed, added, fresh)
    await queries.insert_manifest(tx, import_id, manifest)
    return Outcome(
        created=len(plan.created),
        updated=len(changed) - len(plan.created),
        unchanged=len(everyone) - len(changed),
        skipped=plan.skipped,
        warnings=plan.warnings,
        seen=plan.seen,
    )


async def _claimed_plan(
    tx: Transaction, rows: Sequence[Prepared], lists: dict[int, list[UUID]], seen: Seen, options: ImportOptions
) -> Plan:
    """Look, lock, decide and take the identifiers; when somebody was faster, look again."""
    kinds = [each.kind for row in rows for each in row.identifiers]
    keys = [each.key for row in rows for each in row.identifiers]
    new_ids = sorted(ids.mint(tx.now) for _ in rows)
    for _ in range(_LOOKS):
        await tx.execute("SAVEPOINT import_look")
        holders = await queries.holders(tx, kinds, keys)
        stored = await _lock(tx, rows, holders, options)
        if stored is not None:
            hashes = [hash for row in rows for hash in row.hashes]
            met = seen.among([*hashes, *(hash_of_contact(id) for id in stored)])
            deleted = await _deleted(tx, rows, holders)
            plan = await asyncio.to_thread(
                make_plan, rows, lists, holders, stored, deleted, met, options, new_ids, tx.now
            )
            if not plan.claims or await queries.claim(tx, plan.claims) == len(plan.claims):
                await tx.execute("RELEASE SAVEPOINT import_look")
                return plan
        await tx.execute("ROLLBACK TO SAVEPOINT import_look")
    raise Contended


async def _lock(
    tx: Transaction, rows: Sequence[Prepared], holders: Holders, options: ImportOptions
) -> dict[UUID, Stored] | None:
    """The matched contacts as they are now; None when what was looked up holds no longer."""
    if not holders or options.mode == "create":
        return {}
    matched: dict[UUID, set[tuple[str, str]]] = {}
    for row in rows:
        for identifier in row.identifiers:
            key = (identifier.kind, identifier.key)
            if (holder := holders.get(key)) is not None:
                matched.setdefault(holder, set()).add(key)
    locked = await queries.lock_contacts(tx, sorted(matched))
    stored = await asyncio.to_thread(_read_stored, locked)
    if stale(matched, stored):
        # Gone, or known by a further identifier that its row does not show: only a second look can tell.
        kinds, keys = zip(*holders, strict=True)
        if await queries.holders(tx, kinds, keys) != holders or len(stored) < len(matched):
            return None
    return stored


def _read_stored(rows: Sequence[Any]) -> dict[UUID, Stored]:
    return {row["id"]: stored_of(row, FIELDS) for row in rows}


async def _deleted(tx: Transaction, rows: Sequence[Prepared], holders: Holders) -> dict[tuple[str, str], Deleted]:
    since = tx.now - RESTORE_DAYS * DAY
    asked: dict[str, list[str]] = {"phone": [], "email": [], "external_id": []}
    for row in rows:
        if not hits(row, holders):
            for identifier in row.identifiers:
                asked[identifier.kind].append(identifier.value)
    if not any(asked.values()):
        return {}
    found = await queries.deleted_holders(tx, asked["phone"], asked["email"], asked["external_id"], since)
    return {(row["kind"], row["value"]): Deleted(row["id"], row["kind"], row["value"]) for row in found}


async def _count(tx: Transaction, plan: Plan) -> None:
    live = queries.group_changes(tx, plan.matched)
    ever: Counter[queries.Group] = Counter()
    for each in plan.created:
        ever[(tx.caller.cell(0), each.fields.get("lifecycle_stage"), each.fields.get("country_code"))] += 1
    live.update(ever)
    await queries.count(tx, live, ever)


async def _join_lists(tx: Transaction, everyone: Iterable[Touched]) -> dict[UUID, list[UUID]]:
    """Gives the lists that contacts were not on before, by contact."""
    wanted = [(list_id, each.id) for each in everyone for list_id in each.lists]
    added: dict[UUID, list[UUID]] = {}
    if wanted:
        lists, contacts = zip(*wanted, strict=True)
        for list_id, contact_id in await queries.insert_members(tx, lists, contacts):
            added.setdefault(contact_id, []).append(list_id)
    return added


async def _record_events(tx: Transaction, import_id: UUID, plan: Plan) -> None:
    job = ids.text("imp", import_id)
    await timeline.record_each(
        tx, "contact.created", [(each.id, {"source": "import", "import_job_id": job}) for each in plan.created]
    )
    await timeline.record_each(
        tx,
        "contact.updated",
        [(each.id, {"changes": each.changes, "import_job_id": job}) for each in plan.updated],
    )


async def _reach(tx: Transaction, import_id: UUID, plan: Plan) -> set[UUID]:
    """What is known of addresses reaches their new holders, and what the file closes is closed; what it opens is not.

    Gives the contacts about which something was written by that."""
    moved: set[UUID] = set()
    gained = {claim.contact_id for claim in plan.claims}
    if gained:
        for hook in lifecycle.identified:
            moved |= await hook(tx, sorted(gained))
    closing = {each.id: each.row for each in (*plan.created, *plan.matched) if each.row and each.row.closed}
    if closing:
        changing = await consent.load(tx, closing)
        for id, person in changing.people.items():
            for channel, reason in sorted(closing[id].closed.items()):
                if person.state.said(channel) != "opted_out":
                    details = {"import_job_id": ids.text("imp", import_id), "reason": reason, **closing[id].proof}
                    person.opt_out(channel, Evidence(source="import", details=details))
                    moved.add(id)
            person.settle()
        await changing.save()
    return moved


def _manifest(
    changed: Sequence[Touched], added: dict[UUID, list[UUID]], fresh: dict[UUID, int]
) -> list[tuple[UUID, bool, int, bytes, list[str], list[UUID]]]:
    rows: list[tuple[UUID, bool, int, bytes, list[str], list[UUID]]] = []
    for each in changed:
        changes, tags = b"{}", list[str]()
        if each.changes:
            kept = {name: change for name, change in each.changes.items() if name != "tags"}
            changes = msgspec.json.encode(kept)
            if "tags" in each.changes:
                old = set(each.changes["tags"]["old"])
                tags = [tag for tag in each.changes["tags"]["new"] if tag not in old]
        rows.append(
            (
                each.id,
                each.changes is None,
                fresh.get(each.id, each.updated_at),
                changes,
                tags,
                added.get(each.id, []),
            )
        )
    return rows
