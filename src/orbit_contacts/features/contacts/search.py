"""Free-text search over trigrams: a small result by bitmap, a large one by walking buckets newest first.

PostgreSQL's planner alone is fine at the median and fails at the ends: a common word followed by
ORDER BY … LIMIT either reads a bitmap of half the table or walks a million rows that do not match.
So its own estimate chooses (docs/adr/0004): few matches, and the bitmap is sorted whole; many, and the newest
buckets of 8192 contacts are asked one after another until the page is full. Results are ordered by (bucket, id),
newest first, either way, so pages agree. Every statement is planned for its values.
"""

import math
import random
import statistics
from typing import Any
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core.database import Reader
from orbit_contacts.core.where import Where
from orbit_contacts.features.contacts import buckets
from orbit_contacts.features.contacts.queries import COLUMNS
from orbit_contacts.features.contacts.text import SearchQuery

_SMALL = 2000
# Whether counting would stop at the cap: of a number far beyond it the planner's statistics tell, of a middling one
# some buckets, where there are so many that looking at them costs much less than counting.
_FAR_BEYOND = 3
_SAMPLED = 8
_FEW_BUCKETS = 32
# Buckets are asked together while they are expected to hold no more rows than this.
_ROWS_AT_ONCE = 2000
_BUCKETS_AT_ONCE = 32

Position = tuple[int, UUID]  # bucket and id of the last row shown


def match(words: SearchQuery, where: Where) -> None:
    """Every word must occur; the pattern is for the index, the re-check for what it leaves open."""
    for word in words.words:
        if word.index_pattern is not None:
            where.add("c.search_text LIKE " + where.bind(word.index_pattern))
        if word.recheck is not None:
            where.add("strpos(c.search_text, " + where.bind(word.recheck) + ") > 0")


async def estimate_matches(reader: Reader, words: SearchQuery, where: Where) -> int:
    """How many rows of `where` the planner expects to match. Of a re-check it would think that two thirds fail,
    while the index has found nearly all there is to find."""
    likely = where.copy()
    for word in words.words:
        match(SearchQuery((word if word.index_pattern is None else word._replace(recheck=None),)), likely)
    return await estimate(reader, likely)


async def estimate(reader: Reader, where: Where) -> int:
    """How many rows the planner expects; it looks at the values themselves."""
    plan = await reader.fetch_value("EXPLAIN (FORMAT JSON) SELECT 1 FROM contacts c WHERE " + where.text, *where.args)
    document: list[dict[str, dict[str, Any]]] = msgspec.json.decode(plan)
    return int(document[0]["Plan"]["Plan Rows"])


async def first_page(ad_hoc: Reader, where: Where, rows: int, expected: int, cap: int) -> tuple[list[Record], int]:
    """The newest rows that match, ordered by (bucket, id) descending, each with its bucket; and how many match in
    all: `cap + 1` stands for all numbers beyond the cap.

    A bitmap sees every match anyway, so it counts them. `expected` is the planner's estimate.
    """
    newest = await _newest_bucket(ad_hoc)
    if expected <= _SMALL or not await _is_surely_beyond(ad_hoc, where, newest, expected, cap):
        found = await _by_bitmap_with_count(ad_hoc, where, rows, cap + 1)
        matches = found[0]["matches"] if found else 0
        if matches <= cap:
            return found, matches
        # It stopped somewhere, not at the newest.
    return await _by_walk(ad_hoc, where, None, newest, rows, _at_once(newest, max(expected, cap))), cap + 1


async def next_page(ad_hoc: Reader, where: Where, after: Position, rows: int, expected: int) -> list[Record]:
    """The rows below a position."""
    if expected > _SMALL:
        newest = await _newest_bucket(ad_hoc)
        return await _by_walk(ad_hoc, where, after, after[0], rows, _at_once(newest, expected))
    return await _by_bitmap(ad_hoc, where, after, rows)


async def count(ad_hoc: Reader, where: Where, expected: int, cap: int) -> int:
    """How many match, at most `cap + 1`."""
    newest = await _newest_bucket(ad_hoc) if expected > _SMALL else -1
    if expected > _SMALL and await _is_surely_beyond(ad_hoc, where, newest, expected, cap):
        return cap + 1
    capped = where.copy()
    limit = capped.bind(cap + 1)
    return await ad_hoc.fetch_value(
        "SELECT count(*) FROM (SELECT FROM contacts c WHERE " + capped.text + " LIMIT " + limit + ") AS counted",
        *capped.args,
    )


async def _is_surely_beyond(reader: Reader, where: Where, newest: int, expected: int, cap: int) -> bool:
    """Whether so many more than `cap` match that they need not be counted: two standard errors above it.

    Where buckets differ much, as after an import of people who have something in common, that is seldom sure.
    """
    if expected > _FAR_BEYOND * cap:
        return True
    full = newest - 1  # the newest are being filled
    if full < _FEW_BUCKETS:
        return False
    sampled = where.copy()
    sampled.add("c.bucket = ANY(" + sampled.bind(random.sample(range(full), _SAMPLED)) + "::integer[])")
    rows = await reader.fetch_all(
        "SELECT c.bucket, count(*) AS found FROM contacts c WHERE " + sampled.text + " GROUP BY c.bucket", *sampled.args
    )
    found = [int(row["found"]) for row in rows] + [0] * (_SAMPLED - len(rows))
    error = statistics.stdev(found) / math.sqrt(_SAMPLED)
    return full * (statistics.mean(found) - 2 * error) > cap


def _at_once(newest: int, expected: int) -> int:
    """How many buckets one statement may ask."""
    return max(min(_ROWS_AT_ONCE * (newest + 1) // expected, _BUCKETS_AT_ONCE), 1)


async def _by_bitmap_with_count(reader: Reader, where: Where, rows: int, at_most: int) -> list[Record]:
    bounded = where.copy()
    limit = bounded.bind(rows)
    return await reader.fetch_all(
        "WITH found AS MATERIALIZED (SELECT c.bucket, c.cell_id, c.id FROM contacts c WHERE "
        + bounded.text
        + " LIMIT "
        + bounded.bind(at_most)
        + ") SELECT "
        + COLUMNS
        + """, c.bucket, (SELECT count(*) FROM found) AS matches
        FROM (SELECT * FROM found ORDER BY bucket DESC, id DESC LIMIT """
        + limit
        + """) AS first JOIN contacts c ON c.cell_id = first.cell_id AND c.id = first.id
        ORDER BY c.bucket DESC, c.id DESC
        """,
        *bounded.args,
    )


async def _by_bitmap(reader: Reader, where: Where, after: Position, rows: int) -> list[Record]:
    bounded = where.copy()
    bounded.add("(c.bucket, c.id) < (" + bounded.bind(after[0]) + ", " + bounded.bind(after[1]) + ")")
    limit = bounded.bind(rows)
    return await reader.fetch_all(
        "SELECT "
        + COLUMNS
        + ", c.bucket FROM contacts c WHERE "
        + bounded.text
        + " ORDER BY c.bucket DESC, c.id DESC LIMIT "
        + limit,
        *bounded.args,
    )


async def _by_walk(
    reader: Reader, where: Where, after: Position | None, newest: int, rows: int, at_once: int
) -> list[Record]:
    """Bucket after bucket; where they hold too few, twice as many each time, up to `at_once`."""
    found: list[Record] = []
    if after is not None:
        found += await _in_buckets(reader, where, [newest], after[1], rows)
        newest -= 1
    stretch = 1
    while newest >= 0 and len(found) < rows:
        asked = list(range(newest, max(newest - stretch, -1), -1))
        found += await _in_buckets(reader, where, asked, None, rows - len(found))
        newest -= stretch
        stretch = min(2 * stretch, at_once)
    return found


async def _in_buckets(reader: Reader, where: Where, asked: list[int], before: UUID | None, rows: int) -> list[Record]:
    """`+ 0` hides from the planner that the primary key has this order: where a common word is absent from a
    bucket, it would walk the whole cell to find that out.
    """
    bounded = where.copy()
    if before is not None:
        bounded.add("c.id < " + bounded.bind(before))
    bounded.add("c.bucket = ANY(" + bounded.bind(asked) + "::integer[])")
    return await reader.fetch_all(
        "SELECT "
        + COLUMNS
        + ", c.bucket FROM contacts c WHERE "
        + bounded.text
        + " ORDER BY c.bucket + 0 DESC, c.id DESC LIMIT "
        + bounded.bind(rows),
        *bounded.args,
    )


async def _newest_bucket(reader: Reader) -> int:
    """An upper bound: buckets are row numbers, so no row lies in a bucket beyond the number of rows ever made; -1
    where there never was one."""
    ever: int | None = await reader.fetch_value(
        """
        SELECT max(ever)::bigint
        FROM (SELECT sum(ever) AS ever FROM contact_counts WHERE cell_id = ANY($1) GROUP BY cell_id) AS of_cell
        """,
        reader.caller.cells,
    )
    return -1 if ever is None else ever // buckets.ROWS_PER_BUCKET + 1
