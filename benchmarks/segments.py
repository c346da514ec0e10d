"""Segments beside the best SQL that a hand would write for each rule: previews, pages, exact counts, stored counts.

Both run on connections with the same settings, their plans made for the values, in interleaved rounds; printed are
medians and their ratio. A hand-written preview is two statements: the count up to 10,000, and the newest 25 contacts.
Over HTTP, each rule is previewed and read as a stored segment as often as `_CALLS` says.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.contacts import serving
from benchmarks.dataset import LARGE_KEY, large_caller
from benchmarks.directory import LIST_ID, database
from orbit_contacts.core import ids
from orbit_contacts.core.database import Database, Reader
from orbit_contacts.features.contacts.queries import COLUMNS
from orbit_contacts.features.segments import counts, members, rules, stored

_LIST = ids.text("lst", UUID(LIST_ID))
# What is to be reached: ours / by hand, and milliseconds over HTTP.
_RATIO = 1.3
_PREVIEW_MS = 300.0
_STORED_MS = 10.0
_CALLS = 100
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
    with database(options.contacts, options.directory_events, keep=options.keep) as dsn:
        asyncio.run(_beside_sql(options, dsn))
        with serving(dsn) as (port, _):
            _over_http(port)


async def _beside_sql(options: argparse.Namespace, dsn: str) -> None:
    caller = await large_caller(dsn)
    sessions = Database(dsn, statement_timeout=120)
    table = Table("rule", "matches", *(f"{what}" for w in ("preview", "page", "count") for what in _columns(w)))
    try:
        for case in CASES:
            async with sessions.reader(caller) as reader:
                table.add_row(case.name, *await _row(options, reader, case))
    finally:
        await sessions.close()
    _console.print(table)
    _console.print(f"[dim]ms, median: ours, by hand, ratio (to reach: <= {_RATIO}); ~ is an estimate, + a lower bound")


def _marked(figure: float, target: float, digits: int = 1) -> str:
    """The figure, with a mark if it misses its target."""
    return f"{figure:.{digits}f}" if figure <= target else f"[bold red]{figure:.{digits}f} ![/]"


def _columns(what: str) -> tuple[str, str, str]:
    return what, "hand", "x"


async def _row(options: argparse.Namespace, reader: Reader, case: Case) -> list[str]:
    asked = await stored.members_of(reader, rules.read(case.rule, {}, None))
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
        cells += [f"{mine:.1f}", f"{other:.1f}", _marked(mine / other, _RATIO, 2)]
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


def _over_http(port: int) -> None:
    """What a caller waits for: a preview of each rule, and a stored segment with its count."""
    table = Table("rule", "preview p50 ms", "p99", "basis", "stored segment p50 ms", "p99")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers={"X-API-Key": LARGE_KEY}, timeout=60) as http:
        lists = {"lists": _LIST, "preferences.email": {"$ne": "opted_out"}}
        wide = {"$or": [{f"metadata.k{n}": {"$starts_with": "x"}} for n in range(100)]}
        more = (Case("list and consent", lists, ""), Case("100 conditions, nobody", wide, ""))
        for case in (*CASES, *more):
            preview = partial(http.post, "/contacts/segments/preview", json={"rules": case.rule})
            basis = preview().json()["data"]["contact_count_basis"]
            previews = [_timed(preview) for _ in range(_CALLS)]
            name = f"{case.name} {time.time_ns()}"
            made = http.post("/contacts/segments", json={"name": name, "rules": case.rule}).json()["data"]
            stored = [_timed(partial(http.get, f"/contacts/segments/{made['id']}")) for _ in range(_CALLS)]
            http.delete(f"/contacts/segments/{made['id']}")
            table.add_row(case.name, *_quantiles(previews, _PREVIEW_MS), basis, *_quantiles(stored, _STORED_MS))
    _console.print(table)
    _console.print(f"[dim]to reach, p99: preview <= {_PREVIEW_MS:.0f} ms, stored segment <= {_STORED_MS:.0f} ms")


def _timed(call: Callable[[], httpx.Response]) -> float:
    started = time.perf_counter()
    call().raise_for_status()
    return (time.perf_counter() - started) * 1000


def _quantiles(times: list[float], target: float) -> tuple[str, str]:
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"{statistics.median(ordered):.1f}", _marked(p99, target)
