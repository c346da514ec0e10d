"""The fit of each workspace's model: every night, and when its sends have doubled since the last one."""

import msgspec

from orbit_contacts.core.clock import HOUR
from orbit_contacts.core.database import Transaction, Unbound
from orbit_contacts.core.jobs import enqueue, job
from orbit_contacts.features.next_best_action import fitting, queries
from orbit_contacts.features.next_best_action.model import COLD

_FRESH = 20 * HOUR


class FitModel(msgspec.Struct):
    """Payload of the job; its workspace is the caller's."""


@job("next_best_action.fit")
async def fit_model(work: Unbound, payload: FitModel) -> None:
    async with work.transaction() as tx:
        await fitting.fit(tx)


async def queue_fits(tx: Transaction) -> None:
    """A fit for every workspace that sends messages and whose model is older than a night."""
    await _queue(tx, await queries.workspaces_to_fit(tx, tx.now - _FRESH))


async def queue_fits_of_growth(tx: Transaction) -> None:
    """A fit for every workspace with twice the sends it was last fitted on; the first one at a cold start's end."""
    await _queue(tx, await queries.workspaces_that_grew(tx, 2 * COLD))


async def _queue(tx: Transaction, workspaces: list[int]) -> None:
    for workspace_id in workspaces:
        owner = msgspec.structs.replace(tx.caller, workspace_id=workspace_id)
        await enqueue(tx.as_caller(owner), "next_best_action.fit", FitModel())
