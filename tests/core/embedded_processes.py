"""Processes that use an embedded PostgreSQL, for the tests that kill them."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg

from orbit_contacts.core import embedded
from orbit_contacts.core.embedded_guard import announced

SOURCES = str(Path(embedded.__file__).parents[2])

USER_PROCESS = """
import sys
from pathlib import Path
from orbit_contacts.core.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.start(timeout=30), flush=True)
if sys.stdin.readline():
    server.stop()
"""


def folder_of(data_dir: Path) -> str:
    return str(data_dir / "postgres")


def postmaster_of(data_dir: Path) -> int:
    return announced(folder_of(data_dir))[1]


def server_processes(data_dir: Path) -> list[int]:
    """Every process that works in the cluster, be it deleted: postmaster and backends."""
    found: list[int] = []
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if entry.isdigit() and os.readlink(f"/proc/{entry}/cwd").startswith(f"{data_dir}/postgres/cluster"):
                found.append(int(entry))
    return found


def wait_until(condition: Callable[[], object], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def python(code: str, data_dir: Path, program: str = sys.executable, **options: Any) -> subprocess.Popen[str]:
    options.setdefault("env", {**os.environ, "PYTHONPATH": SOURCES})
    pipe = subprocess.PIPE
    return subprocess.Popen([program, "-c", code, str(data_dir)], stdin=pipe, stdout=pipe, text=True, **options)


@contextlib.contextmanager
def user_of(data_dir: Path, *command: str, **options: Any) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that uses the server, and its DSN. It stops when its input is written to."""
    with python(USER_PROCESS, data_dir, *command, **options) as user:
        try:
            assert user.stdout
            yield user, user.stdout.readline().strip()
        finally:
            user.kill()


def ask(dsn: str, query: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(run())


def answers(dsn: str) -> bool:
    try:
        return ask(dsn, "select 1") == 1
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
