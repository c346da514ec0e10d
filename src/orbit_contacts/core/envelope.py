"""Bytes of every JSON answer: `{"data": …, "meta": {…}}`, or `{"error": {…}, "meta": {…}}`."""

import random
from typing import Any

import msgspec

from orbit_contacts.core.clock import format_instant, now
from orbit_contacts.core.errors import Refusal

encode = msgspec.json.Encoder().encode
_random = random.Random(random.SystemRandom().getrandbits(64))

# Base of the `docs_url` in errors; set from the settings when the application starts.
docs_base = "/docs/errors"


def new_request_id() -> str:
    return f"req_{_random.getrandbits(104):026x}"


def meta(request_id: str) -> bytes:
    return f'"meta":{{"request_id":"{request_id}","timestamp":"{format_instant(now())}"'.encode()


def success(data: Any, request_id: str) -> bytes:
    return b'{"data":' + encode(data) + b"," + meta(request_id) + b"}}"


def page(items: Any, cursor: str | None, total: int | None, exact: bool, request_id: str) -> bytes:
    exact = exact and total is not None
    pagination = encode({"cursor": cursor, "has_more": cursor is not None, "total": total, "total_is_exact": exact})
    return b"".join((b'{"data":', encode(items), b",", meta(request_id), b',"pagination":', pagination, b"}}"))


def failure(refusal: Refusal, request_id: str) -> bytes:
    error = {
        "code": refusal.code,
        "message": refusal.message,
        "status": refusal.status,
        "details": refusal.details,
    }
    docs_url = f"{docs_base}#{refusal.code.lower()}"
    return b'{"error":' + encode(error) + b"," + meta(request_id) + b',"docs_url":' + encode(docs_url) + b"}}"
