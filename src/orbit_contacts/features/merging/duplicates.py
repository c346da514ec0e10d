"""Pairs of contacts that may be one person, found among what changed since somebody last asked.

Nothing is done on the way of a change. A call compares up to 200 changed contacts itself, so that a small workspace
always sees all its duplicates; the rest a job compares in the background, 1,000 contacts at a time.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import SECOND, format_instant
from orbit_contacts.core.database import Transaction
from orbit_contacts.core.errors import InvalidRequest, NotFound
from orbit_contacts.core.jobs import enqueue
from orbit_contacts.core.pagination import Page, decode_cursor, limit_of, page_of
from orbit_contacts.features.contacts import lifecycle
from orbit_contacts.features.contacts import queries as contact_queries
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.lifecycle import Kept, Participant
from orbit_contacts.features.merging import duplicate_queries as queries
from orbit_contacts.features.merging import similarity
from orbit_contacts.features.merging.models import (
    CompareContacts,
    Dismissal,
    DuplicatePair,
    DuplicateReason,
    DuplicatesQuery,
)
from orbit_contacts.features.merging.similarity import CAPS, MOST, THRESHOLD, Person

AT_ONCE = 200
BATCH = 1000
TOTAL_CAP = 10_000
# A transaction may commit this long after the instant it writes into `updated_at`.
_COMMIT_LAG = 60 * SECOND
# A job that was queued and not heard of for so long is queued again.
_JOB_LOST = 600 * SECOND


async def list_duplicates(tx: Transaction, query: DuplicatesQuery) -> Page[DuplicatePair]:
    """The likeliest first. `total_is_exact` is false while contacts wait to be compared."""
    limit = limit_of(query)
    min_score = _min_score(query)
    contact_id = None if query.contact_id is None else await _live(tx, query.contact_id, "contact_id")
    after = decode_cursor(tx, "duplicates", query, tuple[float, UUID, UUID])
    complete = await _catch_up(tx)
    rows = await queries.pairs_page(tx, contact_id, min_score, after, limit + 1)
    shown, cursor = page_of(tx, "duplicates", query, rows, limit, _key)
    total = await queries.count_pairs(tx, contact_id, min_score, TOTAL_CAP + 1)
    pairs = await _pairs(tx, shown)
    return Page(pairs, cursor, min(total, TOTAL_CAP), complete and total <= TOTAL_CAP)


def _min_score(query: DuplicatesQuery) -> float:
    score = THRESHOLD if query.min_score is None else query.min_score
    if not THRESHOLD <= score <= 1:
        raise InvalidRequest(
            "`min_score` must lie between 0.5 and 1.", field="min_score", value=query.min_score, expected="0.5-1"
        )
    return score


async def _live(tx: Transaction, text: str, field: str) -> UUID:
    id = ids.parse("con", text)
    if id is None:
        raise NotFound(
            f"There is no contact `{text[:64]}`.", field=field, value=text[:100], expected="the id of a live contact"
        )
    await contacts.get(tx, id)
    return id


def _key(row: Record) -> tuple[float, UUID, UUID]:
    return row["score"], row["contact_id"], row["other_id"]


async def _pairs(tx: Transaction, rows: Sequence[Record]) -> list[DuplicatePair]:
    involved = {id for row in rows for id in (row["contact_id"], row["other_id"])}
    found = {row["id"]: contact_queries.contact_of(row) for row in await contact_queries.find_many(tx, list(involved))}
    return [
        DuplicatePair(
            contact=found[row["contact_id"]],
            duplicate=found[row["other_id"]],
            score=round(row["score"], 2),
            reasons=msgspec.json.decode(row["reasons"], type=list[DuplicateReason]),
            found_at=format_instant(row["found_at"]),
        )
        for row in rows
        if row["contact_id"] in found and row["other_id"] in found
    ]


async def _catch_up(tx: Transaction) -> bool:
    """Compare what changed since the last time, as far as a call may take; whether that was all."""
    complete = True
    for cell_id in tx.caller.cells:
        scan = await queries.take_scan(tx, cell_id, wait=False)
        if scan is None:
            await queries.open_scan(tx, cell_id)
            scan = await queries.take_scan(tx, cell_id, wait=False)
        if scan is None or (scan["queued_at"] is not None and scan["queued_at"] > tx.now - _JOB_LOST):
            complete = False
            continue
        if await compare_changed(tx, cell_id, scan, AT_ONCE):
            await enqueue(tx, "duplicates.compare", CompareContacts())
            complete = False
    return complete


async def compare_changed(tx: Transaction, cell_id: int, scan: Record, limit: int) -> bool:
    """Compare up to `limit` contacts of a cell that changed; whether there may be more. `scan` is taken."""
    rows = await queries.changed_contacts(tx, cell_id, scan["seen_at"], scan["seen_id"], limit)
    if rows:
        await _compare(tx, cell_id, rows)
    more = len(rows) == limit
    seen = (rows[-1]["updated_at"], rows[-1]["id"]) if more else (tx.now, UUID(int=0))
    # Not past what may still commit: contacts that were compared already are passed over the next time.
    seen = min(seen, (tx.now - _COMMIT_LAG, UUID(int=0)))
    seen = max(seen, (scan["seen_at"], scan["seen_id"]))
    queued_at = tx.now if more else None
    if seen != (scan["seen_at"], scan["seen_id"]) or queued_at != scan["queued_at"]:
        await queries.set_scan(tx, cell_id, *seen, queued_at)
    return more


async def _compare(tx: Transaction, cell_id: int, rows: Sequence[Record]) -> None:
    """Find the likely duplicates of contacts anew."""
    await queries.use_indexes(tx)
    people = {row["id"]: Person(*list(row)[: len(Person._fields)]) for row in rows}
    keys = {id: similarity.keys(person, tx.caller.workspace_id) for id, person in people.items()}
    kinds = {key: kind for found in keys.values() for key, kind in found.items()}
    await queries.put_profiles(
        tx,
        cell_id,
        list(people),
        [row["updated_at"] for row in rows],
        ["{" + ",".join(map(str, found)) + "}" for found in keys.values()],
    )
    candidates: set[tuple[UUID, UUID]] = set()
    namesakes: set[UUID] = set()
    for row in await queries.sharing(tx, list(kinds), MOST):
        holders: list[UUID] = row["contact_ids"]
        kind = kinds[row["key"]]
        if len(holders) <= CAPS[kind]:
            candidates |= {
                (min(one, other), max(one, other))
                for one in holders
                if one in people
                for other in holders
                if one != other
            }
        elif kind == "name":
            namesakes.update(holders)
    if namesakes:
        await queries.forget_namesakes(tx, list(namesakes))
    strangers = {id for pair in candidates for id in pair if id not in people}
    for row in await queries.compared_contacts(tx, list(strangers)) if strangers else ():
        people[row["id"]] = Person(*row)
    await queries.forget_pairs(tx, [row["id"] for row in rows])
    await _keep(tx, [pair for pair in sorted(candidates) if pair[0] in people and pair[1] in people], people)


async def _keep(tx: Transaction, candidates: Sequence[tuple[UUID, UUID]], people: dict[UUID, Person]) -> None:
    """Store the candidates that are alike enough."""
    kept: list[tuple[UUID, UUID, float, bytes]] = []
    for one, other in candidates:
        score, reasons = similarity.compare(people[one], people[other])
        if score >= THRESHOLD:
            kept.append((one, other, score, msgspec.json.encode([reason._asdict() for reason in reasons])))
    if kept:
        one_ids, other_ids, scores, reasons = zip(*kept, strict=True)
        await queries.insert_pairs(tx, one_ids, other_ids, scores, reasons)


async def dismiss(tx: Transaction, given: Dismissal) -> None:
    """Say that two contacts are two people (they are not proposed again), or take that back."""
    one, other = [await _live(tx, text, "contact_ids") for text in given.contact_ids]
    if one == other:
        raise InvalidRequest(
            "A pair is of two contacts.",
            field="contact_ids",
            value=given.contact_ids,
            expected="the ids of two different contacts",
        )
    older, newer = min(one, other), max(one, other)
    if given.dismissed:
        await queries.dismiss(tx, older, newer)
        return
    await queries.delete_pair(tx, older, newer)
    people = {row["id"]: Person(*row) for row in await queries.compared_contacts(tx, [older, newer])}
    if len(people) == 2:
        await _keep(tx, [(older, newer)], people)


async def _forget(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    """Before contacts are hidden: nobody is asked about them; when they come back, they are compared anew."""
    await queries.forget_pairs(tx, contact_ids)


async def _erase(tx: Transaction, contact_id: UUID) -> None:
    await queries.forget_pairs(tx, [contact_id], dismissed_too=True)


async def _merge(tx: Transaction, survivor: UUID, sources: Sequence[UUID]) -> None:
    await queries.forget_pairs(tx, sources)


async def _unmerge(tx: Transaction, survivor: UUID, sources: Sequence[UUID], manifest: Any) -> list[Kept]:
    """Nothing: whoever comes back has changed, and is compared anew."""
    return []


lifecycle.deleting.append(_forget)
lifecycle.erasing.append(_erase)
lifecycle.participants.append(
    Participant("duplicates", frozenset({"duplicate_profiles", "duplicate_pairs"}), _merge, _unmerge)
)
