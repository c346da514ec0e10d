"""What each action does to contacts, and how it is taken back.

An act gives what its undoing needs, None when the contact was so already, or why it was refused for this one. Opting in
or out is law, not housekeeping: it is never taken back by a button.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, get_args
from uuid import UUID

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.database import Transaction
from orbit_contacts.core.errors import Conflict, InvalidChannel, InvalidRequest, MissingField, Refusal
from orbit_contacts.core.faults import shown
from orbit_contacts.features.blocking import service as blocking
from orbit_contacts.features.bulk_actions.models import Action
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.consent.records import Evidence
from orbit_contacts.features.contacts import queries
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import ContactInput
from orbit_contacts.features.contacts.rules import tidy_tags
from orbit_contacts.features.contacts.tagging import retag
from orbit_contacts.features.lists import service as lists

Undo = dict[str, Any]

# Either takes a fraction of a second.
_ONE_BY_ONE = 200
_TOGETHER = 1000


class Act(NamedTuple):
    """`check` refuses bad parameters before anything is done; `do` and `undo` work on some contacts, in the order of
    their ids, and answer for each: a refusal leaves that contact as it is and the others alone. `at_once`: how many
    contacts one transaction of a job locks."""

    check: Callable[[dict[str, Any]], Any]
    do: Callable[[Transaction, Sequence[UUID], Any], Awaitable[dict[UUID, Undo | None | Refusal]]]
    undo: Callable[[Transaction, Mapping[UUID, Undo]], Awaitable[dict[UUID, Refusal | None]]] | None
    at_once: int


def _each(
    check: Callable[[dict[str, Any]], Any],
    do: Callable[[Transaction, UUID, Any], Awaitable[Undo | None]],
    undo: Callable[[Transaction, UUID, Undo], Awaitable[None]] | None,
) -> Act:
    """An act that works on one locked contact at a time, each in its own savepoint."""

    async def do_each(tx: Transaction, contact_ids: Sequence[UUID], argument: Any) -> dict[UUID, Undo | None | Refusal]:
        answers: dict[UUID, Undo | None | Refusal] = {}
        for id in contact_ids:
            try:
                async with tx.savepoint():
                    answers[id] = await do(tx, id, argument)
            except Refusal as refusal:
                answers[id] = refusal
        return answers

    if undo is None:
        return Act(check, do_each, None, _ONE_BY_ONE)
    take_back = undo

    async def undo_each(tx: Transaction, done: Mapping[UUID, Undo]) -> dict[UUID, Refusal | None]:
        answers: dict[UUID, Refusal | None] = {}
        for id, known in done.items():
            answers[id] = None
            try:
                async with tx.savepoint():
                    await take_back(tx, id, known)
            except Refusal as refusal:
                answers[id] = refusal
        return answers

    return Act(check, do_each, undo_each, _ONE_BY_ONE)


def _param(params: dict[str, Any], name: str, kind: Any, expected: str) -> Any:
    if name not in params:
        raise MissingField(f"`params.{name}` is required.", field=f"params.{name}", value=None, expected=expected)
    try:
        return msgspec.convert(params[name], kind)
    except msgspec.ValidationError:
        raise InvalidRequest(
            f"`params.{name}` has the wrong type.",
            field=f"params.{name}",
            value=shown(params[name]),
            expected=expected,
        ) from None


def _tags(params: dict[str, Any]) -> list[str]:
    tags = tidy_tags(_param(params, "tags", list[str], "a list of tags"))
    if not tags:
        raise InvalidRequest("No tag is named.", field="params.tags", value=[], expected="at least one tag")
    return tags


async def _add_tags(tx: Transaction, contact_ids: Sequence[UUID], tags: list[str]) -> dict[UUID, Undo | None | Refusal]:
    def missing(has: list[str]) -> list[str]:
        return [tag for tag in tags if tag not in has]

    before = await retag(tx, contact_ids, lambda id, has: [*has, *missing(has)])
    return {
        id: had if isinstance(had, Refusal) else {"added": added} if (added := missing(had)) else None
        for id, had in before.items()
    }


async def _undo_add_tags(tx: Transaction, done: Mapping[UUID, Undo]) -> dict[UUID, Refusal | None]:
    return _refused(await retag(tx, list(done), lambda id, has: [tag for tag in has if tag not in done[id]["added"]]))


def _refused(before: Mapping[UUID, list[str] | Refusal]) -> dict[UUID, Refusal | None]:
    return {id: had if isinstance(had, Refusal) else None for id, had in before.items()}


async def _remove_tags(
    tx: Transaction, contact_ids: Sequence[UUID], tags: list[str]
) -> dict[UUID, Undo | None | Refusal]:
    def undo_of(had: list[str]) -> Undo | None:
        removed = [tag for tag in had if tag in tags]
        return {"tags": had, "removed": removed} if removed else None

    before = await retag(tx, contact_ids, lambda id, has: [tag for tag in has if tag not in tags])
    return {id: had if isinstance(had, Refusal) else undo_of(had) for id, had in before.items()}


async def _undo_remove_tags(tx: Transaction, done: Mapping[UUID, Undo]) -> dict[UUID, Refusal | None]:
    """Back where they stood; tags that came since stay, behind them."""

    def restored(id: UUID, has: list[str]) -> list[str]:
        before = [tag for tag in done[id]["tags"] if tag in done[id]["removed"] or tag in has]
        return list(dict.fromkeys([*before, *has]))

    return _refused(await retag(tx, list(done), restored))


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
    before = queries.stored_fields(await contacts.locked(tx, id))
    await contacts.update(tx, id, change)
    after = queries.stored_fields(await contacts.locked(tx, id))
    changed = {name: [before[name], after[name]] for name in queries.FIELDS if before[name] != after[name]}
    return {"changed": changed} if changed else None


async def _undo_update(tx: Transaction, id: UUID, undo: Undo) -> None:
    """Every field goes back unless it was changed since."""
    fields = queries.stored_fields(await contacts.locked(tx, id))
    edited = [name for name, (_, new) in undo["changed"].items() if fields[name] != new]
    restored = {name: old for name, (old, _) in undo["changed"].items() if name not in edited}
    if restored:
        maps = {name: _reverted(fields[name], value) for name, value in restored.items() if name in queries.MAPS}
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
    "add_tags": Act(_tags, _add_tags, _undo_add_tags, _TOGETHER),
    "remove_tags": Act(_tags, _remove_tags, _undo_remove_tags, _TOGETHER),
    "set_lifecycle_stage": _each(_stage, _update, _undo_update),
    "update": _each(_fields, _update, _undo_update),
    "add_to_list": _each(_list_id, _add_to_list, _undo_add_to_list),
    "remove_from_list": _each(_list_id, _remove_from_list, _undo_remove_from_list),
    "block": _each(_reason, _block, _undo_block),
    "unblock": _each(_nothing, _unblock, _undo_unblock),
    "opt_in": _each(_channels, _consent("opted_in"), None),
    "opt_out": _each(_channels, _consent("opted_out"), None),
    "delete": _each(_nothing, _delete, _undo_delete),
    "restore": _each(_nothing, _restore, _undo_restore),
}
assert ACTS.keys() == set(get_args(Action))
