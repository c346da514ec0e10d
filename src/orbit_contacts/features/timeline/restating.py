"""The sums of a contact, made anew from its events: after events went to another contact."""

from typing import Any
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.timeline import queries, stats
from orbit_contacts.features.timeline.models import Event

_PAGE = 5_000


async def restate(tx: Transaction, contact_id: UUID) -> None:
    """Replace a locked contact's sums by what its events add up to."""
    cell_id = tx.caller.cell(ids.cell_number(contact_id))
    await queries.take_stats(tx, cell_id, contact_id)
    sums: list[Any] | None = None
    after = None
    while rows := await queries.events_to_sum(tx, cell_id, contact_id, after, _PAGE):
        events = (
            Event(contact_id, row["occurred_at"], row["id"], row["type"], None, row["direction"], bytes(row["data"]))
            for row in rows
        )
        page = stats.added_by(events)[contact_id]
        sums = page if sums is None else stats.united(sums, page)
        after = (rows[-1]["occurred_at"], rows[-1]["id"])
    if sums is not None:
        await queries.start_stats(tx, [contact_id])
        await queries.add_to_stats(tx, [cell_id], [contact_id], [[value] for value in sums])
