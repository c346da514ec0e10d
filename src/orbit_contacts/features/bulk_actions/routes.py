"""`/contacts/actions` and `/contacts/bulk-delete`."""

from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import Conflict, InvalidChannel
from orbit_contacts.core.ids import BulkActionId
from orbit_contacts.core.operations import Answer, Routes
from orbit_contacts.core.pagination import Page, PageQuery
from orbit_contacts.features.bulk_actions import jobs as jobs  # registers the job
from orbit_contacts.features.bulk_actions import service
from orbit_contacts.features.bulk_actions.models import (
    BulkAction,
    BulkDelete,
    BulkDeleted,
    NewBulkAction,
    NotUndoable,
    TooManyContacts,
    Undone,
)
from orbit_contacts.features.segments.faults import InvalidSegmentRules

routes = Routes("Bulk actions")


@routes.post(
    "/contacts/actions",
    scope="contacts:write",
    also=(202,),
    refuses=(TooManyContacts, InvalidChannel, InvalidSegmentRules),
)
async def run_bulk_action(tx: Transaction, body: NewBulkAction) -> Answer[BulkAction]:
    """Do one thing to many contacts.

    `contact_ids` or `filter` says whom it concerns; the set is fixed when the call is made. What fails for one
    contact leaves the others alone and is listed. Over 1,000 contacts the answer is 202 and the work goes on;
    over 10,000, `expected_count` must confirm the number.
    """
    action, is_done = await service.start(tx, body)
    return Answer(action, status=200 if is_done else 202)


@routes.get("/contacts/actions", scope="contacts:read")
async def list_bulk_actions(reader: Reader, query: PageQuery) -> Page[BulkAction]:
    """List bulk actions of the last thirty days, newest first."""
    return await service.list_actions(reader, query)


@routes.get("/contacts/actions/{id}", scope="contacts:read")
async def get_bulk_action(reader: Reader, id: BulkActionId) -> BulkAction:
    """Get a bulk action with its progress."""
    return await service.get(reader, id)


@routes.post("/contacts/actions/{id}/cancel", scope="contacts:write")
async def cancel_bulk_action(tx: Transaction, id: BulkActionId) -> BulkAction:
    """Stop a bulk action that is still running."""
    return await service.cancel(tx, id)


@routes.post("/contacts/actions/{id}/undo", scope="contacts:write", refuses=(NotUndoable, Conflict))
async def undo_bulk_action(tx: Transaction, id: BulkActionId) -> Undone:
    """Take a bulk action back, within 24 hours.

    Contacts that were changed since are kept as they are and listed. Opting in and out cannot be taken back.
    """
    return await service.undo(tx, id)


@routes.post("/contacts/bulk-delete", scope="contacts:write")
async def bulk_delete_contacts(tx: Transaction, body: BulkDelete) -> BulkDeleted:
    """Soft-delete up to 1,000 contacts; each can be restored for 30 days."""
    return await service.bulk_delete(tx, body)
