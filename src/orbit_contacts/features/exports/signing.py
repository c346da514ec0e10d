"""Download links of exports: signed, for whoever holds one, until the file expires.

A link is all that it takes to fetch the file, so it is made for each answer, shown to those who may read contacts,
and written nowhere. It names workspace, export and end, with an HMAC under a key of this installation.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple
from uuid import UUID

from orbit_contacts.core.clock import SECOND, Instant
from orbit_contacts.core.database import Reader

_BODY = 8 + 16 + 8
_TAG = 32


class Link(NamedTuple):
    workspace_id: int
    export_id: UUID
    expires_at: Instant


def path_of(reader: Reader, id: UUID, expires_at: Instant) -> str:
    return "/downloads/" + encode(_key(reader), Link(reader.caller.workspace_id, id, expires_at))


def read(reader: Reader, text: str) -> Link | None:
    """What the last part of a path says, or None when we did not make it."""
    return decode(_key(reader), text)


def _key(reader: Reader) -> bytes:
    return reader.secret("export links")


def encode(key: bytes, link: Link) -> str:
    seconds = link.expires_at // SECOND
    body = link.workspace_id.to_bytes(8, "big") + link.export_id.bytes + seconds.to_bytes(8, "big")
    return _text(body + _tag(key, body))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _tag(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, hashlib.sha256)


def decode(key: bytes, text: str) -> Link | None:
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, UnicodeEncodeError):
        return None
    body, tag = raw[:_BODY], raw[_BODY:]
    # One link has one spelling: the last character has bits that decoding drops, and foreign ones are skipped.
    if len(raw) != _BODY + _TAG or _text(raw) != text or not hmac.compare_digest(tag, _tag(key, body)):
        return None
    return Link(int.from_bytes(body[:8], "big"), UUID(bytes=body[8:24]), int.from_bytes(body[24:], "big") * SECOND)
