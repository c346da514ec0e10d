"""Which events teach the model something, and what each of them means.

`classify` turns one event of the timeline into a `(code, channel)` pair of small integers, or into nothing.
Opens and reads never count: mail is opened by machines. Transactional messages are not trials: nobody
clicks a one-time password.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np

from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.next_best_action.decay import HOUR

CHANNEL_INDEX: Final = {name: index for index, name in enumerate(CHANNELS)}
"""Every channel axis in this package has the order of `CHANNELS`."""
EMAIL: Final = CHANNEL_INDEX["email"]
VOICE: Final = CHANNEL_INDEX["voice"]
NO_CHANNEL: Final = 255

TALK_SECONDS: Final = 10
"""A call shorter than this is a voice mailbox or a wrong number, not a conversation."""

WINDOWS: Final = np.full(len(CHANNELS), 48 * HOUR, dtype=np.int64)
"""Microseconds within which an answer counts for the send: 72 h e-mail and fax, 24 h voice, else 48 h."""
WINDOWS[[EMAIL, CHANNEL_INDEX["fax"]]] = 72 * HOUR
WINDOWS[VOICE] = 24 * HOUR


class Code(IntEnum):
    """What an event means to the model."""

    SENT = 1
    """A message left, or an outgoing call was placed: the start of a trial."""
    DELIVERED = 2
    FAILED = 3
    ENGAGED = 4
    """A click, a reply, or an outgoing call talked for at least ten seconds: the success of its trial."""
    RECEIVED = 5
    """The contact wrote or called of their own accord, on a channel."""
    ACTIVE = 6
    """Any other act of the contact of their own accord: a web event, for instance."""
    ORDERED = 7
    REFUNDED = 8
    OPTED_OUT = 9
    TICKET_OPENED = 10
    TICKET_CLOSED = 11


class Meaning(NamedTuple):
    """`channel` indexes CHANNELS or is NO_CHANNEL; `value` is the money of an order, else 0."""

    code: Code
    channel: int
    value: float


OF_A_MESSAGE: Final = frozenset({Code.SENT, Code.DELIVERED, Code.FAILED, Code.ENGAGED})
OF_THE_CONTACT: Final = frozenset({Code.RECEIVED, Code.ACTIVE, Code.ORDERED, Code.TICKET_OPENED})
"""Acts of the contact's own accord: they fill the sixteen bins of local time. Answers do not: when they come
depends on when the sender wrote, so they are booked on the send's bin instead, against the sends of that bin."""

_MESSAGES: Final = {
    "message.sent": Code.SENT,
    "message.delivered": Code.DELIVERED,
    "message.failed": Code.FAILED,
    "message.clicked": Code.ENGAGED,
    "message.replied": Code.ENGAGED,
    "message.received": Code.RECEIVED,
}
_OTHERS: Final = {
    "order.placed": Code.ORDERED,
    "order.refunded": Code.REFUNDED,
    "ticket.opened": Code.TICKET_OPENED,
    "ticket.closed": Code.TICKET_CLOSED,
    "contact.opted_out": Code.OPTED_OUT,
    "consent.opted_out": Code.OPTED_OUT,
}
_NOT_THE_CONTACT: Final = ("message.", "call.", "ticket.", "order.", "note.", "contact.", "consent.")


def classify(
    type: str, channel: str | None, direction: str | None, category: str | None, data: Mapping[str, Any] | None
) -> Meaning | None:
    """Meaning of one timeline event, or None when it teaches nothing.

    Args are the event's fields as the API takes them; unknown types, channels and malformed data are nothing,
    never an error.
    """
    index = CHANNEL_INDEX.get(channel, NO_CHANNEL) if channel else NO_CHANNEL
    if type in _MESSAGES:
        code = _MESSAGES[type]
        if category == "transactional" and code is not Code.RECEIVED:
            return None
        if code is Code.SENT and direction == "inbound":
            return None
        return Meaning(code, index, 0.0)
    if type.startswith("call."):
        return _classify_call(type, direction, data)
    if type in _OTHERS:
        return Meaning(_OTHERS[type], index, _amount(data, "value") if type.startswith("order.") else 0.0)
    if type.startswith(_NOT_THE_CONTACT) or direction == "outbound":
        return None
    return Meaning(Code.ACTIVE, index, 0.0)


def _classify_call(type: str, direction: str | None, data: Mapping[str, Any] | None) -> Meaning | None:
    if direction == "inbound":
        return Meaning(Code.RECEIVED, VOICE, 0.0) if type == "call.started" else None
    talked = type in ("call.answered", "call.ended") and _amount(data, "duration_seconds") >= TALK_SECONDS
    if talked:
        return Meaning(Code.ENGAGED, VOICE, 0.0)
    known = type in ("call.started", "call.answered", "call.missed", "call.ended")
    return Meaning(Code.SENT, VOICE, 0.0) if known else None


def _amount(data: Mapping[str, Any] | None, key: str) -> float:
    """A finite, non-negative number under `key`, else 0; numbers in strings are accepted."""
    value = data.get(key) if data else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return number if 0.0 <= number < 1e15 else 0.0
