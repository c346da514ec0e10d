"""The official client's retries end well: what failed is done once, and only what may be tried again is."""

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from orbit_sdk import OrbitClient, OrbitClientError, OrbitRateLimitError, OrbitServerError

from orbit_contacts.core import rate_limit
from tests.clients.conftest import client_of, sleeping
from tests.clients.recording import RecordingServer
from tests.conftest import Server, Workspace, make_workspace


@pytest.fixture
def limited(dsn: str) -> Iterator[Server]:
    server = Server(dsn, rate_limits=True, rate_limit_reads=2, rate_limit_writes=2).start()
    yield server
    server.stop()


class Clock:
    """The rate limiter's time, which the client's sleep moves on."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0  # the first second of a minute
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rate_limit, "time", clock)
    sleeping(monkeypatch, clock.sleep)
    return clock


def test_a_client_over_the_limit_waits_as_told_and_goes_on(limited: Server, workspace: Workspace, clock: Clock) -> None:
    orbit = client_of(workspace, limited.url)
    clock.now += 20
    for number in range(5):
        orbit.request("POST", "/contacts", json_body={"external_id": str(number)})
    assert clock.slept == [40, 60]
    assert workspace.api.get("/contacts").json()["meta"]["pagination"]["total"] == 5


def test_a_limit_that_never_ends_is_told(
    limited: Server, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the clock standing still the client gives up after three waits, and tells how long to wait."""
    clock = Clock()
    monkeypatch.setattr(rate_limit, "time", clock)
    waits: list[float] = []
    sleeping(monkeypatch, waits.append)
    orbit = client_of(workspace, limited.url)
    for _ in range(2):
        orbit.request("GET", "/contacts")
    with pytest.raises(OrbitRateLimitError) as refused:
        orbit.request("GET", "/contacts")
    assert waits == [60, 60, 60]
    assert (refused.value.status, refused.value.code, refused.value.retry_after) == (429, "RATE_LIMITED", 60)


class Trouble:
    """Commits of one workspace's contacts fail, until it is over."""

    def __init__(self, dsn: str, workspace: int) -> None:
        self._dsn = dsn
        self._workspace = workspace

    def begin(self) -> None:
        self._run(
            f"""
            CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trouble'; END $$;
            CREATE CONSTRAINT TRIGGER trouble AFTER INSERT ON contacts DEFERRABLE INITIALLY DEFERRED
              FOR EACH ROW WHEN (NEW.workspace_id = {self._workspace}) EXECUTE FUNCTION trouble();
            """
        )

    def end(self) -> None:
        self._run("DROP TRIGGER IF EXISTS trouble ON contacts; DROP FUNCTION IF EXISTS trouble()")

    def _run(self, statement: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self._dsn)
            await connection.execute(statement)
            await connection.close()

        asyncio.run(run())


@pytest.fixture
def recorded(dsn: str) -> Iterator[RecordingServer]:
    server = RecordingServer(dsn)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def trouble(dsn: str, workspace: Workspace) -> Iterator[Trouble]:
    trouble = Trouble(dsn, workspace.id)
    trouble.begin()
    yield trouble
    trouble.end()


def test_a_failure_of_ours_is_tried_again_and_done_once(
    recorded: RecordingServer, workspace: Workspace, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            trouble.end()

    sleeping(monkeypatch, sleep)
    made = client_of(workspace, recorded.url).request("POST", "/contacts", json_body={"email": "jane@example.com"})
    assert waits == [1, 2]
    assert [exchange.status for exchange in recorded.exchanges] == [500, 500, 201]
    assert len({exchange.headers["idempotency-key"] for exchange in recorded.exchanges}) == 1
    assert [contact["id"] for contact in workspace.api.get("/contacts").json()["data"]] == [made["data"]["id"]]


def test_a_failure_that_stays_is_told(
    workspace: Workspace, orbit: OrbitClient, trouble: Trouble, slept: list[float]
) -> None:
    with pytest.raises(OrbitServerError) as failed:
        orbit.request("POST", "/contacts", json_body={"email": "jane@example.com"})
    assert slept == [1, 2, 4]
    assert (failed.value.status, failed.value.code) == (500, "INTERNAL_ERROR")
    assert failed.value.request_id.startswith("req_")
    assert workspace.api.get("/contacts").json()["data"] == []


def test_an_answer_that_was_lost_is_given_again(
    workspace: Workspace, orbit: OrbitClient, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work was done, the answer never came: the client's next try gets it, and nothing is done twice."""
    through = orbit._raw_request
    lost: list[Any] = []

    def lose_the_first(*arguments: Any) -> Any:
        answer = through(*arguments)
        if not lost:
            lost.append(answer)
            return b"", 502, {}
        return answer

    monkeypatch.setattr(orbit, "_raw_request", lose_the_first)
    made = orbit.request("POST", "/contacts", json_body={"email": "jane@example.com"})["data"]
    assert made["id"].encode() in lost[0][0]
    assert workspace.api.get("/contacts").json()["meta"]["pagination"]["total"] == 1


def test_refusals_are_not_tried_again(orbit: OrbitClient, slept: list[float]) -> None:
    with pytest.raises(OrbitClientError):
        orbit.request("POST", "/contacts", json_body={"email": "no address"})
    assert slept == []


def test_a_server_that_is_gone_is_a_network_error(dsn: str, slept: list[float]) -> None:
    server = Server(dsn).start()
    workspace = asyncio.run(make_workspace(dsn, server.url))
    server.stop()
    with pytest.raises(OrbitServerError) as failed:
        client_of(workspace).request("GET", "/contacts")
    assert failed.value.code == "network_error"
    assert slept == [1, 2, 4]
