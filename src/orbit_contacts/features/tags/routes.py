"""`/contacts/{id}/tags`."""

from orbit_contacts.core.database import Transaction
from orbit_contacts.core.ids import ContactId
from orbit_contacts.core.operations import Routes
from orbit_contacts.features.tags import service
from orbit_contacts.features.tags.models import Tags, TagsInput

routes = Routes("Tags")


@routes.post("/contacts/{id}/tags", scope="contacts:write")
async def add_tags(tx: Transaction, id: ContactId, body: TagsInput) -> Tags:
    """Append tags to a contact; duplicates are ignored."""
    return await service.add(tx, id, body.tags)


@routes.delete("/contacts/{id}/tags/{tag}", scope="contacts:write")
async def remove_tag(tx: Transaction, id: ContactId, tag: str) -> Tags:
    """Remove one tag; an absent one changes nothing."""
    return await service.remove(tx, id, tag)
