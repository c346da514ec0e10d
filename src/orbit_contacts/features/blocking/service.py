"""Blocking: nothing more is sent to a contact, and what it sends goes to spam. It has nothing to do with consent.

A block outlives the contact: whoever comes back under one of its identifiers is blocked as of then.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant, format_instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.pagination import Page, PageQuery, decode_cursor, limit_of, page_of
from orbit_contacts.features.blocking import queries
from orbit_contacts.features.blocking.models import BlockedContact
from orbit_contacts.features.contacts import lifecycle
from orbit_contacts.features.contacts import queries as contact_queries
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import Contact
from orbit_contacts.features.timeline import service as timeline

_NAME = "blocked"
_TOTAL_CAP = 10_000


async def block(tx: Transaction, id: UUID, reason: str | None) -> Contact:
    """Block a contact; one that is blocked keeps its first block as it was."""
    row = await contacts.locked(tx, id)
    if row["blocked_at"] is not None:
        return contact_queries.contact_of(row)
    reason = (reason or "").strip() or None
    written = await queries.set_block(tx, id, tx.now, reason, tx.caller.actor)
    await timeline.record(tx, id, "contact.blocked", _event(id, {"reason": reason, "blocked_by": tx.caller.actor}))
    return contact_queries.contact_of(written)


async def unblock(tx: Transaction, id: UUID) -> Contact:
    """Lift a block; consent stays as it is, opt-outs included."""
    row = await contacts.locked(tx, id)
    if row["blocked_at"] is None:
        return contact_queries.contact_of(row)
    written = await queries.set_block(tx, id, None, None, None)
    await queries.forget(tx, id)
    await timeline.record(tx, id, "contact.unblocked", _event(id, {"blocked_at": format_instant(row["blocked_at"])}))
    return contact_queries.contact_of(written)


def _event(id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    return {"contact_id": ids.contact_text(id), **data}


async def list_blocked(reader: Reader, query: PageQuery) -> Page[BlockedContact]:
    """Blocked contacts, newest block first."""
    limit = limit_of(query)
    after = decode_cursor(reader, _NAME, query, tuple[Instant, UUID])
    rows = await queries.blocked(reader, after, limit + 1)
    shown, cursor = page_of(reader, _NAME, query, rows, limit, lambda row: (row["blocked_at"], row["id"]))
    total = await queries.count_blocked(reader, _TOTAL_CAP + 1)
    return Page([_shown(row) for row in shown], cursor, min(total, _TOTAL_CAP), total <= _TOTAL_CAP)


def _shown(row: Record) -> BlockedContact:
    contact = msgspec.structs.asdict(contact_queries.contact_of(row))
    return BlockedContact(**contact, blocked_by=row["blocked_by"])


async def carry_over(tx: Transaction, contact_ids: Sequence[UUID]) -> set[UUID]:
    """Block those who came back under an identifier that was blocked; gives them."""
    found = {
        row["contact_id"]: (row["blocked_at"], row["blocked_by"]) for row in await queries.remembered(tx, contact_ids)
    }
    if not found:
        return set()
    blocked = await queries.carry_over(tx, found)
    for id in sorted(blocked):
        await timeline.record(tx, id, "contact.blocked", _event(id, {"reason": None, "blocked_by": found[id][1]}))
    return blocked


lifecycle.identified.append(carry_over)
lifecycle.deleting.append(queries.remember)
