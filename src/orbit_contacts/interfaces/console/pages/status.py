"""How the installation is: database, migrations, jobs."""

from starlette.responses import Response

from orbit_contacts import __version__
from orbit_contacts.interfaces.console.visit import Views, Visit
from orbit_contacts.interfaces.health import health

views = Views()


@views.get("/status", None)
async def show(visit: Visit) -> Response:
    ready, state = await health(visit.database)
    async with visit.database.prepared.connection() as connection:
        size = await connection.fetchval("SELECT pg_database_size(current_database())")
        jobs = await connection.fetch(
            "/* all workspaces: the state of the queue */ SELECT status::text, count(*) AS n FROM pgqueuer GROUP BY 1"
        )
    waiting = {row["status"]: row["n"] for row in jobs}
    return visit.page("status/page.html", ready=ready, state=state, size=size, jobs=waiting, version=__version__)
