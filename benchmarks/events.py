"""Events over HTTP: ingest beside raw COPY into the same table, pages of small and of busy contacts, next best action.

Raw COPY writes the rows of as many events, prepared as text before the clock starts, into the very same partitions and
indexes, 10,000 to a transaction. It neither checks nor deduplicates, and keeps no keys and no sums.
"""

import argparse
import asyncio
import json
import random
import resource
import secrets
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import numpy as np

from benchmarks import cpu
from benchmarks.contacts import drive, raw, serving
from benchmarks.dataset import LARGE_KEY
from benchmarks.events_dataset import BUSY, database
from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import DAY, SECOND, format_instant, now
from orbit_contacts.core.database import Database, connect
from orbit_contacts.features.next_best_action import queries
from orbit_contacts.features.next_best_action.learned import columns
from orbit_contacts.features.next_best_action.local_time import zone
from orbit_contacts.features.next_best_action.rebuild import Contacts, rebuild

_BATCH = 10_000
_BATCHES = 6


class Sample(NamedTuple):
    workspace: int
    postmaster: int
    anyone: list[UUID]
    """20,000 contacts, to tell events of"""
    middling: list[UUID]
    """contacts with about 50 events"""


def run(options: argparse.Namespace) -> None:
    with database(options.contacts, options.events, keep=options.keep) as dsn:
        sample = asyncio.run(_sample(dsn))
        with serving(dsn) as (port, pid):
            _ingest(options, dsn, port, pid, sample)
            _reads(options, port, pid, sample)
            _say(f"server: {cpu.resident_megabytes(pid):.0f} MB resident at the end")
        asyncio.run(_rebuild(dsn, sample))


async def _sample(dsn: str) -> Sample:
    connection = await connect(dsn)
    try:
        workspace: int = await connection.fetchval("SELECT min(id) FROM workspaces WHERE mode = 'live'")
        anyone = await connection.fetch(
            "SELECT id FROM contacts WHERE cell_id = $1 ORDER BY md5(id::text) LIMIT 20000", workspace * 1024
        )
        middling = await connection.fetch(
            """
            SELECT contact_id AS id FROM contact_stats
            WHERE cell_id = $1 AND messages_sent BETWEEN 11 AND 15 ORDER BY md5(contact_id::text) LIMIT 4000
            """,
            workspace * 1024,
        )
        backend = await connection.fetchval("SELECT pg_backend_pid()")
        postmaster = int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])
        return Sample(workspace, postmaster, [row["id"] for row in anyone], [row["id"] for row in middling])
    finally:
        await connection.close()


def _made(sample: Sample, count: int) -> list[dict[str, Any]]:
    """Events of the last day, half of them of messages, of contacts at random."""
    token, at, chance = secrets.token_hex(4), now(), random.Random()
    types = ("message.sent", "message.delivered", "message.clicked", "page.viewed", "order.placed")
    found: list[dict[str, Any]] = []
    for number in range(count):
        type = types[number % 5]
        event: dict[str, Any] = {
            "contact_id": ids.contact_text(chance.choice(sample.anyone)),
            "type": type,
            "timestamp": format_instant(at - chance.randrange(86_400_000_000)),
            "data": {"campaign": number % 40, "value": 12.5, "subject": "What is new in May"},
        }
        if type.startswith("message."):
            event |= {"channel": "email", "message_id": f"{token}-{number // 5}"}
        else:
            event |= {"event_id": f"{token}-{number}"}
        found.append(event)
    return found


def _ingest(options: argparse.Namespace, dsn: str, port: int, pid: int, sample: Sample) -> None:
    _say(f"Ingest into {options.events:,} events: {options.rounds} interleaved rounds, then their medians")
    headings = ("events/s", "of COPY", "server us", "postgres us")
    _row("CPU for each event", *headings)
    ways: dict[str, Callable[[list[list[dict[str, Any]]]], float]] = {
        "raw COPY, one connection": lambda batches: asyncio.run(_copy(dsn, sample, batches)),
        "batches of 10,000, JSON, one client": lambda batches: _post(port, batches, 1, lines=False),
        "batches of 10,000, NDJSON, one client": lambda batches: _post(port, batches, 1, lines=True),
        "batches of 10,000, JSON, two clients": lambda batches: _post(port, batches, 2, lines=False),
    }
    rounds: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():
            batches = [_made(sample, _BATCH) for _ in range(_BATCHES)]
            before = cpu.of_processes([pid, *cpu.children(sample.postmaster)])
            seconds = way(batches)
            after = cpu.of_processes([pid, *cpu.children(sample.postmaster)])
            mine = after[pid] - before[pid]
            count = _BATCH * _BATCHES
            figures = (count / seconds, mine / count * 1e6, (cpu.spent(before, after) - mine) / count * 1e6)
            rounds[name].append(figures)
            _row(name, f"{figures[0]:,.0f}", "", f"{figures[1]:.1f}", f"{figures[2]:.1f}")
    rates = {name: [statistics.median(values) for values in zip(*found, strict=True)] for name, found in rounds.items()}
    floor = rates["raw COPY, one connection"][0]
    _row("medians", *headings)
    for name, (rate, server, postgres) in rates.items():
        _row(name, f"{rate:,.0f}", f"{rate / floor:.0%}", f"{server:.1f}", f"{postgres:.1f}")
    singles = [
        raw("POST", f"/api/v1/contacts/{event.pop('contact_id')}/events", event) for event in _made(sample, 20_000)
    ]
    one = drive(port, pid, sample.postmaster, singles)
    _row("one by one, 16 connections", f"{one.rate:,.0f}", "", f"{one.server:.0f}", f"{one.postgres:.0f}")
    _say(f"one by one: p50 {one.p50:.1f} ms, p99 {one.p99:.1f} ms with 16 at a time")


def _say(text: str) -> None:
    """Each figure stands on its line as soon as it is measured, should the run be cut short."""
    print(text, flush=True)


def _row(name: str, *figures: str) -> None:
    _say(f"{name:<48}" + "".join(f"{figure:>12}" for figure in figures))


async def _copy(dsn: str, sample: Sample, batches: list[list[dict[str, Any]]]) -> float:
    connection = await connect(dsn)
    try:
        ready = [_rows(sample, batch) for batch in batches]
        started = time.perf_counter()
        for rows in ready:
            await connection.copy_to_table(
                "events",
                source=_Source(rows),
                columns=["workspace_id", "cell_id", "contact_id", "occurred_at", "id", "recorded_at", "type", "channel",
                         "direction", "message_id", "event_id", "key", "source", "data", "position", "number"],
            )  # fmt: skip
        return time.perf_counter() - started
    finally:
        await connection.close()


class _Source:
    """Bytes as asyncpg reads a file."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, size: int) -> bytes:
        part, self._content = self._content[:size], self._content[size:]
        return part


def _rows(sample: Sample, batch: list[dict[str, Any]]) -> bytes:
    at, lines = now() // SECOND * SECOND, []
    for number, event in enumerate(batch):
        id = ids.parse("con", event["contact_id"])
        direction = "outbound" if event["type"] in ("message.sent", "message.delivered") else "\\N"
        lines.append(
            "\t".join(
                (
                    str(sample.workspace),
                    str(sample.workspace * 1024),
                    str(id),
                    event["timestamp"],
                    str(ids.mint(at)),
                    format_instant(at),
                    event["type"],
                    event.get("channel", "\\N"),
                    direction,
                    event.get("message_id", "\\N"),
                    event.get("event_id", "\\N"),
                    str(random.getrandbits(62)),
                    "api",
                    json.dumps(event["data"]),
                    "0",
                    str(number),
                )
            )
        )
    return ("\n".join(lines) + "\n").encode()


def _post(port: int, batches: list[list[dict[str, Any]]], clients: int, *, lines: bool) -> float:
    """Send the batches over as many connections at a time; gives the seconds it took."""
    kind = "application/x-ndjson" if lines else "application/json"
    bodies = [
        "\n".join(map(json.dumps, batch)).encode() if lines else json.dumps({"events": batch}).encode()
        for batch in batches
    ]

    async def send(client: httpx.AsyncClient, body: bytes) -> None:
        answer = await client.post("/api/v1/events/batch", content=body, headers={"Content-Type": kind})
        if answer.json()["data"]["accepted"] != _BATCH:
            raise RuntimeError(answer.text[:300])

    async def all_of(client: httpx.AsyncClient, share: Sequence[bytes]) -> None:
        for body in share:
            await send(client, body)

    async def work() -> float:
        headers = {"X-API-Key": LARGE_KEY}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
            await client.get("/health")
            started = time.perf_counter()
            await asyncio.gather(*(all_of(client, bodies[number::clients]) for number in range(clients)))
            return time.perf_counter() - started

    return asyncio.run(work())


def _reads(options: argparse.Namespace, port: int, pid: int, sample: Sample) -> None:
    _say(f"Reading, {options.contacts:,} contacts and {options.events:,} events: one request at a time")
    _row("milliseconds; CPU for each request", "p50 ms", "p95 ms", "p99 ms", "server us", "postgres us")
    busy = ids.contact_text(UUID(BUSY))
    some = [ids.contact_text(id) for id in sample.middling]
    pages = {
        "timeline page": "/timeline",
        "timeline, oldest first": "/timeline?order=asc",
        "timeline, filtered": "/timeline?types=order.*",
        "activity": "/activity",
        "journey": "/journey",
        "profile": "/profile",
    }
    for name, path in pages.items():
        for who, whose in (("50 events", some), ("50,000 events", [busy])):
            asked = [raw("GET", f"/api/v1/contacts/{contact}{path}") for contact in whose]
            _asked(f"{name}, {who}", port, pid, sample.postmaster, asked)
    events = {
        "events of the workspace, 25": "",
        "the same, oldest first, 200": "?order=asc&limit=200",
        "the same, of a kind that nothing is": "?kind=ticket",
        "the same, of the last day, 200": f"?from={format_instant(now() - DAY)}&limit=200",
        "the same, oldest first, within a batch of 10,000": f"?from={format_instant(now() - DAY)}&limit=200&order=asc",
        "the same, of a contact with 50,000": f"?contact_id={busy}",
    }
    for name, query in events.items():
        _asked(name, port, pid, sample.postmaster, [raw("GET", f"/api/v1/events{query}")] * 400)
    _asked("one event", port, pid, sample.postmaster, _one_each(port))
    # Each question of a decision that was given already is cheap, so the first ones are asked of half of them.
    half = len(some) // 2
    for name, query, whose in (
        ("next best action, not logged", "?explore=false", some[:half]),
        ("next best action, first", "", some[half:]),
    ):
        asked = [raw("GET", f"/api/v1/contacts/{contact}/next-best-action{query}") for contact in whose]
        _asked(f"{name}, 50 events", port, pid, sample.postmaster, asked)
    again = [raw("GET", f"/api/v1/contacts/{some[0]}/next-best-action")]
    _asked("next best action, again, 50 events", port, pid, sample.postmaster, again)
    for name, query in (("not logged", "?explore=false"), ("again", "")):
        asked = [raw("GET", f"/api/v1/contacts/{busy}/next-best-action{query}")]
        _asked(f"next best action, {name}, 50,000 events", port, pid, sample.postmaster, asked)
    started = time.perf_counter()
    with httpx.stream(
        "GET", f"http://127.0.0.1:{port}/api/v1/contacts/{busy}/journey.csv", headers={"X-API-Key": LARGE_KEY}
    ) as answer:
        size = sum(map(len, answer.iter_bytes()))
    _say(f"journey.csv of 50,000 events: {time.perf_counter() - started:.2f} s, {size / 1e6:.1f} MB")


def _one_each(port: int) -> list[bytes]:
    """A question for each of many events that came in batches or alone, which is where an id is found slowest."""
    cursor: dict[str, str] = {}
    found: list[bytes] = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": LARGE_KEY}) as client:
        while len(found) < 4_000:
            page = client.get("/api/v1/events", params={"limit": "200"} | cursor).json()
            found += [raw("GET", f"/api/v1/events/{event['id']}") for event in page["data"]]
            cursor = {"cursor": page["meta"]["pagination"]["cursor"]}
    return found


def _asked(name: str, port: int, pid: int, postmaster: int, requests: list[bytes]) -> None:
    drive(port, pid, postmaster, requests[:1], connections=1)
    figure = drive(port, pid, postmaster, requests, connections=1)
    _row(
        name, f"{figure.p50:.1f}", f"{figure.p95:.1f}", f"{figure.p99:.1f}", f"{figure.server:.0f}",
        f"{figure.postgres:.0f}",
    )  # fmt: skip


async def _rebuild(dsn: str, sample: Sample) -> None:
    """The sums of every contact from all events of the workspace, chunk by chunk; one core does the Python part."""
    database = Database(dsn, statement_timeout=600)
    caller = Caller(
        workspace_id=sample.workspace, cell_count=1, mode="live", scopes=frozenset(), actor_type="system",
        actor_id="benchmark", actor_name="benchmark",
    )  # fmt: skip
    where, events, after = zone("Europe/Berlin"), 0, UUID(int=0)
    begin, started = time.process_time(), time.perf_counter()
    try:
        while True:
            async with database.reader(caller) as reader:
                rows = await reader.fetch_all(
                    "SELECT id FROM contacts WHERE cell_id = $1 AND id > $2 ORDER BY id LIMIT 10000",
                    caller.cell(0),
                    after,
                )
                if not rows:
                    break
                after = rows[-1]["id"]
                index = {row["id"]: number for number, row in enumerate(rows)}
                found = await reader.fetch_all(
                    f"""
                    SELECT {queries.LEARNED} FROM events e
                    WHERE e.cell_id = $1 AND e.contact_id BETWEEN $2 AND $3 AND {queries.OF_USE}
                    """,
                    caller.cell(0),
                    rows[0]["id"],
                    after,
                )
            state, _ = rebuild(columns(found, index), Contacts(np.zeros(len(rows), dtype=np.int64), [where]), now())
            assert len(state.orders) == len(rows)
            events += len(found)
    finally:
        await database.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _say(
        f"rebuild from {events:,} stored events: {time.perf_counter() - started:.0f} s, of them "
        f"{time.process_time() - begin:.0f} s of this process, peak {peak:.0f} MB"
    )
