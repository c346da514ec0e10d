"""What happens to sums and keys of events when contacts are merged; merging itself hands over the events."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.contacts import lifecycle
from orbit_contacts.features.contacts.lifecycle import Kept, Participant
from orbit_contacts.features.timeline import queries as timeline_queries
from orbit_contacts.features.timeline import restating


async def merge(tx: Transaction, survivor: UUID, sources: Sequence[UUID]) -> None:
    """The survivor's sums grow by the sources', and what was told of a source is known of the survivor too."""
    cell_id = tx.caller.cell(ids.cell_number(survivor))
    for source in sources:
        source_cell = tx.caller.cell(ids.cell_number(source))
        await timeline_queries.copy_keys(tx, source_cell, source, cell_id, survivor)
        sums = await timeline_queries.take_stats(tx, source_cell, source)
        if sums is None:
            continue
        columns = [[value] for value in sums]
        if await timeline_queries.add_to_stats(tx, [cell_id], [survivor], columns):
            await timeline_queries.start_stats(tx, [survivor])
            await timeline_queries.add_to_stats(tx, [cell_id], [survivor], columns)


async def unmerge(tx: Transaction, survivor: UUID, sources: Sequence[UUID], manifest: Any) -> list[Kept]:
    """The events have gone back; the sums follow them."""
    for id in (survivor, *sources):
        await restating.restate(tx, id)
    return []


lifecycle.participants.append(Participant("events", frozenset({"event_keys", "contact_stats"}), merge, unmerge))
