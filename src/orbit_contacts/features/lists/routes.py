"""`/contacts/lists`."""

from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.ids import ContactId, ListId
from orbit_contacts.core.operations import Routes
from orbit_contacts.core.pagination import Page, PageQuery
from orbit_contacts.features.contacts.models import Contact
from orbit_contacts.features.lists import jobs, membership, service
from orbit_contacts.features.lists.models import (
    Added,
    ContactList,
    ListChange,
    ListNameTaken,
    MemberIds,
    NewList,
    Removed,
)

# Importing `jobs` and `membership` registers them.
__all__ = ["jobs", "membership", "routes"]

routes = Routes("Lists")


@routes.get("/contacts/lists", scope="contacts:read")
async def list_lists(reader: Reader, query: PageQuery) -> Page[ContactList]:
    """List the contact lists, newest first."""
    return await service.list_lists(reader, query)


@routes.post("/contacts/lists", scope="contacts:write", status=201, refuses=(ListNameTaken,))
async def create_list(tx: Transaction, body: NewList) -> ContactList:
    """Create an empty list."""
    return await service.create(tx, body)


@routes.get("/contacts/lists/{id}", scope="contacts:read")
async def get_list(reader: Reader, id: ListId) -> ContactList:
    """Get a list with its exact number of live members."""
    return await service.get(reader, id)


@routes.put("/contacts/lists/{id}", scope="contacts:write", refuses=(ListNameTaken,))
async def update_list(tx: Transaction, id: ListId, body: ListChange) -> ContactList:
    """Change the name or the description of a list."""
    return await service.change(tx, id, body)


@routes.patch("/contacts/lists/{id}", scope="contacts:write", refuses=(ListNameTaken,))
async def patch_list(tx: Transaction, id: ListId, body: ListChange) -> ContactList:
    """Change a list; the same as PUT."""
    return await service.change(tx, id, body)


@routes.delete("/contacts/lists/{id}", scope="contacts:write", status=204)
async def delete_list(tx: Transaction, id: ListId) -> None:
    """Delete a list; its members remain contacts."""
    await service.delete(tx, id)


@routes.get("/contacts/lists/{id}/members", scope="contacts:read")
async def list_members(reader: Reader, id: ListId, query: PageQuery) -> Page[Contact]:
    """List the contacts on a list, newest contact first."""
    return await service.members(reader, id, query)


@routes.post("/contacts/lists/{id}/members", scope="contacts:write")
async def add_list_members(tx: Transaction, id: ListId, body: MemberIds) -> Added:
    """Add up to 1,000 contacts to a list; those already on it stay."""
    return await service.add_members(tx, id, body.contact_ids)


@routes.post("/contacts/lists/{id}/members/remove", scope="contacts:write")
async def remove_list_members(tx: Transaction, id: ListId, body: MemberIds) -> Removed:
    """Remove up to 1,000 contacts from a list; they remain contacts."""
    return await service.remove_members(tx, id, body.contact_ids)


@routes.delete("/contacts/lists/{id}/members/{contact_id}", scope="contacts:write", status=204)
async def remove_list_member(tx: Transaction, id: ListId, contact_id: ContactId) -> None:
    """Remove one contact from a list; one that is not on it changes nothing."""
    await service.leave(tx, id, contact_id)
