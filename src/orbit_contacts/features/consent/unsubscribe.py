"""One-click unsubscribe from e-mail (RFC 8058): a signed link that needs no login and never expires.

The token holds the workspace, the contact and the keyed hash of the address the message went to, so it works after
the contact got another address, and after it is gone.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple
from uuid import UUID

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, Reader, Transaction
from orbit_contacts.core.errors import InvalidRequest, NotFound
from orbit_contacts.features.consent import changes, ledger, queries
from orbit_contacts.features.consent.addresses import subject_of
from orbit_contacts.features.consent.changes import suppression_of
from orbit_contacts.features.consent.models import UnsubscribeLink
from orbit_contacts.features.consent.person import Suppression
from orbit_contacts.features.consent.records import Entry, Evidence
from orbit_contacts.features.consent.state import OF_THE_OPERATOR, OPTED_OUT
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.address_hash import hash_key
from orbit_contacts.features.contacts.emails import email_key
from orbit_contacts.features.workspaces.queries import find_workspace

# Where the links lead; set when the application starts.
base_url = ""

_EVIDENCE = Evidence(source="email_unsubscribe")
_BODY = 8 + 16 + 16
_TAG = 16


class Token(NamedTuple):
    workspace_id: int
    contact_id: UUID
    address_hash: bytes


def encode(key: bytes, token: Token) -> str:
    body = token.workspace_id.to_bytes(8, "big") + token.contact_id.bytes + token.address_hash
    return _text(body + _tag(key, body))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def decode(key: bytes, text: str) -> Token | None:
    """What a token says, or None when we did not make it."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, UnicodeEncodeError):
        return None
    body, tag = raw[:_BODY], raw[_BODY:]
    # One token has one spelling: the last character has bits that decoding drops, and foreign ones are skipped.
    if len(raw) != _BODY + _TAG or _text(raw) != text or not hmac.compare_digest(tag, _tag(key, body)):
        return None
    return Token(int.from_bytes(body[:8], "big"), UUID(bytes=body[8:24]), body[24:])


def _tag(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, hashlib.sha256)[:_TAG]


async def link(reader: Reader, contact_id: UUID, base: str) -> UnsubscribeLink:
    """The link for a message to a contact's e-mail address, and the headers that go with it."""
    contact = await contacts.get(reader, contact_id)
    if contact.email is None:
        raise InvalidRequest("The contact has no e-mail address.", field="email", value=None, expected="an address")
    hash = hash_key(reader).hash("email", email_key(contact.email))
    token = encode(reader.secret("unsubscribe"), Token(reader.caller.workspace_id, contact_id, hash))
    url = f"{(base_url or base).rstrip('/')}/email/unsubscribe/{token}"
    return UnsubscribeLink(
        url=url,
        headers={"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )


_NOBODY = Caller(
    workspace_id=0,
    cell_count=1,
    mode="live",
    scopes=frozenset(),
    actor_type="recipient",
    actor_id="unsubscribe_link",
    actor_name="unsubscribe link",
)


async def read(database: Database, text: str) -> tuple[Caller, Token]:
    """The token of a link, and the caller under whom its bearer acts: in its workspace, with no scope at all."""
    async with database.reader(_NOBODY) as reader:
        token = decode(reader.secret("unsubscribe"), text)
        row = None if token is None else await find_workspace(reader.connection, token.workspace_id)
        if token is None or row is None:
            raise NotFound(
                "This link is not valid.", field="token", value=text[:100], expected="the link as it was sent"
            )
        caller = msgspec.structs.replace(
            _NOBODY, workspace_id=row["id"], cell_count=row["cell_count"], mode=row["mode"]
        )
    return caller, token


class Recipient(NamedTuple):
    """Whom a link is for, as its page shows it; `masked` is None when the address is no longer known."""

    masked: str | None
    unsubscribed: bool


async def look(reader: Reader, token: Token) -> Recipient:
    """Changes nothing: mail scanners fetch links too."""
    rows = await queries.suppressions_of(reader, [token.address_hash])
    unsubscribed = any("email" in suppression_of(row).covered() for row in rows)
    try:
        contact = await contacts.get(reader, token.contact_id)
    except NotFound:
        return Recipient(None, unsubscribed)
    email = contact.email
    if email is None or hash_key(reader).hash("email", email_key(email)) != token.address_hash:
        return Recipient(None, unsubscribed)
    return Recipient(masked(email), unsubscribed)


def masked(email: str) -> str:
    """`jane@example.com` as `j•••@example.com`: enough for its owner, little for a stranger with the link."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}•••@{domain}"


async def opt_out(tx: Transaction, token: Token) -> None:
    """Close e-mail for the contact and the address of a token; again changes nothing more."""
    known = await queries.known_under(tx, token.address_hash)
    changing = await changes.load(tx, [token.contact_id, *known])
    for person in changing.people.values():
        if person.state.said("email") != OPTED_OUT:
            person.opt_out("email", _EVIDENCE)
        person.settle()
    await changing.save()
    rows = await queries.suppressions_of(tx, [token.address_hash])
    if not any("email" in row.covered() and row.source not in OF_THE_OPERATOR for row in map(suppression_of, rows)):
        await _close_address(tx, token.address_hash)


async def _close_address(tx: Transaction, hash: bytes) -> None:
    """The address is no contact's any more, but the message went there."""
    record_id = ids.mint(tx.now)
    await ledger.append(
        tx,
        [
            Entry(
                id=record_id,
                subject="address",
                subject_id=subject_of(hash),
                status="suppressed",
                scope="email",
                evidence=_EVIDENCE,
                address_kind="email",
                address_hash=hash,
            )
        ],
    )
    row = Suppression(
        id=ids.mint(tx.now),
        kind="email",
        hash=hash,
        scope="email",
        address=None,
        source=_EVIDENCE.source,
        reason=None,
        record_id=record_id,
        created_by=tx.caller.actor,
        created_at=tx.now,
    )
    await queries.put_suppressions(tx, [row])
