"""`/contacts`: create, list, get, update, delete, restore."""

from orbit_contacts.core.database import Reader, Transaction, Unbound
from orbit_contacts.core.errors import (
    Conflict,
    InvalidEmail,
    InvalidPhoneNumber,
    MissingField,
    NotFound,
    PreconditionFailed,
)
from orbit_contacts.core.ids import ContactId
from orbit_contacts.core.operations import Answer, Request, Routes
from orbit_contacts.core.pagination import Page
from orbit_contacts.features.contacts import listing, service
from orbit_contacts.features.contacts.models import (
    Contact,
    ContactAlreadyExists,
    ContactInput,
    ContactSettings,
    CreateQuery,
    DeleteQuery,
    ListQuery,
    NewContact,
)
from orbit_contacts.features.contacts.places import parse_country
from orbit_contacts.features.workspaces import service as workspaces

routes = Routes("Contacts")

_INPUT = (ContactAlreadyExists, InvalidPhoneNumber, InvalidEmail, MissingField)


@routes.post("/contacts", scope="contacts:write", status=201, also=(200,), refuses=_INPUT, etag=True)
async def create_contact(tx: Transaction, query: CreateQuery, body: NewContact) -> Answer[Contact]:
    """Create a contact.

    At least one of `phone`, `email` and `external_id` is needed. With `upsert=true`, the contact that already
    holds one of them is updated and the answer is 200. Consent is never touched by creating.
    """
    contact, is_new, tag = await service.create_with_etag(tx, body, upsert=query.upsert)
    return Answer(contact, status=201 if is_new else 200, headers={"ETag": tag})


@routes.get("/contacts", scope="contacts:read", refuses=(InvalidPhoneNumber, InvalidEmail, NotFound))
async def list_contacts(reader: Reader, query: ListQuery) -> Page[Contact]:
    """List contacts, newest first.

    `total` counts every match; where counting would be slow it stops at 10,000 and `total_is_exact` is false.
    """
    return await listing.list_contacts(reader, query)


@routes.get("/contacts/{id}", scope="contacts:read", etag=True)
async def get_contact(work: Unbound, id: ContactId) -> Answer[Contact]:
    """Get a contact; its `ETag` can be sent as `If-Match` with a change."""
    contact, tag = await service.get_with_etag(work, id)
    return Answer(contact, headers={"ETag": tag})


async def _update(tx: Transaction, id: ContactId, body: ContactInput, request: Request) -> Answer[Contact]:
    contact, tag = await service.update_with_etag(tx, id, body, if_match=request.header("If-Match"))
    return Answer(contact, headers={"ETag": tag})


@routes.put("/contacts/{id}", scope="contacts:write", refuses=(*_INPUT, PreconditionFailed), etag=True)
async def update_contact(tx: Transaction, id: ContactId, body: ContactInput, request: Request) -> Answer[Contact]:
    """Update a contact: fields that are sent change, null clears, `metadata` is merged."""
    return await _update(tx, id, body, request)


@routes.patch("/contacts/{id}", scope="contacts:write", refuses=(*_INPUT, PreconditionFailed), etag=True)
async def patch_contact(tx: Transaction, id: ContactId, body: ContactInput, request: Request) -> Answer[Contact]:
    """Update a contact; the same as PUT."""
    return await _update(tx, id, body, request)


@routes.delete("/contacts/{id}", scope="contacts:write", status=204, refuses=(PreconditionFailed,))
async def delete_contact(tx: Transaction, id: ContactId, query: DeleteQuery, request: Request) -> None:
    """Erase a contact with everything attached to it.

    With `soft=true` it is only hidden and can be restored for 30 days. Opt-outs and suppressions of its
    addresses outlive it either way.
    """
    await service.delete(tx, id, soft=query.soft, if_match=request.header("If-Match"))


@routes.post("/contacts/{id}/restore", scope="contacts:write", refuses=(ContactAlreadyExists, Conflict), etag=True)
async def restore_contact(tx: Transaction, id: ContactId) -> Answer[Contact]:
    """Restore a contact that was soft-deleted in the last 30 days."""
    contact, tag = await service.restore_with_etag(tx, id)
    return Answer(contact, headers={"ETag": tag})


@routes.get("/settings/contacts", scope="contacts:read")
async def get_contact_settings(reader: Reader) -> ContactSettings:
    """Get the country in which national phone numbers are read."""
    return ContactSettings(default_country_code=await workspaces.default_region(reader))


@routes.patch("/settings/contacts", scope="settings:write")
async def change_contact_settings(tx: Transaction, body: ContactSettings) -> ContactSettings:
    """Set the country in which national phone numbers are read where a request names none."""
    given = body.default_country_code
    region = parse_country(given, "default_country_code") if given is not None else None
    await workspaces.set_default_region(tx, region)
    return ContactSettings(default_country_code=region)
