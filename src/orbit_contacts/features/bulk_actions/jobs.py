"""Large bulk actions, a step of some contacts per transaction: a killed worker's action goes on where it stood."""

from uuid import UUID

from orbit_contacts.core.database import Unbound
from orbit_contacts.core.jobs import job
from orbit_contacts.features.bulk_actions import service
from orbit_contacts.features.bulk_actions.service import RunBulkAction


@job("bulk_actions.run")
async def run_bulk_action(work: Unbound, payload: RunBulkAction) -> None:
    going_on = True
    while going_on:
        async with work.transaction() as tx:
            going_on = await service.work_on(tx, UUID(payload.id))
