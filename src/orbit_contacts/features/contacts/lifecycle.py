"""Where features above contacts join in a contact's life, without contacts knowing them.

Each list is filled at import by the feature that owns the matter (lists, consent, custom fields, …);
all of it happens in the transaction of the change.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from orbit_contacts.core.database import Transaction

# (tx, contact id, the NewContact that made it): e.g. joining lists.
created: list[Callable[[Transaction, UUID, Any], Awaitable[None]]] = []

# (tx, ids of live contacts), after they gained identifiers: created, imported, updated, restored or unmerged. What is
# known about an address (suppressed, blocked) reaches its holder. Gives the contacts whose own row it changed.
# Whoever writes identifiers without `contacts.service` calls these for the whole batch.
identified: list[Callable[[Transaction, Sequence[UUID]], Awaitable[set[UUID]]]] = []

# (tx, contact ids), before contacts are deleted, softly or for good, while they still hold their identifiers:
# e.g. keyed tombstones of opt-outs.
deleting: list[Callable[[Transaction, Sequence[UUID]], Awaitable[None]]] = []

# (tx, contact id), before a contact's rows go for good: e.g. what must outlive it, without its name.
erasing: list[Callable[[Transaction, UUID], Awaitable[None]]] = []

# (tx, stored values, changes) -> stored values: typed custom fields, checked against their definitions.
custom_fields: list[Callable[[Transaction, dict[str, Any], dict[str, Any] | None], Awaitable[dict[str, Any]]]] = []
