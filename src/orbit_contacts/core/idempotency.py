"""Idempotency-Key, inside the request's transaction: the result is stored if and only if the work commits.

A second request with the same key waits on the first one's uncommitted row, so it needs no polling:
the row's commit hands it the stored answer, a rollback lets it do the work itself.
"""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import asyncpg

from orbit_contacts.core.clock import DAY
from orbit_contacts.core.database import Transaction
from orbit_contacts.core.errors import IdempotencyInProgress, IdempotencyKeyReused, InvalidRequest

HEADER = "Idempotency-Key"


class StoredAnswer(NamedTuple):
    status: int
    headers: list[str]
    body: bytes


class Replayed(Exception):
    """Ends the work of a request whose answer is stored already; the binding sends that answer."""

    def __init__(self, answer: StoredAnswer) -> None:
        self.answer = answer


class Once:
    """Idempotency for operations that open their own transactions (`Unbound`): `claim` in the one that begins the
    work, `store` in the one that ends it or hands it to a job, both in the same one. Without a key both do nothing."""

    __slots__ = ("_fingerprint", "_key", "_render")

    def __init__(
        self, key: str | None = None, fingerprint: bytes = b"", render: Callable[[Any], StoredAnswer] | None = None
    ) -> None:
        self._key = key
        self._fingerprint = fingerprint
        self._render = render

    @property
    def has_key(self) -> bool:
        return self._key is not None

    async def claim(self, tx: Transaction) -> None:
        """Raises `Replayed` when the work was done before."""
        if self._key is not None and (stored := await claim(tx, self._key, self._fingerprint)) is not None:
            raise Replayed(stored)

    async def store(self, tx: Transaction, result: Any) -> None:
        """`result` is what the handler is about to return."""
        if self._key is not None and self._render is not None:
            await store(tx, self._key, self._render(result))


def check_key(key: str) -> str:
    if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise InvalidRequest(
            f"`{HEADER}` is not usable.",
            field=HEADER,
            value=key[:255],
            expected="1-255 printable ASCII characters",
        )
    return key


def fingerprint(method: str, path: str, query: bytes, body: bytes) -> bytes:
    return hashlib.blake2b(b"\0".join((method.encode(), path.encode(), query, body)), digest_size=16).digest()


async def claim(tx: Transaction, key: str, request: bytes) -> StoredAnswer | None:
    """None when the caller is the first within a day and must do the work; else the answer to replay."""
    try:
        mine = await tx.fetch_value(
            """
            INSERT INTO idempotency_keys AS known (workspace_id, key, fingerprint, created_at)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (workspace_id, key) DO UPDATE
            SET fingerprint = excluded.fingerprint, created_at = excluded.created_at, status = NULL, headers = NULL,
                body = NULL
            WHERE known.created_at < $5
            RETURNING true
            """,
            tx.caller.workspace_id,
            key,
            request,
            tx.now,
            tx.now - DAY,
        )
    except asyncpg.LockNotAvailableError:
        raise IdempotencyInProgress(field=HEADER, value=key, expected="a key whose request has ended") from None
    if mine:
        return None
    row = await tx.fetch_one(
        "SELECT fingerprint, status, headers, body FROM idempotency_keys WHERE workspace_id = $1 AND key = $2",
        tx.caller.workspace_id,
        key,
    )
    if row is None or row["status"] is None:
        raise IdempotencyInProgress(field=HEADER, value=key, expected="a key whose request has ended")
    if row["fingerprint"] != request:
        raise IdempotencyKeyReused(field=HEADER, value=key, expected="the same method, path and body as before")
    return StoredAnswer(row["status"], row["headers"], row["body"])


async def store(tx: Transaction, key: str, answer: StoredAnswer) -> None:
    await tx.execute(
        "UPDATE idempotency_keys SET status = $3, headers = $4, body = $5 WHERE workspace_id = $1 AND key = $2",
        tx.caller.workspace_id,
        key,
        answer.status,
        answer.headers,
        answer.body,
    )


async def release(tx: Transaction, key: str) -> None:
    """Give up a claim, in the transaction that made it."""
    await tx.execute("DELETE FROM idempotency_keys WHERE workspace_id = $1 AND key = $2", tx.caller.workspace_id, key)


async def forget_old(tx: Transaction) -> int:
    """Drop keys older than 24 hours."""
    return await tx.execute(
        "/* all workspaces: keys expire alike */ DELETE FROM idempotency_keys WHERE created_at < $1",
        tx.now - DAY,
    )
