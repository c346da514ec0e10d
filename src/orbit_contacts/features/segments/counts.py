"""How many contacts meet a rule: exact within a budget of time, else estimated; and how long a count may be shown.

A count that is cheap is made anew each time it is asked for. A dear one is shown again for ten times as long as it
took (300 ms of work: three seconds), never longer than a minute, and always with the instant at which it was true.
"""

import random
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

import asyncpg
from asyncpg.protocol import Record

from orbit_contacts.core.clock import SECOND, Instant
from orbit_contacts.core.database import Reader
from orbit_contacts.core.where import Where
from orbit_contacts.features.contacts import filters, search
from orbit_contacts.features.contacts.buckets import ROWS_PER_BUCKET
from orbit_contacts.features.contacts.total_queries import count_ever, count_live
from orbit_contacts.features.segments.binding import Scope, Window
from orbit_contacts.features.segments.compile import compile_rule
from orbit_contacts.features.segments.tree import AllOf, Condition, Rule

# Costs in microseconds, as everywhere.
CHEAP = 8_000
SLOW = 500_000
MAX_AGE = 60 * SECOND
FEW = 20_000

SAMPLE_ROWS = 512
_SAMPLE_SECONDS = 0.08
_SAMPLES_AT_MOST = 64


class Count(NamedTuple):
    """A number of contacts at an instant, and the microseconds that counting took."""

    value: int
    is_exact: bool
    at: Instant
    cost: int


class Members(NamedTuple):
    """A rule with the rules of the segments it names: all that a count needs. `has_nearly_all`: see `Scope`."""

    rule: AllOf
    segments: Mapping[UUID, Rule]
    has_nearly_all: bool = False


def stored(row: Record) -> Count:
    """The count kept with a segment."""
    return Count(row["contact_count"], row["count_is_exact"], row["counted_at"], row["count_cost"])


def is_fresh(count: Count, now: Instant) -> bool:
    """Whether a count may still be shown."""
    return count.cost >= CHEAP and now - count.at <= min(10 * count.cost, MAX_AGE)


async def is_quick(reader: Reader, count: Count) -> bool:
    """Whether it was the machine that was slow, not the count: few contacts are soon counted again."""
    return count.cost < SLOW and await count_live(reader, None, None) < FEW


def condition(reader: Reader, members: Members, window: Window | None = None) -> Where:
    """The live contacts of the caller that meet the rule, as conditions on `contacts c`."""
    return compiled(reader, members, window)[0]


def compiled(reader: Reader, members: Members, window: Window | None = None) -> tuple[Where, bool]:
    """The condition, and whether it works ahead (see `compile_rule`)."""
    where = filters.live(reader)
    if window is not None:
        where.add("c.id >= " + where.bind(window.first))
        if window.end is not None:
            where.add("c.id < " + where.bind(window.end))
    return where, compile_rule(members.rule, where, scope_of(reader, members, window))


def scope_of(reader: Reader, members: Members, window: Window | None = None) -> Scope:
    caller = reader.caller
    cells = tuple(caller.cells)
    return Scope(caller.workspace_id, cells, reader.now, members.segments, window, members.has_nearly_all)


async def count(reader: Reader, members: Members, seconds: float) -> Count:
    """Exact if that takes no longer than `seconds`; else estimated."""
    started = time.perf_counter()
    value = await exact(reader, members, seconds)
    cost = int((time.perf_counter() - started) * SECOND)
    return await estimate(reader, members, cost) if value is None else Count(value, True, reader.now, cost)


async def estimate(reader: Reader, members: Members, cost: int) -> Count:
    """From a sample; `cost` is what an exact count is known to take at least."""
    value, _ = await estimated(reader, members)
    return Count(value, False, reader.now, cost)


async def exact(reader: Reader, members: Members, seconds: float) -> int | None:
    """Every contact that meets the rule; None when counting takes longer than `seconds`."""
    totals = await from_totals(reader, members.rule)
    if totals is not None:
        return totals
    where = condition(reader, members)
    try:
        async with limited(reader, seconds) as ad_hoc:
            return await ad_hoc.fetch_value("SELECT count(*) FROM contacts c WHERE " + where.text, *where.args)
    except asyncpg.QueryCanceledError:
        return None


@asynccontextmanager
async def limited(reader: Reader, seconds: float, *, in_stretch: bool = False) -> AsyncGenerator[Reader]:
    """A connection for plans of their own, on which a statement that takes longer raises QueryCanceledError.

    PostgreSQL stops it: a statement cancelled from here would leave the connection busy for a moment.

    `in_stretch` is for statements on a window of ids. Its statistics cannot tell how many contacts lie between two
    uuids and guess one; a loop over that one, planned for a thousand, takes seconds where a hash join takes none.
    """
    async with reader.ad_hoc() as ad_hoc:
        await ad_hoc.execute("BEGIN READ ONLY")
        try:
            await ad_hoc.fetch_value(
                "SELECT set_config('statement_timeout', $1, true), set_config('enable_nestloop', $2, true)",
                str(max(int(seconds * 1000), 1)),
                "off" if in_stretch else "on",
            )
            yield ad_hoc
        finally:
            if not ad_hoc.connection.is_closed():
                await ad_hoc.execute("ROLLBACK")


async def from_totals(reader: Reader, rule: AllOf) -> int | None:
    """From the running totals, for a rule that asks for nothing, or only for one country, one stage or both."""
    asked: dict[str, str] = {}
    for child in rule.children:
        if not isinstance(child, Condition) or child.operator.name != "$eq" or not isinstance(child.operand, str):
            return None
        if child.field.name not in ("lifecycle_stage", "country_code") or child.field.name in asked:
            return None
        asked[child.field.name] = child.operand
    return await count_live(reader, asked.get("lifecycle_stage"), asked.get("country_code"))


async def estimated(reader: Reader, members: Members) -> tuple[int, list[UUID]]:
    """A number from random stretches of contacts, and those of them that met the rule, in a tenth of a second.

    A bucket holds some 8,192 contacts that came one after another (docs/adr/0004). Of random buckets, a random
    stretch of 512 is looked at, until the time is over.
    """
    seen, met = 0, list[UUID]()
    live = await count_live(reader, None, None)
    newest = await _newest_bucket(reader)
    ends = time.perf_counter() + _SAMPLE_SECONDS
    try:
        async with limited(reader, 2 * _SAMPLE_SECONDS, in_stretch=True) as ad_hoc:
            for _ in range(_SAMPLES_AT_MOST):
                bucket = random.randint(0, newest)
                stretch = await _stretch(ad_hoc, bucket)
                if stretch:
                    met += await _meeting(ad_hoc, members, bucket, stretch)
                    seen += len(stretch)
                if time.perf_counter() > ends:
                    break
    except asyncpg.QueryCanceledError:
        if not seen:
            return min(live, await _planned(reader, members)), []
    share = len(met) / seen if seen else 0.0
    return min(live, round(share * live)), met


async def _meeting(reader: Reader, members: Members, bucket: int, stretch: list[UUID]) -> list[UUID]:
    """Those of a stretch that meet the rule."""
    where = condition(reader, members, Window(stretch[0], UUID(int=stretch[-1].int + 1)))
    where.add("c.bucket = " + where.bind(bucket))
    rows = await reader.fetch_all("SELECT c.id FROM contacts c WHERE " + where.text, *where.args)
    return [row["id"] for row in rows]


async def _planned(reader: Reader, members: Members) -> int:
    """What PostgreSQL's planner expects: the last resort, for rules of which not even a sample is soon looked at."""
    async with reader.ad_hoc() as ad_hoc:
        return await search.estimate(ad_hoc, condition(ad_hoc, members))


async def _newest_bucket(reader: Reader) -> int:
    """Buckets are row numbers, so the number of contacts there ever were bounds them."""
    ever = [await count_ever(reader, cell) for cell in reader.caller.cells]
    return max(ever) // ROWS_PER_BUCKET


async def _stretch(reader: Reader, bucket: int) -> list[UUID]:
    """Up to 512 neighbours in a bucket, in order."""
    where = filters.live(reader)
    where.add("c.workspace_id = " + where.bind(reader.caller.workspace_id))
    where.add("c.bucket = " + where.bind(bucket))
    rows = await reader.fetch_all("SELECT c.id FROM contacts c WHERE " + where.text + " ORDER BY c.id", *where.args)
    first = random.randint(0, max(len(rows) - SAMPLE_ROWS, 0))
    return [row["id"] for row in rows[first : first + SAMPLE_ROWS]]
