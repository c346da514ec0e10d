"""`/contacts/{id}/block`, `/contacts/{id}/unblock`, `/contacts/blocked`."""

from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.ids import ContactId
from orbit_contacts.core.operations import Routes
from orbit_contacts.core.pagination import Page, PageQuery
from orbit_contacts.features.blocking import service
from orbit_contacts.features.blocking.models import BlockedContact, BlockInput
from orbit_contacts.features.contacts.models import Contact

routes = Routes("Blocking")


@routes.post("/contacts/{id}/block", scope="contacts:write")
async def block_contact(tx: Transaction, id: ContactId, body: BlockInput) -> Contact:
    """Block a contact: sends are refused, inbound messages go to spam. Blocking again keeps the first block."""
    return await service.block(tx, id, body.reason)


@routes.post("/contacts/{id}/unblock", scope="contacts:write")
async def unblock_contact(tx: Transaction, id: ContactId) -> Contact:
    """Unblock a contact. Consent is another matter: no opt-out is lifted."""
    return await service.unblock(tx, id)


@routes.get("/contacts/blocked", scope="contacts:read")
async def list_blocked_contacts(reader: Reader, query: PageQuery) -> Page[BlockedContact]:
    """Blocked contacts, newest block first."""
    return await service.list_blocked(reader, query)
