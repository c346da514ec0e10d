"""Bodies of batches: one JSON document, or one event on each line.

An event that cannot be read stands as its refusal.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from orbit_contacts.core.decoding import decode_body
from orbit_contacts.core.errors import InvalidRequest, MalformedBody, Refusal
from orbit_contacts.core.faults import shown
from orbit_contacts.features.events.models import MAX_BATCH, EventBatch, EventOfContact


class _LooseBatch(msgspec.Struct):
    """A batch in which every event is read by itself."""

    events: list[Raw]
    create_contacts: bool = False


_ONE = msgspec.json.Decoder(EventOfContact)
_ALL = msgspec.json.Decoder(EventBatch)
_LOOSE = msgspec.json.Decoder(_LooseBatch)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Read = Sequence[EventOfContact | Refusal]


def read_document(body: bytes, *, is_json: bool) -> tuple[Read, bool]:
    """The events of a JSON object, and its `create_contacts`. Refuses what is no such object."""
    body = body.removeprefix(BOM_UTF8)
    try:
        body.decode()
        batch = _ALL.decode(body)
    except _UNREADABLE:
        pass
    else:
        return batch.events, batch.create_contacts
    try:
        loose = _LOOSE.decode(body)
    except _UNREADABLE:
        loose = _with_half_characters(body) or decode_body(body, _LOOSE, is_json)  # which says what is wrong
    _check_size(len(loose.events))
    return [read_one(bytes(raw)) for raw in loose.events], loose.create_contacts


def _with_half_characters(body: bytes) -> _LooseBatch | None:
    """A document whose escapes hold half a character, which only the standard library reads; then one event is wrong,
    not all of them."""
    try:
        document = msgspec.convert(json.loads(body), dict[str, Any])
        events = msgspec.convert(document["events"], list[Any])
        create = document.get("create_contacts") is True
        return _LooseBatch([Raw(json.dumps(event).encode()) for event in events], create)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def read_lines(body: bytes) -> Read:
    """The events of newline-delimited JSON; blank lines do not count."""
    body = body.removeprefix(BOM_UTF8)
    lines = [line for line in body.split(b"\n") if line.strip()]
    _check_size(len(lines))
    try:
        body.decode()
        return [_ONE.decode(line) for line in lines]
    except _UNREADABLE:
        return [read_one(line) for line in lines]


def read_one(raw: bytes) -> EventOfContact | Refusal:
    try:
        raw.decode()
        return decode_body(raw, _ONE, True)
    except UnicodeDecodeError:
        return MalformedBody("The event is not UTF-8.", field="body", value=shown(raw), expected="UTF-8")
    except Refusal as fault:
        return fault


def _check_size(count: int) -> None:
    if not 1 <= count <= MAX_BATCH:
        raise InvalidRequest(
            "A batch holds 1 to 10,000 events.", field="events", value=count, expected=f"1-{MAX_BATCH} events"
        )
