"""A merge tried and taken back at once, so that somebody can see what it would leave before deciding."""

from typing import NamedTuple
from uuid import UUID

from orbit_contacts.core.database import Transaction
from orbit_contacts.core.ids import contact_text
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.contacts.models import Contact
from orbit_contacts.features.lists import service as lists
from orbit_contacts.features.lists.models import ListName
from orbit_contacts.features.merging import service
from orbit_contacts.features.merging.models import Alias


class Outcome(NamedTuple):
    """A contact with what is kept beside it; `aliases` are identifiers that it answers to beside its own."""

    contact: Contact
    consent: consent.ContactConsent
    lists: list[ListName]
    aliases: list[Alias]


class _Enough(Exception):
    """Takes the rehearsal back."""


async def of_contact(tx: Transaction, id: UUID) -> Outcome:
    """A live contact as it is."""
    return Outcome(
        await service.contacts.get(tx, id),
        await consent.of_contact(tx, id),
        await lists.lists_of(tx, id),
        await service.aliases(tx, id),
    )


async def rehearse(tx: Transaction, survivor: UUID, source: UUID) -> Outcome:
    """The survivor as `service.merge` would leave it; nothing stays changed. Raises what the merge would raise."""
    outcome = None
    try:
        async with tx.savepoint():
            await service.merge(tx, survivor, [contact_text(source)])
            outcome = await of_contact(tx, survivor)
            raise _Enough
    except _Enough:
        assert outcome is not None
        return outcome
