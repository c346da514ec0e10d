"""A visitor who turns out to be a contact already: `/sdk/identify` merges the two."""

from uuid import UUID

from orbit_contacts.core.database import Transaction
from orbit_contacts.core.ids import contact_text
from orbit_contacts.features.events import sdk
from orbit_contacts.features.merging import service


async def merge_visitor(tx: Transaction, contact: UUID, visitor: UUID) -> None:
    """What the visitor did becomes the contact's; undone like any merge."""
    await service.merge(tx, contact, [contact_text(visitor)])


sdk.merge.append(merge_visitor)
