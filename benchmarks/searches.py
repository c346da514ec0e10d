"""Searching a million contacts, each class of term: over HTTP, and the part of it that is spent in PostgreSQL.

One request at a time on an idle server. The second table runs what the request runs, on the connections of a process
of its own, and sums the time from sending each statement to having its rows: planning, the round trip on the socket
and decoding included.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.dataset import FAMILY, GIVEN, LARGE_KEY, large_caller
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, Reader
from orbit_contacts.features.contacts import listing
from orbit_contacts.features.contacts.models import ListQuery

_BULK = "domain of a bulk import"
# To be reached in the database, in milliseconds, by all terms but those of a bulk import.
_P95, _P99, _FILTERED_P99, _BULK_MS = 15.0, 25.0, 40.0, 250.0
_FILTERS: tuple[dict[str, Any], ...] = (
    {"country_code": "DE"},
    {"lifecycle_stage": "evangelist"},
    {"tags": ["vip"]},
    {"lifecycle_stage": "lead", "country_code": "US"},
)
_console = Console(highlight=False, width=150)


def measure(dsn: str, port: int, sample: dict[str, Any]) -> None:
    classes = _classes(sample["rows"])
    _over_http(port, classes)
    asyncio.run(_in_the_database(dsn, classes))


def _classes(rows: list[Any]) -> dict[str, list[str]]:
    rng = random.Random(42)
    return {
        "common given name": [rng.choice(GIVEN) for _ in range(60)],
        "two words": [f"{rng.choice(GIVEN)} {rng.choice(FAMILY)}" for _ in range(60)],
        "prefix of 3-4": [rng.choice(FAMILY)[: rng.choice((3, 4))] for _ in range(60)],
        "1-2 letters": [rng.choice(FAMILY)[: rng.choice((1, 2))] for _ in range(40)],
        "whole e-mail": [row["email"] for row in rows[:60]],
        "e-mail part": [row["email"].split("@")[0] for row in rows[60:120]],
        "common domain": ["@gmail.example", "example.com"] * 10,
        "whole phone": [row["phone"] for row in rows[:80] if row["phone"]],
        "phone part": [row["phone"][4:-2] for row in rows[80:160] if row["phone"]],
        "absent": [secrets.token_hex(4) for _ in range(60)],
        _BULK: ["legacy-import.example", "bulk2023.example", "@bulk2023"] * 6,
    }


def _over_http(port: int, classes: dict[str, list[str]]) -> None:
    table = _table("over HTTP, ms a request")
    every: tuple[list[float], list[float], list[float]] = ([], [], [])
    for name, terms in classes.items():
        paths = [f"/api/v1/contacts?search={quote(term)}" for term in terms]
        filters = ["".join(f"&{key}={_text(value)}" for key, value in each.items()) for each in _FILTERS]
        found = (
            latencies(port, paths),
            latencies(port, [path + filters[n % len(filters)] for n, path in enumerate(paths)]),
            latencies(port, _next_pages(port, paths)) or [0.0],
        )
        _add(table, name, found, every)
    _console.print(table)


def _text(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ",".join(value)


async def _in_the_database(dsn: str, classes: dict[str, list[str]]) -> None:
    database = Database(dsn)
    table = _table("in the database, ms a request")
    every: tuple[list[float], list[float], list[float]] = ([], [], [])
    slowest_of_bulk = 0.0
    try:
        caller = await large_caller(dsn)
        for name, terms in classes.items():
            found: tuple[list[float], list[float], list[float]] = ([], [], [])
            for n, term in enumerate(terms):
                query = ListQuery(search=term)
                taken, cursor = await _spent(database, caller, query)
                found[0].append(taken)
                found[1].append((await _spent(database, caller, ListQuery(search=term, **_FILTERS[n % 4])))[0])
                if cursor is not None:
                    found[2].append((await _spent(database, caller, ListQuery(search=term, cursor=cursor)))[0])
            _add(table, name, (found[0], found[1], found[2] or [0.0]), every)
            if name == _BULK:
                slowest_of_bulk = max(found[0])
    finally:
        await database.close()
    _console.print(table)
    _console.print(
        f"[dim]to reach in the database: p95 <= {_P95:.0f}, p99 <= {_P99:.0f}, with filters p99 <= {_FILTERED_P99:.0f}, "
        f"a bulk import <= {_BULK_MS:.0f} (slowest {slowest_of_bulk:.0f})"
    )


async def _spent(database: Database, caller: Caller, query: ListQuery) -> tuple[float, str | None]:
    """Milliseconds that the statements of a list took, and the cursor of its next page."""
    clock = _Clock()
    async with database.prepared.connection() as connection, database.ad_hoc.connection() as ad_hoc:
        reader = _TimedReader(database, clock.around(connection), caller, 0)
        reader.second = Reader(database, clock.around(ad_hoc), caller, 0)
        page = await listing.list_contacts(reader, query)
    return clock.milliseconds, page.cursor


class _Clock:
    def __init__(self) -> None:
        self.milliseconds = 0.0

    def around(self, connection: Any) -> Any:
        return _TimedConnection(connection, self)


class _TimedConnection:
    """A connection that adds the time of each statement to a clock."""

    def __init__(self, connection: Any, clock: _Clock) -> None:
        self._connection = connection
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._connection, name)

        async def timed(*args: Any) -> Any:
            started = time.perf_counter()
            try:
                return await method(*args)
            finally:
                self._clock.milliseconds += (time.perf_counter() - started) * 1000

        return timed if name in ("fetch", "fetchrow", "fetchval", "execute") else method


class _TimedReader(Reader):
    second: Reader

    def ad_hoc(self) -> Any:
        return _Held(self.second)


class _Held:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def __aenter__(self) -> Reader:
        return self._reader

    async def __aexit__(self, *failure: object) -> None: ...


def _table(title: str) -> Table:
    table = Table(title=f"Search, {title} on an idle server")
    for heading in ("", "p50", "p95", "p99", "with filters p50", "p95", "p99", "next page p50", "p95", "p99"):
        table.add_column(heading, justify="left" if not heading else "right")
    return table


def _add(
    table: Table,
    name: str,
    found: tuple[list[float], list[float], list[float]],
    every: tuple[list[float], list[float], list[float]],
) -> None:
    """A row for a class, and after the last one, the bulk import, a row for all others."""
    table.add_row(name, *_quantiles(found))
    if name == _BULK:
        table.add_row("all but the last", *_quantiles(every))
    else:
        for all_of_them, these in zip(every, found, strict=True):
            all_of_them.extend(these)


def _quantiles(found: Iterable[list[float]]) -> list[str]:
    return [f"{percentile(times, percent):.1f}" for times in found for percent in (50, 95, 99)]


def _next_pages(port: int, paths: list[str]) -> list[str]:
    """The second page of each search that has one."""
    further: list[str] = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": LARGE_KEY}, timeout=60) as client:
        for path in paths:
            if cursor := client.get(path).json()["meta"]["pagination"]["cursor"]:
                further.append(f"{path}&cursor={cursor}")
    return further


def latencies(port: int, paths: list[str]) -> list[float]:
    """Milliseconds of each GET, one after another."""
    found: list[float] = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": LARGE_KEY}, timeout=60) as client:
        for path in paths[:1]:
            client.get(path)
        for path in paths:
            started = time.perf_counter()
            client.get(path).raise_for_status()
            found.append((time.perf_counter() - started) * 1000)
    return found


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]
