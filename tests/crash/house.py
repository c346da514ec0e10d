"""A whole installation in processes of its own, any of which can be killed: database, servers, worker."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import httpx

from orbit_contacts.core import embedded, migrations
from orbit_contacts.core.database import connect
from orbit_contacts.core.embedded import EmbeddedPostgres
from orbit_contacts.core.embedded_guard import announced
from orbit_contacts.features.workspaces import service as workspaces

SOURCES = str(Path(embedded.__file__).parents[2])
SERVERS = 2
PATIENCE = 90.0

# How often each kind of process is killed.
WEIGHTS = {"server": 6, "worker": 1, "postgres": 1, "session": 2, "guardian": 1}


class House:
    """Embedded PostgreSQL, two servers and a worker over it, and one workspace with a key."""

    def __init__(self, folder: Path) -> None:
        self._postgres = EmbeddedPostgres(folder / "data")
        self._announced = str(folder / "data" / "postgres")
        self._log = (folder / "log").open("wb")
        self.ports = [_free_port() for _ in range(SERVERS)]
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.kills: list[str] = []

    def open(self) -> None:
        self.dsn = self._postgres.start()
        self.key = asyncio.run(self._prepare())
        for name in (*self._servers(), "worker"):
            self._start(name)
        wait_for(self.is_ready, PATIENCE)

    async def _prepare(self) -> str:
        connection = await connect(self.dsn)
        await migrations.migrate(connection)
        key = await workspaces.bootstrap(connection, "")
        await connection.close()
        assert key
        return key

    def _servers(self) -> dict[str, int]:
        return {f"server {port}": port for port in self.ports}

    def _start(self, name: str) -> None:
        port = self._servers().get(name)
        command = [
            sys.executable,
            "-m",
            "orbit_contacts",
            *(["worker"] if port is None else ["serve", "--port", str(port)]),
        ]
        environment = os.environ | {
            "PYTHONPATH": SOURCES,
            "ORBIT_DATABASE_URL": self.dsn,
            "ORBIT_LOG_REQUESTS": "false",
        }
        self._processes[name] = subprocess.Popen(command, env=environment, stdout=self._log, stderr=self._log)

    def is_ready(self) -> bool:
        """Every server answers with a database that is migrated; dead ones are started again first."""
        for name, process in list(self._processes.items()):
            if process.poll() is not None:
                self._start(name)
        with contextlib.suppress(httpx.TransportError):
            return all(httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).is_success for port in self.ports)
        return False

    def kill(self, chance: random.Random) -> None:
        """`kill -9` of one process of all: a server, the worker, PostgreSQL, one of its sessions, or its guardian."""
        guardian, postmaster = announced(self._announced)
        sessions = [pid for pid in _children(postmaster) if b": orbit " in _command(pid)]
        targets: dict[str, list[int]] = {
            "server": [self._processes[name].pid for name, port in self._servers().items() if _listens(port)],
            "worker": [self._processes["worker"].pid],
            "postgres": [postmaster] * bool(postmaster),
            "session": sessions,
            "guardian": [guardian] * bool(guardian),
        }
        name = chance.choices(list(WEIGHTS), [WEIGHTS[name] * bool(targets[name]) for name in WEIGHTS])[0]
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(targets[name]), signal.SIGKILL)
            self.kills.append(name)

    def revive(self) -> None:
        """Start what was killed again; PostgreSQL is started by its guardian."""
        for name, process in list(self._processes.items()):
            if process.poll() is not None:
                self._start(name)

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._postgres.stop()
        self._log.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
        return True
    return False


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1] == str(pid):
                found.append(int(entry))
    return found


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{condition} did not come true in {seconds} s"
        time.sleep(0.05)


def rows(dsn: str, query: str) -> list[asyncpg.Record]:
    async def run() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    return asyncio.run(run())
