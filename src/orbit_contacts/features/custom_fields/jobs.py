"""Removing the values of a deleted custom field from a large workspace; and joining the life of contacts."""

import asyncio
from uuid import UUID

from orbit_contacts.core.database import Unbound
from orbit_contacts.core.jobs import job
from orbit_contacts.features.contacts import lifecycle
from orbit_contacts.features.custom_fields import queries, service
from orbit_contacts.features.custom_fields.models import RemoveValues


@job("custom_fields.remove_values")
async def remove_values(work: Unbound, payload: RemoveValues) -> None:
    """Remove values until there is none, then the definition; each batch commits, a second run goes on."""
    while True:
        for cell_id in work.caller.cells:
            before: UUID | None = service.NEWEST
            while before is not None:
                async with work.transaction() as tx:
                    removed = await queries.remove_values(tx, cell_id, payload.key, before, service.BATCH)
                before = min(removed, default=None)
        async with work.transaction() as tx:
            if not await queries.has_values(tx, payload.key):
                await queries.delete(tx, payload.id)
                return
        # Those left were being changed by someone; a moment later they are not.
        await asyncio.sleep(0.1)


lifecycle.custom_fields.append(service.checked)
