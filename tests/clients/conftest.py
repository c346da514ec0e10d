"""The product's official Python client, pointed here."""

from collections.abc import Callable

import pytest
from orbit_sdk import OrbitClient

from tests.conftest import Workspace


@pytest.fixture
def orbit(workspace: Workspace) -> OrbitClient:
    return client_of(workspace)


def client_of(workspace: Workspace, url: str | None = None, base: str = "/api/v1") -> OrbitClient:
    return OrbitClient(api_key=workspace.key, base_url=(url or workspace.api.url) + base)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The client's waits between its tries, in seconds; none is really waited."""
    waits: list[float] = []
    sleeping(monkeypatch, waits.append)
    return waits


def sleeping(monkeypatch: pytest.MonkeyPatch, sleep: Callable[[float], object]) -> None:
    """What the client does instead of sleeping."""

    class Time:
        pass

    Time.sleep = staticmethod(sleep)  # pyright: ignore
    monkeypatch.setattr("orbit_sdk.client.time", Time)
