"""Many new contacts in a few statements, of whom nothing is known but how something that came in names them."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import UNSET

from orbit_contacts.core import ids
from orbit_contacts.core.database import Transaction
from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.contacts import lifecycle, named_queries, rules
from orbit_contacts.features.contacts.buckets import bucket_of_next
from orbit_contacts.features.contacts.models import NewContact
from orbit_contacts.features.contacts.text import search_text
from orbit_contacts.features.timeline import service as timeline

_AT_A_TIME = 500


class Name(NamedTuple):
    """How a contact is named, as it was written; at least one of them."""

    phone: str | None
    email: str | None
    external_id: str | None


class Created(NamedTuple):
    id: UUID
    blocked: bool


class _Draft(NamedTuple):
    place: int
    new: NewContact
    fields: dict[str, Any]
    identifiers: list[rules.Identifier]


async def create_each(tx: Transaction, names: Sequence[Name], *, source: str) -> list[Created | None]:
    """Add a contact for each name, in their order, as `service.create` would; no two share an identifier.

    None, and nothing written, where that is no name or somebody holds one of its identifiers: `service.create` says
    which, or finds the holder.
    """
    created: list[Created | None] = [None] * len(names)
    for start in range(0, len(names), _AT_A_TIME):
        await asyncio.sleep(0)  # other requests go on while many are read
        batch = _drafts(tx, names, range(start, min(start + _AT_A_TIME, len(names))))
        for place, one in (await _create_all(tx, batch, source)).items():
            created[place] = one
    return created


def _drafts(tx: Transaction, names: Sequence[Name], places: range) -> dict[UUID, _Draft]:
    drafts: dict[UUID, _Draft] = {}
    for place in places:
        name = names[place]
        new = NewContact(
            phone=UNSET if name.phone is None else name.phone,
            email=UNSET if name.email is None else name.email,
            external_id=UNSET if name.external_id is None else name.external_id,
        )
        try:
            fields = rules.normalise(new, tx.caller.default_region)
        except Refusal:
            continue
        if identifiers := rules.identifiers(fields):
            drafts[ids.mint(tx.now)] = _Draft(place, new, fields, identifiers)
    return drafts


async def _create_all(tx: Transaction, drafts: dict[UUID, _Draft], source: str) -> dict[int, Created]:
    drafts = await _unheld(tx, drafts)
    if not drafts:
        return {}
    contact_ids = sorted(drafts, key=_number)
    (cell_id,) = {tx.caller.cell(ids.cell_number(id)) for id in contact_ids}
    await named_queries.insert(
        tx,
        cell_id,
        await bucket_of_next(tx, cell_id, len(drafts)),
        {id: drafts[id].fields for id in contact_ids},
        [_search_text(drafts[id].fields) for id in contact_ids],
        source,
    )
    await timeline.record_each(tx, "contact.created", [(id, {"source": source}) for id in contact_ids])
    for hook in lifecycle.created:
        for id in contact_ids:
            await hook(tx, id, drafts[id].new)
    changed: set[UUID] = set()
    for hook in lifecycle.identified:
        changed |= await hook(tx, contact_ids)
    blocked = await named_queries.blocked(tx, sorted(changed)) if changed else set[UUID]()
    return {draft.place: Created(id, id in blocked) for id, draft in drafts.items()}


async def _unheld(tx: Transaction, drafts: dict[UUID, _Draft]) -> dict[UUID, _Draft]:
    """Those of whom all identifiers were free, and are their own now."""
    wanted = sorted((identifier, id) for id, draft in drafts.items() for identifier in draft.identifiers)
    if not wanted:
        return {}
    taken = await named_queries.claim(tx, wanted)
    late = {id for identifier, id in wanted if (identifier.kind, identifier.key) not in taken}
    if late:
        await named_queries.release(tx, sorted(late))
    return {id: draft for id, draft in drafts.items() if id not in late}


def _search_text(fields: dict[str, Any]) -> str:
    return search_text(None, None, None, None, fields.get("email"), fields.get("phone"))


def _number(id: UUID) -> int:
    return id.int
