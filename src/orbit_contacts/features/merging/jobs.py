"""What merging leaves to the worker."""

from orbit_contacts.core.clock import DAY
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.merging import queries
from orbit_contacts.features.merging.service import UNDO_DAYS


async def forget_manifests(tx: Transaction) -> int:
    """What a merge changed is personal data; it is kept only while the merge can be undone."""
    return await queries.forget_manifests(tx, tx.now - UNDO_DAYS * DAY)
