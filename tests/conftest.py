"""Real PostgreSQL, the real server over real HTTP, and a fresh workspace for each test.

`ORBIT_TEST_DATABASE_URL` names a server to use; without it the embedded one runs in a temporary folder.
Either way each run gets a database of its own.
"""

import asyncio
import os
import secrets
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import uvicorn

from orbit_contacts.core import database as core_database
from orbit_contacts.core import migrations
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, connect
from orbit_contacts.core.settings import load
from orbit_contacts.features.workspaces import queries as workspace_queries
from orbit_contacts.features.workspaces import service as workspaces
from orbit_contacts.features.workspaces.models import NewApiKey
from orbit_contacts.interfaces.api import Application
from orbit_contacts.interfaces.http_protocol import LeanProtocol
from tests.sql_rules.catalogue import load_schema
from tests.sql_rules.lint import check_executed
from tests.sql_rules.product import LAYOUT

core_database.executed = set()


async def drop_database(server: str, name: str) -> None:
    connection = await connect(server)
    try:
        for attempt in range(30):
            try:
                await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
                return
            except asyncpg.InsufficientPrivilegeError:
                # A vacuum of the server's own is at work there, which only the server may end.
                if attempt == 29:
                    raise
                await asyncio.sleep(0.5)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The DSN of a server on which databases can be made."""
    if given := os.environ.get("ORBIT_TEST_DATABASE_URL"):
        yield given
        return
    from orbit_contacts.core.embedded import EmbeddedPostgres

    with tempfile.TemporaryDirectory(prefix="orbit-tests-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        embedded = EmbeddedPostgres(Path(folder) / "data")
        try:
            yield embedded.start()
        finally:
            embedded.stop()


@pytest.fixture(scope="session")
def dsn(postgres: str) -> Iterator[str]:
    """A migrated database of this run."""
    name = f"test_{secrets.token_hex(6)}"

    async def prepare() -> str:
        connection = await connect(postgres)
        await connection.execute(f'CREATE DATABASE "{name}"')
        await connection.close()
        dsn = with_database(postgres, name)
        connection = await connect(dsn)
        await migrations.migrate(connection)
        await connection.close()
        return dsn

    async def lint() -> None:
        """Every statement the run executed keeps the rules of tenants and cells (design, section 5)."""
        connection = await connect(with_database(postgres, name))
        report = check_executed(core_database.executed or set(), await load_schema(connection, LAYOUT))
        await connection.close()
        assert not report.violations, f"statements that break the rules for SQL:\n\n{report}"

    yield asyncio.run(prepare())
    try:
        asyncio.run(lint())
    finally:
        asyncio.run(drop_database(postgres, name))


def with_database(dsn: str, name: str) -> str:
    """The same server, another database."""
    from urllib.parse import urlsplit, urlunsplit

    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


class Server:
    """The application on a loopback port, in a thread of its own."""

    def __init__(self, dsn: str, **settings: Any) -> None:
        self.application = Application(load({}, log_requests=False, **settings), dsn)
        config = uvicorn.Config(
            self.application,
            host="127.0.0.1",
            port=0,
            log_level="warning",
            access_log=False,
            loop="uvloop",
            http=LeanProtocol,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> "Server":
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the server did not start")
            self._thread.join(0.01)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


@pytest.fixture(scope="session")
def server(dsn: str) -> Iterator[Server]:
    server = Server(dsn).start()
    yield server
    server.stop()


class Client:
    """HTTP with a key: `api.post("/contacts", {...})` gives the response, `api.data(...)` the data of a success."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key
        self.http = httpx.Client(base_url=f"{url}/api/v1", headers={"X-API-Key": key}, timeout=30)

    def request(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        if body is not None:
            options["json"] = body
        return self.http.request(method, path, **options)

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(path, params=params)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.request("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.request("PUT", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.request("PATCH", path, body, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)

    def data(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        response = self.request(method, path, body, **options)
        assert response.is_success, response.text
        return response.json()["data"] if response.content else None

    def contact(self, **fields: Any) -> dict[str, Any]:
        """A new contact; with no identifier given it gets an external id."""
        if not fields.keys() & {"phone", "email", "external_id"}:
            fields["external_id"] = secrets.token_hex(8)
        return self.data("POST", "/contacts", fields)


class Workspace:
    """A fresh organization with its live and test workspaces and a full key for each."""

    def __init__(self, url: str, live: int, test: int, key: str, test_key: str, caller: Caller) -> None:
        self.id = live
        self.test_id = test
        self.key = key
        self.caller = caller
        self.api = Client(url, key)
        self.test_api = Client(url, test_key)


async def make_workspace(dsn: str, url: str) -> Workspace:
    connection = await connect(dsn)
    try:
        ids = await workspaces.create_organization(connection, "Test")
        keys: dict[str, str] = {}
        for mode, id in ids.items():
            keys[mode] = workspaces.generate_key(mode, "secret")
            await workspaces.insert_key(
                connection, id, keys[mode], NewApiKey(name="all", scopes=["*"]), by="system:test"
            )
        row = await workspace_queries.key_by_hash(connection, workspaces.hash_key(keys["live"]))
        assert row is not None
        caller = workspaces.caller_of_key(row)
    finally:
        await connection.close()
    return Workspace(url, ids["live"], ids["test"], keys["live"], keys["test"], caller)


@pytest.fixture
async def workspace(dsn: str, server: Server) -> Workspace:
    return await make_workspace(dsn, server.url)


@pytest.fixture
def api(workspace: Workspace) -> Client:
    return workspace.api


@pytest.fixture
def caller(workspace: Workspace) -> Caller:
    return workspace.caller


@pytest.fixture(scope="session")
async def database(dsn: str, server: Server) -> AsyncIterator[Database]:
    """Sessions without HTTP, for services and jobs."""
    database = Database(dsn, size=8, ad_hoc_size=2)
    await workspaces.prepare_installation(database)
    yield database
    await database.close()
