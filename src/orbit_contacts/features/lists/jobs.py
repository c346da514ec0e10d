"""What lists leave to the worker: the memberships of a deleted list, and the folding of counts."""

from orbit_contacts.core.database import Transaction, Unbound
from orbit_contacts.core.jobs import job
from orbit_contacts.features.lists import queries
from orbit_contacts.features.lists.models import ForgetMembers
from orbit_contacts.features.lists.service import BATCH


@job("lists.forget_members")
async def forget_members(work: Unbound, payload: ForgetMembers) -> None:
    """Remove what is left of a deleted list; each batch commits, so a second run goes on where this one ended."""
    gone = BATCH
    while gone == BATCH:
        async with work.transaction() as tx:
            gone = await queries.delete_members(tx, payload.list_id, BATCH)
    async with work.transaction() as tx:
        await queries.delete_counts(tx, payload.list_id)


async def fold_counts(tx: Transaction) -> int:
    return await queries.fold_counts(tx, 1000)
