"""A hundred people at work while a large file comes in, over HTTP: latencies, answers, lost rows, memory of the worker.

Each person sends a request, waits for the answer, thinks for a while and sends the next: of eight, three lists or
searches, two contacts, two changes and one new contact. `python -m benchmarks crowd --rows 200000`.
"""

import argparse
import asyncio
import json
import os
import random
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

import httpx
import uvloop

from benchmarks import cpu, dataset
from benchmarks.contacts import serving
from benchmarks.dataset import FAMILY, GIVEN, LARGE_KEY
from benchmarks.imports import csv_of, rows
from benchmarks.results import console
from orbit_contacts.core import ids
from orbit_contacts.core.database import connect

PEOPLE = 100
THINKING = 1.0  # seconds, on average
TARGET = 100.0  # ms, of interactive requests
PART = 100_000  # rows of a file, as many as a server takes unless its settings say more
QUIET = 10.0  # seconds of requests before the file comes in


class Told(NamedTuple):
    """Answers by what was asked: milliseconds; statuses; and the contacts that an answer says were made."""

    latencies: defaultdict[str, list[float]]
    statuses: Counter[str]
    made: list[str]

    def lines(self) -> list[str]:
        every = {**self.latencies, "all": [each for some in self.latencies.values() for each in some]}
        return [f"  {what:<14}{_spread(sorted(some))}" for what, some in every.items()]


def _spread(some: list[float]) -> str:
    at = [some[int(len(some) * part)] if some else 0.0 for part in (0.5, 0.95, 0.99)]
    return f"{len(some):>7,} requests, p50 {at[0]:.1f}, p95 {at[1]:.1f}, p99 {at[2]:.1f}, max {some[-1]:.0f} ms"


def _told() -> Told:
    return Told(defaultdict(list), Counter(), [])


class Crowd:
    def __init__(self, port: int, known: list[str]) -> None:
        self._port = port
        self._known = known
        self._number = 0
        self.told = _told()

    def begin_again(self) -> Told:
        """What was told until now; from now on it is counted anew."""
        told, self.told = self.told, _told()
        return told

    async def person(self, number: int) -> None:
        source = random.Random(number)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        await asyncio.sleep(source.random() * THINKING)
        try:
            while True:
                what, method, path, body = self._ask(source)
                content = json.dumps(body).encode() if body else b""
                head = f"{method} /api/v1{path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {LARGE_KEY}\r\n"
                head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
                told, started = self.told, time.perf_counter()
                writer.write(head.encode() + content)
                status, answer = await _answer(reader)
                told.latencies[what].append((time.perf_counter() - started) * 1000)
                told.statuses[status] += 1
                if what == "new contact" and status == "201":
                    told.made.append(json.loads(answer)["data"]["id"])
                await asyncio.sleep(source.expovariate(1 / THINKING))
        finally:
            writer.close()

    def _ask(self, source: random.Random) -> tuple[str, str, str, Any]:
        given, family = source.choice(GIVEN), source.choice(FAMILY)
        match source.randrange(8):
            case 0:
                return "list", "GET", "/contacts?limit=25", None
            case 1 | 2:
                return "search", "GET", f"/contacts?limit=25&search={quote(f'{given} {family}')}", None
            case 3 | 4:
                return "contact", "GET", f"/contacts/{source.choice(self._known)}", None
            case 5 | 6:
                return "change", "PATCH", f"/contacts/{source.choice(self._known)}", {"company": f"{family} & Co"}
            case _:
                self._number += 1
                return "new contact", "POST", "/contacts", {"email": f"crowd.{self._number}@example.org"}


async def _answer(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
    return head[9:12].decode(), await reader.readexactly(int(length[16:]))


async def _import(client: httpx.AsyncClient, content: bytes) -> dict[str, Any]:
    sent = await client.post("/contacts/bulk", content=content, headers={"Content-Type": "text/csv"})
    sent.raise_for_status()
    id = sent.json()["data"]["import_job_id"]
    while True:
        job = (await client.get(f"/contacts/import-jobs/{id}")).json()["data"]
        if job["status"] not in ("queued", "processing"):
            return job
        await asyncio.sleep(0.5)


async def _meet(dsn: str, port: int, count: int) -> None:
    connection = await connect(dsn)
    large = await connection.fetchval("SELECT min(id) FROM workspaces WHERE mode = 'live'")
    sample = await connection.fetch("SELECT id FROM contacts WHERE workspace_id = $1 ORDER BY id LIMIT 5000", large)
    crowd = Crowd(port, [ids.text("con", row["id"]) for row in sample])
    people = [asyncio.create_task(crowd.person(number)) for number in range(PEOPLE)]
    worker = next(pid for pid in cpu.children(os.getpid()) if "worker" in _command(pid))
    await asyncio.sleep(QUIET)
    _print("before the import", crowd.begin_again())
    started, jobs = time.perf_counter(), []
    headers = {"X-API-Key": LARGE_KEY}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=60, headers=headers) as client:
        for first in range(0, count, PART):
            content = csv_of(rows(first, min(PART, count - first), "lead"))
            jobs.append(await _import(client, content))
    seconds = time.perf_counter() - started
    told = crowd.begin_again()
    assert not any(person.done() for person in people), "a connection was closed"
    for person in people:
        person.cancel()
    await asyncio.gather(*people, return_exceptions=True)
    _print(f"beside an import of {count:,} rows ({seconds:.0f} s, {count / seconds:,.0f} rows/s)", told)
    created, skipped = sum(job["created"] for job in jobs), sum(job["skipped"] for job in jobs)
    there = await connection.fetchval(
        "SELECT count(*) FROM contacts WHERE workspace_id = $1 AND phone LIKE '+49151%' AND source = 'import'", large
    )
    kept = await connection.fetchval(
        "SELECT count(*) FROM contacts WHERE workspace_id = $1 AND id = ANY($2)",
        *(large, [ids.parse("con", id) for id in told.made]),
    )
    print(f"  rows: {count:,} sent, {created:,} created, {skipped:,} skipped, {there:,} there")
    print(f"  new contacts: {len(told.made):,} acknowledged, {kept:,} there")
    print(f"  memory of the worker: {cpu.peak_megabytes(worker):.0f} MB at most", flush=True)
    await connection.close()
    failed = sum(number for status, number in told.statuses.items() if status[0] == "5")
    assert (there, kept, failed) == (count, len(told.made), 0)


def _print(when: str, told: Told) -> None:
    print(f"{when}: answers {dict(sorted(told.statuses.items()))}")
    print("\n".join(told.lines()), flush=True)


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def run(options: argparse.Namespace) -> None:
    console.print(f"\n[bold]{PEOPLE} people beside an import[/bold] into {options.contacts:,} contacts")
    console.print(f"to reach: p99 <= {TARGET:.0f} ms, nothing lost, no 5xx")
    with dataset.server(keep=options.keep) as server:
        own = urlunsplit(urlsplit(server)._replace(path="/orbit_bench_crowd"))
        asyncio.run(dataset.copy(server, dataset.loaded(server, options.contacts), "orbit_bench_crowd"))
        with serving(own) as (port, _):
            uvloop.run(_meet(own, port, options.rows))
        asyncio.run(dataset.drop(server, "orbit_bench_crowd"))
