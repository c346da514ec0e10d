"""Bulk actions: bound to their contacts when asked, done some contacts at a time, taken back where that is possible.

What fails for one contact is written down and leaves the others alone.
"""

from typing import Any
from uuid import UUID

import msgspec
from asyncpg.protocol import Record
from msgspec import UNSET, UnsetType

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY, format_instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import InvalidRequest, NotFound, Refusal
from orbit_contacts.core.jobs import enqueue
from orbit_contacts.core.pagination import Page, PageQuery, decode_cursor, limit_of, page_of
from orbit_contacts.core.where import Where
from orbit_contacts.features.bulk_actions import queries
from orbit_contacts.features.bulk_actions.acts import ACTS, Undo
from orbit_contacts.features.bulk_actions.models import (
    BulkAction,
    BulkDelete,
    BulkDeleted,
    ItemError,
    NewBulkAction,
    NotUndoable,
    TooManyContacts,
    Undone,
)
from orbit_contacts.features.bulk_actions.queries import Outcome
from orbit_contacts.features.contacts import filters, selection
from orbit_contacts.features.segments import service as segments
from orbit_contacts.features.workspaces import service as workspaces

MAX_IDS = 1000
MAX_UNSEEN = 10_000
INLINE = 1000
_UNDO_DAYS = 1
_SHOWN_ERRORS = 100


class RunBulkAction(msgspec.Struct):
    """Payload of the job."""

    id: str


def ids_given(body: NewBulkAction | BulkDelete) -> list[str] | UnsetType:
    given = body.contact_ids if body.contact_ids is not UNSET else body.ids
    if given is not UNSET and not 1 <= len(given) <= MAX_IDS:
        raise InvalidRequest(
            "Name the contacts.", field="contact_ids", value=len(given), expected=f"1-{MAX_IDS} contact ids"
        )
    return given


async def start(tx: Transaction, new: NewBulkAction) -> tuple[BulkAction, bool]:
    """Bind the action to its contacts; small ones are done at once, large ones become a job (then False)."""
    given = ids_given(new)
    if (given is UNSET) == (new.filter is UNSET):
        raise InvalidRequest(
            "Say whom it concerns in one way.", field="contact_ids", value=None, expected="either contact_ids or filter"
        )
    argument = ACTS[new.action].check(new.params)
    id = ids.mint(tx.now)
    await queries.insert_action(tx, id, new.action, msgspec.json.encode(new.params))
    unknown: list[str] = []
    if given is not UNSET:
        parsed = {text: _own(tx, text) for text in given}
        unknown = [text for text, contact_id in parsed.items() if contact_id is None]
        wanted = {contact_id for contact_id in parsed.values() if contact_id is not None}
        await queries.insert_items(tx, id, sorted(wanted))
        requested = len(parsed)
    else:
        assert new.filter is not UNSET
        requested = await _bind_filter(tx, id, new.filter, new.expected_count)
    await queries.set_requested(tx, id, requested)
    await workspaces.audit(
        tx, "contacts.bulk_action", ids.text("act", id), {"action": new.action, "requested": requested}
    )
    if requested > INLINE:
        await enqueue(tx, "bulk_actions.run", RunBulkAction(str(id)))
        return await get(tx, id), False
    while await _do_some(tx, id, new.action, argument):
        pass
    await queries.set_status(tx, id, "completed", tx.now)
    done = await get(tx, id)
    done.errors += [ItemError(contact_id=t, code="NOT_FOUND", message="There is no such contact.") for t in unknown]
    done.failed += len(unknown)
    return done, True


def _own(tx: Transaction, text: str) -> UUID | None:
    """The id behind a text, if it can be one of this workspace: an id names its cell."""
    id = ids.parse("con", text)
    return id if id is not None and ids.cell_number(id) < tx.caller.cell_count else None


async def _bind_filter(tx: Transaction, id: UUID, given: dict[str, Any], expected: int | None) -> int:
    where = await _where_of(tx, given)
    requested = 0 if where is None else await queries.insert_matching(tx, id, where)
    if expected is not None and expected != requested:
        raise TooManyContacts(
            "The filter matches another number now.", field="expected_count", value=expected, expected=requested
        )
    if requested > MAX_UNSEEN and expected is None:
        raise TooManyContacts(
            f"The filter matches {requested} contacts; send expected_count to confirm.",
            field="filter",
            value=requested,
            expected=f"at most {MAX_UNSEEN}, or expected_count: {requested}",
        )
    return requested


async def _where_of(tx: Transaction, given: dict[str, Any]) -> Where | None:
    """Filters of the contact list where all names are theirs, else segment rules, whose names are checked too."""
    if selection.is_filter(given):
        return await selection.where_of(tx, selection.filter_of(given))
    where = filters.live(tx)
    await segments.only_matching(tx, given, where)
    return where


async def _do_some(tx: Transaction, id: UUID, action: str, argument: Any) -> int:
    """Work on the next contacts that have no outcome; gives how many there were."""
    contact_ids = await queries.waiting(tx, id, ACTS[action].at_once)
    if contact_ids:
        answers = await ACTS[action].do(tx, contact_ids, argument)
        await queries.set_outcomes(tx, id, [_outcome(contact_id, answer) for contact_id, answer in answers.items()])
    return len(contact_ids)


def _outcome(contact_id: UUID, answer: Undo | None | Refusal) -> Outcome:
    if isinstance(answer, Refusal):
        return Outcome(contact_id, "failed", answer.code, answer.message)
    if answer is None:
        return Outcome(contact_id, "skipped")
    return Outcome(contact_id, "succeeded", undo=msgspec.json.encode(answer))


async def work_on(tx: Transaction, id: UUID) -> bool:
    """One step of the job: some contacts and their outcomes; False when nothing is left to do."""
    row = await queries.lock(tx, id)
    if row is None or row["status"] not in ("queued", "processing"):
        return False
    argument = ACTS[row["action"]].check(msgspec.json.decode(row["params"]))
    if await _do_some(tx, id, row["action"], argument):
        await queries.set_status(tx, id, "processing", None)
        return True
    await queries.set_status(tx, id, "completed", tx.now)
    return False


async def get(reader: Reader, id: UUID) -> BulkAction:
    row = await queries.find(reader, id)
    if row is None:
        raise _not_found(id)
    return await _shown(reader, row)


def _not_found(id: UUID) -> NotFound:
    text = ids.text("act", id)
    return NotFound(f"There is no bulk action `{text}`.", field="id", value=text, expected="act_…")


async def _shown(reader: Reader, row: Record) -> BulkAction:
    outcomes = await queries.outcomes(reader, row["id"])
    failed = await queries.items(reader, row["id"], "failed", _SHOWN_ERRORS) if outcomes.get("failed") else []
    return BulkAction(
        id=ids.text("act", row["id"]),
        action=row["action"],
        status=row["status"],
        requested=row["requested"],
        succeeded=sum(outcomes.get(name, 0) for name in ("succeeded", "undone", "kept")),
        failed=outcomes.get("failed", 0),
        skipped=outcomes.get("skipped", 0),
        errors=[_error(item) for item in failed],
        undoable=_is_undoable(reader, row),
        created_at=format_instant(row["created_at"]),
        completed_at=None if row["completed_at"] is None else format_instant(row["completed_at"]),
    )


def _error(item: Record) -> ItemError:
    return ItemError(contact_id=ids.contact_text(item["contact_id"]), code=item["code"], message=item["message"])


def _is_undoable(reader: Reader, row: Record) -> bool:
    ended = row["status"] in ("completed", "cancelled")
    return ended and ACTS[row["action"]].undo is not None and row["completed_at"] > reader.now - _UNDO_DAYS * DAY


async def list_actions(reader: Reader, query: PageQuery) -> Page[BulkAction]:
    limit = limit_of(query)
    rows = await queries.page(reader, decode_cursor(reader, "bulk_actions", query, UUID), limit + 1)

    def key(row: Record) -> UUID:
        return row["id"]

    shown, cursor = page_of(reader, "bulk_actions", query, rows, limit, key)
    return Page([await _shown(reader, row) for row in shown], cursor)


async def cancel(tx: Transaction, id: UUID) -> BulkAction:
    """Stop a running action; what is done stays done, and can be taken back."""
    row = await queries.lock(tx, id)
    if row is None:
        raise _not_found(id)
    if row["status"] in ("queued", "processing"):
        await queries.set_status(tx, id, "cancelled", tx.now)
    return await get(tx, id)


async def undo(tx: Transaction, id: UUID) -> Undone:
    """Take an action back within a day; contacts changed since are kept and reported."""
    row = await queries.lock(tx, id)
    if row is None:
        raise _not_found(id)
    take_back = ACTS[row["action"]].undo
    if take_back is None or not _is_undoable(tx, row):
        raise NotUndoable(
            field="id", value=ids.text("act", id), expected="an ended action of the last 24 hours that has an inverse"
        )
    undone = 0
    while items := await queries.undoable(tx, id, ACTS[row["action"]].at_once):
        answers = await take_back(tx, {item["contact_id"]: msgspec.json.decode(item["undo"]) for item in items})
        undone += sum(refusal is None for refusal in answers.values())
        outcomes = [
            Outcome(contact_id, "undone")
            if refusal is None
            else Outcome(contact_id, "kept", refusal.code, refusal.message)
            for contact_id, refusal in answers.items()
        ]
        await queries.set_outcomes(tx, id, outcomes)
    await queries.set_status(tx, id, "undone", row["completed_at"])
    await workspaces.audit(tx, "contacts.bulk_action_undone", ids.text("act", id), {"undone": undone})
    kept = [_error(item) for item in await queries.items(tx, id, "kept", MAX_UNSEEN)]
    return Undone(id=ids.text("act", id), status="undone", undone=undone, kept=kept)


async def bulk_delete(tx: Transaction, body: BulkDelete) -> BulkDeleted:
    """Soft-delete the named contacts; nothing named is refused, never taken for everybody."""
    given = ids_given(body)
    if given is UNSET:
        raise InvalidRequest("Name the contacts.", field="contact_ids", value=None, expected=f"1-{MAX_IDS} contact ids")
    done, _ = await start(tx, NewBulkAction(action="delete", contact_ids=given))
    not_found = {error.contact_id for error in done.errors if error.code == "NOT_FOUND"}
    if done.failed > len(done.errors):
        action_id = ids.parse("act", done.id)
        assert action_id is not None
        failed = await queries.items(tx, action_id, "failed", MAX_IDS)
        not_found |= {ids.contact_text(item["contact_id"]) for item in failed}
    order = [text for text in dict.fromkeys(given) if text in not_found]
    return BulkDeleted(requested=done.requested, deleted=done.succeeded, not_found=order)


async def forget_old(tx: Transaction) -> None:
    await queries.forget_old(tx, tx.now - 30 * DAY)
