"""The doors for browsers and apps: who a visitor is, and what they did. They tell nothing about contacts.

Anyone can read a public key, so what comes in with one may add to a contact but never take its identifiers over,
and never speak for messages, calls, tickets or consent.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from orbit_contacts.core import ids
from orbit_contacts.core.database import Transaction
from orbit_contacts.core.errors import InvalidRequest, MissingField
from orbit_contacts.features.contacts import queries as contact_queries
from orbit_contacts.features.contacts import rules as contact_rules
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import ContactInput, NewContact
from orbit_contacts.features.contacts.rules import IDENTIFIERS
from orbit_contacts.features.events.models import AcceptedEvent, EventOfContact, Identification, Identified, Tracked
from orbit_contacts.features.events.rules import checked_data
from orbit_contacts.features.events.service import add_named
from orbit_contacts.features.timeline.kinds import is_type, kind_of

SOURCE = "sdk"

# (tx, contact that stays, contact that was only a visitor): merges them; filled by the feature that can.
merge: list[Callable[[Transaction, UUID, UUID], Awaitable[None]]] = []

_VISITOR = "anonymous:"
_WORDS = re.compile(r"[^a-z0-9.]+")
_TRAITS = {field.name: field.name for field in msgspec.structs.fields(ContactInput)} | {
    "firstName": "first_name",
    "lastName": "last_name",
    "displayName": "display_name",
    "countryCode": "country_code",
    "userId": "external_id",
}


async def identify(tx: Transaction, given: Identification) -> Identified:
    """Make or bring up to date the contact that the visitor turned out to be; its answer names only the id."""
    new = _contact_of(given)
    visitor = None if given.anonymous_id is None else visitor_id(given.anonymous_id)
    fields = contact_rules.normalise(new, tx.caller.default_region)
    identifiers = contact_rules.identifiers(fields)
    if not identifiers and visitor is None:
        contact_rules.require_identifier(fields)
    holders = await contact_queries.holders(tx, identifiers)
    holder_of = {row["kind"]: row["contact_id"] for row in holders}
    known = next((holder_of[kind] for kind in ("external_id", "phone", "email") if kind in holder_of), None)
    guest = await _visitor(tx, visitor)
    if identifiers and guest is not None and guest != known and not await _is_nameless(tx, guest):
        # Somebody else uses the same browser now: two people are never made one.
        guest = None
    if known is None and guest is not None:
        # The visitor becomes the contact, and keeps what was recorded.
        return await _update(tx, guest, new, holder_of)
    if known is None:
        if not identifiers:
            new = msgspec.structs.replace(new, external_id=visitor)
        contact, _ = await contacts.create(tx, new, upsert=True, source=SOURCE)
        return Identified(contact_id=contact.id)
    if guest is not None and guest != known:
        for hook in merge:
            await hook(tx, known, guest)
    return await _update(tx, known, new, holder_of)


def visitor_id(anonymous_id: str) -> str:
    """The external id under which a visitor without a name is kept."""
    text = anonymous_id.strip()
    if not 1 <= len(text) <= 200 or "\0" in text:
        raise InvalidRequest(
            "`anonymous_id` cannot be used.",
            field="anonymous_id",
            value=text[:100].replace("\0", "\\0"),
            expected="1-200 characters, no NUL",
        )
    return _VISITOR + text


def _contact_of(given: Identification) -> NewContact:
    """The fields of a contact among what was sent; traits of other names go to the metadata."""
    values: dict[str, Any] = {
        name: value
        for name in _TRAITS
        if name in ContactInput.__struct_fields__ and (value := getattr(given, name)) is not UNSET
    }
    if given.user_id is not UNSET:
        values.setdefault("external_id", given.user_id)
    further: dict[str, Any] = {}
    for name, value in (given.traits or {}).items():
        if name in _TRAITS:
            values.setdefault(_TRAITS[name], value)
        else:
            further[name] = value
    if further:
        values["metadata"] = further | (values.get("metadata") or {})
    try:
        return msgspec.convert(values, NewContact)
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            f"A trait has the wrong type: {error}.",
            field="traits",
            value=None,
            expected="the types of a contact's fields",
        ) from None


async def _visitor(tx: Transaction, external_id: str | None) -> UUID | None:
    if external_id is None:
        return None
    rows = await contact_queries.holders(tx, [contact_rules.Identifier("external_id", external_id, external_id)])
    return rows[0]["contact_id"] if rows else None


async def _is_nameless(tx: Transaction, id: UUID) -> bool:
    """Whether nothing but a browser's own id is known of a contact."""
    row = await contact_queries.find(tx, tx.caller.cell(ids.cell_number(id)), id)
    if row is None or row["phone"] is not None or row["email"] is not None:
        return False
    return row["external_id"] is not None and row["external_id"].startswith(_VISITOR)


async def _update(tx: Transaction, id: UUID, change: NewContact, holder_of: dict[str, UUID]) -> Identified:
    """Set the fields that were sent; with a public key an identifier is added, never replaced or fought over."""
    if tx.caller.public:
        row = await contacts.locked(tx, id)
        kept = {
            kind: UNSET
            for kind in IDENTIFIERS
            if holder_of.get(kind, id) != id or (row[kind] is not None and not row[kind].startswith(_VISITOR))
        }
        change = msgspec.structs.replace(change, **kept)
    contact, _ = await contacts.update_with_etag(tx, id, change, keep_spelling=True)
    return Identified(contact_id=contact.id)


async def track(tx: Transaction, given: Tracked) -> AcceptedEvent:
    """Record what a visitor did; visitors not known yet become contacts."""
    type, title = type_of(given.event)
    if kind_of(type) != "event":
        raise InvalidRequest(
            "This door takes custom events only.",
            field="event",
            value=given.event[:100],
            expected="no message, call, ticket, note, contact or consent event",
        )
    external_id = given.external_id or given.user_id
    if not (external_id or given.email or given.phone):
        if given.anonymous_id is None:
            raise MissingField(
                "The event names no visitor.",
                field="external_id",
                value=None,
                expected="external_id, user_id, anonymous_id, email or phone",
            )
        external_id = visitor_id(given.anonymous_id)
    event = EventOfContact(
        type=type,
        title=title,
        timestamp=given.timestamp,
        event_id=given.event_id,
        external_id=external_id,
        email=given.email,
        phone=given.phone,
        data=msgspec.Raw(checked_data(given.properties, type, "properties")),
    )
    return await add_named(tx, event, create=True, source=SOURCE)


def type_of(event: str) -> tuple[str, str | None]:
    """The type of a tracked event, and its own words as title: `Signed Up` is `signed_up`."""
    name = event.strip()
    if is_type(name):
        return name, None
    type = ".".join(part for part in (p.strip("_") for p in _WORDS.sub("_", name.lower()).split(".")) if part)
    if not name:
        raise MissingField("`event` is required.", field="event", value=event[:100], expected="e.g. Signed Up")
    if not type:
        raise InvalidRequest(
            "`event` has no letter that a type can have.",
            field="event",
            value=event[:100],
            expected="letters a-z, digits",
        )
    if not is_type(type):
        raise InvalidRequest(
            "`event` is too long.", field="event", value=event[:100], expected="at most 100 characters"
        )
    return type, name[:200]
