"""The life of a contact: created, changed, deleted, restored; one change is its rows and its event together."""

from typing import Any
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY
from orbit_contacts.core.database import Reader, Transaction, Unbound
from orbit_contacts.core.errors import NotFound, PreconditionFailed
from orbit_contacts.features.contacts import lifecycle, queries, rules, total_queries
from orbit_contacts.features.contacts.buckets import bucket_of_next
from orbit_contacts.features.contacts.models import Contact, ContactAlreadyExists, ContactInput, NewContact
from orbit_contacts.features.contacts.text import search_text
from orbit_contacts.features.timeline import queries as timeline_queries
from orbit_contacts.features.timeline import service as timeline

RESTORE_DAYS = 30


async def create(
    tx: Transaction, new: NewContact, *, upsert: bool = False, source: str = "api"
) -> tuple[Contact, bool]:
    """As `create_with_etag`, without the tag."""
    contact, is_new, _ = await create_with_etag(tx, new, upsert=upsert, source=source)
    return contact, is_new


async def create_with_etag(
    tx: Transaction, new: NewContact, *, upsert: bool = False, source: str = "api"
) -> tuple[Contact, bool, str]:
    """Add a contact; gives it, whether it is new, and its tag.

    With `upsert`, the contact that already holds one of the identifiers is updated instead
    (external id before phone before e-mail).
    """
    fields = rules.normalise(new, tx.caller.default_region)
    rules.require_identifier(fields)
    rules.require_phone_of_extension(fields)
    wanted = rules.identifiers(fields)
    id = ids.mint(tx.now)
    cell_id = tx.caller.cell(ids.cell_number(id))
    bucket = await bucket_of_next(tx, cell_id)
    fields["metadata"] = msgspec.json.encode(rules.merge_metadata({}, fields.get("metadata") or {}))
    fields["custom_fields"] = msgspec.json.encode(await _custom_fields(tx, {}, fields.get("custom_fields")))
    row = await queries.insert_contact(tx, cell_id, id, bucket, fields, source, _search_text(fields), wanted)
    if row is None:
        taken = await queries.holders(tx, wanted)
        if not upsert:
            raise _already_exists(wanted, taken, id)
        await queries.release_all_identifiers(tx, cell_id, id)
        existing = _preferred(taken, id)
        contact, tag = await update_with_etag(tx, existing, new, keep_spelling=True)
        for hook in lifecycle.upserted:
            await hook(tx, existing, new)
        return contact, False, tag
    await timeline.record(tx, id, "contact.created", {"source": source})
    for hook in lifecycle.created:
        await hook(tx, id, new)
    row = await _identified(tx, id, row)
    return queries.contact_of(row), True, etag(row)


def _already_exists(wanted: list[rules.Identifier], taken: list[Record], own: UUID) -> ContactAlreadyExists:
    for holder in taken:
        if holder["contact_id"] != own:
            clash = next(i for i in wanted if (i.kind, i.key) == (holder["kind"], holder["value"]))
            return ContactAlreadyExists(
                f"Another contact holds this {clash.kind}.",
                field=clash.kind,
                value=clash.value,
                existing_contact_id=ids.contact_text(holder["contact_id"]),
            )
    # The holder let go between our claim and this look; the caller may try again.
    return ContactAlreadyExists(field=wanted[0].kind, value=wanted[0].value, existing_contact_id=None)


def _preferred(taken: list[Record], own: UUID) -> UUID:
    """The existing contact an upsert means: by external id, else phone, else e-mail."""
    holders = {row["kind"]: row["contact_id"] for row in taken if row["contact_id"] != own}
    return next(holders[kind] for kind in ("external_id", "phone", "email") if kind in holders)


async def _custom_fields(tx: Transaction, stored: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Any]:
    for check in lifecycle.custom_fields:
        stored = await check(tx, stored, changes)
    return stored


def _search_text(fields: dict[str, Any]) -> str:
    return search_text(
        fields.get("first_name"),
        fields.get("last_name"),
        fields.get("display_name"),
        fields.get("company"),
        fields.get("email"),
        fields.get("phone"),
    )


async def get(reader: Reader, id: UUID) -> Contact:
    return queries.contact_of(await _found(reader, id))


async def _found(reader: Reader, id: UUID) -> Record:
    row = await queries.find(reader, reader.caller.cell(ids.cell_number(id)), id)
    if row is None:
        raise await _absent(reader, id)
    return row


def not_found(id: UUID) -> NotFound:
    text = ids.contact_text(id)
    return NotFound(f"There is no contact `{text}`.", field="id", value=text, expected="the id of a live contact")


async def _absent(reader: Reader, id: UUID) -> NotFound:
    refusal = not_found(id)
    for hook in lifecycle.absent:
        refusal.details |= await hook(reader, id)
    return refusal


async def locked(tx: Transaction, id: UUID) -> Record:
    """The row of a live contact, locked for this transaction; the way every change begins."""
    row = await queries.lock(tx, tx.caller.cell(ids.cell_number(id)), id)
    if row is None:
        raise await _absent(tx, id)
    return row


def etag(row: Record) -> str:
    """Changes with every change of the contact: its `updated_at` in microseconds."""
    return f'"{row["updated_at"]:x}"'


async def get_with_etag(work: Unbound, id: UUID) -> tuple[Contact, str]:
    row = await work.find(queries.LIVE, work.caller.cell(ids.cell_number(id)), id)
    if row is None:
        async with work.reader() as reader:
            raise await _absent(reader, id)
    return queries.contact_of(row), etag(row)


async def update(tx: Transaction, id: UUID, change: ContactInput, *, if_match: str | None = None) -> Contact:
    return (await update_with_etag(tx, id, change, if_match=if_match))[0]


async def update_with_etag(
    tx: Transaction, id: UUID, change: ContactInput, *, if_match: str | None = None, keep_spelling: bool = False
) -> tuple[Contact, str]:
    """Change what was sent and nothing else; nothing is written when nothing differs.

    With `keep_spelling`, a phone that is the contact's own in other digits finds it and rewrites nothing.
    """
    row = await locked(tx, id)
    _check_unchanged(row, if_match)
    stored = queries.stored_fields(row)
    given = rules.normalise(change, row["country_code"] or tx.caller.default_region)
    if keep_spelling:
        rules.keep_spelling(stored, given)
    fields = stored | given
    if "metadata" in given:
        fields["metadata"] = rules.merge_metadata(stored["metadata"], given["metadata"])
    if "custom_fields" in given:
        fields["custom_fields"] = await _custom_fields(tx, stored["custom_fields"], given["custom_fields"])
    changes = {
        name: {"old": stored[name], "new": fields[name]} for name in queries.FIELDS if fields[name] != stored[name]
    }
    if not changes:
        return queries.contact_of(row), etag(row)
    rules.require_identifier(fields)
    rules.require_phone_of_extension(fields)
    gained = await _move_identifiers(tx, id, stored, fields)
    written = await write(tx, row, fields)
    await timeline.record(tx, id, "contact.updated", {"changes": changes})
    if gained:
        written = await _identified(tx, id, written)
    return queries.contact_of(written), etag(written)


def _check_unchanged(row: Record, if_match: str | None) -> None:
    if if_match is not None and if_match.strip() != "*" and etag(row) not in if_match:
        raise PreconditionFailed(field="If-Match", value=if_match[:100], expected=etag(row))


async def _identified(tx: Transaction, id: UUID, row: Record) -> Record:
    """Let what is known about its addresses reach a contact; gives its row as it is then."""
    changed = False
    for hook in lifecycle.identified:
        changed |= id in await hook(tx, [id])
    return await _found(tx, id) if changed else row


async def _move_identifiers(tx: Transaction, id: UUID, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Claim what is new and release what is gone; whether any was new."""
    before = {(i.kind, i.key): i for i in rules.identifiers(old)}
    after = {(i.kind, i.key): i for i in rules.identifiers(new)}
    gained = [identifier for key, identifier in after.items() if key not in before]
    lost = [identifier for key, identifier in before.items() if key not in after]
    cell_id = tx.caller.cell(ids.cell_number(id))
    if gained:
        got = await queries.claim_identifiers(tx, cell_id, id, gained)
        missing = [identifier for identifier in gained if (identifier.kind, identifier.key) not in got]
        if missing:
            holders = await queries.holders(tx, missing)
            # An identifier it already holds (another phone of its own) is no clash.
            if len([h for h in holders if h["contact_id"] == id]) < len(missing):
                raise _already_exists(missing, holders, id)
    if lost:
        for hook in lifecycle.releasing:
            await hook(tx, [lifecycle.Release(identifier.kind, identifier.key, id) for identifier in lost])
        await queries.release_identifiers(tx, cell_id, id, lost)
    return bool(gained)


async def write(tx: Transaction, row: Record, fields: dict[str, Any]) -> Record:
    """Store all fields of a locked contact, its search text and its counts; no event."""
    id: UUID = row["id"]
    cell_id = tx.caller.cell(ids.cell_number(id))
    values = dict(fields)
    for name in ("metadata", "custom_fields"):
        if isinstance(values[name], dict):
            values[name] = msgspec.json.encode(values[name])
    updated_at = max(tx.now, row["updated_at"] + 1)
    written = await queries.update_contact(tx, cell_id, id, values, updated_at, _search_text(fields))
    old_group = (row["lifecycle_stage"], row["country_code"])
    new_group = (fields["lifecycle_stage"], fields["country_code"])
    if old_group != new_group:
        await total_queries.count_change(tx, cell_id, *old_group, -1)
        await total_queries.count_change(tx, cell_id, *new_group, 1)
    return written


async def delete(tx: Transaction, id: UUID, *, soft: bool, if_match: str | None = None) -> None:
    """Erase a contact and all that hangs on it; `soft` only hides it, for 30 days."""
    cell_id = tx.caller.cell(ids.cell_number(id))
    row = await locked(tx, id)
    _check_unchanged(row, if_match)
    for hook in lifecycle.deleting:
        await hook(tx, [id])
    await queries.release_all_identifiers(tx, cell_id, id)
    await total_queries.count_change(tx, cell_id, row["lifecycle_stage"], row["country_code"], -1)
    if soft:
        await queries.set_deleted(tx, cell_id, id, tx.now)
        await timeline.record(tx, id, "contact.deleted", {"mode": "soft"})
    else:
        await erase(tx, id)


async def erase(tx: Transaction, id: UUID) -> None:
    """Remove a locked contact for good; one event without personal data remains, for the change feed."""
    cell_id = tx.caller.cell(ids.cell_number(id))
    for hook in lifecycle.erasing:
        await hook(tx, id)
    await queries.erase(tx, cell_id, id)
    await timeline_queries.delete_events_of(tx, cell_id, id)
    await timeline.record(tx, id, "contact.deleted", {"mode": "erased"})


async def restore(tx: Transaction, id: UUID) -> Contact:
    return (await restore_with_etag(tx, id))[0]


async def restore_with_etag(tx: Transaction, id: UUID) -> tuple[Contact, str]:
    """Bring a soft-deleted contact back, if its identifiers are still free."""
    cell_id = tx.caller.cell(ids.cell_number(id))
    row = await queries.lock_deleted(tx, cell_id, id)
    if row is None or row["deleted_at"] <= tx.now - RESTORE_DAYS * DAY:
        raise NotFound(
            "There is no deleted contact of this id.",
            field="id",
            value=ids.contact_text(id),
            expected="a contact deleted in the last 30 days",
        )
    wanted = rules.identifiers(dict(row))
    got = await queries.claim_identifiers(tx, cell_id, id, wanted)
    if len(got) < len(wanted):
        raise _already_exists(wanted, await queries.holders(tx, wanted), id)
    await total_queries.count_change(tx, cell_id, row["lifecycle_stage"], row["country_code"], 1)
    restored = await queries.set_deleted(tx, cell_id, id, None)
    for hook in lifecycle.restored:
        await hook(tx, [id])
    await timeline.record(tx, id, "contact.restored", {})
    restored = await _identified(tx, id, restored)
    return queries.contact_of(restored), etag(restored)
