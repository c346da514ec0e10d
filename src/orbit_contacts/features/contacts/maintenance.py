"""What the worker does for contacts in the background."""

import msgspec

from orbit_contacts.core.clock import DAY
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.contacts import queries, service, total_queries


async def clean_search_index(tx: Transaction) -> None:
    """Move the search index's pending entries into place: every search reads what is pending."""
    await tx.fetch_value("SELECT gin_clean_pending_list('contacts_search')")


async def fold_totals(tx: Transaction) -> int:
    return await total_queries.fold_counts(tx)


async def purge_deleted(tx: Transaction) -> int:
    """Erase contacts that were soft-deleted more than 30 days ago; a batch at a time."""
    rows = await queries.expired_deletions(tx, tx.now - service.RESTORE_DAYS * DAY, 500)
    for row in rows:
        # Each row is erased as its own workspace would do it.
        owner = msgspec.structs.replace(
            tx.caller, workspace_id=row["workspace_id"], cell_count=row["cell_id"] % 1024 + 1
        )
        await service.erase(tx.as_caller(owner), row["id"])
    return len(rows)
