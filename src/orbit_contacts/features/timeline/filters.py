"""The filters of a timeline as conditions on `events e`; the same for pages, journeys, files and the feed."""

from typing import LiteralString
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.clock import parse_instant
from orbit_contacts.core.database import Reader
from orbit_contacts.core.errors import InvalidChannel, InvalidRequest
from orbit_contacts.core.where import Where
from orbit_contacts.features.timeline.kinds import CHANNELS, DIRECTIONS, KINDS, is_type

_OF_KIND: dict[str, LiteralString] = {
    "message": "e.type LIKE 'message.%'",
    "call": "e.type LIKE 'call.%'",
    "ticket": "e.type LIKE 'ticket.%'",
    "note": "e.type LIKE 'note.%'",
    "consent": "(e.type LIKE 'consent.%' OR e.type IN ('contact.opted_in', 'contact.opted_out'))",
    "contact": "(e.type LIKE 'contact.%' AND e.type NOT IN ('contact.opted_in', 'contact.opted_out'))",
    "event": (
        "NOT (e.type LIKE 'message.%' OR e.type LIKE 'call.%' OR e.type LIKE 'ticket.%' OR e.type LIKE 'note.%' "
        "OR e.type LIKE 'consent.%' OR e.type LIKE 'contact.%')"
    ),
}
_MAX_NAMES = 50


def of_contact(reader: Reader, contact_id: UUID) -> Where:
    """The events of one contact of the caller's: where every timeline begins."""
    where = Where()
    where.add("e.cell_id = " + where.bind(reader.caller.cell(ids.cell_number(contact_id))))
    where.add("e.contact_id = " + where.bind(contact_id))
    return where


def by_type(where: Where, types: list[str], kinds: list[str]) -> None:
    """Keep events of these types (`order.*` is a family) and of these kinds; an empty list asks for nothing."""
    if types:
        exact, families = _types(types)
        where.add("(e.type = ANY(" + where.bind(exact) + ") OR e.type LIKE ANY(" + where.bind(families) + "))")
    if kinds:
        asked = [kind.strip().lower() for kind in kinds]
        for kind in asked:
            if kind not in _OF_KIND:
                raise InvalidRequest(
                    f"There is no kind `{kind[:64]}`.", field="kind", value=kind[:64], expected=list(KINDS)
                )
        conditions: LiteralString = " OR ".join([_OF_KIND[kind] for kind in dict.fromkeys(asked)])
        where.add("(" + conditions + ")")


def _types(types: list[str]) -> tuple[list[str], list[str]]:
    """Exact types, and the patterns of families."""
    exact: list[str] = []
    families: list[str] = []
    for text in types[:_MAX_NAMES]:
        name = text.strip()
        family = name.removesuffix(".*")
        if not is_type(family):
            raise InvalidRequest(
                f"`{name[:100]}` is no type of event.",
                field="types",
                value=name[:100],
                expected="lower-case words joined by dots, e.g. order.placed, or order.*",
            )
        if family == name:
            exact.append(name)
        else:
            families.append(family.replace("_", "\\_") + ".%")
    if len(types) > _MAX_NAMES:
        raise InvalidRequest(
            "Too many types.", field="types", value=len(types), expected=f"at most {_MAX_NAMES} of them"
        )
    return exact, families


def by_channel(where: Where, channels: list[str]) -> None:
    if channels:
        where.add("e.channel = ANY(" + where.bind([checked_channel(channel) for channel in channels]) + ")")


def checked_channel(text: str) -> str:
    channel = text.strip().lower()
    if channel not in CHANNELS:
        raise InvalidChannel(
            f"There is no channel `{text[:64]}`.", field="channel", value=text[:64], expected=list(CHANNELS)
        )
    return channel


def by_direction(where: Where, direction: str | None) -> None:
    if direction is None:
        return
    if direction not in DIRECTIONS:
        raise InvalidRequest(
            f"There is no direction `{direction[:64]}`.",
            field="direction",
            value=direction[:64],
            expected=list(DIRECTIONS),
        )
    where.add("e.direction = " + where.bind(direction))


def by_time(where: Where, since: str | None, until: str | None) -> None:
    """From `since` on, and before `until`."""
    if since is not None:
        where.add("e.occurred_at >= " + where.bind(parse_instant(since, "from")))
    if until is not None:
        where.add("e.occurred_at < " + where.bind(parse_instant(until, "to")))


def descending(order: str | None, *, default: bool) -> bool:
    """Whether the newest come first; `default` is for those who do not say."""
    if order is None:
        return default
    asked = order.strip().lower()
    if asked not in ("desc", "asc"):
        raise InvalidRequest(
            "`order` is unknown.", field="order", value=order[:64], expected="desc (newest first) or asc"
        )
    return asked == "desc"


def beyond(where: Where, key: tuple[int, UUID] | None, *, descending: bool) -> None:
    """Only what follows the event of this time and id; the bound on the time alone spares whole partitions."""
    if key is None:
        return
    at, id = where.bind(key[0]), where.bind(key[1])
    if descending:
        where.add("e.occurred_at <= " + at + " AND (e.occurred_at, e.id) < (" + at + ", " + id + ")")
    else:
        where.add("e.occurred_at >= " + at + " AND (e.occurred_at, e.id) > (" + at + ", " + id + ")")
