"""Letting go of a workspace's old events, some contacts at a time."""

from uuid import UUID

import msgspec

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Unbound
from orbit_contacts.core.jobs import job
from orbit_contacts.features.timeline import partitions

CONTACTS_AT_A_TIME = 500
_FIRST = UUID(int=0)


class ForgetEvents(msgspec.Struct):
    before: Instant


@job("timeline.forget_events")
async def forget_events(work: Unbound, payload: ForgetEvents) -> None:
    """Delete the workspace's events before an instant; each batch commits, so a second run only looks again."""
    for cell_id in work.caller.cells:
        after = _FIRST
        while True:
            async with work.transaction() as tx:
                contact_ids = await partitions.contacts_after(tx, cell_id, after, CONTACTS_AT_A_TIME)
                if not contact_ids:
                    break
                await partitions.delete_before(tx, cell_id, contact_ids, payload.before)
            after = contact_ids[-1]
