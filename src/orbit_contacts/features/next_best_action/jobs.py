"""The nightly fit of each workspace's model."""

import msgspec

from orbit_contacts.core.clock import HOUR
from orbit_contacts.core.database import Transaction, Unbound
from orbit_contacts.core.jobs import enqueue, job
from orbit_contacts.features.next_best_action import queries, service

_FRESH = 20 * HOUR


class FitModel(msgspec.Struct):
    """Payload of the job; its workspace is the caller's."""


@job("next_best_action.fit")
async def fit_model(work: Unbound, payload: FitModel) -> None:
    async with work.transaction() as tx:
        await service.fit(tx)


async def queue_fits(tx: Transaction) -> None:
    """A fit for every workspace that sends messages and whose model is older than a night."""
    for workspace_id in await queries.workspaces_to_fit(tx, tx.now - _FRESH):
        owner = msgspec.structs.replace(tx.caller, workspace_id=workspace_id)
        await enqueue(tx.as_caller(owner), "next_best_action.fit", FitModel())
