"""How the installation is: database, migrations, queue, disk."""

import shutil
from pathlib import Path
from typing import NamedTuple

from starlette.responses import Response

from orbit_contacts import __version__
from orbit_contacts.core import migrations
from orbit_contacts.core.database import Database
from orbit_contacts.core.errors import ServiceUnavailable
from orbit_contacts.interfaces.console.visit import Views, Visit
from orbit_contacts.interfaces.health import health

views = Views()

QUEUED = {"queued": "waiting", "picked": "running", "failed": "failed", "exception": "failed"}


class Stored(NamedTuple):
    """What the database holds: `size` in bytes, `jobs` by state, `waited` seconds of the oldest job that could run,
    `largest` tables with their bytes."""

    size: int
    jobs: dict[str, int]
    waited: float
    largest: list[tuple[str, int]]
    migrations: list[int]


@views.get("/status", None)
async def show(visit: Visit) -> Response:
    ready, state = await health(visit.database)
    if "version" not in state["database"]:
        raise ServiceUnavailable
    return visit.page(
        "status/page.html",
        ready=ready,
        state=state,
        stored=await _stored(visit.database),
        states=QUEUED,
        disk=_disk(visit.data_path),
        version=__version__,
    )


async def _stored(database: Database) -> Stored:
    async with database.prepared.connection() as connection:
        size = await connection.fetchval("SELECT pg_database_size(current_database())")
        jobs = await connection.fetch(
            "/* all workspaces: the state of the queue */ SELECT status::text, count(*) AS n FROM pgqueuer GROUP BY 1"
        )
        waited = await connection.fetchval(
            """
            /* all workspaces: the state of the queue */
            SELECT extract(epoch FROM now() - min(execute_after))::float8
            FROM pgqueuer WHERE status = 'queued' AND execute_after <= now()
            """
        )
        tables = await connection.fetch(
            """
            SELECT c.relname::text AS name, pg_total_relation_size(c.oid) AS size
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'r' AND n.nspname = 'public' ORDER BY 2 DESC, 1 LIMIT 6
            """
        )
        applied = await migrations.applied(connection)
    counts = {row["status"]: row["n"] for row in jobs}
    return Stored(size, counts, waited or 0.0, [(row["name"], row["size"]) for row in tables], applied)


def _disk(folder: Path) -> tuple[int, int] | None:
    """Free and total bytes where the data folder is; None where it is not on this machine."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.free, usage.total
