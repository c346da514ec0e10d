"""Segments beside the best SQL that a hand would write for each rule: previews, pages, exact counts, stored counts.

Both run on connections with the same settings, their plans made for the values, in interleaved rounds; printed are
medians and their ratio. A hand-written preview is two statements: the count up to 10,000, and the newest 25 contacts.

    python -m benchmarks.segments --contacts 1000000 --events 10000000
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks import directory
from benchmarks.contacts import serving
from orbit_contacts.core import migrations
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, Reader, connect
from orbit_contacts.core.embedded import EmbeddedPostgres
from orbit_contacts.features.contacts.queries import COLUMNS
from orbit_contacts.features.segments import counts, members, rules
from orbit_contacts.features.segments.counts import Members
from orbit_contacts.features.workspaces import queries as workspace_queries
from orbit_contacts.features.workspaces import service as workspaces

_KEY = "dv_live_sk_benchmarkbenchmarkbenchmark00"
_LIST = "lst_01hw0000000000000000000001"
_console = Console(highlight=False, width=150)

Work = Callable[[], Awaitable[Any]]


class Case(NamedTuple):
    """A rule, and the condition on `contacts c` that a hand would write; `{days:N}` is so many days ago."""

    name: str
    rule: dict[str, Any]
    condition: LiteralString


_OPENED: LiteralString = (
    "EXISTS (SELECT FROM events e WHERE e.cell_id = c.cell_id AND e.contact_id = c.id AND e.cell_id = {cell} "
    "AND e.type = 'message.opened' AND e.occurred_at >= {days:7})"
)
_NOT_CLICKED: LiteralString = (
    "NOT EXISTS (SELECT FROM events e WHERE e.cell_id = c.cell_id AND e.contact_id = c.id AND e.cell_id = {cell} "
    "AND e.type = 'message.clicked' AND e.occurred_at >= {days:90})"
)
_ORDERED_TWICE: LiteralString = (
    "c.id IN (SELECT e.contact_id FROM events e WHERE e.cell_id = {cell} AND e.type = 'order.placed' "
    "AND e.occurred_at >= {days:90} GROUP BY e.contact_id HAVING count(*) >= 2)"
)

CASES = (
    Case("equality", {"country_code": "TR"}, "c.country_code = 'TR'"),
    Case(
        "three fields",
        {"country_code": "US", "lifecycle_stage": "lead", "tags": {"$contains": "enterprise"}},
        "c.workspace_id = {workspace} AND c.country_code = 'US' AND c.lifecycle_stage = 'lead' "
        "AND c.tags @> '{enterprise}'",
    ),
    Case("tag", {"tags": "campaign"}, "c.workspace_id = {workspace} AND c.tags @> '{campaign}'"),
    Case(
        "metadata equality",
        {"metadata.address.city": "City 77"},
        'c.workspace_id = {workspace} AND c.metadata @> \'{"address": {"city": "City 77"}}\'',
    ),
    Case(
        "metadata range",
        {"metadata.score": {"$gt": 90}},
        "jsonb_typeof(c.metadata -> 'score') = 'number' AND c.metadata -> 'score' > '90'",
    ),
    Case(
        "OR, NOT nest",
        {
            "$or": [{"tags": "vip"}, {"metadata.plan": "team", "country_code": "DE"}],
            "$nor": [{"lifecycle_stage": "churned"}, {"blocked": True}],
        },
        "c.workspace_id = {workspace} AND (c.tags @> '{vip}' OR (c.metadata @> '{\"plan\": \"team\"}' "
        "AND c.country_code = 'DE')) AND c.lifecycle_stage IS DISTINCT FROM 'churned' AND c.blocked_at IS NULL",
    ),
    Case(
        "text part",
        {"company": {"$contains": "any 1777"}},
        "c.workspace_id = {workspace} AND c.search_text LIKE '%1777%' AND lower(c.company) LIKE '%any 1777%'",
    ),
    Case("opened in 7 days", {"event": {"type": "message.opened", "within_days": 7}}, _OPENED),
    Case(
        "not clicked, lead",
        {"lifecycle_stage": "lead", "$not": {"event": {"type": "message.clicked", "within_days": 90}}},
        "c.lifecycle_stage = 'lead' AND " + _NOT_CLICKED,
    ),
    Case(
        "ordered twice in 90 days",
        {"event": {"type": "order.placed", "within_days": 90, "count": {"$gte": 2}}},
        _ORDERED_TWICE,
    ),
    Case(
        "vip or ordered twice",
        {"$or": [{"tags": "vip"}, {"event": {"type": "order.placed", "within_days": 90, "count": {"$gte": 2}}}]},
        "(c.tags @> '{vip}' OR " + _ORDERED_TWICE + ")",
    ),
)


def run(options: argparse.Namespace) -> None:
    with _database(options.contacts, options.events) as dsn:
        asyncio.run(_beside_sql(options, dsn))
        with serving(dsn) as (port, _):
            _over_http(options, port)


@contextmanager
def _database(contacts: int, events: int) -> Generator[str]:
    """The DSN of a filled database: kept on `ORBIT_BENCH_DATABASE_URL`, else on a server of its own."""
    name = f"orbit_bench_segments_{contacts}_{events}"
    if given := os.environ.get("ORBIT_BENCH_DATABASE_URL"):
        yield asyncio.run(_prepare(given, name, contacts, events))
        return
    with tempfile.TemporaryDirectory(prefix="orbit-bench-", ignore_cleanup_errors=True) as folder:
        embedded = EmbeddedPostgres(Path(folder) / "data")
        try:
            yield asyncio.run(_prepare(embedded.start(), name, contacts, events))
        finally:
            embedded.stop()


async def _prepare(server: str, name: str, contacts: int, events: int) -> str:
    dsn = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    admin = await connect(server)
    try:
        if await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            return dsn
        await admin.execute(f'CREATE DATABASE "{name}_loading"')
        connection = await connect(urlunsplit(urlsplit(server)._replace(path=f"/{name}_loading")))
        await migrations.migrate(connection)
        await workspaces.bootstrap(connection, _KEY)
        large: int = await connection.fetchval("SELECT min(id) FROM workspaces WHERE mode = 'live'")
        seconds = await directory.fill(connection, large, contacts=contacts, events=events)
        await connection.close()
        _console.print(f"{contacts:,} contacts and {events:,} events in {seconds:.0f} s")
        await admin.execute(f'ALTER DATABASE "{name}_loading" RENAME TO "{name}"')
    finally:
        await admin.close()
    return dsn


async def _caller(dsn: str) -> Caller:
    connection = await connect(dsn)
    row = await workspace_queries.key_by_hash(connection, workspaces.hash_key(_KEY))
    await connection.close()
    assert row is not None
    return workspaces.caller_of_key(row)


async def _beside_sql(options: argparse.Namespace, dsn: str) -> None:
    caller = await _caller(dsn)
    database = Database(dsn, statement_timeout=120)
    table = Table("rule", "matches", *(f"{what}" for w in ("preview", "page", "count") for what in _columns(w)))
    try:
        for case in CASES:
            async with database.reader(caller) as reader:
                table.add_row(case.name, *await _row(options, reader, case))
    finally:
        await database.close()
    _console.print(table)
    _console.print("[dim]ms, median: ours, by hand, ratio; ~ is an estimate, + a lower bound")


def _columns(what: str) -> tuple[str, str, str]:
    return what, "hand", "x"


async def _row(options: argparse.Namespace, reader: Reader, case: Case) -> list[str]:
    asked = Members(rules.read(case.rule, {}, None), {})
    condition = _written(reader, case.condition)
    preview = await members.preview(reader, asked, 25)
    mark = {"exact": "", "at_least": "+", "estimated": "~"}[preview.basis]
    cells = [f"{preview.contacts:,}{mark}"]
    for ours, hand in (
        (lambda: members.preview(reader, asked, 25), lambda: _preview_by_hand(reader, condition)),
        (lambda: members.page(reader, asked, None, 26), lambda: _page_by_hand(reader, condition)),
        (lambda: counts.exact(reader, asked, 60), lambda: _count_by_hand(reader, condition)),
    ):
        mine, other = await _interleaved(options.rounds, ours, hand)
        cells += [f"{mine:.1f}", f"{other:.1f}", f"{mine / other:.2f}"]
    return cells


def _written(reader: Reader, condition: LiteralString) -> str:
    """The hand-written condition for this workspace and this moment."""
    text = condition.replace("{cell}", str(reader.caller.cells[0]))
    text = text.replace("{workspace}", str(reader.caller.workspace_id))
    for days in (7, 90):
        text = text.replace(f"{{days:{days}}}", f"now() - interval '{days} days'")
    return f"c.cell_id = {reader.caller.cells[0]} AND c.deleted_at IS NULL AND {text}"


async def _interleaved(rounds: int, ours: Work, hand: Work) -> tuple[float, float]:
    """Median milliseconds of each; the first round is not counted."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds + 1):
        for work, taken in zip((ours, hand), times, strict=True):
            started = time.perf_counter()
            await work()
            taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(times[0][1:]), statistics.median(times[1][1:])


async def _preview_by_hand(reader: Reader, condition: str) -> None:
    async with reader.ad_hoc() as ad_hoc:
        await ad_hoc.connection.fetchval(
            f"SELECT count(*) FROM (SELECT FROM contacts c WHERE {condition} LIMIT 10001) AS counted"
        )
        await ad_hoc.connection.fetch(f"SELECT {COLUMNS} FROM contacts c WHERE {condition} ORDER BY c.id DESC LIMIT 25")


async def _page_by_hand(reader: Reader, condition: str) -> None:
    async with reader.ad_hoc() as ad_hoc:
        await ad_hoc.connection.fetch(f"SELECT {COLUMNS} FROM contacts c WHERE {condition} ORDER BY c.id DESC LIMIT 26")


async def _count_by_hand(reader: Reader, condition: str) -> None:
    async with reader.ad_hoc() as ad_hoc:
        await ad_hoc.connection.fetchval(f"SELECT count(*) FROM contacts c WHERE {condition}")


def _over_http(options: argparse.Namespace, port: int) -> None:
    """What a caller waits for: a preview of each rule, and a stored segment with its count."""
    table = Table("rule", "preview p50 ms", "p99", "basis", "stored segment p50 ms", "p99")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers={"X-API-Key": _KEY}, timeout=60) as http:
        lists = {"lists": _LIST, "preferences.email": {"$ne": "opted_out"}}
        wide = {"$or": [{f"metadata.k{n}": {"$starts_with": "x"}} for n in range(100)]}
        more = (Case("list and consent", lists, ""), Case("100 conditions, nobody", wide, ""))
        for case in (*CASES, *more):
            previews: list[float] = []
            for _ in range(options.previews):
                response, taken = _timed(lambda: http.post("/contacts/segments/preview", json={"rules": case.rule}))  # noqa: B023
                previews.append(taken)
            basis = response.json()["data"]["contact_count_basis"]
            name = f"{case.name} {time.time_ns()}"
            made = http.post("/contacts/segments", json={"name": name, "rules": case.rule}).json()["data"]
            stored = [_timed(lambda: http.get(f"/contacts/segments/{made['id']}"))[1] for _ in range(options.previews)]  # noqa: B023
            http.delete(f"/contacts/segments/{made['id']}")
            table.add_row(case.name, *_quantiles(previews), basis, *_quantiles(stored))
    _console.print(table)


def _timed(call: Callable[[], httpx.Response]) -> tuple[httpx.Response, float]:
    started = time.perf_counter()
    response = call()
    response.raise_for_status()
    return response, (time.perf_counter() - started) * 1000


def _quantiles(times: list[float]) -> tuple[str, str]:
    ordered = sorted(times)
    return f"{statistics.median(ordered):.1f}", f"{ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.segments", description=__doc__)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds of which the median is printed")
    parser.add_argument("--previews", type=int, default=100, help="calls over HTTP for each rule")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
