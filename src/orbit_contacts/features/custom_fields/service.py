"""Custom fields: defined once, checked on every write of a contact, removed with all their values."""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from asyncpg.protocol import Record
from msgspec import UNSET

from orbit_contacts.core import ids
from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import InvalidRequest, NotFound, Refusal
from orbit_contacts.core.faults import all_faults
from orbit_contacts.core.jobs import enqueue
from orbit_contacts.core.pagination import Page, PageQuery, decode_cursor, limit_of, page_of
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import ContactInput
from orbit_contacts.features.custom_fields import queries
from orbit_contacts.features.custom_fields.models import (
    WITH_OPTIONS,
    CustomField,
    CustomFieldChange,
    CustomFieldKeyTaken,
    Definition,
    NewCustomField,
    NewValue,
    RemoveValues,
    Value,
)
from orbit_contacts.features.custom_fields.values import parse
from orbit_contacts.features.workspaces import service as workspaces

MAX_FIELDS = 500
MAX_LABEL = 100
MAX_DESCRIPTION = 1000
MAX_OPTIONS = 200
MAX_OPTION = 100
MAX_BYTES = 64 * 1024
BATCH = 5000
NEWEST = UUID(int=2**128 - 1)

_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")


async def create(tx: Transaction, new: NewCustomField) -> CustomField:
    if not _KEY.fullmatch(new.key):
        raise InvalidRequest(
            "The key cannot be used.", field="key", value=new.key[:100], expected="^[a-z][a-z0-9_]{0,63}$"
        )
    label = _label(new.key if new.label is None else new.label)
    description = _description(new.description)
    options = _options(new.type, new.options)
    await queries.lock_definitions(tx)
    present = await queries.all_fields(tx)
    if len(present) >= MAX_FIELDS:
        raise InvalidRequest(
            "The workspace has all the custom fields it can have.",
            field="key",
            value=new.key,
            expected=f"at most {MAX_FIELDS} custom fields",
        )
    position = max((row["position"] for row in present), default=0) + 1
    id = ids.mint(tx.now)
    row = await queries.insert(tx, id, new.key, new.type, label, description, options, position)
    if row is None:
        raise CustomFieldKeyTaken(field="key", value=new.key, expected="a key no other custom field has")
    return _shown(row)


def _label(given: str) -> str:
    label = given.strip()
    if not 1 <= len(label) <= MAX_LABEL:
        raise InvalidRequest(
            "The label cannot be used.", field="label", value=given[:100], expected=f"1-{MAX_LABEL} characters"
        )
    return label


def _description(given: str | None) -> str | None:
    text = (given or "").strip()
    if len(text) > MAX_DESCRIPTION:
        raise InvalidRequest(
            "The description is too long.",
            field="description",
            value=text[:100],
            expected=f"at most {MAX_DESCRIPTION} characters",
        )
    return text or None


def _options(type: str, given: Sequence[str]) -> list[str]:
    options = list(dict.fromkeys(option.strip() for option in given))
    if type not in WITH_OPTIONS:
        if options:
            raise InvalidRequest(
                f"A field of type {type} has no options.", field="options", value=options[:5], expected="no options"
            )
        return []
    if not 1 <= len(options) <= MAX_OPTIONS or not all(1 <= len(option) <= MAX_OPTION for option in options):
        raise InvalidRequest(
            "The options cannot be used.",
            field="options",
            value=[option[:100] for option in options[:5]],
            expected=f"1-{MAX_OPTIONS} options of 1-{MAX_OPTION} characters",
        )
    return options


def _shown(row: Record) -> CustomField:
    return CustomField(
        id=ids.text("cf", row["id"]),
        key=row["key"],
        type=row["type"],
        label=row["label"],
        description=row["description"],
        options=row["options"],
        position=row["position"],
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]),
    )


async def list_fields(reader: Reader, query: PageQuery) -> Page[CustomField]:
    """The fields in their order."""
    limit = limit_of(query)
    after = decode_cursor(reader, "custom fields", query, tuple[int, UUID])
    rows = await queries.all_fields(reader)
    rest = rows if after is None else [row for row in rows if _place(row) > after]
    shown, cursor = page_of(reader, "custom fields", query, rest, limit, _place)
    return Page([_shown(row) for row in shown], cursor, len(rows))


def _place(row: Record) -> tuple[int, UUID]:
    return row["position"], row["id"]


async def get(reader: Reader, id: UUID) -> CustomField:
    return _shown(await _found(reader, id))


async def _found(reader: Reader, id: UUID) -> Record:
    row = await queries.find(reader, id)
    if row is None:
        text = ids.text("cf", id)
        raise NotFound(f"There is no custom field `{text}`.", field="id", value=text, expected="an id of yours")
    return row


async def change(tx: Transaction, id: UUID, change: CustomFieldChange) -> CustomField:
    await queries.lock_definitions(tx)
    row = await _found(tx, id)
    for name in ("key", "type"):
        if getattr(change, name) not in (UNSET, row[name]):
            raise InvalidRequest(
                f"The {name} of a custom field cannot be changed; make another field.",
                field=name,
                value=str(getattr(change, name))[:100],
                expected=row[name],
            )
    label = row["label"] if change.label is UNSET else _label(change.label)
    description = row["description"] if change.description is UNSET else _description(change.description)
    options = row["options"] if change.options is UNSET else _options(row["type"], change.options)
    if (label, description, options) != (row["label"], row["description"], row["options"]):
        row = await queries.update(tx, id, label, description, options)
    return _shown(row)


async def reorder(tx: Transaction, given: Sequence[str]) -> Page[CustomField]:
    """Put the named fields first, in the order given; the others follow as they stand."""
    await queries.lock_definitions(tx)
    present = [row["id"] for row in await queries.all_fields(tx)]
    named: dict[UUID, None] = {}
    for text in given:
        id = ids.parse("cf", text)
        if id not in present or id is None:
            raise NotFound(
                f"There is no custom field `{text[:64]}`.", field="ids", value=text[:100], expected="ids of yours"
            )
        named[id] = None
    await queries.set_positions(tx, [*named, *(id for id in present if id not in named)])
    rows = await queries.all_fields(tx)
    return Page([_shown(row) for row in rows], total=len(rows))


async def delete(tx: Transaction, id: UUID) -> None:
    """The field can no longer be read as a definition, written or filtered by, and its values go.

    Up to 5,000 contacts of a cell lose theirs in this transaction; where there are more, or someone is just changing
    one of them, a job removes the rest and the key is free when it is done.
    """
    await queries.lock_definitions(tx)
    row = await _found(tx, id)
    await queries.await_writers(tx)
    for cell_id in tx.caller.cells:
        await queries.remove_values(tx, cell_id, row["key"], NEWEST, BATCH)
    if await queries.has_values(tx, row["key"]):
        await queries.set_deleted(tx, id)
        await enqueue(tx, "custom_fields.remove_values", RemoveValues(id=id, key=row["key"]))
    else:
        await queries.delete(tx, id)
    await workspaces.audit(tx, "custom_field.deleted", ids.text("cf", id), {"key": row["key"], "type": row["type"]})


async def definitions(reader: Reader) -> dict[str, Definition]:
    """Every field of the workspace by its key, in their order: for rules and files that name fields."""
    return {row["key"]: _definition(row) for row in await queries.all_fields(reader)}


def _definition(row: Record) -> Definition:
    return Definition(row["key"], row["type"], tuple(row["options"]))


async def checked(tx: Transaction, stored: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Any]:
    """The stored values with `changes` made; null removes one, null for all of them every one.

    Raises the first fault, naming `custom_fields.<key>`, with all of them in `details.errors`.
    """
    if changes is None:
        return {}
    if not changes:
        return stored
    # Held before they are read: a field whose deletion is about to commit takes no more values.
    await queries.hold_definitions(tx)
    known = {row["key"]: _definition(row) for row in await queries.find_by_keys(tx, list(changes))}
    values, faults = dict(stored), list[Refusal]()
    for key, value in changes.items():
        try:
            values[key] = parse(_known(known, key), value, tx.caller.default_region)
        except Refusal as fault:
            faults.append(fault)
    if faults:
        raise all_faults(faults)
    values = {key: value for key, value in values.items() if value is not None}
    check_size(values)
    return values


def check_size(values: dict[str, Any]) -> None:
    """Whether a contact may hold all these values together."""
    if (size := len(msgspec.json.encode(values))) > MAX_BYTES:
        raise InvalidRequest(
            "The custom fields hold too much.",
            field="custom_fields",
            value=size,
            expected=f"at most {MAX_BYTES} bytes of JSON",
        )


def _known(known: dict[str, Definition], key: str) -> Definition:
    if key not in known:
        raise InvalidRequest(
            f"There is no custom field `{key[:64]}`.",
            field=f"custom_fields.{key[:64]}",
            value=key[:100],
            expected="the key of a custom field",
        )
    return known[key]


async def set_value(tx: Transaction, new: NewValue) -> Value:
    id = ids.parse("con", new.contact_id)
    if id is None:
        raise NotFound(
            f"There is no contact `{new.contact_id[:64]}`.",
            field="contact_id",
            value=new.contact_id[:100],
            expected="the id of a live contact",
        )
    contact = await contacts.update(tx, id, ContactInput(custom_fields={new.key: new.value}))
    values = msgspec.json.decode(contact.custom_fields)
    return Value(contact_id=contact.id, key=new.key, value=values.get(new.key))
