"""Workspaces, API keys and the audit log, as the API shows them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

KeyType = Literal["secret", "public"]
Mode = Literal["live", "test"]

PREFIX: dict[tuple[str, str], str] = {
    ("live", "secret"): "dv_live_sk_",
    ("test", "secret"): "dv_test_sk_",
    ("live", "public"): "dv_live_pk_",
    ("test", "public"): "dv_test_pk_",
}

LIFETIMES: dict[str, int | None] = {"never": None, "30d": 30, "90d": 90, "1y": 365}


class NewApiKey(msgspec.Struct, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=120, description="What the key is for.")]
    type: Annotated[KeyType, Meta(description="`public` keys are for browsers: they reach `/sdk` doors only.")] = (
        "secret"
    )
    scopes: Annotated[
        list[str], Meta(description="`resource:verb`, `resource:*` or `*`; at least one.", max_length=50)
    ] = []
    mode: Annotated[Mode | None, Meta(description="Mode of the key's workspace; the caller's own when absent.")] = None
    expires_in: Annotated[Literal["never", "30d", "90d", "1y"], Meta(description="Lifetime.")] = msgspec.field(
        default="never", name="expiresIn"
    )
    allowed_ips: Annotated[list[str], Meta(description="Addresses or CIDR blocks that may use it.", max_length=50)] = []


class ApiKey(msgspec.Struct, kw_only=True):
    id: str
    name: str
    type: str
    mode: str
    scopes: list[str]
    allowed_ips: list[str]
    hint: Annotated[str, Meta(description="Beginning and end of the key, to recognise it.")]
    created_by: str
    created_at: str
    expires_at: str | None
    revoke_at: str | None
    revoked_at: str | None


class CreatedApiKey(ApiKey, kw_only=True):
    key: Annotated[
        str | None,
        Meta(
            description="The key itself, shown this once: null when a repeated request (`Idempotency-Key`) is "
            "answered again, since only a hash of it is kept."
        ),
    ]


class Revocation(msgspec.Struct, kw_only=True):
    revoke_at: Annotated[str, Meta(description="When the key stops working (RFC 3339).")]


class AuditEntry(msgspec.Struct, kw_only=True):
    id: str
    actor: str
    action: str
    subject: str
    details: Any
    created_at: str
