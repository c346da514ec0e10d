"""What a PostgreSQL server must offer the product, asked through the driver that the product uses."""

import asyncio
import contextlib
import hashlib
import os
import stat
import sys
import threading
import urllib.parse
from pathlib import Path
from typing import Any, Protocol, cast

import asyncpg

from orbit_contacts.core.embedded_cluster import SUPERUSER
from orbit_contacts.core.embedded_guard import PORT
from orbit_contacts.core.embedded_programs import PostgresUnavailable

ROLE = "orbit"
DATABASE = "orbit_contacts"
LINKS = Path("/tmp")  # noqa: S108 - the shortest folder there is; whose link it is, is checked
SOCKET_PATH_LIMIT = 107 if sys.platform == "linux" else 103
"""Bytes that `sockaddr_un.sun_path` holds, without its closing zero."""

PREPARATION_LOCK = 0x6F72626974
"""Key of the advisory lock under which role and database are made."""


class Connection(Protocol):
    """What is used here of an asyncpg connection."""

    async def execute(self, query: str, *args: object) -> object: ...
    async def fetchval(self, query: str, *args: object) -> object: ...
    async def close(self) -> None: ...


async def connect(dsn: str) -> Connection:
    return await cast("Any", asyncpg).connect(dsn, timeout=10)


def reachable_folder(cluster: Path) -> Path:
    """The cluster's folder under a name that fits a socket address: its own, or a link in /tmp.

    A comma separates hosts in a DSN, and a name that is not UTF-8 has no place in one.
    """
    name = os.fsencode(cluster / f".s.PGSQL.{PORT}")
    with contextlib.suppress(UnicodeEncodeError):
        str(cluster).encode()
        if len(name) <= SOCKET_PATH_LIMIT and b"," not in name:
            return cluster
    for link in links(cluster):
        with contextlib.suppress(FileExistsError):
            link.symlink_to(cluster)
        if is_our_link(link, cluster):
            return link
    raise PostgresUnavailable(f"No link to {cluster} could be made in {LINKS}; use a shorter data folder.")


def links(cluster: Path) -> list[Path]:
    digest = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]
    return [LINKS / f"orbit-contacts-{digest}-{number}" for number in range(8)]


def is_our_link(link: Path, cluster: Path) -> bool:
    """Somebody else may have made a file of that name; in /tmp nobody else can exchange ours."""
    try:
        state = link.lstat()
        return stat.S_ISLNK(state.st_mode) and state.st_uid == os.geteuid() and link.readlink() == cluster
    except FileNotFoundError:
        return False


def remove_link(cluster: Path) -> None:
    for link in links(cluster):
        if is_our_link(link, cluster):
            link.unlink(missing_ok=True)


def data_source_name(folder: Path, role: str, database: str) -> str:
    return f"postgresql://{role}@/{database}?host={urllib.parse.quote(str(folder))}&port={PORT}"


def prepare_database(folder: Path) -> str | None:
    """Role, database and trigrams, made where missing, on the server behind the socket in `folder`.

    The DSN for the product; None when the server takes no connection yet.
    """
    result: list[str | BaseException | None] = []

    def run() -> None:
        try:
            result.append(asyncio.run(prepare(folder)))
        except BaseException as error:
            result.append(error)

    thread = threading.Thread(target=run)  # the caller's own thread may have a running event loop
    thread.start()
    thread.join()
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]


async def prepare(folder: Path) -> str | None:
    dsn = data_source_name(folder, ROLE, DATABASE)
    try:
        try:
            connection = await connect(dsn)
        except (asyncpg.InvalidCatalogNameError, asyncpg.InvalidAuthorizationSpecificationError):
            await make_database(data_source_name(folder, SUPERUSER, "postgres"))
            connection = await connect(dsn)
        try:
            await check_unicode(connection)
        finally:
            await connection.close()
    except asyncpg.TooManyConnectionsError:
        return dsn  # others fill it, who have prepared it
    except PermissionError:
        raise
    except (
        asyncpg.CannotConnectNowError,
        asyncpg.AdminShutdownError,
        asyncpg.CrashShutdownError,
        asyncpg.PostgresConnectionError,
        asyncpg.InterfaceError,
        OSError,  # TimeoutError is one
    ):
        return None
    except asyncpg.PostgresError as error:
        raise PostgresUnavailable(f"PostgreSQL in {folder} refused its own program: {error}") from error
    return dsn


async def make_database(superuser_dsn: str) -> None:
    connection = await connect(superuser_dsn)
    try:
        await connection.execute("select pg_advisory_lock($1)", PREPARATION_LOCK)
        if not await connection.fetchval("select exists (select from pg_roles where rolname = $1)", ROLE):
            await connection.execute("create role orbit login createdb")
        if not await connection.fetchval("select exists (select from pg_database where datname = $1)", DATABASE):
            await connection.execute("create database orbit_contacts owner orbit")
    finally:
        await connection.close()


async def check_unicode(connection: Connection) -> None:
    """Make sure that trigram search sees letters outside ASCII; on servers that are not ours, too.

    With a `C` character type PostgreSQL takes them for punctuation, and finds nothing, without an error.
    """
    try:
        with contextlib.suppress(asyncpg.UniqueViolationError, asyncpg.DuplicateObjectError):  # made just now
            await connection.execute("create extension if not exists pg_trgm")
        trigrams = await connection.fetchval("select show_trgm('ж')")
    except asyncpg.UndefinedFunctionError as error:
        raise PostgresUnavailable("The extension pg_trgm lies in a schema that is not in search_path.") from error
    except (
        asyncpg.UndefinedFileError,
        asyncpg.FeatureNotSupportedError,
        asyncpg.InsufficientPrivilegeError,
    ) as error:
        raise PostgresUnavailable(
            f"The extension pg_trgm cannot be made ({error}). Install PostgreSQL's contrib modules, or let "
            "an administrator run: create extension pg_trgm"
        ) from error
    if not trigrams:
        raise PostgresUnavailable(
            "This database's LC_CTYPE hides letters such as ж from trigram search. Make the database anew "
            "with a UTF-8 locale, for example: create database … template template0 encoding 'UTF8' "
            "locale 'C.UTF-8'"
        )
