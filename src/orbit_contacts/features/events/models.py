"""Events as callers send them, and what they are told."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from orbit_contacts.features.contacts.models import ContactInput

MAX_BATCH = 10_000


def _nothing() -> Raw:
    return Raw(b"{}")


class NewEvent(msgspec.Struct, kw_only=True):
    type: Annotated[
        str,
        Meta(
            description="Lower-case words joined by dots. message.*, call.*, ticket.*, order.*, note.*, contact.* and "
            "consent.* have a meaning of their own; anything else is a custom event.",
            examples=["message.delivered", "order.placed", "page.viewed"],
        ),
    ]
    channel: Annotated[str | None, Meta(examples=["sms"])] = None
    direction: Annotated[str | None, Meta(description="inbound or outbound; messages have one by their type.")] = None
    timestamp: Annotated[
        str | None, Meta(description="When it happened; now when absent. Years back is fine, 5 minutes ahead the most.")
    ] = None
    occurred_at: Annotated[str | None, Meta(description="Alias of `timestamp`.")] = None
    event_id: Annotated[
        str | None,
        Meta(description="Your own id of the event. A contact's event of an id that is known already is a duplicate."),
    ] = None
    message_id: Annotated[
        str | None, Meta(description="Without an `event_id`, an event of the same type, message and time is the same.")
    ] = None
    call_id: str | None = None
    ticket_id: str | None = None
    title: Annotated[str | None, Meta(description="Shown instead of the title made from the type.")] = None
    category: Annotated[str | None, Meta(description="e.g. marketing or transactional.")] = None
    data: Annotated[
        Raw,
        Meta(
            extra_json_schema={"type": "object"},
            description="Anything else, at most 64 KB. `duration_seconds` of calls and `text` of messages are "
            "understood. Of orders `value` is a number, 0 or more, and `currency` three letters (ISO 4217).",
        ),
    ] = msgspec.field(default_factory=_nothing)


class EventOfContact(NewEvent, kw_only=True):
    """An event that names its contact by one of four; the first that is known counts, in this order."""

    contact_id: str | None = None
    external_id: str | None = None
    phone: str | None = None
    email: str | None = None


class EventBatch(msgspec.Struct, kw_only=True):
    events: Annotated[list[EventOfContact], Meta(min_length=1, max_length=MAX_BATCH)]
    create_contacts: Annotated[bool, Meta(description="Make the contacts that are not known.")] = False


class BatchQuery(msgspec.Struct, kw_only=True):
    create_contacts: Annotated[
        bool, Meta(description="Make the contacts that are not known; for bodies of lines, which cannot say it.")
    ] = False


class Rejected(msgspec.Struct, kw_only=True):
    index: Annotated[int, Meta(description="Place in the batch, from 0.")]
    code: str
    message: str
    field: str | None = None
    value: Annotated[Any, Meta(description="What the field held.")] = None


class Accepted(msgspec.Struct, kw_only=True):
    """Accepted events can be read at once."""

    accepted: int
    duplicates: int
    rejected: list[Rejected]


class AcceptedEvent(Accepted, kw_only=True):
    id: Annotated[str | None, Meta(description="The event's id; null for a duplicate.")] = None


class Identification(ContactInput, kw_only=True):
    """Who the visitor is: an external id, an e-mail or a phone, and what else is known of them."""

    user_id: Annotated[str | None | UnsetType, Meta(description="Alias of `external_id`.")] = UNSET
    anonymous_id: Annotated[
        str | None, Meta(description="The id used before the visitor was known; its events become the contact's.")
    ] = None
    traits: Annotated[
        dict[str, Any] | None, Meta(description="Fields of the contact by name; other names go to `metadata`.")
    ] = None


class Identified(msgspec.Struct, kw_only=True):
    contact_id: str


class Tracked(msgspec.Struct, kw_only=True):
    event: Annotated[str, Meta(description="What happened.", examples=["page.viewed", "Signed Up"])]
    properties: Annotated[Raw, Meta(extra_json_schema={"type": "object"})] = msgspec.field(default_factory=_nothing)
    external_id: str | None = None
    user_id: Annotated[str | None, Meta(description="Alias of `external_id`.")] = None
    anonymous_id: Annotated[str | None, Meta(description="For visitors not known yet.")] = None
    email: str | None = None
    phone: str | None = None
    timestamp: str | None = None
    event_id: str | None = None
