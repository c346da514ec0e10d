"""A batch of rows into the database, in a transaction of the caller's."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.consent import changes as consent
from orbit_contacts.features.consent.records import Evidence
from orbit_contacts.features.contacts import lifecycle
from orbit_contacts.features.imports import lookups
from orbit_contacts.features.imports import write_queries as queries
from orbit_contacts.features.imports.copies import manifest_of
from orbit_contacts.features.imports.deciding import UNSTORABLE, Batch, Decision, settle_references
from orbit_contacts.features.imports.models import Warning
from orbit_contacts.features.imports.planning import Plan, Touched
from orbit_contacts.features.imports.preparation import Prepared, Skip
from orbit_contacts.features.imports.seen import Seen
from orbit_contacts.features.imports.steadiness import aside
from orbit_contacts.features.lists import service as lists
from orbit_contacts.features.timeline import service as timeline

_LOOKS = 3


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
    tx: Transaction, batch: Batch, rows: Sequence[Prepared], seen: Seen, decided: Decision | None = None
) -> Outcome:
    """Bring rows in, all that can be; what cannot is skipped. With `dry_run` the same is done and undone.

    `decided` is what was decided about these rows before; it counts if it still holds."""
    await lookups.plan_for_values(tx)
    return await _write_or_halve(tx, batch, rows, seen, decided)


async def _write_or_halve(
    tx: Transaction, batch: Batch, rows: Sequence[Prepared], seen: Seen, decided: Decision | None
) -> Outcome:
    """A row whose values PostgreSQL refuses, for a reason nobody thought of, must not take the others with it; nor one
    whose person others keep changing meanwhile."""
    await tx.execute("SAVEPOINT import_batch")
    try:
        outcome = await _write(tx, batch, rows, seen, decided)
    except (*UNSTORABLE, Contended) as error:
        await tx.execute("ROLLBACK TO SAVEPOINT import_batch")
        if len(rows) == 1:
            if isinstance(error, Contended):
                raise
            return Outcome(skipped=[Skip(rows[0].row, "VALIDATION_ERROR", None, "A value cannot be stored.")])
        middle = len(rows) // 2
        outcome = await _write_or_halve(tx, batch, rows[:middle], seen, None)
        seen = seen.copy()
        seen.add(outcome.seen)
        outcome.add(await _write_or_halve(tx, batch, rows[middle:], seen, None))
        return outcome
    undo = batch.options.dry_run
    await tx.execute("ROLLBACK TO SAVEPOINT import_batch" if undo else "RELEASE SAVEPOINT import_batch")
    return outcome


async def _write(
    tx: Transaction, batch: Batch, rows: Sequence[Prepared], seen: Seen, decided: Decision | None
) -> Outcome:
    decision = await _held(tx, batch, rows, seen, decided)
    plan, copies = decision.plan, decision.copies
    if plan.releases:
        for hook in lifecycle.releasing:
            await hook(tx, [lifecycle.Release(*claim) for claim in plan.releases])
        await queries.release(tx, plan.releases)
    await queries.insert_contacts(tx, copies.contacts)
    if copies.staged:
        await queries.update_contacts(tx, copies.staged, [each.id for each in plan.updated])
    await queries.count(tx, copies.live, copies.ever)
    everyone = [*plan.created, *plan.matched]
    added = await _join_lists(tx, everyone)
    for events in copies.events:
        await timeline.record_encoded(tx, events)
    moved = await _reach(tx, batch.import_id, plan)
    changed = [
        each for each in everyone if each.changes is None or each.changes or each.id in added or each.id in moved
    ]
    manifest = copies.manifest
    if added or moved:
        fresh = await queries.updated_at(tx, sorted(moved)) if moved else {}
        manifest = await aside(manifest_of, tx.caller, batch.import_id, changed, decision.at, added, fresh)
    await queries.insert_manifest(tx, manifest)
    return Outcome(
        created=len(plan.created),
        updated=len(changed) - len(plan.created),
        unchanged=len(everyone) - len(changed),
        skipped=[*decision.skipped, *plan.skipped],
        warnings=plan.warnings,
        seen=plan.seen,
    )


async def _held(
    tx: Transaction, batch: Batch, rows: Sequence[Prepared], seen: Seen, decided: Decision | None
) -> Decision:
    """A decision whose contacts are locked and whose identifiers are taken; when somebody was faster, another one."""
    for _ in range(_LOOKS):
        decision = decided or await batch.decide(tx, rows, seen, lock=True)
        if decision is not None and await _hold(tx, batch, rows, decision):
            return decision
        await tx.execute("ROLLBACK TO SAVEPOINT import_batch")
        decided = None
    raise Contended


async def _hold(tx: Transaction, batch: Batch, rows: Sequence[Prepared], decision: Decision) -> bool:
    if not decision.locked:
        if await settle_references(tx, rows, batch.options) != decision.settled:
            return False
        touched = [
            each for each in decision.plan.matched if each.changes or each.lists or (each.row and each.row.closed)
        ]
        if touched:
            versions = await lookups.lock_versions(tx, sorted(each.id for each in touched))
            if any(versions.get(each.id) != decision.versions[each.id] for each in touched):
                return False
    return await queries.claim(tx, decision.copies.identifiers)


async def _join_lists(tx: Transaction, everyone: Iterable[Touched]) -> dict[UUID, list[UUID]]:
    """Gives the lists that contacts were not on before, by contact."""
    wanted = [(list_id, each.id) for each in everyone for list_id in each.lists]
    added: dict[UUID, list[UUID]] = {}
    if wanted:
        wanted_lists, contacts = zip(*wanted, strict=True)
        for list_id, contact_id in await lists.join(tx, wanted_lists, contacts):
            added.setdefault(contact_id, []).append(list_id)
    return added


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
