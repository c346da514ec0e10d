"""Where lists join in the life of contacts: made on lists, filtered by them, hidden, shown again, merged."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import NotFound
from orbit_contacts.core.where import Where
from orbit_contacts.features.contacts import filters, lifecycle
from orbit_contacts.features.contacts.lifecycle import Kept, Participant
from orbit_contacts.features.contacts.models import NewContact
from orbit_contacts.features.lists import queries, service


async def join_named(tx: Transaction, id: UUID, new: NewContact) -> None:
    """Put a contact on the lists that its creation names."""
    if new.list_ids:
        list_ids = await service.hold(tx, new.list_ids, "list_ids")
        await service.join(tx, list_ids, [id] * len(list_ids))


async def only_members(reader: Reader, list_id: str, where: Where) -> None:
    """The filter `list_id` of contact lists."""
    id = ids.parse("lst", list_id)
    if id is None or await queries.find_list(reader, id) is None:
        raise NotFound(
            f"There is no list `{list_id[:64]}`.", field="list_id", value=list_id[:100], expected="the id of a list"
        )
    where.add(
        "EXISTS (SELECT FROM list_members m WHERE m.cell_id = c.cell_id AND m.contact_id = c.id AND m.list_id = "
        + where.bind(id)
        + ")"
    )


class Joined(msgspec.Struct):
    """What a merge did to the survivor's memberships; `at` tells them from later ones."""

    list_ids: list[str]
    at: Instant


async def merge(tx: Transaction, survivor: UUID, sources: Sequence[UUID]) -> Joined:
    """The survivor joins every list of the sources, whose own memberships wait hidden."""
    theirs = {list_id for list_id, _ in await queries.memberships(tx, sources)}
    own = {list_id for list_id, _ in await queries.memberships(tx, [survivor])}
    joined = sorted(await queries.hold_lists(tx, sorted(theirs - own)))
    await service.join(tx, joined, [survivor] * len(joined))
    await service.count_hidden(tx, sources)
    return Joined([ids.text("lst", list_id) for list_id in joined], tx.now)


async def unmerge(tx: Transaction, survivor: UUID, sources: Sequence[UUID], manifest: Any) -> list[Kept]:
    """The survivor leaves the lists that it joined by the merge, unless it left or joined them anew since."""
    joined = msgspec.convert(manifest, Joined)
    list_ids = [list_id for text in joined.list_ids if (list_id := ids.parse("lst", text)) is not None]
    await service.leave_joined(tx, list_ids, survivor, joined.at)
    await service.count_shown(tx, sources)
    return []


lifecycle.created.append(join_named)
lifecycle.upserted.append(join_named)
lifecycle.deleting.append(service.count_hidden)
lifecycle.restored.append(service.count_shown)
lifecycle.participants.append(Participant("lists", frozenset({"list_members"}), merge, unmerge))
filters.memberships["list_id"] = only_members
