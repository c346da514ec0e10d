"""What each action does to one contact, and how it is taken back.

An act gives what its undoing needs, or None when the contact was so already. Opting in or out is law, not
housekeeping: it is never taken back by a button.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, get_args
from uuid import UUID

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.database import Transaction
from orbit_contacts.core.errors import Conflict, InvalidChannel, InvalidRequest, MissingField
from orbit_contacts.features.blocking import service as blocking
from orbit_contacts.features.bulk_actions.models import Action
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.consent.records import Evidence
from orbit_contacts.features.contacts import queries
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import ContactInput
from orbit_contacts.features.contacts.rules import tidy_tags
from orbit_contacts.features.lists import service as lists

Undo = dict[str, Any]


class Act(NamedTuple):
    """`check` refuses bad parameters before anything is done; `do` and `undo` work on one locked contact."""

    check: Callable[[dict[str, Any]], Any]
    do: Callable[[Transaction, UUID, Any], Awaitable[Undo | None]]
    undo: Callable[[Transaction, UUID, Undo], Awaitable[None]] | None


def _param(params: dict[str, Any], name: str, kind: Any, expected: str) -> Any:
    if name not in params:
        raise MissingField(f"`params.{name}` is required.", field=f"params.{name}", value=None, expected=expected)
    try:
        return msgspec.convert(params[name], kind)
    except msgspec.ValidationError:
        raise InvalidRequest(
            f"`params.{name}` has the wrong type.",
            field=f"params.{name}",
            value=repr(params[name])[:100],
            expected=expected,
        ) from None


def _tags(params: dict[str, Any]) -> list[str]:
    tags = tidy_tags(_param(params, "tags", list[str], "a list of tags"))
    if not tags:
        raise InvalidRequest("No tag is named.", field="params.tags", value=[], expected="at least one tag")
    return tags


async def _add_tags(tx: Transaction, id: UUID, tags: list[str]) -> Undo | None:
    row = await contacts.locked(tx, id)
    added = [tag for tag in tags if tag not in row["tags"]]
    if not added:
        return None
    await contacts.update(tx, id, ContactInput(tags=[*row["tags"], *added]))
    return {"added": added}


async def _undo_add_tags(tx: Transaction, id: UUID, undo: Undo) -> None:
    row = await contacts.locked(tx, id)
    await contacts.update(tx, id, ContactInput(tags=[tag for tag in row["tags"] if tag not in undo["added"]]))


async def _remove_tags(tx: Transaction, id: UUID, tags: list[str]) -> Undo | None:
    row = await contacts.locked(tx, id)
    if not any(tag in row["tags"] for tag in tags):
        return None
    await contacts.update(tx, id, ContactInput(tags=[tag for tag in row["tags"] if tag not in tags]))
    return {"tags": row["tags"], "removed": [tag for tag in row["tags"] if tag in tags]}


async def _undo_remove_tags(tx: Transaction, id: UUID, undo: Undo) -> None:
    """Back where they stood; tags that came since stay, behind them."""
    row = await contacts.locked(tx, id)
    before = [tag for tag in undo["tags"] if tag in undo["removed"] or tag in row["tags"]]
    await contacts.update(tx, id, ContactInput(tags=list(dict.fromkeys([*before, *row["tags"]]))))


def _stage(params: dict[str, Any]) -> ContactInput:
    stage = _param(params, "lifecycle_stage", str | None, "a stage, or null to clear it")
    return ContactInput(lifecycle_stage=stage)


def _fields(params: dict[str, Any]) -> ContactInput:
    fields = _param(params, "fields", dict[str, Any], "an object of contact fields")
    for name in ("phone", "email", "external_id"):
        if fields.get(name) is not None:
            raise InvalidRequest(
                "An identifier belongs to one contact.",
                field=f"params.fields.{name}",
                value=str(fields[name])[:100],
                expected="other fields",
            )
    try:
        return msgspec.convert(fields, ContactInput)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error), field="params.fields", value=None, expected="contact fields") from None


async def _update(tx: Transaction, id: UUID, change: ContactInput) -> Undo | None:
    before = await contacts.locked(tx, id)
    await contacts.update(tx, id, change)
    after = await contacts.locked(tx, id)
    changed = {
        name: [_plain(before[name]), _plain(after[name])] for name in queries.FIELDS if before[name] != after[name]
    }
    return {"changed": changed} if changed else None


def _plain(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value


async def _undo_update(tx: Transaction, id: UUID, undo: Undo) -> None:
    """Every field goes back unless it was changed since."""
    row = await contacts.locked(tx, id)
    edited = [name for name, (_, new) in undo["changed"].items() if _plain(row[name]) != new]
    fields = {name: _plain(row[name]) for name in queries.FIELDS}
    restored = {name: old for name, (old, _) in undo["changed"].items() if name not in edited}
    if restored:
        maps = {
            name: _reverted(fields[name], value)
            for name, value in restored.items()
            if name in ("metadata", "custom_fields")
        }
        await contacts.update(tx, id, msgspec.convert(restored | maps, ContactInput))
    if edited:
        raise Conflict("Changed since.", field=edited[0], value=None, expected="the value that the action set")


def _reverted(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The merge that turns one map into the other: null takes away what was not there."""
    return {key: None for key in now if key not in before} | before


def _list_id(params: dict[str, Any]) -> UUID:
    text = _param(params, "list_id", str, "lst_…")
    id = ids.parse("lst", text)
    if id is None:
        raise InvalidRequest(
            f"There is no list `{text[:64]}`.", field="params.list_id", value=text[:64], expected="lst_…"
        )
    return id


async def _add_to_list(tx: Transaction, id: UUID, list_id: UUID) -> Undo | None:
    await contacts.locked(tx, id)
    added = await lists.add_members(tx, list_id, [ids.contact_text(id)])
    return {"list_id": ids.text("lst", list_id)} if added.added else None


async def _remove_from_list(tx: Transaction, id: UUID, list_id: UUID) -> Undo | None:
    await contacts.locked(tx, id)
    removed = await lists.remove_members(tx, list_id, [ids.contact_text(id)])
    return {"list_id": ids.text("lst", list_id)} if removed.removed else None


async def _undo_add_to_list(tx: Transaction, id: UUID, undo: Undo) -> None:
    await _remove_from_list(tx, id, _list_id(undo))


async def _undo_remove_from_list(tx: Transaction, id: UUID, undo: Undo) -> None:
    await _add_to_list(tx, id, _list_id(undo))


def _reason(params: dict[str, Any]) -> str | None:
    return _param({"reason": None} | params, "reason", str | None, "a text of at most 500 characters")


def _nothing(params: dict[str, Any]) -> None:
    return None


async def _block(tx: Transaction, id: UUID, reason: str | None) -> Undo | None:
    if (await contacts.locked(tx, id))["blocked_at"] is not None:
        return None
    await blocking.block(tx, id, reason)
    return {}


async def _unblock(tx: Transaction, id: UUID, _: None) -> Undo | None:
    row = await contacts.locked(tx, id)
    if row["blocked_at"] is None:
        return None
    await blocking.unblock(tx, id)
    return {"reason": row["block_reason"]}


async def _undo_block(tx: Transaction, id: UUID, undo: Undo) -> None:
    await blocking.unblock(tx, id)


async def _undo_unblock(tx: Transaction, id: UUID, undo: Undo) -> None:
    await blocking.block(tx, id, undo["reason"])


def _channels(params: dict[str, Any]) -> list[str]:
    channels = _param(params, "channels", list[str], "a list of channels")
    for channel in channels:
        if channel not in CHANNELS:
            raise InvalidChannel(field="params.channels", value=channel[:64], expected=list(CHANNELS))
    if not channels:
        raise InvalidRequest("No channel is named.", field="params.channels", value=[], expected=list(CHANNELS))
    return channels


def _consent(status: str) -> Callable[[Transaction, UUID, list[str]], Awaitable[Undo | None]]:
    async def do(tx: Transaction, id: UUID, channels: list[str]) -> Undo | None:
        await contacts.locked(tx, id)
        said = (await consent.of_contact(tx, id)).said
        if all(said.get(channel) == status for channel in channels):
            return None
        await consent.set_preferences(tx, [id], dict.fromkeys(channels, status), Evidence(source="bulk_action"))
        return {}

    return do


async def _delete(tx: Transaction, id: UUID, _: None) -> Undo | None:
    await contacts.delete(tx, id, soft=True)
    return {}


async def _restore(tx: Transaction, id: UUID, _: None) -> Undo | None:
    await contacts.restore(tx, id)
    return {}


async def _undo_delete(tx: Transaction, id: UUID, undo: Undo) -> None:
    await contacts.restore(tx, id)


async def _undo_restore(tx: Transaction, id: UUID, undo: Undo) -> None:
    await contacts.delete(tx, id, soft=True)


ACTS: dict[str, Act] = {
    "add_tags": Act(_tags, _add_tags, _undo_add_tags),
    "remove_tags": Act(_tags, _remove_tags, _undo_remove_tags),
    "set_lifecycle_stage": Act(_stage, _update, _undo_update),
    "update": Act(_fields, _update, _undo_update),
    "add_to_list": Act(_list_id, _add_to_list, _undo_add_to_list),
    "remove_from_list": Act(_list_id, _remove_from_list, _undo_remove_from_list),
    "block": Act(_reason, _block, _undo_block),
    "unblock": Act(_nothing, _unblock, _undo_unblock),
    "opt_in": Act(_channels, _consent("opted_in"), None),
    "opt_out": Act(_channels, _consent("opted_out"), None),
    "delete": Act(_nothing, _delete, _undo_delete),
    "restore": Act(_nothing, _restore, _undo_restore),
}
assert ACTS.keys() == set(get_args(Action))
