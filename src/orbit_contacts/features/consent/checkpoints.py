"""Checkpoints: a second chain over the heads of the first ones, so that dropping a whole contact is noticed too."""

from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import msgspec
import structlog
from asyncpg.protocol import Record as Row

from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.consent import ledger_queries
from orbit_contacts.features.consent.records import GENESIS

_HEADS = 5000  # of one checkpoint: what one transaction moves
_WORKSPACES = 1000

log = structlog.get_logger()


class Head(NamedTuple):
    """The last record of a chain at the time of a checkpoint."""

    cell_id: int
    subject_id: UUID
    sequence: int
    hash: bytes


def checkpoint_hash(workspace_id: int, number: int, previous_hash: bytes, heads: Iterable[Head]) -> bytes:
    """The hash of a checkpoint over the one before and the heads it names, in their order."""
    named = sorted(heads)
    return sha256(msgspec.json.encode((workspace_id, number, previous_hash, named))).digest()


async def anchor(tx: Transaction) -> int:
    """Name the heads that moved since the last checkpoint in a new one; gives how many there were."""
    moved = await ledger_queries.anchor_heads(tx, _HEADS)
    if not moved:
        return 0
    last = await ledger_queries.last_checkpoint(tx)
    number, previous = (last["number"] + 1, last["hash"]) if last else (1, GENESIS)
    hash = checkpoint_hash(tx.caller.workspace_id, number, previous, map(head_of, moved))
    await ledger_queries.insert_checkpoint(tx, number, previous, hash, moved)
    # A witness outside the database: whoever keeps the log can tell that later checkpoints continue this one.
    log.info(
        "consent checkpoint", workspace=tx.caller.workspace_id, number=number, hash=hash.hex(), subjects=len(moved)
    )
    return len(moved)


def head_of(row: Row) -> Head:
    return Head(row["cell_id"], row["subject_id"], row["sequence"], row["hash"])


async def anchor_all(tx: Transaction) -> int:
    """A checkpoint for every workspace whose ledger grew; one at a time, by whoever holds the worker's lock."""
    rows = await ledger_queries.workspaces_to_anchor(tx, _WORKSPACES)
    total = 0
    for row in sorted(rows, key=lambda row: row["workspace_id"]):
        owner = tx.as_caller(_owner(tx.caller, row))
        while moved := await anchor(owner):
            total += moved
    return total


def _owner(caller: Caller, row: Row) -> Caller:
    return msgspec.structs.replace(caller, workspace_id=row["workspace_id"], cell_count=row["cell_count"])
