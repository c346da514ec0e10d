"""The live stream: events as they happen, resumed by Last-Event-ID, with the key in the query for browsers."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from orbit_contacts.features.timeline import feed
from tests.conftest import Client, Server


@pytest.fixture(autouse=True)
def long_lived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "lifetime_seconds", 20.0)
    monkeypatch.setattr(feed, "POLL_SECONDS", 0.02)


@asynccontextmanager
async def stream(
    api: Client, headers: dict[str, str] | None = None, **params: str
) -> AsyncIterator[AsyncIterator[str]]:
    async with (
        httpx.AsyncClient(base_url=api.http.base_url, timeout=10) as http,
        http.stream("GET", "/events/stream", params=params, headers=headers or {"X-API-Key": api.key}) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        yield _messages(response)


async def _messages(response: httpx.Response) -> AsyncIterator[str]:
    text = ""
    async for chunk in response.aiter_text():
        text += chunk
        while "\n\n" in text:
            message, _, text = text.partition("\n\n")
            yield message


async def take(messages: AsyncIterator[str], count: int) -> list[dict[str, Any]]:
    """The next events; comments and bare ids are passed over."""
    found: list[dict[str, Any]] = []

    async def read() -> None:
        async for message in messages:
            lines = dict(line.split(": ", 1) for line in message.split("\n") if not line.startswith(":"))
            if "data" in lines:
                found.append(lines | {"data": json.loads(lines["data"])})
                if len(found) == count:
                    return

    await asyncio.wait_for(read(), 10)
    return found


async def post(api: Client, contact: dict[str, Any], type: str) -> None:
    event = {"type": type}
    async with httpx.AsyncClient(base_url=api.http.base_url, headers=api.http.headers) as http:
        (await http.post(f"/contacts/{contact['id']}/events", json=event)).raise_for_status()


async def test_events_come_as_they_happen_and_resume(api: Client) -> None:
    ada = api.contact()
    async with stream(api) as messages:
        await anext(messages)
        await post(api, ada, "first")
        await post(api, ada, "second")
        first, second = await take(messages, 2)
    assert (first["event"], first["data"]["contact_id"], second["event"]) == ("first", ada["id"], "second")
    await post(api, ada, "third")
    async with stream(api, {"X-API-Key": api.key, "Last-Event-ID": first["id"]}) as messages:
        assert [message["event"] for message in await take(messages, 2)] == ["second", "third"]


async def test_a_stream_can_be_filtered(api: Client) -> None:
    ada = api.contact()
    async with stream(api, types="order.*") as messages:
        await anext(messages)
        for type in ("noise", "order.placed"):
            await post(api, ada, type)
        assert [message["event"] for message in await take(messages, 1)] == ["order.placed"]


async def test_an_idle_stream_gives_signs_of_life(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "HEARTBEAT_SECONDS", 0.05)
    api.contact()
    async with stream(api) as messages:
        assert await anext(messages) == "retry: 2000"
        beat = await asyncio.wait_for(anext(messages), 5)
    assert beat.startswith(": still here\nid: ")


async def test_the_key_may_come_in_the_query_here_only(api: Client) -> None:
    async with stream(api, {"Accept": "text/event-stream"}, token=api.key) as messages:
        assert await anext(messages) == "retry: 2000"
    with httpx.Client(base_url=api.http.base_url) as http:
        assert http.get("/contacts", params={"token": api.key}).status_code == 401
        assert http.get("/changes", params={"token": api.key}).status_code == 401
        assert http.get("/events/stream", params={"token": "dv_live_sk_wrong"}).status_code == 401
        assert http.get("/events/stream").json()["error"]["code"] == "UNAUTHORIZED"


def test_a_wrong_place_or_filter_is_refused_as_json(api: Client) -> None:
    refused = api.http.get("/events/stream", headers={"Last-Event-ID": "x"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "INVALID_CURSOR")
    assert api.get("/events/stream", kind="gossip").status_code == 422


async def test_streams_are_bounded_and_end_with_their_readers(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async with asyncio.timeout(10):
        while feed.open_streams():
            await asyncio.sleep(0.01)
    monkeypatch.setattr(feed, "MAX_STREAMS", 1)
    async with stream(api) as messages:
        await anext(messages)
        refused = await asyncio.to_thread(api.get, "/events/stream")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    async with asyncio.timeout(5):
        while feed.open_streams():
            await asyncio.sleep(0.01)
    async with stream(api) as messages:
        assert await anext(messages) == "retry: 2000"


async def test_a_stream_ends_after_its_time(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "lifetime_seconds", 0.1)
    async with asyncio.timeout(5), stream(api) as messages:
        assert [message async for message in messages] == ["retry: 2000"]


def test_tokens_are_not_logged(server: Server, api: Client, capsys: pytest.CaptureFixture[str]) -> None:
    from orbit_contacts.core.telemetry import RequestLog

    lines: list[str] = []
    log = RequestLog()
    log.write = lambda *parts: lines.append(" ".join(map(str, parts)))  # type: ignore[method-assign]
    server.application.api._log = log  # pyright: ignore[reportPrivateUsage]
    try:
        httpx.get(f"{api.url}/api/v1/events/stream", params={"token": api.key, "kind": "gossip"})
    finally:
        server.application.api._log = None  # pyright: ignore[reportPrivateUsage]
    assert len(lines) == 1
    assert api.key not in lines[0] + capsys.readouterr().out
