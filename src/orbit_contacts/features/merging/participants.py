"""Where merging joins in the life of contacts: aliases stay with a survivor, what was merged into it goes with it."""

from collections.abc import Sequence
from uuid import UUID

from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import Conflict
from orbit_contacts.core.ids import contact_text
from orbit_contacts.features.contacts import lifecycle
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.merging import queries

# Tables with contact ids that merging itself answers for.
OWN_TABLES = frozenset({"contact_identifiers", "events", "merges", "merged_contacts", "contact_aliases"})


async def forget_lost_aliases(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    """Before contacts are deleted: an alias that was given up since must not come back with them."""
    aliases = await queries.aliases_of(tx, contact_ids)
    if not aliases:
        return
    held = {(row["contact_id"], row["kind"], row["value"]) for row in await queries.identifiers_of(tx, contact_ids)}
    for alias in aliases:
        if (alias["contact_id"], alias["kind"], alias["key"]) not in held:
            await queries.delete_alias(tx, alias["contact_id"], alias["kind"], alias["key"])


async def reclaim_aliases(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    """After contacts are live again: they hold their aliases again, as far as nobody took them since.

    A contact that is hidden because it was merged cannot come back this way.
    """
    for source, survivor in (await queries.merged_into(tx, contact_ids)).items():
        raise Conflict(
            "The contact was merged into another; undo the merge instead.",
            field="id",
            value=contact_text(source),
            expected="a deleted contact that was not merged",
            merged_into=contact_text(survivor),
        )
    aliases = await queries.aliases_of(tx, contact_ids)
    for id in contact_ids:
        own = [alias for alias in aliases if alias["contact_id"] == id]
        if own:
            await queries.claim(tx, id, [alias["kind"] for alias in own], [alias["key"] for alias in own])


async def erase_merged(tx: Transaction, survivor: UUID) -> None:
    """Before a survivor is erased: so are the contacts that were merged into it, who are the same person."""
    for source in await queries.merged_of(tx, survivor):
        await contacts.erase(tx, source)


async def tell_survivor(reader: Reader, id: UUID) -> dict[str, str]:
    """Whoever asks for a contact that was merged is told into whom."""
    into = (await queries.merged_into(reader, [id])).get(id)
    return {} if into is None else {"merged_into": contact_text(into)}


lifecycle.absent.append(tell_survivor)
lifecycle.deleting.append(forget_lost_aliases)
lifecycle.restored.append(reclaim_aliases)
lifecycle.erasing.append(erase_merged)
