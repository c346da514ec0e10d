"""The tags of many contacts changed at once: what `service.update` does to each, in a few statements for all."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.database import Transaction
from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.contacts import queries, rules, service
from orbit_contacts.features.contacts.models import ContactInput
from orbit_contacts.features.timeline import service as timeline


async def retag(
    tx: Transaction, contact_ids: Sequence[UUID], choose: Callable[[UUID, list[str]], list[str]]
) -> dict[UUID, list[str] | Refusal]:
    """Give each contact the tags that `choose(id, tags)` makes of its own. Each contact's answer is the tags it had, or
    why it was left as it is; nothing is written where nothing differs."""
    rows = {row["id"]: row for row in await queries.lock_many(tx, contact_ids)}
    answers: dict[UUID, list[str] | Refusal] = {}
    wanted: dict[UUID, list[str]] = {}
    for id in contact_ids:
        try:
            # Only for the reason why it is not there: all that are there are locked.
            row = rows.get(id) or await service.locked(tx, id)
            tags = _checked(tx, row, choose(id, row["tags"]))
        except Refusal as refusal:
            answers[id] = refusal
            continue
        answers[id] = row["tags"]
        if tags != row["tags"]:
            wanted[id] = tags
    await queries.set_tags(tx, wanted)
    changes = [(id, {"changes": {"tags": {"old": answers[id], "new": tags}}}) for id, tags in wanted.items()]
    await timeline.record_each(tx, "contact.updated", changes)
    return answers


def _checked(tx: Transaction, row: Record, tags: list[str]) -> list[str]:
    if tags == row["tags"]:
        return tags
    given: dict[str, Any] = rules.normalise(ContactInput(tags=tags), row["country_code"] or tx.caller.default_region)
    rules.require_identifier({name: row[name] for name in queries.FIELDS})
    return given["tags"]
