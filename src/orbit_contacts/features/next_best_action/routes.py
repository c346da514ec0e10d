"""`/contacts/{id}/next-best-action` and the model card."""

import msgspec

from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.ids import ContactId
from orbit_contacts.core.operations import Answer as Reply
from orbit_contacts.core.operations import Routes
from orbit_contacts.features.next_best_action import service
from orbit_contacts.features.next_best_action.answer import Answer
from orbit_contacts.features.next_best_action.models import ModelCard, NextActionQuery

routes = Routes("Next best action")


@routes.get("/contacts/next-best-action/model", scope="contacts:read")
async def get_next_best_action_model(reader: Reader) -> ModelCard:
    """Get the card of the model in force: its data, calibration and gate verdict."""
    return await service.model_card(reader)


@routes.get("/contacts/{id}/next-best-action", scope="contacts:read", answers=Answer)
async def get_next_best_action(tx: Transaction, id: ContactId, query: NextActionQuery) -> Reply[msgspec.Raw]:
    """Get the next best action for a contact.

    Learned from the workspace's own events; blocks, consent, suppression, caps and quiet hours come before any
    score. The answer of an epoch of six hours stays the same until a fact of the contact changes.
    """
    return Reply(await service.next_best_action(tx, id, query))
