"""What merging leaves to the worker."""

from orbit_contacts.core.clock import DAY
from orbit_contacts.core.database import Transaction, Unbound
from orbit_contacts.core.jobs import job
from orbit_contacts.features.merging import duplicate_queries, duplicates, queries
from orbit_contacts.features.merging.models import CompareContacts
from orbit_contacts.features.merging.service import UNDO_DAYS


@job("duplicates.compare")
async def compare_contacts(work: Unbound, payload: CompareContacts) -> None:
    """Compare all contacts that changed; each batch commits, so that a second run goes on where this one ended."""
    for cell_id in work.caller.cells:
        more = True
        while more:
            async with work.transaction() as tx:
                scan = await duplicate_queries.take_scan(tx, cell_id, wait=True)
                more = scan is not None and await duplicates.compare_changed(tx, cell_id, scan, duplicates.BATCH)


async def forget_manifests(tx: Transaction) -> int:
    """What a merge changed is personal data; it is kept only while the merge can be undone."""
    return await queries.forget_manifests(tx, tx.now - UNDO_DAYS * DAY)
