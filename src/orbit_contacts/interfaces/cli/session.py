"""A database session for commands that act without HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database
from orbit_contacts.core.errors import NotFound
from orbit_contacts.features.workspaces import queries, service
from orbit_contacts.interfaces.cli.postgres import postgres, require_migrated, settings_with

T = TypeVar("T")


def with_caller(
    work: Callable[[Database, Caller], Awaitable[T]],
    workspace: int | None,
    data_dir: Path | None,
    *,
    make_first: bool = False,
) -> T:
    """Run `work` as the command line's own caller in a workspace (the first one when None, made if there is none
    and `make_first`)."""

    async def run(dsn: str) -> T:
        await require_migrated(dsn)
        # As long as the worker may take: what is asked for here by hand goes through whole workspaces.
        database = Database(dsn, size=2, ad_hoc_size=1, statement_timeout=600)
        try:
            await service.prepare_installation(database)
            async with database.prepared.connection() as connection:
                if workspace is None:
                    first = await queries.first_workspace(connection)
                    if first is None and make_first:
                        async with connection.transaction():
                            first, _ = await service.first_workspace(connection)
                    if first is None:
                        raise NotFound("There is no workspace yet; `orbit keys create NAME` makes the first one.")
                    caller = service.caller_of_workspace(first, actor="cli", name="command line")
                else:
                    caller = await service.system_caller(connection, workspace, "cli")
            return await work(database, caller)
        finally:
            await database.close()

    with postgres(settings_with(data_dir)) as dsn:
        return asyncio.run(run(dsn))
