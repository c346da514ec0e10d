"""`GET /health`: is the database there, is it migrated, can we serve?"""

import asyncio
from typing import Any

from orbit_contacts.core import migrations
from orbit_contacts.core.database import UNREACHABLE, Database


async def health(database: Database) -> tuple[bool, dict[str, Any]]:
    """Readiness and the state behind it; never takes more than two seconds."""
    try:
        async with asyncio.timeout(2), database.prepared.connection() as connection:
            version: str = await connection.fetchval("SHOW server_version")
            todo = await migrations.pending(connection)
    except (*UNREACHABLE, TimeoutError) as error:
        return False, {
            "status": "unavailable",
            "database": {"status": "unreachable", "error": type(error).__name__},
        }
    except migrations.DatabaseTooNew as error:
        return False, {
            "status": "unavailable",
            "database": {"status": "ok"},
            "migrations": {"status": str(error)},
        }
    ready = not todo
    return ready, {
        "status": "ok" if ready else "unavailable",
        "database": {"status": "ok", "version": version},
        "migrations": {
            "status": "ok" if ready else "pending",
            "pending": [migration.name for migration in todo],
        },
    }
