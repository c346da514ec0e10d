"""The worker: queued jobs, and the table of what happens periodically."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import asyncpg
import structlog
from pgqueuer import AsyncpgDriver, Job, PgQueuer

from orbit_contacts.core import idempotency, jobs
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import UNREACHABLE, Connection, Database, Transaction, Unbound
from orbit_contacts.core.settings import Settings
from orbit_contacts.features.bulk_actions import service as bulk_actions
from orbit_contacts.features.consent import checkpoints
from orbit_contacts.features.contacts import maintenance as contacts
from orbit_contacts.features.exports import service as exports
from orbit_contacts.features.imports import jobs as imports
from orbit_contacts.features.lists import jobs as lists
from orbit_contacts.features.merging import jobs as merging
from orbit_contacts.features.next_best_action import jobs as next_best_action_jobs
from orbit_contacts.features.next_best_action import service as next_best_action
from orbit_contacts.features.segments import maintenance as segments
from orbit_contacts.features.send_gate import service as send_gate
from orbit_contacts.features.timeline import maintenance as timeline
from orbit_contacts.features.workspaces import service as workspaces
from orbit_contacts.interfaces import api as every_feature

# Features join a contact's life and register their jobs when they are imported.
__all__ = ["PERIODIC", "Worker", "every_feature"]

log = structlog.get_logger()

# Maintenance belongs to no workspace; its statements say so and bind none.
EVERYONE = Caller(
    workspace_id=0,
    cell_count=1,
    mode="live",
    scopes=frozenset(),
    actor_type="system",
    actor_id="worker",
    actor_name="worker",
)


class Periodic(NamedTuple):
    """Work done every `seconds` by one worker of all, in a transaction of its own."""

    name: str
    seconds: float
    run: Callable[[Transaction], Awaitable[object]]


PERIODIC: list[Periodic] = [
    Periodic("clean search index", 3, contacts.clean_search_index),
    Periodic("clean attribute index", 3, segments.clean_attribute_index),
    Periodic("fold totals", 10, contacts.fold_totals),
    Periodic("fold list counts", 10, lists.fold_counts),
    Periodic("refresh segment counts", 15, segments.refresh_counts),
    Periodic("purge deleted contacts", 3600, contacts.purge_deleted),
    Periodic("anchor the consent ledger", 300, checkpoints.anchor_all),
    Periodic("forget bulk actions", 3600, bulk_actions.forget_old),
    Periodic("forget what cannot be unmerged", 3600, merging.forget_manifests),
    Periodic("forget expired exports", 600, exports.forget_expired),
    Periodic("forget what imports left", 600, imports.purge),
    Periodic("queue stalled imports again", 60, imports.queue_stalled),
    Periodic("forget old sends", 3600, send_gate.forget_old_sends),
    Periodic("fit next best action", 6 * 3600, next_best_action_jobs.queue_fits),
    Periodic("fit next best action of growing workspaces", 600, next_best_action_jobs.queue_fits_of_growth),
    Periodic("forget decisions", 3600, next_best_action.forget_old),
    Periodic("make partitions of events", 3600, timeline.make_partitions),
    Periodic("forget old events", 21_600, timeline.forget_old),
    Periodic("keep positions of changes rising", 60, timeline.keep_positions_rising),
    Periodic("forget idempotency keys", 600, idempotency.forget_old),
]


async def _run_while_connected(queue: PgQueuer, connection: Connection) -> None:
    """The queue's library, left alone with a lost connection, tries for ever to tell it of finished jobs; so it is
    ended, and jobs under way with it: their heartbeats stop, and whoever works next takes them up."""
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    working = asyncio.create_task(queue.run())
    losing = asyncio.create_task(lost.wait())
    try:
        await asyncio.wait({working, losing}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        working.cancel()
        raise
    losing.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait({working}, timeout=5)
        raise ConnectionResetError("the queue's connection was lost")
    await working


class Worker:
    def __init__(self, settings: Settings, dsn: str) -> None:
        self._settings = settings
        self._database = Database(dsn, size=6, ad_hoc_size=2, statement_timeout=600)
        self._stopping = asyncio.Event()
        self._queue: PgQueuer | None = None

    async def run(self) -> None:
        """Work until `stop` is called; a lost database is waited for, not an end."""
        await workspaces.prepare_installation(self._database)
        periodic = [asyncio.create_task(self._repeat(entry)) for entry in PERIODIC]
        try:
            while not self._stopping.is_set():
                try:
                    await self._work_off()
                except (*UNREACHABLE, asyncpg.PostgresError) as error:
                    log.warning("queue interrupted", error=repr(error))
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._stopping.wait(), 2)
        finally:
            for task in periodic:
                task.cancel()
            await asyncio.gather(*periodic, return_exceptions=True)
            await self._database.close()

    def stop(self) -> None:
        self._stopping.set()
        if self._queue is not None:
            self._queue.shutdown.set()

    async def _work_off(self) -> None:
        # The queue's library reads timestamps itself, so its connection has none of our codecs.
        connection: Connection = await asyncpg.connect(self._database.dsn, timeout=30)
        try:
            self._queue = PgQueuer(AsyncpgDriver(connection))
            for name in jobs.registry:
                self._serve(self._queue, name, connection)
            if not self._stopping.is_set():
                await _run_while_connected(self._queue, connection)
        finally:
            self._queue = None
            connection.terminate()

    def _serve(self, queue: PgQueuer, name: str, connection: Connection) -> None:
        async def run(job: Job) -> None:
            await jobs.run(self._work_for, name, job.payload or b"{}", connection)

        queue.entrypoint(name)(run)

    async def _work_for(self, workspace_id: int) -> Unbound:
        async with self._database.prepared.connection() as connection:
            caller = await workspaces.system_caller(connection, workspace_id, "worker")
        return Unbound(self._database, caller, 0)

    async def _repeat(self, entry: Periodic) -> None:
        while True:
            await asyncio.sleep(entry.seconds)
            try:
                await self._once(entry)
            except (*UNREACHABLE, asyncpg.PostgresError) as error:
                log.warning("periodic work failed", work=entry.name, error=repr(error))

    async def _once(self, entry: Periodic) -> None:
        """Of several workers, the one that gets the lock does it."""
        async with self._database.transaction(EVERYONE) as tx:
            if await tx.fetch_value("SELECT pg_try_advisory_xact_lock(hashtext($1))", entry.name):
                await entry.run(tx)
