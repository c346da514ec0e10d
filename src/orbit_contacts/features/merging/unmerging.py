"""Undoing a merge: the sources come back as they were, the survivor gives back what it won and keeps what it changed.

Consent is never loosened by it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY
from orbit_contacts.core.database import Transaction
from orbit_contacts.core.errors import Conflict, NotFound
from orbit_contacts.core.ids import contact_text
from orbit_contacts.features.contacts import lifecycle, total_queries
from orbit_contacts.features.contacts import queries as contact_queries
from orbit_contacts.features.contacts import rules as contact_rules
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.lifecycle import Kept
from orbit_contacts.features.merging import queries, rules
from orbit_contacts.features.merging.models import (
    Fields,
    KeptAsIs,
    MergeAlreadyUndone,
    MergeExpired,
    Unmerged,
)
from orbit_contacts.features.merging.service import UNDO_DAYS, changes, fields_of
from orbit_contacts.features.timeline import service as timeline
from orbit_contacts.features.workspaces import service as workspaces


class _Source(NamedTuple):
    """A contact that comes back: its hidden row, and what of it went to the survivor."""

    row: Record
    identifiers: list[tuple[str, str]]
    event_ids: list[UUID]

    @property
    def id(self) -> UUID:
        return self.row["id"]


async def unmerge(tx: Transaction, survivor: UUID, merge_id: str | None) -> Unmerged:
    """Undo a merge, by default the latest, within 30 days."""
    merge = await _found(tx, survivor, merge_id)
    rows = await queries.lock_contacts(tx, [survivor, *merge["source_ids"]])
    # Read again: it may have been undone while we waited for the contacts.
    merge = await _undoable(tx, survivor, merge["id"])
    if survivor not in rows or rows[survivor]["deleted_at"] is not None:
        raise contacts.not_found(survivor)
    sources = await _hidden(tx, merge, rows)
    current = fields_of(rows[survivor])
    before, after = (msgspec.json.decode(merge[name]) for name in ("fields_before", "fields_after"))
    fields, edited = rules.unmerged(before, after, current)
    kept = [Kept(survivor, name, rules.EDITED) for name in edited]
    kept += [Kept(id, "contact", "erased since the merge") for id in merge["source_ids"] if id not in rows]
    await queries.delete_merged_contacts(tx, merge["source_ids"], merge["id"])
    kept += await _give_back(tx, rows[survivor], fields, sources)
    await contacts.write(tx, rows[survivor], fields)
    if fields["blocked_at"] != current["blocked_at"]:
        await queries.set_block(tx, survivor, *(fields[name] for name in rules.BLOCK))
    kept += await _undo_participants(tx, survivor, [source.id for source in sources], merge)
    for settle in lifecycle.identified:
        await settle(tx, [survivor, *(source.id for source in sources)])
    await queries.set_undone(tx, survivor, merge["id"])
    await _tell(tx, survivor, sources, merge["id"], changes(current, fields))
    return Unmerged(
        merge_id=ids.text("mrg", merge["id"]),
        contact=await contacts.get(tx, survivor),
        restored=[await contacts.get(tx, source.id) for source in sources],
        kept=[KeptAsIs(contact_id=contact_text(k.contact_id), field=k.field, reason=k.reason) for k in kept],
    )


async def _found(tx: Transaction, survivor: UUID, merge_id: str | None) -> Record:
    id = None if merge_id is None else ids.parse("mrg", merge_id)
    merge = None if merge_id is not None and id is None else await queries.find_merge(tx, survivor, id)
    if merge is None:
        await contacts.get(tx, survivor)
        raise NotFound(
            "There is no such merge into this contact.",
            field="merge_id",
            value=None if merge_id is None else merge_id[:100],
            expected="a merge into this contact that was not undone",
        )
    return merge


async def _undoable(tx: Transaction, survivor: UUID, id: UUID) -> Record:
    merge = await queries.find_merge(tx, survivor, id)
    text = ids.text("mrg", id)
    if merge is None:
        raise contacts.not_found(survivor)
    if merge["undone_at"] is not None:
        raise MergeAlreadyUndone(field="merge_id", value=text, expected="a merge that was not undone")
    if merge["manifests"] is None or merge["merged_at"] <= tx.now - UNDO_DAYS * DAY:
        raise MergeExpired(field="merge_id", value=text, expected=f"a merge of the last {UNDO_DAYS} days")
    return merge


async def _hidden(tx: Transaction, merge: Record, rows: dict[UUID, Record]) -> list[_Source]:
    """The sources that still wait hidden, in the order in which they were merged."""
    found = {row["contact_id"]: row for row in await queries.merged_contacts_of(tx, merge["source_ids"], merge["id"])}
    return [
        _Source(
            rows[id],
            list(zip(found[id]["identifier_kinds"], found[id]["identifier_values"], strict=True)),
            found[id]["event_ids"],
        )
        for id in merge["source_ids"]
        if id in found and id in rows
    ]


async def _give_back(tx: Transaction, survivor: Record, fields: Fields, sources: Sequence[_Source]) -> list[Kept]:
    """Identifiers, aliases and events return to the sources, which are live from here on."""
    kept: list[Kept] = []
    own = {(identifier.kind, identifier.key) for identifier in contact_rules.identifiers(fields)}
    if not own:
        raise _nameless(survivor["id"], "the contact itself has none left")
    for source in sources:
        wanted = [identifier for identifier in source.identifiers if identifier not in own]
        kinds, values = [kind for kind, _ in wanted], [value for _, value in wanted]
        got = await queries.move_identifiers(tx, survivor["id"], source.id, kinds, values)
        got |= await queries.claim(tx, source.id, kinds, values)
        kept += await _show(tx, source, got)
        await queries.move_events(tx, survivor["id"], source.id, source.event_ids)
    await queries.delete_aliases_from(tx, survivor["id"], [source.id for source in sources])
    return kept


async def _show(tx: Transaction, source: _Source, got: set[tuple[str, str]]) -> list[Kept]:
    """Make a source live again, without those of its identifiers that someone else holds by now."""
    fields = fields_of(source.row)
    lost = [i.kind for i in contact_rules.identifiers(fields) if (i.kind, i.key) not in got]
    fields |= dict.fromkeys(lost)
    if not contact_rules.identifiers(fields):
        raise _nameless(source.id, "others took them since the merge")
    cell_id = queries.cell(tx, source.id)
    await total_queries.count_change(tx, cell_id, fields["lifecycle_stage"], fields["country_code"], 1)
    shown = await contact_queries.set_deleted(tx, cell_id, source.id, None)
    if lost:
        await contacts.write(tx, shown, fields)
    return [Kept(source.id, kind, "held by another contact since the merge") for kind in lost]


def _nameless(id: UUID, why: str) -> Conflict:
    return Conflict(
        f"The merge cannot be undone: `{contact_text(id)}` would have no phone, e-mail or external id; {why}.",
        field="id",
        value=contact_text(id),
        expected="at least one identifier for each contact; give the contact that survived another one first",
    )


async def _undo_participants(tx: Transaction, survivor: UUID, sources: Sequence[UUID], merge: Record) -> list[Kept]:
    manifests: dict[str, Any] = msgspec.json.decode(merge["manifests"])
    kept: list[Kept] = []
    for participant in reversed(lifecycle.participants):
        # One that did not exist when the contacts were merged has nothing to undo.
        if participant.name in manifests:
            kept += await participant.unmerge(tx, survivor, sources, manifests[participant.name])
    return kept


async def _tell(
    tx: Transaction, survivor: UUID, sources: Sequence[_Source], merge_id: UUID, changed: dict[str, Any]
) -> None:
    data: dict[str, Any] = {
        "contact_id": contact_text(survivor),
        "restored_contact_ids": [contact_text(source.id) for source in sources],
        "merge_id": ids.text("mrg", merge_id),
        "changes": changed,
    }
    await timeline.record(tx, survivor, "contact.unmerged", data)
    for source in sources:
        told = {"unmerged_from": contact_text(survivor), "merge_id": data["merge_id"]}
        await timeline.record(tx, source.id, "contact.restored", told)
    del data["changes"]
    await workspaces.audit(tx, "contact.unmerged", contact_text(survivor), data)
