"""`GET /contacts/{id}/profile`."""

from orbit_contacts.core.database import Snapshot
from orbit_contacts.core.ids import ContactId
from orbit_contacts.core.operations import Routes
from orbit_contacts.features.profile import service
from orbit_contacts.features.profile.models import Profile

routes = Routes("Contacts")


@routes.get("/contacts/{id}/profile", scope="contacts:read")
async def get_profile(snapshot: Snapshot, id: ContactId) -> Profile:
    """Everything about a contact at one instant: identities, consent, lists, segments, figures and scores.

    `docs/guide/profile.md` gives the formulas.
    """
    return await service.profile(snapshot, id)
