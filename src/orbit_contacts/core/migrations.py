"""Applies `migrations/NNNN_name.sql` in order, each in its own transaction, under one lock.

Forward only. A database that knows a migration this program does not is refused: an older program must
not write to a newer schema.
"""

import re
from importlib.resources import files
from typing import NamedTuple

from orbit_contacts.core.database import Connection
from orbit_contacts.core.jobs import install_queue

_NAME = re.compile(r"(\d{4})_\w+\.sql")
_LOCK = 0x6F72_6269  # "orbi": one migrating process at a time


class Migration(NamedTuple):
    number: int
    name: str
    sql: str


class DatabaseTooNew(Exception):
    """The database was migrated by a newer version of this program."""


def shipped() -> list[Migration]:
    """The migrations of this program, in order."""
    found = [
        Migration(int(match[1]), entry.name.removesuffix(".sql"), entry.read_text())
        for entry in files("orbit_contacts.migrations").iterdir()
        if (match := _NAME.fullmatch(entry.name))
    ]
    return sorted(found)


async def applied(connection: Connection) -> list[int]:
    """Numbers of the migrations the database has."""
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return []
    return [row["number"] for row in await connection.fetch("SELECT number FROM schema_migrations ORDER BY number")]


async def pending(connection: Connection) -> list[Migration]:
    done = set(await applied(connection))
    ours = shipped()
    if unknown := done - {migration.number for migration in ours}:
        raise DatabaseTooNew(
            f"The database has migration {max(unknown)}, this program knows up to {ours[-1].number}: "
            "start the newer version."
        )
    return [migration for migration in ours if migration.number not in done]


async def migrate(connection: Connection) -> list[Migration]:
    """Apply what is pending; gives what was applied. Safe to call from several processes at once."""
    await connection.execute("SET statement_timeout = 0; SET lock_timeout = '60s'")
    await connection.execute(f"SELECT pg_advisory_lock({_LOCK})")
    try:
        todo = await pending(connection)
        for migration in todo:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO schema_migrations (number, name, applied_at) VALUES ($1, $2, clock_timestamp())",
                    migration.number,
                    migration.name,
                )
        await install_queue(connection)
        return todo
    finally:
        await connection.execute(f"SELECT pg_advisory_unlock({_LOCK})")
