"""What the worker does for segments: counts that people look at stay young, and the index of attributes tidy."""

import time

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import SECOND
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.segments import counts, queries, stored

_WATCHED_FOR = 600 * SECOND
_OLD = 30 * SECOND
_AT_ONCE = 10
_SECONDS = 10.0


async def refresh_counts(tx: Transaction) -> int:
    """Count again what someone looked at in the last ten minutes and was counted more than half a minute ago.

    Nothing is written before all is counted, so that no reader waits for a row.
    """
    made: list[tuple[Transaction, Record, counts.Count]] = []
    ends = time.monotonic() + _SECONDS
    for row in await queries.watched(tx, tx.now - _WATCHED_FOR, tx.now - _OLD, _AT_ONCE):
        own = tx.as_caller(_owner(tx, row))
        segment = await stored.found(own, row["id"])
        members = await stored.members_of(own, await stored.tree_of(own, segment))
        count = await counts.count(own, members, _SECONDS)
        if count.is_exact or not segment["count_is_exact"]:
            made.append((own, segment, count))
        if time.monotonic() > ends:
            break
    for own, segment, count in made:
        await queries.store_count(own, segment["id"], segment["updated_at"], count)
    return len(made)


def _owner(tx: Transaction, row: Record) -> Caller:
    """The worker, on behalf of a segment's workspace."""
    return msgspec.structs.replace(
        tx.caller,
        workspace_id=row["workspace_id"],
        cell_count=row["cell_count"],
        mode=row["mode"],
        default_region=row["default_region"],
    )


async def clean_attribute_index(tx: Transaction) -> None:
    """Move the pending entries of the index on metadata into place: every search in it reads what is pending."""
    await tx.fetch_value("SELECT gin_clean_pending_list('contacts_attributes')")
