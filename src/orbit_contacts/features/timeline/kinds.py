"""The kinds of events, and what the names of their types say. Pure."""

import re
from typing import Literal, get_args

Kind = Literal["message", "call", "ticket", "event", "note", "consent", "contact"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# The channels of consent, the further scope of suppressions, and the web, on which custom events happen.
CHANNELS = (
    "email",
    "fax",
    "instagram",
    "line",
    "messenger",
    "push",
    "rcs",
    "sms",
    "telegram",
    "viber",
    "voice",
    "web",
    "whatsapp",
)

DIRECTIONS = ("inbound", "outbound")

MAX_TYPE_LENGTH = 100
_TYPE = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*\Z")

_BY_PREFIX: dict[str, Kind] = {
    "message": "message",
    "call": "call",
    "ticket": "ticket",
    "note": "note",
    "consent": "consent",
    "contact": "contact",
}
_CONSENT = frozenset({"contact.opted_in", "contact.opted_out"})

_INBOUND = frozenset({"message.received", "message.replied"})
_OUTBOUND = frozenset({"message.created", "message.sent", "message.delivered", "message.failed"})


def is_type(text: str) -> bool:
    return len(text) <= MAX_TYPE_LENGTH and _TYPE.match(text) is not None


def kind_of(type: str) -> Kind:
    """By the word before the first dot; opting in and out are consent, what is not ours is an `event`."""
    if type in _CONSENT:
        return "consent"
    prefix, dot, _ = type.partition(".")
    return _BY_PREFIX.get(prefix, "event") if dot else "event"


def usual_channel(type: str) -> str | None:
    """The channel of an event that names none: calls are made by voice."""
    return "voice" if type.startswith("call.") else None


def usual_direction(type: str) -> str | None:
    """The direction of an event that names none."""
    if type in _INBOUND:
        return "inbound"
    return "outbound" if type in _OUTBOUND else None
