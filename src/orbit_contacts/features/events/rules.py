"""What an event may be: input to stored values. Pure."""

import re
from typing import NamedTuple, cast

import msgspec
from msgspec import Raw

from orbit_contacts.core.clock import SECOND, Instant, format_instant, parse_instant
from orbit_contacts.core.errors import InvalidRequest, MissingField
from orbit_contacts.features.events.models import NewEvent
from orbit_contacts.features.events.orders import TYPES as ORDERS
from orbit_contacts.features.events.orders import checked_order
from orbit_contacts.features.timeline.filters import checked_channel
from orbit_contacts.features.timeline.kinds import DIRECTIONS, is_type, usual_channel, usual_direction

MAX_AHEAD = 5 * 60 * SECOND
MAX_DATA = 64 * 1024
MAX_DEPTH = 32

# What jsonb cannot hold though JSON can: NUL and lone surrogates, which are written \u…, and numbers beyond all
# measure, with an exponent or very many digits. Only a document with one of these is looked at closely.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|[0-9][eE][+-]?[0-9]{3}|[0-9]{300}")
_LARGEST = 10**308


class Facts(NamedTuple):
    """An event that may be stored, whoever it belongs to: the fields of `timeline.models.Event`, in their order."""

    occurred_at: Instant
    type: str
    channel: str | None
    direction: str | None
    data: bytes
    title: str | None
    category: str | None
    message_id: str | None
    call_id: str | None
    ticket_id: str | None
    event_id: str | None


def facts_of(given: NewEvent, now: Instant) -> Facts:
    """Check an event; raises the first fault."""
    type = given.type
    if not is_type(type):
        if not type.strip():
            raise MissingField("`type` is required.", field="type", value=type[:100], expected="e.g. message.delivered")
        raise InvalidRequest(
            "This is no type of event.",
            field="type",
            value=type[:100],
            expected="lower-case words joined by dots, at most 100 characters: order.placed, page_viewed",
        )
    channel = usual_channel(type) if given.channel is None else checked_channel(given.channel)
    direction = _direction(given, type)
    occurred_at = _instant(given, now)
    event_id = _text("event_id", given.event_id, 255)
    message_id = _text("message_id", given.message_id, 255)
    call_id = _text("call_id", given.call_id, 255)
    ticket_id = _text("ticket_id", given.ticket_id, 255)
    title = _text("title", given.title, 200)
    category = _text("category", given.category, 64)
    data = checked_data(given.data, type)
    # By position, in half the time.
    return Facts(occurred_at, type, channel, direction, data, title, category, message_id, call_id, ticket_id, event_id)


def _direction(given: NewEvent, type: str) -> str | None:
    if given.direction is None:
        return usual_direction(type)
    direction = given.direction.strip().lower()
    if direction not in DIRECTIONS:
        raise InvalidRequest(
            "`direction` is unknown.", field="direction", value=given.direction[:64], expected=list(DIRECTIONS)
        )
    return direction


def _instant(given: NewEvent, now: Instant) -> Instant:
    text = given.timestamp if given.timestamp is not None else given.occurred_at
    if text is None:
        return now
    instant = parse_instant(text, "timestamp")
    if not 0 <= instant <= now + MAX_AHEAD:
        raise InvalidRequest(
            "The event lies ahead." if instant > now else "The event lies too far back.",
            field="timestamp",
            value=text[:64],
            expected=f"1970-01-01 to {format_instant(now + MAX_AHEAD)} (5 minutes ahead)",
        )
    return instant


def _text(name: str, value: str | None, limit: int) -> str | None:
    if value is None:
        return None
    value = value.strip()
    if len(value) > limit or "\0" in value:
        raise InvalidRequest(
            f"`{name}` cannot be used.",
            field=name,
            value=value[:100].replace("\0", "\\0"),
            expected=f"at most {limit} characters, no NUL",
        )
    return value or None


def checked_data(data: Raw, type: str, field: str = "data") -> bytes:
    """A JSON object that the database can hold, as it was sent; null counts as empty. An order's amount is checked."""
    raw = _object(data, field)
    return checked_order(raw, field) if type in ORDERS else raw


def _object(data: Raw, field: str) -> bytes:
    raw = bytes(data)
    if raw[:1] != b"{":
        if raw == b"null":
            return b"{}"
        raise InvalidRequest(
            f"`{field}` is not an object.",
            field=field,
            value=raw[:100].decode("utf-8", "replace"),
            expected="a JSON object",
        )
    if len(raw) > MAX_DATA:
        raise InvalidRequest(
            f"`{field}` is too large.", field=field, value=len(raw), expected=f"at most {MAX_DATA} bytes"
        )
    if _SUSPECT.search(raw) or raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        return _looked_at_closely(raw, field)
    return raw


def _looked_at_closely(raw: bytes, field: str) -> bytes:
    """The document written anew, so that no number has more digits than it can keep."""
    try:
        document = msgspec.json.decode(raw)
        problem = _problem(document, MAX_DEPTH)
        if not problem:
            return msgspec.json.encode(document)
    except (ValueError, RecursionError) as error:
        problem = str(error)
    raise InvalidRequest(
        f"`{field}` cannot be stored: {problem}.",
        field=field,
        value=raw[:100].decode("utf-8", "replace"),
        expected=f"no NUL, no half characters, numbers up to 1e308, at most {MAX_DEPTH} levels",
    )


def _problem(value: object, depth: int) -> str | None:
    if depth == 0:
        return "it is nested too deeply"
    if isinstance(value, str):
        return "a text holds NUL" if "\0" in value else None
    if isinstance(value, int):
        return "a number is out of range" if abs(value) > _LARGEST else None
    children: list[object] = []
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value)
        children = [*entries.keys(), *entries.values()]
    elif isinstance(value, list):
        children = cast("list[object]", value)
    return next((problem for child in children if (problem := _problem(child, depth - 1))), None)
