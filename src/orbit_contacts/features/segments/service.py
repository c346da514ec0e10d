"""Segments: named rules, who meets them, and how many. Membership is decided when it is asked for."""

import time
from typing import Any
from unicodedata import normalize
from uuid import UUID

import asyncpg
import msgspec
from asyncpg.protocol import Record
from msgspec import UNSET

from orbit_contacts.core import ids
from orbit_contacts.core.clock import SECOND, format_instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.core.pagination import Page, PageQuery, decode_cursor, limit_of, page_of
from orbit_contacts.core.where import Where
from orbit_contacts.features.contacts import filters
from orbit_contacts.features.contacts.models import Contact
from orbit_contacts.features.contacts.queries import contacts_of
from orbit_contacts.features.segments import counts, members, queries, references, rules, stored
from orbit_contacts.features.segments.compile import compile_rule
from orbit_contacts.features.segments.counts import Count, Members
from orbit_contacts.features.segments.faults import fault
from orbit_contacts.features.segments.models import (
    NewSegment,
    Preview,
    PreviewRequest,
    Segment,
    SegmentChange,
    SegmentInUse,
    SegmentNameTaken,
)
from orbit_contacts.features.segments.tree import AllOf, Condition, InSegment, lists_named, nodes, segments_named
from orbit_contacts.features.segments.words import Names, say

MAX_NAME = 120
# How long a request waits for an exact count; the worker has more patience.
COUNT_SECONDS = 2.0
_LIST_SECONDS = 0.3
_NOTED_EVERY = 60 * SECOND
_CALLED = {"lst": "list", "seg": "segment"}


async def create(tx: Transaction, new: NewSegment) -> Segment:
    name = _name(new.name)
    document = {} if new.rules is UNSET else new.rules or {}
    id = ids.mint(tx.now)
    accepted = await _accepted(tx, id, document)
    rule = accepted.rule
    count = await counts.count(tx, accepted, COUNT_SECONDS)
    row = await queries.insert_segment(tx, id, name, _key(name), _text(document), segments_named(rule), count)
    if row is None:
        raise _taken(name)
    return _shown(row, count, say(rule, await stored.names_in(tx, [rule])))


def _name(given: str) -> str:
    name = normalize("NFC", given.strip())
    if not 1 <= len(name) <= MAX_NAME:
        raise InvalidRequest(
            "The name of a segment cannot be used.",
            field="name",
            value=given[:100],
            expected=f"1-{MAX_NAME} characters",
        )
    return name


def _key(name: str) -> str:
    """What must be unique: the name without case."""
    return normalize("NFC", normalize("NFD", name).casefold())


def _text(document: Any) -> str:
    return msgspec.json.encode(document).decode()


def _taken(name: str) -> SegmentNameTaken:
    return SegmentNameTaken(field="name", value=name, expected="a name no other segment has")


async def _accepted(tx: Transaction, id: UUID, document: Any) -> Members:
    """The rule that segment `id` is to have, with all it names. Raises `InvalidSegmentRules`."""
    rule = await _parsed(tx, document)
    if segments_named(rule):
        # What is checked from here on must still be so at the commit.
        await queries.lock_references(tx)
    await _check_names(tx, rule)
    graph = {row["id"]: row["uses"] for row in await queries.referring(tx) if row["id"] != id}
    references.check(graph, id, rule)
    accepted = await stored.members_of(tx, rule)
    counts.condition(tx, accepted)
    for dependent in sorted(references.dependents(graph, id)):
        # Whoever names this segment must still fit into one statement.
        row = await stored.found(tx, dependent)
        known = await stored.members_of(tx, await stored.tree_of(tx, row))
        counts.condition(tx, known._replace(segments={**known.segments, **accepted.segments, id: rule}))
    return accepted


async def _parsed(reader: Reader, document: Any) -> AllOf:
    return rules.read(document, await stored.definitions(reader, [document]), reader.caller.default_region)


async def _check_names(reader: Reader, rule: AllOf) -> Names:
    """The names of the lists and segments in a rule. Raises `InvalidSegmentRules` when one is not there."""
    names = await stored.names_in(reader, [rule])
    _all_there(rule, set(lists_named(rule)) - names.keys(), "lst")
    _all_there(rule, set(segments_named(rule)) - names.keys(), "seg")
    return names


def _all_there(rule: AllOf, missing: set[UUID], prefix: str) -> None:
    for node in (*nodes(rule, Condition), *nodes(rule, InSegment)):
        named = {node.segment_id} if isinstance(node, InSegment) else set(lists_named(node))
        if wrong := missing & named:
            raise fault(node.path, ids.text(prefix, min(wrong)), f"the id of a {_CALLED[prefix]} of yours")


async def preview(reader: Reader, request: PreviewRequest) -> Preview:
    """How many contacts a rule has, and some of them, without storing it."""
    rule = await _parsed(reader, {} if request.rules is UNSET else request.rules)
    names = await _check_names(reader, rule)
    found = await members.preview(reader, await stored.members_of(reader, rule), request.sample_size)
    return Preview(
        contact_count=found.contacts,
        contact_count_is_exact=found.basis == "exact",
        contact_count_basis=found.basis,
        sample=contacts_of(found.sample),
        words=say(rule, names),
        as_of=format_instant(reader.now),
    )


async def get(reader: Reader, id: UUID) -> Segment:
    """The segment with its count: as of now, or of a moment ago if counting is dear (see `counts`)."""
    row = await stored.found(reader, id)
    rule = await stored.tree_of(reader, row)
    count = await current_count(reader, row, rule, COUNT_SECONDS)
    await _note_reading(reader, [row])
    return _shown(row, count, say(rule, await stored.names_in(reader, [rule])))


async def current_count(reader: Reader, row: Record, rule: AllOf, seconds: float) -> Count:
    """The stored count if it is fresh enough, else a new one, which is stored."""
    known = counts.stored(row)
    is_too_dear = known.cost >= COUNT_SECONDS * SECOND
    if is_too_dear and known.is_exact:
        # The worker counts it again, since someone is looking.
        return known
    if counts.is_fresh(known, reader.now) and not await counts.is_quick(reader, known):
        return known
    named = await stored.members_of(reader, rule)
    made = await (counts.estimate(reader, named, known.cost) if is_too_dear else counts.count(reader, named, seconds))
    if known.is_exact and not made.is_exact:
        made = known._replace(cost=made.cost)
    is_old = known.at < reader.now - counts.MAX_AGE // 2
    if is_old or made.cost >= counts.CHEAP or made[:2] != known[:2]:
        await queries.store_count(reader, row["id"], row["updated_at"], made)
    return made


async def _note_reading(reader: Reader, rows: list[Record]) -> None:
    """To the minute, so that reading a segment again and again writes nothing."""
    unnoted = [row["id"] for row in rows if row["read_at"] < reader.now - _NOTED_EVERY]
    if unnoted:
        await queries.touch(reader, unnoted)


def _shown(row: Record, count: Count, words: str) -> Segment:
    return Segment(
        id=ids.text("seg", row["id"]),
        name=row["name"],
        rules=msgspec.Raw(row["rules"].encode()),
        words=words,
        contact_count=count.value,
        contact_count_is_exact=count.is_exact,
        contact_count_basis="exact" if count.is_exact else "estimated",
        as_of=format_instant(count.at),
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]),
    )


async def list_segments(reader: Reader, query: PageQuery) -> Page[Segment]:
    """Newest first. Counts older than a minute are made again, the cheap ones first, as far as time allows."""
    limit = limit_of(query)
    found = await queries.page(reader, decode_cursor(reader, "segments", query, UUID), limit + 1)
    rows, cursor = page_of(reader, "segments", query, found, limit, _id_of)
    trees = {row["id"]: await stored.tree_of(reader, row) for row in rows}
    names = await stored.names_in(reader, list(trees.values()))
    shown = {row["id"]: counts.stored(row) for row in rows}
    ends = time.perf_counter() + _LIST_SECONDS
    for row in sorted(rows, key=_cost_of):
        left = ends - time.perf_counter()
        if shown[row["id"]].at < reader.now - counts.MAX_AGE and row["count_cost"] < left * SECOND:
            shown[row["id"]] = await current_count(reader, row, trees[row["id"]], left)
    await _note_reading(reader, rows)
    whole = query.cursor is None and cursor is None
    total = len(rows) if whole else await queries.count_segments(reader)
    segments = [_shown(row, shown[row["id"]], say(trees[row["id"]], names)) for row in rows]
    return Page(segments, cursor, total)


def _id_of(row: Record) -> UUID:
    return row["id"]


def _cost_of(row: Record) -> int:
    return row["count_cost"]


async def change(tx: Transaction, id: UUID, change: SegmentChange) -> Segment:
    """Change the name, the rules or both."""
    if change.rules is not UNSET:
        await queries.lock_references(tx)
    row = await queries.lock(tx, id)
    if row is None:
        raise stored.not_found(ids.text("seg", id))
    name = row["name"] if change.name is UNSET else _name(change.name)
    if change.rules is UNSET:
        text, uses, rule = row["rules"], row["uses"], await stored.tree_of(tx, row)
        count = await current_count(tx, row, rule, COUNT_SECONDS)
    else:
        accepted = await _accepted(tx, id, change.rules or {})
        rule, text, uses = accepted.rule, _text(change.rules or {}), segments_named(accepted.rule)
        count = await counts.count(tx, accepted, COUNT_SECONDS)
    try:
        row = await queries.update_segment(tx, id, name, _key(name), text, uses, count)
    except asyncpg.UniqueViolationError:
        raise _taken(name) from None
    assert row is not None
    return _shown(row, count, say(rule, await stored.names_in(tx, [rule])))


async def delete(tx: Transaction, id: UUID) -> None:
    """Contacts stay; a segment that another one names stays too, with a refusal."""
    await queries.lock_references(tx)
    for row in await queries.referring(tx):
        if id in row["uses"]:
            other = {"id": ids.text("seg", row["id"]), "name": row["name"]}
            raise SegmentInUse(
                f"The segment is named by the rules of {row['name']}.",
                field="id",
                value=ids.text("seg", id),
                expected="a segment that no other segment names",
                used_by=other,
            )
    if not await queries.delete(tx, id):
        raise stored.not_found(ids.text("seg", id))


async def list_members(reader: Reader, id: UUID, query: PageQuery) -> Page[Contact]:
    """Live contacts that meet the rules now, newest first."""
    limit = limit_of(query)
    name = f"segments/{id}"
    before = decode_cursor(reader, name, query, UUID)
    row = await stored.found(reader, id)
    rule = await stored.tree_of(reader, row)
    found = await members.page(reader, await stored.members_of(reader, rule), before, limit + 1)
    rows, cursor = page_of(reader, name, query, found, limit, _id_of)
    if before is None and cursor is None:
        return Page(contacts_of(rows), None, len(rows))
    count = await current_count(reader, row, rule, COUNT_SECONDS)
    return Page(contacts_of(rows), cursor, count.value, count.is_exact)


async def only_members(reader: Reader, given: str, where: Where) -> None:
    """The `segment_id` filter of the contact list."""
    id = ids.parse("seg", given)
    if id is None:
        raise stored.not_found(given[:64], "segment_id")
    row = await queries.find(reader, id)
    if row is None:
        raise stored.not_found(given, "segment_id")
    found = await stored.members_of(reader, await stored.tree_of(reader, row))
    compile_rule(found.rule, where, counts.scope_of(reader, found))


async def only_matching(reader: Reader, document: Any, where: Where) -> None:
    """A rule that a caller sent as a condition on `contacts c`: for features that take rules as a filter."""
    rule = await _parsed(reader, document)
    await _check_names(reader, rule)
    found = await stored.members_of(reader, rule)
    compile_rule(found.rule, where, counts.scope_of(reader, found))


filters.memberships["segment_id"] = only_members
