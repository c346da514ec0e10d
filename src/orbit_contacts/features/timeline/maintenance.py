"""What the worker does for events: partitions ahead of time, old events gone, the feed's order after a restore."""

from orbit_contacts.core.clock import DAY
from orbit_contacts.core.database import Database, Transaction
from orbit_contacts.core.jobs import enqueue
from orbit_contacts.features.timeline import partitions
from orbit_contacts.features.timeline.jobs import ForgetEvents
from orbit_contacts.features.workspaces import service as workspaces

QUARTERS_AHEAD = 2


async def make_partitions(tx: Transaction) -> int:
    """Make the partitions of this quarter and the next two; gives how many were missing."""
    return sum([await partitions.make(tx, number) for number in range(QUARTERS_AHEAD + 1)])


async def keep_positions_rising(tx: Transaction) -> bool:
    """Note how far the feed has come; or raise its positions, and give True, when the database was restored into a
    server that counts transactions from further below."""
    return await tx.fetch_value("SELECT keep_change_positions_rising()")


async def before_serving(database: Database) -> None:
    """The same, before the first change can be written after a restore."""
    async with database.prepared.connection() as connection:
        await connection.fetchval("SELECT keep_change_positions_rising()")


async def forget_old(tx: Transaction) -> int:
    """Let go of events older than `event_retention_days` of their workspace's settings.

    A quarter that no workspace keeps any more is dropped whole; what else is too old is deleted by a job for each
    workspace. Gives how many partitions were dropped.
    """
    kept = await partitions.retentions(tx)
    limited = {workspace_id: days for workspace_id, days in kept.items() if days is not None}
    dropped = 0
    if limited and len(limited) == len(kept):
        dropped = await partitions.drop_before(tx, tx.now - max(limited.values()) * DAY)
    for workspace_id, days in limited.items():
        owner = await workspaces.system_caller(tx.connection, workspace_id, "worker")
        await enqueue(tx.as_caller(owner), "timeline.forget_events", ForgetEvents(before=tx.now - days * DAY))
    return dropped
