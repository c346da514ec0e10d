"""The send gate over HTTP: batches of 1,000 checks, and one check that is recorded, always of other contacts.

The caps are of a real kind: so many text messages a day, so many messages a week, so many in a category on a
calendar day of the contact's own zone. Each figure stands beside what it is to reach.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any
from uuid import uuid4

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.contacts import drive, postmaster, raw, serving
from benchmarks.dataset import LARGE_KEY
from benchmarks.directory import database
from orbit_contacts.core import ids
from orbit_contacts.core.database import connect

BATCH = 1_000
BATCH_MS = 60.0
RECORDED_RATE = 1_500.0
CONNECTIONS = 32

CAPS: tuple[dict[str, Any], ...] = (
    {"name": "Texts a day", "channel": "sms", "limit": 3, "window_seconds": 86_400},
    {"name": "Messages a week", "limit": 10, "window_seconds": 604_800},
    {
        "name": "Promotions a day",
        "category": "marketing",
        "limit": 2,
        "window_seconds": 86_400,
        "window": "calendar_day",
    },
)
QUIET: dict[str, Any] = {"quiet_hours": {"enabled": True}, "dnc": {"enabled": True}}
# The rule is asked, and lets nearly everybody through whatever the hour of the run.
OPEN: dict[str, Any] = {"quiet_hours": {"enabled": True, "windows": {"sms": {"start": "00:00", "end": "23:59"}}}}
LOUD: dict[str, Any] = {"quiet_hours": {"enabled": False}, "dnc": {"enabled": False}}

_console = Console(highlight=False, width=150)


def run(options: argparse.Namespace) -> None:
    with database(options.contacts, options.directory_events, keep=options.keep) as dsn:
        contacts = asyncio.run(_contacts(dsn))
        try:
            with (
                serving(dsn) as (port, pid),
                httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=60) as http,
            ):
                http.headers["X-API-Key"] = LARGE_KEY
                _batches(options, http, cycle(contacts[::2]))
                http.patch("/settings/compliance", json=OPEN).raise_for_status()
                _recorded(options, port, pid, asyncio.run(_postmaster(dsn)), cycle(contacts[1::2]))
        finally:
            asyncio.run(_tidy(dsn))


async def _contacts(dsn: str) -> list[str]:
    """Contacts of the large workspace in no order of time."""
    await _tidy(dsn)
    connection = await connect(dsn)
    try:
        rows = await connection.fetch(
            """
            SELECT id FROM contacts WHERE workspace_id = (SELECT min(id) FROM workspaces WHERE mode = 'live')
            ORDER BY md5(id::text) LIMIT 100000
            """
        )
        return [ids.contact_text(row["id"]) for row in rows]
    finally:
        await connection.close()


async def _postmaster(dsn: str) -> int:
    connection = await connect(dsn)
    try:
        return await postmaster(connection)
    finally:
        await connection.close()


async def _tidy(dsn: str) -> None:
    """As if no gate had been asked: kept data serve the next run."""
    connection = await connect(dsn)
    try:
        await connection.execute("TRUNCATE contact_sends, frequency_caps; UPDATE workspaces SET settings = '{}'")
    finally:
        await connection.close()


def _batches(options: argparse.Namespace, http: httpx.Client, contacts: Iterator[str]) -> None:
    table = Table(f"{BATCH:,} checks", "p50 ms", "p95", "max", "to reach")
    for name, settings in (
        ("no rule set", None),
        ("three caps", LOUD),
        ("three caps, quiet hours, do-not-call", QUIET),
        ("the same, recorded", QUIET),
    ):
        if settings is not None:
            http.patch("/settings/compliance", json=settings).raise_for_status()
        if settings == LOUD:
            for cap in CAPS:
                http.post("/frequency-caps", json=cap).raise_for_status()
        times = [_batch(http, contacts, record=name.endswith("recorded")) for _ in range(4 * options.rounds)][1:]
        target = "" if name.endswith("recorded") else f"<= {BATCH_MS:.0f}"
        table.add_row(name, *(f"{each:.0f}" for each in (statistics.median(times), _p95(times), max(times))), target)
    _console.print(table)


def _batch(http: httpx.Client, contacts: Iterator[str], *, record: bool) -> float:
    checks = [{"contact_id": id, "channel": "sms", "category": "marketing"} for id in islice(contacts, BATCH)]
    started = time.perf_counter()
    response = http.post("/contacts/send-check", json={"checks": checks, "record": record})
    taken = (time.perf_counter() - started) * 1000
    response.raise_for_status()
    assert len(response.json()["data"]["results"]) == BATCH
    return taken


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def _recorded(options: argparse.Namespace, port: int, pid: int, postmaster: int, contacts: Iterator[str]) -> None:
    table = Table("one check, recorded", "a second", "to reach", "p50 ms", "p95", "p99", "CPU us: server", "postgres")
    recorded = {"channel": "sms", "record": True}
    for name, body, has_key in (
        ("three caps, quiet hours", recorded, False),
        ("the same, with message ids", recorded | {"message_id": "m1"}, False),
        ("the same, with Idempotency-Key", recorded, True),
        ("not recorded", {"channel": "sms"}, False),
    ):
        rounds = [
            drive(
                port,
                pid,
                postmaster,
                [
                    raw("POST", f"/api/v1/contacts/{id}/send-check", body, str(uuid4()) if has_key else None)
                    for id in islice(contacts, 8_000)
                ],
                CONNECTIONS,
            )
            for _ in range(options.rounds)
        ]
        best = sorted(rounds, key=lambda figure: figure.rate)[len(rounds) // 2]
        target = f">= {RECORDED_RATE:,.0f}" if body.get("record") else ""
        table.add_row(
            name,
            f"{best.rate:,.0f}",
            target,
            *(f"{each:.1f}" for each in (best.p50, best.p95, best.p99)),
            *(f"{each:.0f}" for each in (best.server, best.postgres)),
        )
    _console.print(table)
    _console.print(f"[dim]{CONNECTIONS} connections, one worker; the median round of {options.rounds}")
