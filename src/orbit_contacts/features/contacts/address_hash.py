"""Keyed hashes of identifiers: what is remembered of an address that may no longer be known itself.

An opt-out or a block outlives the contact, its phone and its e-mail do not. HMAC-SHA-256 under a key of the
installation and the workspace, cut to 16 bytes: it finds the address when it comes back, and cannot be read back
or compared with another workspace's.
"""

from functools import lru_cache
from hashlib import sha256
from typing import LiteralString, NamedTuple

from orbit_contacts.core.database import Reader

_BLOCK = 64  # bytes of a SHA-256 block, RFC 2104


def hash_of_identifier(inner: LiteralString, outer: LiteralString) -> LiteralString:
    """The hash of a row `i` of contact_identifiers, computed by PostgreSQL; the places of the two keys of `HashKey`."""
    return (
        "substring(sha256(" + outer + " || sha256(" + inner + " || convert_to(i.kind || ':' || i.value, 'UTF8')))"
        " FROM 1 FOR 16)"
    )


HASH_OF_IDENTIFIER = hash_of_identifier("$4", "$5")


class HashKey(NamedTuple):
    """HMAC's two padded keys, in the form in which PostgreSQL's own sha256() can use them too."""

    inner: bytes
    outer: bytes

    def hash(self, kind: str, key: str) -> bytes:
        """16 bytes for an identifier, given as in `contact_identifiers` (its match key)."""
        inner = sha256(self.inner + f"{kind}:{key}".encode()).digest()
        return sha256(self.outer + inner).digest()[:16]


def hash_key(reader: Reader) -> HashKey:
    """The key of the caller's workspace."""
    return _padded(reader.secret(f"address {reader.caller.workspace_id}"))


@lru_cache(1024)
def _padded(secret: bytes) -> HashKey:
    key = secret.ljust(_BLOCK, b"\0")
    return HashKey(bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key))
