"""Merging contacts: one survives, with everything the others had; they are hidden, and can come back for 30 days."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY, Instant, format_instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import InvalidRequest, NotFound
from orbit_contacts.core.ids import contact_text
from orbit_contacts.core.pagination import Page, PageQuery, decode_cursor, limit_of, page_of
from orbit_contacts.features.contacts import lifecycle, total_queries
from orbit_contacts.features.contacts import queries as contact_queries
from orbit_contacts.features.contacts import rules as contact_rules
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.merging import queries, rules
from orbit_contacts.features.merging.models import Alias, Fields, Merged, MergeRecord
from orbit_contacts.features.timeline import service as timeline
from orbit_contacts.features.workspaces import service as workspaces

UNDO_DAYS = contacts.RESTORE_DAYS


async def merge(tx: Transaction, survivor: UUID, given: Sequence[str]) -> Merged:
    """Merge live contacts into a survivor.

    Its own values stay, gaps are filled; tags, metadata, custom fields and identifiers are united; what features keep
    of the sources follows by `lifecycle.participants`.
    """
    sources = _sources(survivor, given)
    rows = await _locked(tx, survivor, sources)
    before = fields_of(rows[survivor])
    after = rules.merged(before, [fields_of(rows[source]) for source in sources])
    manifests = {
        participant.name: await participant.merge(tx, survivor, sources) for participant in lifecycle.participants
    }
    merge_id = ids.mint(tx.now, ids.cell_number(survivor))
    await _inherit(tx, rows, survivor, sources, after, merge_id)
    for source in sources:
        await hide(tx, rows[source])
    await contacts.write(tx, rows[survivor], after)
    if after["blocked_at"] != before["blocked_at"]:
        await queries.set_block(tx, survivor, *(after[name] for name in rules.BLOCK))
    for settle in lifecycle.identified:
        await settle(tx, [survivor])
    await queries.insert_merge(
        tx, survivor, merge_id, sources, encode(before), encode(after), msgspec.json.encode(manifests)
    )
    await _tell(tx, survivor, sources, merge_id, changes(before, after))
    return Merged(
        merge_id=ids.text("mrg", merge_id),
        contact_id=contact_text(survivor),
        merged_contact_ids=[contact_text(source) for source in sources],
        undo_until=format_instant(tx.now + UNDO_DAYS * DAY),
        contact=await contacts.get(tx, survivor),
    )


def _sources(survivor: UUID, given: Sequence[str]) -> list[UUID]:
    found: dict[UUID, None] = {}
    for text in given:
        source = ids.parse("con", text)
        if source is None:
            raise _unknown_source(text)
        if source == survivor:
            raise InvalidRequest(
                "A contact cannot be merged into itself.",
                field="source_ids",
                value=text,
                expected="ids of other contacts",
            )
        found[source] = None
    return list(found)


def _unknown_source(text: str, **hint: Any) -> NotFound:
    return NotFound(
        f"There is no contact `{text[:64]}`.",
        field="source_ids",
        value=text[:100],
        expected="ids of live contacts",
        **hint,
    )


async def _locked(tx: Transaction, survivor: UUID, sources: Sequence[UUID]) -> dict[UUID, Record]:
    """All contacts of the merge, locked together, or a refusal that names the one that is not there."""
    rows = await queries.lock_contacts(tx, [survivor, *sources])
    live = {id for id, row in rows.items() if row["deleted_at"] is None}
    if survivor not in live:
        raise contacts.not_found(survivor)
    for source in sources:
        if source not in live:
            into = (await queries.merged_into(tx, [source])).get(source)
            hint = {} if into is None else {"merged_into": contact_text(into)}
            raise _unknown_source(contact_text(source), **hint)
    return rows


def fields_of(row: Record) -> Fields:
    """A row locked by `lock_contacts` as `rules` reads it."""
    return contact_queries.stored_fields(row) | {name: row[name] for name in rules.BLOCK}


def encode(fields: Fields) -> bytes:
    return msgspec.json.encode(fields)


async def _inherit(
    tx: Transaction,
    rows: dict[UUID, Record],
    survivor: UUID,
    sources: Sequence[UUID],
    after: Fields,
    merge_id: UUID,
) -> None:
    """Identifiers, aliases and events of the sources become the survivor's; written down, so that they can go back."""
    own = {(identifier.kind, identifier.key) for identifier in contact_rules.identifiers(after)}
    held = await queries.identifiers_of(tx, sources)
    aliases = await queries.aliases_of(tx, sources)
    for source in sources:
        theirs = [(row["kind"], row["value"]) for row in held if row["contact_id"] == source]
        moved = await queries.move_identifiers(
            tx, source, survivor, [kind for kind, _ in theirs], [value for _, value in theirs]
        )
        spelled = {(alias["kind"], alias["key"]): alias["value"] for alias in aliases if alias["contact_id"] == source}
        spelled |= {(i.kind, i.key): i.value for i in contact_rules.identifiers(fields_of(rows[source]))}
        for kind, key in sorted(moved - own):
            await queries.insert_alias(tx, survivor, kind, key, spelled.get((kind, key), key), source)
        events = await queries.move_events(tx, source, survivor, None)
        await queries.insert_merged_contact(tx, source, survivor, merge_id, sorted(moved), events)


async def hide(tx: Transaction, row: Record) -> None:
    """Take a locked contact out of the live ones; its identifiers have moved before."""
    cell_id = queries.cell(tx, row["id"])
    await total_queries.count_change(tx, cell_id, row["lifecycle_stage"], row["country_code"], -1)
    await contact_queries.set_deleted(tx, cell_id, row["id"], tx.now)


def changes(old: Fields, new: Fields) -> dict[str, Any]:
    """What an event tells of a change, by field."""
    return {name: {"old": old[name], "new": new[name]} for name in contact_queries.FIELDS if old[name] != new[name]}


async def _tell(
    tx: Transaction, survivor: UUID, sources: Sequence[UUID], merge_id: UUID, changed: dict[str, Any]
) -> None:
    data: dict[str, Any] = {
        "contact_id": contact_text(survivor),
        "merged_contact_ids": [contact_text(source) for source in sources],
        "merge_id": ids.text("mrg", merge_id),
        "changes": changed,
    }
    await timeline.record(tx, survivor, "contact.merged", data)
    del data["changes"]
    await workspaces.audit(tx, "contact.merged", contact_text(survivor), data)


async def list_merges(reader: Reader, survivor: UUID, query: PageQuery) -> Page[MergeRecord]:
    """What was merged into a contact, newest first."""
    limit = limit_of(query)
    name = f"merges of {survivor}"
    before = decode_cursor(reader, name, query, UUID)
    await contacts.get(reader, survivor)
    rows = await queries.merges_page(reader, survivor, before, limit + 1)
    shown, cursor = page_of(reader, name, query, rows, limit, _id_of)
    return Page([_record(row, reader.now) for row in shown], cursor)


def _id_of(row: Record) -> UUID:
    return row["id"]


def _record(row: Record, now: Instant) -> MergeRecord:
    until = row["merged_at"] + UNDO_DAYS * DAY
    return MergeRecord(
        merge_id=ids.text("mrg", row["id"]),
        merged_contact_ids=[contact_text(source) for source in row["source_ids"]],
        merged_at=format_instant(row["merged_at"]),
        merged_by=row["merged_by"],
        undone_at=None if row["undone_at"] is None else format_instant(row["undone_at"]),
        undo_until=format_instant(until) if row["undone_at"] is None and until > now else None,
    )


async def aliases(reader: Reader, contact_id: UUID) -> list[Alias]:
    """The identifiers that a contact holds beside its own."""
    held = {(row["kind"], row["value"]) for row in await queries.identifiers_of(reader, [contact_id])}
    return [
        Alias(
            kind=row["kind"],
            value=row["value"],
            from_contact_id=contact_text(row["source_id"]),
            added_at=format_instant(row["added_at"]),
        )
        for row in await queries.aliases_of(reader, [contact_id])
        if (row["kind"], row["key"]) in held
    ]
