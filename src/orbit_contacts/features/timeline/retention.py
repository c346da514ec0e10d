"""How long a workspace keeps its events."""

from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.features.timeline import partitions
from orbit_contacts.features.timeline.models import EventSettings
from orbit_contacts.features.workspaces.service import audit


async def get(reader: Reader) -> EventSettings:
    return EventSettings(event_retention_days=await partitions.retention(reader))


async def change(tx: Transaction, body: EventSettings) -> EventSettings:
    old = await partitions.retention(tx)
    if old != body.event_retention_days:
        await partitions.set_retention(tx, body.event_retention_days)
        details = {"old": old, "new": body.event_retention_days}
        await audit(tx, "settings.event_retention_changed", "events", details)
    return body
