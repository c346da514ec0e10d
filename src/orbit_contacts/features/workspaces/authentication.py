"""From headers to a caller: API key or dashboard token, with a short cache that revocation empties at once."""

import ipaddress
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import now
from orbit_contacts.core.database import Database
from orbit_contacts.core.errors import (
    ExpiredToken,
    InsufficientPermissions,
    InvalidApiKey,
    IpNotAllowed,
    Unauthorized,
)
from orbit_contacts.features.workspaces import caching, queries, service
from orbit_contacts.features.workspaces.models import PREFIX

_CACHE_SECONDS = 30.0
_CACHE_SIZE = 10_000
# A change that takes longer to commit is told by NOTIFY.
_DISTRUST_SECONDS = 1.0
_KEY_PREFIXES = tuple(prefix.encode() for prefix in PREFIX.values())


class Claims(msgspec.Struct):
    """What a dashboard token must say; `mode` chooses the live or the test workspace."""

    sub: str
    org_id: str | int
    role: str
    mode: str = "live"
    name: str = ""


class Authenticator:
    def __init__(
        self, database: Database, *, jwt_secret: str = "", jwt_jwks: str = "", trusted_proxies: str = ""
    ) -> None:
        self._database = database
        self._cache: dict[bytes, tuple[float, Caller]] = {}
        self._trusted_from = 0.0
        caching.keepers.add(self)
        self._decode_token = _token_decoder(jwt_secret, jwt_jwks)
        self._proxies = frozenset(filter(None, (proxy.strip() for proxy in trusted_proxies.split(","))))

    async def __call__(self, headers: dict[bytes, bytes], client_ip: str, query: bytes) -> Caller:
        # An empty header counts as none: somebody's variable was not set. The space around a value is not part of it.
        credential = headers.get(b"x-api-key", b"").strip()
        if not credential and query:
            credential = _token(query)
        if not credential:
            authorization = headers.get(b"authorization", b"")
            scheme, _, credential = authorization.partition(b" ")
            credential = credential.strip()
            if scheme.lower() != b"bearer" or not credential:
                raise Unauthorized(field="X-API-Key", value=None, expected="an API key, or a Bearer token")
            if not credential.startswith((b"dv_", b"pk_")):
                return await self._caller_of_token(credential.decode("latin-1"))
        caller = await self._caller_of_key(credential)
        if caller.expires_at is not None and caller.expires_at <= now():
            raise InvalidApiKey(field="X-API-Key", value=None, expected="a key that is neither expired nor revoked")
        self.check_address(caller, headers, client_ip)
        return caller

    async def _caller_of_key(self, credential: bytes) -> Caller:
        cached = self._cache.get(credential)
        if cached is not None and cached[0] > time.monotonic():
            return cached[1]
        row = None
        if credential.startswith(_KEY_PREFIXES) and len(credential) <= 200 and credential.isascii():
            hash = service.hash_key(credential.decode())
            async with self._database.prepared.connection() as connection:
                row = await queries.key_by_hash(connection, hash)
        if row is None:
            raise InvalidApiKey(
                field="X-API-Key", value=None, expected="a key of this server, dv_live_sk_… or dv_test_sk_…"
            )
        caller = service.caller_of_key(row)
        at = time.monotonic()
        if at >= self._trusted_from:
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            self._cache[credential] = (at + _CACHE_SECONDS, caller)
        return caller

    def check_address(self, caller: Caller, headers: dict[bytes, bytes], client_ip: str) -> None:
        """Refuse a key that may not be used from where the request comes."""
        if not caller.allowed_ips:
            return
        if client_ip in self._proxies and (forwarded := headers.get(b"x-forwarded-for")):
            client_ip = forwarded.decode("latin-1").rpartition(",")[2].strip()
        try:
            address = ipaddress.ip_address(client_ip)
        except ValueError:
            address = None
        if address is None or not any(
            address in ipaddress.ip_network(block, strict=False) for block in caller.allowed_ips
        ):
            raise IpNotAllowed(field="address", value=client_ip, expected="an address the key allows")

    async def _caller_of_token(self, token: str) -> Caller:
        claims = self._decode_token(token)
        organization = int(claims.org_id) if str(claims.org_id).isdigit() else 0
        async with self._database.prepared.connection() as connection:
            row = await queries.workspace_of_organization(connection, organization, claims.mode)
        if row is None or claims.role not in ("owner", "admin", "developer", "viewer", "billing"):
            raise InsufficientPermissions(
                "The token names no organization or role of this server.",
                field="org_id",
                value=str(claims.org_id)[:64],
                expected="an organization",
            )
        return service.caller_of_workspace(
            row, actor=claims.sub, name=claims.name or claims.sub, role=claims.role, actor_type="user"
        )

    def distrust(self) -> None:
        """Drop every cached key, and cache none for a second: a change of one is being committed."""
        self._trusted_from = time.monotonic() + _DISTRUST_SECONDS
        self.forget()

    def forget(self) -> None:
        """Drop every cached key; called when a key was revoked somewhere."""
        self._cache.clear()


def _token(query: bytes) -> bytes | None:
    """`?token=`, where the operation allows it (elsewhere `query` is empty)."""
    tokens = [value for name, _, value in (pair.partition(b"=") for pair in query.split(b"&")) if name == b"token"]
    return unquote_to_bytes(tokens[-1]) if tokens else None


def _token_decoder(secret: str, jwks: str) -> Callable[[str], Claims]:
    """A function that checks a token's signature and expiry; without a secret or key set none is accepted."""

    def refuse(token: str) -> Claims:
        raise Unauthorized(
            "Dashboard tokens are not set up here.", field="Authorization", value=None, expected="an API key"
        )

    if not secret and not jwks:
        return refuse
    import jwt  # loads cryptography, which servers without tokens need not pay for

    keys: dict[str | None, Any] = {key.key_id: key for key in jwt.PyJWKSet.from_json(jwks).keys} if jwks else {}

    def decode(token: str) -> Claims:
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            key: Any = secret if algorithm == "HS256" else keys.get(header.get("kid"))
            if not key or algorithm not in ("HS256", "RS256"):
                raise jwt.InvalidTokenError
            payload = jwt.decode(
                token,
                key if isinstance(key, str) else key.key,
                algorithms=[algorithm],
                options={"require": ["exp", "sub"], "verify_aud": False},
            )
            return msgspec.convert(payload, Claims)
        except jwt.ExpiredSignatureError:
            raise ExpiredToken(field="Authorization", value=None, expected="a token that has not expired") from None
        except (jwt.PyJWTError, msgspec.ValidationError):
            raise InvalidApiKey(
                "The token is not valid.",
                field="Authorization",
                value=None,
                expected="a signed token with sub, org_id, role, exp",
            ) from None

    return decode
