"""Adding and removing tags; duplicates and absent tags change nothing."""

from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import ContactInput
from orbit_contacts.features.contacts.rules import check_tag, tidy_tags
from orbit_contacts.features.tags.models import Tags


async def add(tx: Transaction, id: UUID, tags: list[str]) -> Tags:
    """Append tags in the order given; those already there stay where they are."""
    row = await contacts.locked(tx, id)
    return await _set(tx, id, tidy_tags([*row["tags"], *tags]))


async def remove(tx: Transaction, id: UUID, tag: str) -> Tags:
    row = await contacts.locked(tx, id)
    unwanted = check_tag(tag)
    return await _set(tx, id, [kept for kept in row["tags"] if kept != unwanted])


async def _set(tx: Transaction, id: UUID, tags: list[str]) -> Tags:
    contact = await contacts.update(tx, id, ContactInput(tags=tags))
    return Tags(id=ids.contact_text(id), tags=contact.tags)
