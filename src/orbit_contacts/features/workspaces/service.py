"""Workspaces and their keys: made, rotated, revoked; each change leaves a line in the audit log."""

import hashlib
import ipaddress
import secrets
import string
from typing import Any
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.access import ROLE_SCOPES, SCOPES, Caller, expand
from orbit_contacts.core.clock import DAY, Instant, format_instant, now, parse_instant
from orbit_contacts.core.database import Connection, Database, Reader, Transaction
from orbit_contacts.core.errors import (
    Conflict,
    InsufficientPermissions,
    InvalidRequest,
    MissingField,
    NotFound,
)
from orbit_contacts.core.pagination import Page, PageQuery, decode_cursor, limit_of, page_of
from orbit_contacts.features.workspaces import queries
from orbit_contacts.features.workspaces.models import (
    LIFETIMES,
    PREFIX,
    ApiKey,
    AuditEntry,
    CreatedApiKey,
    NewApiKey,
)

_ALPHABET = string.ascii_letters + string.digits


def hash_key(key: str) -> bytes:
    """Keys hold 238 random bits, so a plain hash cannot be searched back."""
    return hashlib.sha256(key.encode()).digest()


def generate_key(mode: str, type: str) -> str:
    return PREFIX[mode, type] + "".join(secrets.choice(_ALPHABET) for _ in range(40))


async def prepare_installation(database: Database) -> None:
    """Load the installation's secret, made on the first start."""
    async with database.prepared.connection() as connection:
        database.secret = await queries.installation_secret(connection, secrets.token_bytes(32), now())


async def create_organization(connection: Connection, name: str) -> dict[str, int]:
    """A new organization with a live and a test workspace; gives the workspace id by mode."""
    async with connection.transaction():
        organization = await queries.insert_organization(connection, name, now())
        return {
            mode: await queries.insert_workspace(connection, organization, mode, now()) for mode in ("live", "test")
        }


async def first_workspace(connection: Connection) -> tuple[Record, bool]:
    """The first live workspace, and whether this call made it, in the caller's transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock(7305813)")
    if (found := await queries.first_workspace(connection)) is not None:
        return found, False
    await create_organization(connection, "My organization")
    made = await queries.first_workspace(connection)
    assert made is not None
    return made, True


async def bootstrap(connection: Connection, given_key: str) -> str | None:
    """Make the first workspace and key, once; gives the key when this call made it."""
    async with connection.transaction():
        workspace, is_new = await first_workspace(connection)
        if not is_new and not given_key:
            return None
        mode, type = mode_and_type(given_key) if given_key else ("live", "secret")
        target = await queries.workspace_of_organization(connection, workspace["organization_id"], mode)
        assert target is not None
        key = given_key or generate_key(mode, type)
        made = await insert_key(
            connection,
            target["id"],
            key,
            NewApiKey(name="bootstrap", type=type, scopes=["*"]),
            by="system:bootstrap",
        )
        return key if made else None


def mode_and_type(key: str) -> tuple[Any, Any]:
    """What a key's prefix says; raises `InvalidRequest` for a text that is no key."""
    for (mode, type), prefix in PREFIX.items():
        if key.startswith(prefix) and len(key) >= len(prefix) + 16 and key.isascii() and key.isprintable():
            return mode, type
    raise InvalidRequest(
        "ORBIT_BOOTSTRAP_API_KEY is no API key: it takes dv_live_sk_ or dv_test_sk_ and 16 characters or more.",
        field="key",
        value=key[:14],
        expected="dv_live_sk_ or dv_test_sk_ and 16+ characters",
    )


async def insert_key(
    connection: Connection, workspace_id: int, key: str, new: NewApiKey, by: str, *, lifetime: Instant | None = None
) -> bool:
    at = now()
    days = LIFETIMES[new.expires_in]
    if lifetime is None and days is not None:
        lifetime = days * DAY
    return await queries.insert_key(
        connection,
        id=ids.mint(at),
        workspace_id=workspace_id,
        name=new.name,
        type=new.type,
        scopes=new.scopes,
        allowed_ips=new.allowed_ips,
        hint=f"{key[:14]}…{key[-4:]}",
        hash=hash_key(key),
        created_by=by,
        now=at,
        expires_at=None if lifetime is None else at + lifetime,
    )


def caller_of_key(row: Record) -> Caller:
    """The caller a key makes; its end is the earlier of expiry and scheduled revocation."""
    ends = [instant for instant in (row["expires_at"], row["revoke_at"], row["revoked_at"]) if instant is not None]
    return Caller(
        workspace_id=row["workspace_id"],
        cell_count=row["cell_count"],
        mode=row["mode"],
        scopes=expand(row["scopes"], None),
        public=row["type"] == "public",
        actor_type="api_key",
        actor_id=ids.text("key", row["id"]),
        actor_name=row["name"],
        default_region=row["default_region"],
        allowed_ips=tuple(row["allowed_ips"]),
        expires_at=min(ends, default=None),
    )


def caller_of_workspace(
    row: Record, *, actor: str, name: str, role: str = "owner", actor_type: str = "system"
) -> Caller:
    """A caller that is no key: a dashboard user, the worker, the command line."""
    return Caller(
        workspace_id=row["id"],
        cell_count=row["cell_count"],
        mode=row["mode"],
        scopes=ROLE_SCOPES[role],
        role=role,
        actor_type=actor_type,
        actor_id=actor,
        actor_name=name,
        default_region=row["default_region"],
    )


async def system_caller(connection: Connection, workspace_id: int, name: str) -> Caller:
    """The caller under which jobs and commands act in a workspace."""
    row = await queries.find_workspace(connection, workspace_id)
    if row is None:
        raise NotFound("There is no such workspace.", field="workspace", value=workspace_id, expected="its number")
    return caller_of_workspace(row, actor=name, name=name)


async def every_workspace(connection: Connection, name: str) -> list[Caller]:
    """The same for each workspace of the installation."""
    return [caller_of_workspace(row, actor=name, name=name) for row in await queries.every_workspace(connection)]


async def default_region(reader: Reader) -> str | None:
    """The country of national phone numbers, as it is now (a caller may be a few seconds old)."""
    row = await queries.find_workspace(reader.connection, reader.caller.workspace_id)
    return None if row is None else row["default_region"]


async def set_default_region(tx: Transaction, region: str | None) -> None:
    old = await default_region(tx)
    if region != old:
        await queries.set_default_region(tx, region)
        await audit(tx, "settings.contacts_changed", "contacts", {"old": old, "new": region})


async def create_key(tx: Transaction, new: NewApiKey, *, lifetime: Instant | None = None) -> CreatedApiKey:
    """Make a key in the caller's organization; nobody can grant more than they hold. `lifetime` (in microseconds)
    stands in for that of `new`."""
    if not new.name.strip():
        raise MissingField("A key needs a name.", field="name", value=new.name, expected="what the key is for")
    if not new.scopes:
        raise MissingField("A key needs at least one scope.", field="scopes", value=[], expected="e.g. contacts:read")
    for scope in new.scopes:
        if scope != "*" and scope not in SCOPES and not (scope.endswith(":*") and expand([scope], None)):
            raise InvalidRequest(f"There is no scope `{scope}`.", field="scopes", value=scope, expected=sorted(SCOPES))
    if excess := expand(new.scopes, None) - tx.caller.scopes:
        raise InsufficientPermissions(
            "A key cannot grant more than its maker holds.",
            field="scopes",
            value=sorted(excess),
            expected="own scopes",
        )
    check_networks(new.allowed_ips)
    mode = new.mode or tx.caller.mode
    workspace = await _sibling(tx, mode)
    key = generate_key(mode, new.type)
    await insert_key(tx.connection, workspace, key, new, by=tx.caller.actor, lifetime=lifetime)
    row = await queries.key_by_hash(tx.connection, hash_key(key))
    assert row is not None
    locked = await queries.lock_key(tx, row["id"])
    assert locked is not None
    shown = shown_key(locked)
    await audit(tx, "api_key.created", shown.id, {"name": new.name, "scopes": new.scopes})
    return CreatedApiKey(**msgspec.structs.asdict(shown), key=key)


async def _sibling(tx: Transaction, mode: str) -> int:
    own = await queries.find_workspace(tx.connection, tx.caller.workspace_id)
    assert own is not None
    row = await queries.workspace_of_organization(tx.connection, own["organization_id"], mode)
    assert row is not None
    return row["id"]


def check_networks(blocks: list[str]) -> None:
    for block in blocks:
        try:
            ipaddress.ip_network(block, strict=False)
        except ValueError:
            raise InvalidRequest(
                f"`{block[:64]}` is no address.",
                field="allowed_ips",
                value=block[:64],
                expected="an IP address or CIDR block",
            ) from None


async def list_keys(reader: Reader, query: PageQuery) -> Page[ApiKey]:
    limit = limit_of(query)
    after = decode_cursor(reader, "api_keys", query, UUID)
    rows = await queries.keys(reader, after, limit + 1)
    shown, cursor = page_of(reader, "api_keys", query, rows, limit, lambda row: row["id"])
    return Page([shown_key(row) for row in shown], cursor)


def shown_key(row: Record) -> ApiKey:
    return ApiKey(
        id=ids.text("key", row["id"]),
        name=row["name"],
        type=row["type"],
        mode=row["mode"],
        scopes=row["scopes"],
        allowed_ips=row["allowed_ips"],
        hint=row["hint"],
        created_by=row["created_by"],
        created_at=format_instant(row["created_at"]),
        expires_at=_shown(row["expires_at"]),
        revoke_at=_shown(row["revoke_at"]),
        revoked_at=_shown(row["revoked_at"]),
    )


def _shown(instant: Instant | None) -> str | None:
    return None if instant is None else format_instant(instant)


async def _own_key(tx: Transaction, id: UUID) -> Record:
    row = await queries.lock_key(tx, id)
    if row is None:
        raise NotFound("There is no such key.", field="id", value=ids.text("key", id), expected="a key of yours")
    return row


async def revoke_key(tx: Transaction, id: UUID) -> None:
    """Final and at once; revoking again changes nothing."""
    row = await _own_key(tx, id)
    if row["revoked_at"] is None:
        await queries.set_revocation(tx, row, row["revoke_at"], tx.now)
        await audit(tx, "api_key.revoked", ids.text("key", id), {"name": row["name"]})


async def _key_in_use(tx: Transaction, id: UUID) -> Record:
    """A key that is not revoked: that is final, also where it was scheduled and its time has come."""
    row = await _own_key(tx, id)
    if row["revoked_at"] is not None or (row["revoke_at"] is not None and row["revoke_at"] <= tx.now):
        raise Conflict("The key is revoked already.", field="id", value=ids.text("key", id), expected="a key in use")
    return row


async def schedule_revocation(tx: Transaction, id: UUID, at: str | None) -> ApiKey:
    """Set (or with None cancel) the instant at which the key stops working."""
    row = await _key_in_use(tx, id)
    instant = None if at is None else parse_instant(at, "revoke_at")
    await queries.set_revocation(tx, row, instant, None)
    action = "api_key.revocation_cancelled" if instant is None else "api_key.revocation_scheduled"
    await audit(tx, action, ids.text("key", id), {"revoke_at": at})
    return shown_key(await _own_key(tx, id))


async def rotate_key(tx: Transaction, id: UUID) -> CreatedApiKey:
    """A new key with the same name, scopes and lifetime; the old one works for 24 more hours."""
    row = await _key_in_use(tx, id)
    made, ends = row["created_at"], row["expires_at"]
    successor = await create_key(
        tx,
        NewApiKey(
            name=row["name"],
            type=row["type"],
            scopes=row["scopes"],
            mode=row["mode"],
            allowed_ips=row["allowed_ips"],
        ),
        lifetime=None if ends is None else ends - made,
    )
    await queries.set_revocation(tx, row, tx.now + DAY, None)
    return successor


async def audit(tx: Transaction, action: str, subject: str, details: dict[str, Any]) -> None:
    """Write down who did what, in the transaction that does it."""
    await queries.insert_audit(tx, ids.mint(tx.now), action, subject, msgspec.json.encode(details))


async def list_audit(reader: Reader, query: PageQuery) -> Page[AuditEntry]:
    limit = limit_of(query)
    rows = await queries.audit_entries(reader, decode_cursor(reader, "audit", query, UUID), limit + 1)
    shown, cursor = page_of(reader, "audit", query, rows, limit, lambda row: row["id"])
    entries = [
        AuditEntry(
            id=ids.text("aud", row["id"]),
            actor=row["actor"],
            action=row["action"],
            subject=row["subject"],
            details=row["details"],
            created_at=format_instant(row["created_at"]),
        )
        for row in shown
    ]
    return Page(entries, cursor)
