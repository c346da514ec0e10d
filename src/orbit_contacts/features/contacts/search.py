"""Free-text search over trigrams: a small result by bitmap, a large one by walking buckets newest first.

PostgreSQL's planner alone is fine at the median and fails at the ends: a common word followed by
ORDER BY … LIMIT either reads a bitmap of half the table or walks a million rows that do not match.
So its own estimate chooses (docs/adr/0004): few matches, and the bitmap is sorted whole; many, and the newest
buckets of 8192 contacts are asked one by one until the page is full. Results are ordered by (bucket, id),
newest first, either way, so pages agree.
"""

from typing import Any, LiteralString
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core.database import Reader
from orbit_contacts.core.where import Where
from orbit_contacts.features.contacts import buckets
from orbit_contacts.features.contacts.queries import COLUMNS
from orbit_contacts.features.contacts.text import SearchQuery

_SMALL = 6000
_WALK_AT_MOST = 100_000  # buckets; 800 million contacts

Position = tuple[int, UUID]  # bucket and id of the last row shown


def match(words: SearchQuery, where: Where) -> None:
    """Every word must occur; the pattern is for the index, the re-check for what it leaves open."""
    for word in words.words:
        if word.index_pattern is not None:
            where.add("c.search_text LIKE " + where.bind(word.index_pattern))
        if word.recheck is not None:
            where.add("strpos(c.search_text, " + where.bind(word.recheck) + ") > 0")


async def estimate(reader: Reader, where: Where) -> int:
    """How many rows the planner expects; it looks at the values themselves."""
    plan = await reader.fetch_value("EXPLAIN (FORMAT JSON) SELECT 1 FROM contacts c WHERE " + where.text, *where.args)
    document: list[dict[str, dict[str, Any]]] = msgspec.json.decode(plan)
    return int(document[0]["Plan"]["Plan Rows"])


async def page(
    reader: Reader, ad_hoc: Reader, where: Where, after: Position | None, rows: int, expected: int
) -> tuple[list[Record], int | None]:
    """The next rows that match, ordered by (bucket, id) descending, each with its bucket; and how many match in
    all, where that costs nothing more.

    The bitmap is planned for its values; the walk asks one statement many times, so it is planned once.
    """
    if expected > _SMALL:
        return await _by_walk(reader, where, after, rows), None
    if after is None:
        found = await _first_by_bitmap(ad_hoc, where, rows)
        return found, found[0]["matches"] if found else 0
    return await _by_bitmap(ad_hoc, where, after, rows), None


async def _first_by_bitmap(reader: Reader, where: Where, rows: int) -> list[Record]:
    """The bitmap sees every match anyway, so the first page counts them with it."""
    bounded = where.copy()
    limit = bounded.bind(rows)
    return await reader.fetch_all(
        "WITH found AS MATERIALIZED (SELECT c.bucket, c.cell_id, c.id FROM contacts c WHERE "
        + bounded.text
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


async def _by_walk(reader: Reader, where: Where, after: Position | None, rows: int) -> list[Record]:
    found: list[Record] = []
    bucket = after[0] if after is not None else await _newest_bucket(reader)
    statement, bounded = _in_bucket(where, after[1] if after is not None else None)
    for _ in range(_WALK_AT_MOST):
        if bucket is None or bucket < 0 or len(found) >= rows:
            break
        found += await reader.fetch_all(statement, *bounded.args[:-2], bucket, rows - len(found))
        if after is not None:
            after = None
            statement, bounded = _in_bucket(where, None)
        bucket -= 1
    return found


def _in_bucket(where: Where, before: UUID | None) -> tuple[LiteralString, Where]:
    """One bucket of the walk; the bucket and the number of rows are the last two parameters.

    `+ 0` hides from the planner that the primary key has this order: where a common word is absent from a
    bucket, it would walk the whole cell to find that out.
    """
    bounded = where.copy()
    if before is not None:
        bounded.add("c.id < " + bounded.bind(before))
    bounded.add("c.bucket = " + bounded.bind(0))
    statement = (
        "SELECT "
        + COLUMNS
        + ", c.bucket FROM contacts c WHERE "
        + bounded.text
        + " ORDER BY c.bucket + 0 DESC, c.id DESC LIMIT "
        + bounded.bind(0)
    )
    return statement, bounded


async def _newest_bucket(reader: Reader) -> int | None:
    """An upper bound: buckets are row numbers, so no row lies in a bucket beyond the number of rows ever made."""
    ever: int | None = await reader.fetch_value(
        """
        SELECT max(ever)::bigint
        FROM (SELECT sum(ever) AS ever FROM contact_counts WHERE cell_id = ANY($1) GROUP BY cell_id) AS of_cell
        """,
        reader.caller.cells,
    )
    return None if ever is None else ever // buckets.ROWS_PER_BUCKET + 1
