"""Ledger records and the hash chain they form. Pure: anyone who is given the rows can recompute it.

A record's hash is SHA-256 over its fields and the hash before it. What may name a person (purpose, proof, metadata)
takes part only as a salted digest, so that erasing a person removes those words and leaves the chain whole.
"""

import os
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from orbit_contacts.core.clock import Instant

GENESIS = bytes(32)  # what the first record of a chain follows
_FORMAT = 1


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """By what a change of consent is proved; `details` are words that may name a person."""

    source: str
    consent_type: str = "messaging"
    lawful_basis: str | None = None
    text_version: str | None = None
    details: Mapping[str, Any] = {}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written down about a subject (a contact, or an address without one)."""

    id: UUID
    subject: str
    subject_id: UUID
    status: str
    scope: str
    evidence: Evidence
    address_kind: str | None = None
    address_hash: bytes | None = None
    excluded: tuple[str, ...] = ()
    cause: UUID | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the ledger, as it is stored."""

    workspace_id: int
    cell_id: int
    subject_id: UUID
    sequence: int
    id: UUID
    recorded_at: Instant
    subject: str
    status: str
    scope: str
    address_kind: str | None
    address_hash: bytes | None
    excluded: tuple[str, ...]
    source: str
    actor: str
    consent_type: str
    lawful_basis: str | None
    text_version: str | None
    cause: UUID | None
    details_hash: bytes | None
    details: bytes | None
    salt: bytes | None
    previous_hash: bytes
    hash: bytes

    def content_hash(self) -> bytes:
        """The hash these fields must have."""
        content = (
            _FORMAT,
            self.workspace_id,
            self.cell_id,
            self.subject_id,
            self.sequence,
            self.id,
            self.recorded_at,
            self.subject,
            self.status,
            self.scope,
            self.address_kind,
            self.address_hash,
            self.excluded,
            self.source,
            self.actor,
            self.consent_type,
            self.lawful_basis,
            self.text_version,
            self.cause,
            self.details_hash,
            self.previous_hash,
        )
        return sha256(msgspec.json.encode(content)).digest()

    def details_match(self) -> bool:
        """Whether `details` are the words the chain vouches for; absent ones match nothing but an absent digest."""
        if self.details is None or self.salt is None:
            return self.details_hash is None and self.details is None and self.salt is None
        return self.details_hash == digest(self.salt, self.details)


def digest(salt: bytes, details: bytes) -> bytes:
    return sha256(salt + details).digest()


def record(
    entry: Entry,
    *,
    workspace_id: int,
    cell_id: int,
    sequence: int,
    previous_hash: bytes,
    recorded_at: Instant,
    actor: str,
) -> Record:
    """The next record of a chain."""
    known = {name: value for name, value in entry.evidence.details.items() if value not in (None, {}, "")}
    details = msgspec.json.encode(known) if known else None
    salt = os.urandom(16) if details is not None else None
    unsealed = Record(
        workspace_id=workspace_id,
        cell_id=cell_id,
        subject_id=entry.subject_id,
        sequence=sequence,
        id=entry.id,
        recorded_at=recorded_at,
        subject=entry.subject,
        status=entry.status,
        scope=entry.scope,
        address_kind=entry.address_kind,
        address_hash=entry.address_hash,
        excluded=tuple(sorted(entry.excluded)),
        source=entry.evidence.source,
        actor=actor,
        consent_type=entry.evidence.consent_type,
        lawful_basis=entry.evidence.lawful_basis,
        text_version=entry.evidence.text_version,
        cause=entry.cause,
        details_hash=digest(salt, details) if salt is not None and details is not None else None,
        details=details,
        salt=salt,
        previous_hash=previous_hash,
        hash=b"",
    )
    return msgspec.structs.replace(unsealed, hash=unsealed.content_hash())
