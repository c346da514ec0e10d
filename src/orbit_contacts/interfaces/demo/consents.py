"""What invented people agreed to: by their ids, so that every load of a seed says the same."""

from collections.abc import Sequence
from uuid import UUID

from orbit_contacts.core.database import Transaction
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.consent.records import Evidence

IN, OUT = "opted_in", "opted_out"

# One of these, each as likely as the others; the last one never said anything.
_SAID: tuple[dict[str, str], ...] = (
    {"email": IN, "sms": IN, "whatsapp": IN},
    {"email": IN, "sms": IN, "whatsapp": IN, "voice": IN},
    {"email": IN, "sms": IN},
    {"email": IN},
    {"email": IN, "sms": OUT},
    {"sms": IN, "email": OUT},
    {"whatsapp": IN, "voice": IN, "sms": OUT},
    {},
)


async def give_consent(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    """Write down in the ledger what each of these live contacts said."""
    for number, said in enumerate(_SAID):
        of_these = [id for id in contact_ids if id.int % len(_SAID) == number]
        if said and of_these:
            await consent.set_preferences(tx, of_these, said, Evidence(source="import"))
