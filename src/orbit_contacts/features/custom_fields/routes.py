"""`/custom-fields`."""

from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import NotFound
from orbit_contacts.core.ids import CustomFieldId
from orbit_contacts.core.operations import Routes
from orbit_contacts.core.pagination import Page, PageQuery
from orbit_contacts.features.custom_fields import jobs, service
from orbit_contacts.features.custom_fields.models import (
    CustomField,
    CustomFieldChange,
    CustomFieldKeyTaken,
    NewCustomField,
    NewValue,
    Order,
    Value,
)

# Importing `jobs` registers what the feature does elsewhere.
__all__ = ["jobs", "routes"]

routes = Routes("Custom fields")


@routes.get("/custom-fields", scope="custom_fields:read")
async def list_custom_fields(reader: Reader, query: PageQuery) -> Page[CustomField]:
    """List the custom fields in their order."""
    return await service.list_fields(reader, query)


@routes.post("/custom-fields", scope="custom_fields:write", status=201, refuses=(CustomFieldKeyTaken,))
async def create_custom_field(tx: Transaction, body: NewCustomField) -> CustomField:
    """Define a custom field; a workspace has at most 500."""
    return await service.create(tx, body)


@routes.get("/custom-fields/{id}", scope="custom_fields:read")
async def get_custom_field(reader: Reader, id: CustomFieldId) -> CustomField:
    """Get a custom field."""
    return await service.get(reader, id)


@routes.patch("/custom-fields/{id}", scope="custom_fields:write")
async def update_custom_field(tx: Transaction, id: CustomFieldId, body: CustomFieldChange) -> CustomField:
    """Change label, description or options; key and type stay for good."""
    return await service.change(tx, id, body)


@routes.delete("/custom-fields/{id}", scope="custom_fields:write", status=204)
async def delete_custom_field(tx: Transaction, id: CustomFieldId) -> None:
    """Delete a custom field and all its values.

    Up to 5,000 contacts lose their value before the answer; beyond, the rest follows in the background, and the key
    is free again when that is done.
    """
    await service.delete(tx, id)


@routes.post("/custom-fields/reorder", scope="custom_fields:write", refuses=(NotFound,))
async def reorder_custom_fields(tx: Transaction, body: Order) -> Page[CustomField]:
    """Put the named fields first, in the order given; answers all of them in their new order."""
    return await service.reorder(tx, body.ids)


@routes.put("/custom-fields/values", scope="custom_fields:write", refuses=(NotFound,))
async def set_custom_field_value(tx: Transaction, body: NewValue) -> Value:
    """Set one value of a contact; null removes it."""
    return await service.set_value(tx, body)
