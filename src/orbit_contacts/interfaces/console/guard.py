"""What keeps other sites out: the page's content security policy, the origin of a write, and its token."""

import hashlib
import hmac
import secrets

from starlette.requests import Request

from orbit_contacts.core.errors import Refusal

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class ForeignRequest(Refusal):
    code, status, summary = "FOREIGN_REQUEST", 403, "The form was not sent by a page of this console; load it again."


def check_origin(request: Request) -> None:
    """A write comes from a page of this very host; browsers say so with every form."""
    origin = request.headers.get("origin")
    if origin is not None:
        if origin.partition("://")[2] == request.headers.get("host"):
            return
    elif request.headers.get("sec-fetch-site") == "same-origin":
        return
    raise ForeignRequest(field="Origin", value=(origin or "")[:100], expected=request.headers.get("host"))


def form_token(secret: bytes, session_token: str) -> str:
    """What a form carries: the session's MAC under a fresh mask, so that packing pages gives none of it away."""
    mask = secrets.token_bytes(16)
    return mask.hex() + bytes(a ^ b for a, b in zip(mask, _mac(secret, session_token), strict=True)).hex()


def check_form_token(secret: bytes, session_token: str, given: str) -> None:
    try:
        raw = bytes.fromhex(given)
    except ValueError:
        raw = b""
    unmasked = bytes(a ^ b for a, b in zip(raw[:16], raw[16:], strict=False))
    if len(raw) != 32 or not hmac.compare_digest(unmasked, _mac(secret, session_token)):
        raise ForeignRequest(field="csrf", value=None, expected="the token of the form")


def _mac(secret: bytes, session_token: str) -> bytes:
    return hashlib.blake2b(session_token.encode(), key=secret, digest_size=16).digest()
