"""An import undone: contacts it made are deleted (softly), what it changed returns, what was edited since stays."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.database import Transaction, Unbound
from orbit_contacts.core.jobs import enqueue
from orbit_contacts.core.operations import Answer
from orbit_contacts.features.contacts import lifecycle, rules
from orbit_contacts.features.contacts.queries import FIELDS
from orbit_contacts.features.imports import lookups, queries, write_queries
from orbit_contacts.features.imports.copies import Group, group_changes, identifiers_of, staged_of
from orbit_contacts.features.imports.deciding import by_kind
from orbit_contacts.features.imports.models import (
    ImportAlreadyRolledBack,
    ImportNotRollbackable,
    ImportOptions,
    ImportRollbackExpired,
    Kept,
    Rollback,
    RunImport,
)
from orbit_contacts.features.imports.planning import Claim, Stored, Touched, search_text_of, stored_of
from orbit_contacts.features.imports.rollback import Undone, differences, undo
from orbit_contacts.features.imports.running import persistently
from orbit_contacts.features.imports.service import locked
from orbit_contacts.features.imports.writing import Contended
from orbit_contacts.features.lists import service as lists
from orbit_contacts.features.timeline import service as timeline
from orbit_contacts.features.workspaces import service as workspaces

BATCH = 1_000
MAX_KEPT = 10_000


async def roll_back(tx: Transaction, id: UUID) -> Answer[Rollback]:
    """Small ones at once, others as a job. Refuses what still runs, what is too old, and a second time."""
    job = await locked(tx, id)
    _check(tx, job)
    text = ids.text("imp", id)
    await workspaces.audit(tx, "import.rolled_back", text, {"created": job["created"], "updated": job["updated"]})
    page = await write_queries.manifest_page(tx, id, BATCH + 1)
    done = Rollback(status="rolling_back")
    if len(page) > BATCH:
        await queries.set_rollback(tx, id, "rolling_back", msgspec.json.encode(done), None)
        await enqueue(tx, "imports.rollback", RunImport(import_id=id))
        return Answer(done, status=202)
    await _undo_batch(tx, job, page, done)
    done.status = "rolled_back"
    await queries.set_rollback(tx, id, "rolled_back", msgspec.json.encode(done), tx.now)
    return Answer(done, status=200)


def _check(tx: Transaction, job: Record) -> None:
    status, text = job["status"], ids.text("imp", job["id"])
    if status in ("rolled_back", "rolling_back"):
        raise ImportAlreadyRolledBack(field="id", value=text, expected="an import that was not rolled back")
    if job["dry_run"] or status in ("queued", "processing"):
        what = "It was a dry run." if job["dry_run"] else f"The import is {status}; it can be cancelled."
        raise ImportNotRollbackable(what, field="status", value=status, expected="an import that has ended")
    if job["rollback_expires_at"] is None or job["rollback_expires_at"] < tx.now:
        raise ImportRollbackExpired(field="id", value=text, expected="an import that ended in the last 24 hours")


async def run(work: Unbound, id: UUID) -> None:
    """Undo in batches, each of which commits together with what is left of the manifest."""

    async def batch(tx: Transaction) -> bool:
        job = await queries.lock(tx, id)
        if job is None or job["status"] != "rolling_back":
            return False
        done = msgspec.json.decode(job["rollback"], type=Rollback)
        page = await write_queries.manifest_page(tx, id, BATCH)
        await _undo_batch(tx, job, page, done)
        ended = len(page) < BATCH
        done.status = "rolled_back" if ended else "rolling_back"
        await queries.set_rollback(tx, id, done.status, msgspec.json.encode(done), tx.now if ended else None)
        return not ended

    while await persistently(work, batch):
        pass


async def _undo_batch(tx: Transaction, job: Record, page: Sequence[Record], done: Rollback) -> None:
    if not page:
        return
    await lookups.plan_for_values(tx)
    rows = {row["contact_id"]: row for row in page}
    live = {row["id"]: stored_of(row, FIELDS) for row in await lookups.contacts(tx, sorted(rows), lock=True)}
    options = msgspec.json.decode(job["options"], type=ImportOptions)
    unedited: list[UUID] = []
    for id, row in rows.items():
        if row["created"] and id in live:
            if live[id].updated_at == row["contact_updated_at"]:
                unedited.append(id)
            else:
                _keep(done, id, "The contact was edited after the import created it.")
    if unedited:
        await _delete(tx, unedited, live, options)
        done.deleted += len(unedited)
    changed = [id for id, row in rows.items() if not row["created"]]
    for id in changed:
        if id not in live:
            _keep(done, id, "The contact was deleted after the import.")
    await _restore(tx, job, {id: rows[id] for id in changed if id in live}, live, options, done)
    await write_queries.delete_manifest(tx, job["id"], list(rows))


def _keep(done: Rollback, id: UUID, reason: str) -> None:
    done.kept_total += 1
    if len(done.kept) < MAX_KEPT:
        done.kept.append(Kept(contact_id=ids.contact_text(id), reason=reason))


async def _delete(tx: Transaction, gone: Sequence[UUID], live: Mapping[UUID, Stored], options: ImportOptions) -> None:
    for hook in lifecycle.deleting:
        await hook(tx, sorted(gone))
    await write_queries.release_all(tx, gone)
    await write_queries.set_deleted(tx, gone)
    totals: Counter[Group] = Counter()
    for id in gone:
        fields = live[id].fields
        totals[(tx.caller.cell(ids.cell_number(id)), fields["lifecycle_stage"], fields["country_code"])] -= 1
    await write_queries.count(tx, totals, Counter())
    if options.emit_events:
        await timeline.record_each(tx, "contact.deleted", [(id, {"mode": "soft"}) for id in gone])


async def _restore(
    tx: Transaction,
    job: Record,
    rows: Mapping[UUID, Record],
    live: Mapping[UUID, Stored],
    options: ImportOptions,
    done: Rollback,
) -> None:
    changes: dict[UUID, dict[str, Any]] = {id: msgspec.json.decode(row["changes"]) for id, row in rows.items()}
    taken = await _taken(tx, changes)
    undone: dict[UUID, Undone] = {}
    for id, row in rows.items():
        undone[id] = undo(live[id].fields, changes[id], row["tags"], taken.get(id, frozenset()))
        if undone[id].kept:
            names = ", ".join(sorted(undone[id].kept))
            owned = taken.get(id, frozenset()) & set(undone[id].kept)
            reason = f"Edited since: {names}."
            if owned:
                reason += f" The old {' and '.join(sorted(owned))} belongs to another contact now."
            _keep(done, id, reason)
    written = [_touched(tx, id, live[id], each.fields) for id, each in undone.items() if each.fields != live[id].fields]
    await _move_identifiers(tx, written, live)
    if written:
        await write_queries.update_contacts(tx, staged_of(tx.caller, written), [each.id for each in written])
        await write_queries.count(tx, group_changes(tx.caller, written), Counter())
        if options.emit_events:
            job_id = ids.text("imp", job["id"])
            events = [(each.id, {"changes": each.changes, "import_job_id": job_id}) for each in written]
            await timeline.record_each(tx, "contact.updated", events)
    back = {each.id for each in written}
    for id, row in rows.items():
        if row["list_ids"]:
            await lists.leave_joined(tx, row["list_ids"], id, row["at"])
            back.add(id)
    done.restored += len(back)


def _touched(tx: Transaction, id: UUID, there: Stored, fields: dict[str, Any]) -> Touched:
    updated_at = max(tx.now, there.updated_at + 1)
    return Touched(None, id, fields, differences(there.fields, fields), updated_at, [], search_text_of(fields))


async def _taken(tx: Transaction, changes: Mapping[UUID, dict[str, Any]]) -> dict[UUID, frozenset[str]]:
    """Fields whose old value another contact holds by now."""
    wanted: dict[tuple[str, str], UUID] = {}
    for id, changed in changes.items():
        old = {kind: changed[kind]["old"] for kind in rules.IDENTIFIERS if kind in changed}
        for identifier in rules.identifiers(old):
            wanted[(identifier.kind, identifier.key)] = id
    if not wanted:
        return {}
    taken: dict[UUID, set[str]] = {}
    for key, holder in (await lookups.holders(tx, *by_kind(wanted))).items():
        if holder != wanted[key]:
            taken.setdefault(wanted[key], set()).add(key[0])
    return {id: frozenset(names) for id, names in taken.items()}


async def _move_identifiers(tx: Transaction, written: Sequence[Touched], live: Mapping[UUID, Stored]) -> None:
    claims: list[Claim] = []
    releases: list[Claim] = []
    for each in written:
        before = {(old.kind, old.key) for old in live[each.id].identifiers}
        after = {(new.kind, new.key) for new in rules.identifiers(each.fields)}
        claims += [Claim(*key, each.id) for key in after - before]
        releases += [Claim(*key, each.id) for key in before - after]
    if claims:
        # One that it holds already, as a further identifier, needs no claim.
        held = await lookups.holders(tx, *by_kind((each.kind, each.key) for each in claims))
        claims = sorted(each for each in claims if held.get((each.kind, each.key)) != each.contact_id)
        if not await write_queries.claim(tx, identifiers_of(tx.caller, claims)):
            raise Contended
    if releases:
        for hook in lifecycle.releasing:
            await hook(tx, [lifecycle.Release(*claim) for claim in releases])
        await write_queries.release(tx, releases)
    if claims:
        for hook in lifecycle.identified:
            await hook(tx, sorted({each.contact_id for each in claims}))
