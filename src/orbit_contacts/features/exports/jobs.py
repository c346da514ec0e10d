"""Large exports: written in one transaction, so that a killed worker leaves none half done."""

from uuid import UUID

from orbit_contacts.core.database import Unbound
from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.jobs import job
from orbit_contacts.features.exports import service
from orbit_contacts.features.exports.service import RunExport


@job("exports.run")
async def run_export(work: Unbound, payload: RunExport) -> None:
    id = UUID(payload.id)
    try:
        async with work.transaction() as tx:
            await service.run(tx, id)
    except Refusal:
        async with work.transaction() as tx:
            await service.fail(tx, id)
