"""Where features above contacts join in a contact's life, without contacts knowing them.

Each list is filled at import by the feature that owns the matter (lists, consent, custom fields, …);
all of it happens in the transaction of the change.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from orbit_contacts.core.database import Reader, Transaction

# (tx, contact id, the NewContact that made it): e.g. joining lists.
created: list[Callable[[Transaction, UUID, Any], Awaitable[None]]] = []

# (tx, contact id, the NewContact), when a create with `upsert` met a contact that was there: what only a create can
# say, e.g. joining lists.
upserted: list[Callable[[Transaction, UUID, Any], Awaitable[None]]] = []

# (tx, ids of live contacts), after they gained identifiers: created, imported, updated, restored or unmerged. What is
# known about an address (suppressed, blocked) reaches its holder. Gives the contacts whose own row it changed.
# Whoever writes identifiers without `contacts.service` calls these for the whole batch.
identified: list[Callable[[Transaction, Sequence[UUID]], Awaitable[set[UUID]]]] = []


class Release(NamedTuple):
    """An identifier that a contact is about to give up; `key` as in `contact_identifiers`."""

    kind: str
    key: str
    contact_id: UUID


# (tx, releases), while live contacts still hold the identifiers that they give up by a change: what they closed stays
# closed there, whoever holds them next.
releasing: list[Callable[[Transaction, Sequence[Release]], Awaitable[None]]] = []

# (tx, contact ids), before contacts are deleted, softly or for good, while they still hold their identifiers:
# e.g. keyed tombstones of opt-outs.
deleting: list[Callable[[Transaction, Sequence[UUID]], Awaitable[None]]] = []

# (reader, id of no live contact) -> what else the refusal can tell, e.g. the contact into which it was merged.
absent: list[Callable[[Reader, UUID], Awaitable[dict[str, Any]]]] = []

# (tx, contact ids), after deleted contacts are live again.
restored: list[Callable[[Transaction, Sequence[UUID]], Awaitable[None]]] = []

# (tx, contact id), before a contact's rows go for good: e.g. what must outlive it, without its name.
erasing: list[Callable[[Transaction, UUID], Awaitable[None]]] = []

# (tx, stored values, changes) -> stored values: typed custom fields, checked against their definitions.
custom_fields: list[Callable[[Transaction, dict[str, Any], dict[str, Any] | None], Awaitable[dict[str, Any]]]] = []


class Kept(msgspec.Struct):
    """What could not go back to how it was before a merge, and why."""

    contact_id: UUID
    field: str
    reason: str


class Participant(NamedTuple):
    """How a feature's rows follow when contacts are merged, and how they come back.

    `tables` are the tables with contact ids that it answers for. All contacts of a merge are locked, live and hold
    their own identifiers when `merge` and `unmerge` run; `deleting` and `restored` are not called for the sources.
    `merge(tx, survivor, sources)` gives what `unmerge` needs to know, as plain data; `unmerge(tx, survivor, sources,
    manifest)` undoes what was not changed since, and tells what it could not.
    """

    name: str
    tables: frozenset[str]
    merge: Callable[[Transaction, UUID, Sequence[UUID]], Awaitable[Any]]
    unmerge: Callable[[Transaction, UUID, Sequence[UUID], Any], Awaitable[list[Kept]]]


participants: list[Participant] = []
