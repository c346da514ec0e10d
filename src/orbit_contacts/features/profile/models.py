"""Everything about one contact on one page."""

from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from orbit_contacts.features.contacts.models import Contact
from orbit_contacts.features.lists.models import ListName
from orbit_contacts.features.timeline.models import Item


class Identity(msgspec.Struct, kw_only=True):
    type: Annotated[str, Meta(description="phone, email or external_id.")]
    value: str
    verified: Annotated[bool, Meta(description="Nothing here verifies addresses yet: always false.")]


class SuppressedScopes(msgspec.Struct, kw_only=True):
    scopes: list[str]


class SegmentName(msgspec.Struct, kw_only=True):
    id: str
    name: str


class Stats(msgspec.Struct, kw_only=True):
    messages_sent: int
    messages_received: int
    calls: int
    tickets_open: int
    events: Annotated[int, Meta(description="Orders and custom events.")]
    notes: int
    last_inbound_at: str | None
    last_outbound_at: str | None
    last_activity_at: str | None
    preferred_channel: str | None


class Scores(msgspec.Struct, kw_only=True):
    engagement: Annotated[int, Meta(description="0 to 100.")]
    churn_risk: Annotated[float, Meta(description="0 to 1.")]
    rfm_label: Annotated[str, Meta(examples=["champion", "loyal", "at_risk", "prospect"])]


class Profile(msgspec.Struct, kw_only=True):
    contact: Contact
    identities: list[Identity]
    preferences: Annotated[dict[str, str], Meta(description="opted_in, opted_out or unknown for all 11 channels.")]
    suppression: SuppressedScopes
    blocked: bool
    lists: list[ListName]
    segments: list[SegmentName]
    stats: Stats
    scores: Scores
    derived_trait_tags: list[str]
    recent_activity: Annotated[list[Item], Meta(max_length=10)]
    custom_fields: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]


class Week(msgspec.Struct, kw_only=True, frozen=True):
    """Seven days of a contact, counted back from now."""

    ends_at: str
    messages: Annotated[dict[str, int], Meta(description="Messages sent and received, by channel.")]
    engagement: Annotated[int, Meta(description="The score at the end of the week, 0 to 100.")]
