"""What imports leave to the worker: the large ones, rollbacks of large ones, and what is thrown away in time."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from orbit_contacts.core.clock import DAY, SECOND
from orbit_contacts.core.database import Transaction, Unbound
from orbit_contacts.core.jobs import enqueue, job
from orbit_contacts.features.contacts import lifecycle
from orbit_contacts.features.imports import drafts, file_queries, queries, rolling_back, running, write_queries
from orbit_contacts.features.imports.limits import RECEIVED
from orbit_contacts.features.imports.models import RunImport

SKIPPED_DAYS = 30
SLACK = DAY // 24
STALLED = 300 * SECOND
_BATCH = 10_000


@job("imports.run")
async def run_import(work: Unbound, payload: RunImport) -> None:
    await running.run(work, payload.import_id, RECEIVED)


@job("imports.rollback")
async def roll_back(work: Unbound, payload: RunImport) -> None:
    await rolling_back.run(work, payload.import_id)


async def purge(tx: Transaction) -> None:
    """Manifests an hour after the rollback is over, skipped rows after 30 days, drafts after one."""
    for row in await queries.expired_manifests(tx, tx.now - SLACK, 20):
        owner = msgspec.structs.replace(tx.caller, workspace_id=row["workspace_id"], cell_count=row["cell_count"])
        await queries.drop_manifest(tx.as_caller(owner), row["id"], _BATCH)
    await file_queries.delete_old_skipped(tx, tx.now - SKIPPED_DAYS * DAY, _BATCH)
    await drafts.forget_old(tx)


async def queue_stalled(tx: Transaction) -> None:
    """Jobs that were lost with the queue's memory of them are queued once more; running twice does no harm."""
    for row in await queries.stalled(tx, tx.now - STALLED, 20):
        owner = msgspec.structs.replace(tx.caller, workspace_id=row["workspace_id"], cell_count=row["cell_count"])
        own = tx.as_caller(owner)
        await queries.touch(own, row["id"])
        name = "imports.rollback" if row["status"] == "rolling_back" else "imports.run"
        await enqueue(own, name, RunImport(import_id=row["id"]), delay=timedelta(0))


async def leave_manifests(tx: Transaction, survivor: UUID, sources: Sequence[UUID]) -> None:
    """A merge is an edit: the rollback of an earlier import sees it on the survivor, and finds no source."""


async def nothing_to_undo(
    tx: Transaction, survivor: UUID, sources: Sequence[UUID], manifest: Any
) -> list[lifecycle.Kept]:
    return []


lifecycle.participants.append(
    lifecycle.Participant("imports", frozenset({"import_changes"}), leave_manifests, nothing_to_undo)
)
lifecycle.erasing.append(write_queries.forget_contact)
