"""Lists: named sets of contacts, joined and left in batches, with counts that are exact at every commit."""

from collections import Counter
from collections.abc import Iterable, Sequence
from unicodedata import normalize
from uuid import UUID

import asyncpg
from asyncpg.protocol import Record
from msgspec import UNSET

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant, format_instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import InvalidRequest, NotFound
from orbit_contacts.core.jobs import enqueue
from orbit_contacts.core.pagination import Page, PageQuery, decode_cursor, limit_of, page_of
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import Contact
from orbit_contacts.features.contacts.queries import contacts_of
from orbit_contacts.features.lists import queries
from orbit_contacts.features.lists.models import (
    Added,
    ContactList,
    ForgetMembers,
    ListChange,
    ListName,
    ListNameTaken,
    NewList,
    Removed,
)
from orbit_contacts.features.workspaces import service as workspaces

MAX_NAME = 120
MAX_DESCRIPTION = 2000
BATCH = 10_000


async def create(tx: Transaction, new: NewList) -> ContactList:
    name = _name(new.name)
    row = await queries.insert_list(tx, ids.mint(tx.now), name, _key(name), _description(new.description))
    if row is None:
        raise _taken(name)
    return _shown(row, 0)


def _name(given: str) -> str:
    name = normalize("NFC", given.strip())
    if not 1 <= len(name) <= MAX_NAME:
        raise InvalidRequest(
            "The name of a list cannot be used.", field="name", value=given[:100], expected=f"1-{MAX_NAME} characters"
        )
    return name


def _key(name: str) -> str:
    """What must be unique: the name without case."""
    return normalize("NFC", normalize("NFD", name).casefold())


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


def _taken(name: str) -> ListNameTaken:
    return ListNameTaken(field="name", value=name, expected="a name no other list has")


def _shown(row: Record, member_count: int) -> ContactList:
    return ContactList(
        id=ids.text("lst", row["id"]),
        name=row["name"],
        description=row["description"],
        member_count=member_count,
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]),
    )


async def list_lists(reader: Reader, query: PageQuery) -> Page[ContactList]:
    limit = limit_of(query)
    rows = await queries.lists_page(reader, decode_cursor(reader, "lists", query, UUID), limit + 1)
    shown, cursor = page_of(reader, "lists", query, rows, limit, _id_of)
    counts = await queries.counts(reader, [row["id"] for row in shown])
    whole = query.cursor is None and cursor is None
    total = len(shown) if whole else await queries.count_lists(reader)
    return Page([_shown(row, counts.get(row["id"], 0)) for row in shown], cursor, total)


def _id_of(row: Record) -> UUID:
    return row["id"]


async def get(reader: Reader, id: UUID) -> ContactList:
    row = await queries.find_list(reader, id)
    if row is None:
        raise not_found(id)
    return _shown(row, await member_count(reader, id))


async def member_count(reader: Reader, id: UUID) -> int:
    return (await queries.counts(reader, [id])).get(id, 0)


def not_found(id: UUID, field: str = "id") -> NotFound:
    text = ids.text("lst", id)
    return NotFound(f"There is no list `{text}`.", field=field, value=text, expected="the id of a list")


async def change(tx: Transaction, id: UUID, change: ListChange) -> ContactList:
    row = await queries.lock_list(tx, id)
    if row is None:
        raise not_found(id)
    name = row["name"] if change.name is UNSET else _name(change.name)
    description = row["description"] if change.description is UNSET else _description(change.description)
    if (name, description) != (row["name"], row["description"]):
        try:
            row = await queries.update_list(tx, id, name, _key(name), description)
        except asyncpg.UniqueViolationError:
            raise _taken(name) from None
        assert row is not None
    return _shown(row, await member_count(tx, id))


async def delete(tx: Transaction, id: UUID) -> None:
    """The list is gone at once; of a large one, the memberships beyond the first batch go in the background."""
    row = await queries.lock_list(tx, id)
    if row is None:
        raise not_found(id)
    await queries.delete_list(tx, id)
    await queries.delete_members(tx, id, BATCH)
    await enqueue(tx, "lists.forget_members", ForgetMembers(list_id=id))
    await workspaces.audit(tx, "list.deleted", ids.text("lst", id), {"name": row["name"]})


async def members(reader: Reader, id: UUID, query: PageQuery) -> Page[Contact]:
    """Live contacts on the list, newest contact first."""
    limit = limit_of(query)
    name = f"members of {id}"
    before = decode_cursor(reader, name, query, UUID)
    if await queries.find_list(reader, id) is None:
        raise not_found(id)
    rows = await queries.members_page(reader, id, before, limit + 1)
    shown, cursor = page_of(reader, name, query, rows, limit, _id_of)
    return Page(contacts_of(shown), cursor, await member_count(reader, id))


async def add_members(tx: Transaction, id: UUID, given: list[str]) -> Added:
    contact_ids, not_found_ids = await _holding(tx, id, given)
    added = len(await join(tx, [id] * len(contact_ids), contact_ids))
    return Added(added=added, already_members=len(contact_ids) - added, not_found=not_found_ids)


async def remove_members(tx: Transaction, id: UUID, given: list[str]) -> Removed:
    contact_ids, not_found_ids = await _holding(tx, id, given)
    gone = await queries.remove_members(tx, id, contact_ids)
    await _count(tx, gone, -1)
    return Removed(removed=len(gone), not_members=len(contact_ids) - len(gone), not_found=not_found_ids)


async def _holding(tx: Transaction, id: UUID, given: list[str]) -> tuple[list[UUID], list[str]]:
    """The live contacts among the texts given, held together with the list; and the texts of no live contact."""
    if id not in await queries.hold_lists(tx, [id]):
        raise not_found(id)
    parsed = {text: ids.parse("con", text) for text in given}
    live = await queries.hold_contacts(tx, [contact_id for contact_id in parsed.values() if contact_id is not None])
    known = set(live)
    return live, [text for text, contact_id in parsed.items() if contact_id not in known]


async def join(tx: Transaction, list_ids: Sequence[UUID], contact_ids: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """Put each contact on the list at the same place of the other sequence; gives the (list, contact) that are new.

    Lists and contacts are held by the caller (`hold`, `contacts.service.locked`), or made in this transaction.
    """
    added = await queries.insert_members(tx, list_ids, contact_ids)
    await _count(tx, added, 1)
    return added


async def _count(tx: Transaction, memberships: Iterable[tuple[UUID, UUID]], sign: int) -> None:
    """Append what (list, contact) memberships won or lost mean for the counts."""
    changes = Counter((tx.caller.cell(ids.cell_number(contact)), list_id) for list_id, contact in memberships)
    if changes:
        cells, list_ids = zip(*changes, strict=True)
        await queries.append_counts(tx, cells, list_ids, [sign * number for number in changes.values()])


async def leave(tx: Transaction, id: UUID, contact_id: UUID) -> None:
    """Take one contact off a list; one that is not on it stays so."""
    if id not in await queries.hold_lists(tx, [id]):
        raise not_found(id)
    if not await queries.hold_contacts(tx, [contact_id]):
        raise contacts.not_found(contact_id)
    await _count(tx, await queries.remove_members(tx, id, [contact_id]), -1)


async def leave_joined(tx: Transaction, list_ids: Sequence[UUID], contact_id: UUID, at: Instant) -> None:
    """Take a locked contact off those lists which it joined exactly at `at`."""
    await _count(tx, await queries.remove_joined(tx, list_ids, contact_id, at), -1)


async def hold(tx: Transaction, given: Sequence[str], field: str) -> list[UUID]:
    """The lists that are named, none of which can be deleted until the transaction ends; an unknown one is refused."""
    parsed = [ids.parse("lst", text) for text in given]
    wanted = {list_id for list_id in parsed if list_id is not None}
    known = await queries.hold_lists(tx, list(wanted)) if wanted else set[UUID]()
    for text, list_id in zip(given, parsed, strict=True):
        if list_id not in known:
            raise InvalidRequest(
                f"There is no list `{text[:64]}`.", field=field, value=text[:100], expected="ids of lists"
            )
    return sorted(known)


async def lists_of(reader: Reader, contact_id: UUID) -> list[ListName]:
    """The lists a contact is on, by name."""
    rows = await queries.lists_of(reader, contact_id)
    return [ListName(id=ids.text("lst", row["id"]), name=row["name"]) for row in rows]


async def count_hidden(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    """Contacts leave the live ones: their lists have one member less each."""
    await _count(tx, await queries.memberships(tx, contact_ids), -1)


async def count_shown(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    """Contacts are live again: they count on the lists on which they still are."""
    await _count(tx, await queries.memberships(tx, contact_ids), 1)
