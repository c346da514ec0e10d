"""A worker at one import, in small chunks, to be killed: `python -m tests.features.imports.victim DSN WORKSPACE ID`."""

import asyncio
import sys
from uuid import UUID

from orbit_contacts.core.database import Database, Unbound
from orbit_contacts.features.imports import running
from orbit_contacts.features.imports.limits import RECEIVED
from orbit_contacts.features.workspaces import service as workspaces
from orbit_contacts.interfaces import api as every_feature

__all__ = ["every_feature"]

CHUNK = 50


async def main(dsn: str, workspace_id: int, import_id: UUID) -> None:
    database = Database(dsn, size=2, ad_hoc_size=1)
    await workspaces.prepare_installation(database)
    async with database.prepared.connection() as connection:
        caller = await workspaces.system_caller(connection, workspace_id, "worker")
    running.CHUNK_ROWS = CHUNK
    print("ready", flush=True)
    await running.run(Unbound(database, caller, 0), import_id, RECEIVED)
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), UUID(sys.argv[3])))
