"""Who belongs to a rule: pages newest first, and a preview of a rule that is not stored.

What a contact's own row answers, PostgreSQL finds in the order of ids or by an index, as it estimates. A part that is
worked out over all contacts first (who did something three times) would make every page as dear as the count. So of
such rules the newest 2,048 contacts are looked at, then 16,384 more, and only then all others: of each stretch, only
its own events are read.
"""

from typing import LiteralString, NamedTuple
from uuid import UUID

import asyncpg
from asyncpg.protocol import Record

from orbit_contacts.core.database import Reader
from orbit_contacts.features.contacts import filters
from orbit_contacts.features.contacts.queries import COLUMNS
from orbit_contacts.features.segments import counts
from orbit_contacts.features.segments.binding import Window
from orbit_contacts.features.segments.counts import Members, compiled, condition, from_totals, limited
from orbit_contacts.features.segments.models import Basis

PREVIEW_CAP = 10_000
_PREVIEW_SECONDS = 0.15
_STRETCHES = (2048, 16_384)
_STRETCH_SECONDS = 10.0
_LOWEST = UUID(int=0)


async def page(reader: Reader, members: Members, before: UUID | None, rows: int) -> list[Record]:
    """The next `rows` contacts below the id `before`, newest first, with `COLUMNS`."""
    _, works_ahead = compiled(reader, members)
    found: list[Record] = []
    end = before
    if works_ahead:
        async with counts.limited(reader, _STRETCH_SECONDS, in_stretch=True) as ad_hoc:
            for stretch in _STRETCHES:
                first = await _id_below(ad_hoc, end, stretch)
                found += await _in_window(ad_hoc, members, Window(first or _LOWEST, end), rows - len(found))
                if len(found) == rows or first is None:
                    return found
                end = first
    async with reader.ad_hoc() as ad_hoc:
        return found + await _in_window(ad_hoc, members, Window(_LOWEST, end), rows - len(found))


async def _id_below(reader: Reader, end: UUID | None, steps: int) -> UUID | None:
    """The id that lies so many live contacts below `end`; None when there are fewer."""
    where = filters.live(reader)
    if end is not None:
        where.add("c.id < " + where.bind(end))
    row = await reader.fetch_one(
        "SELECT stretch.id, count(*) OVER () AS rows FROM (SELECT c.id FROM contacts c WHERE "
        + where.text
        + " ORDER BY c.id DESC LIMIT "
        + where.bind(steps)
        + ") stretch ORDER BY stretch.id LIMIT 1",
        *where.args,
    )
    return None if row is None or row["rows"] < steps else row["id"]


async def _in_window(reader: Reader, members: Members, window: Window, rows: int) -> list[Record]:
    where = condition(reader, members, None if window == (_LOWEST, None) else window)
    limit = where.bind(rows)
    return await reader.fetch_all(
        "SELECT " + COLUMNS + " FROM contacts c WHERE " + where.text + " ORDER BY c.id DESC LIMIT " + limit, *where.args
    )


class Previewed(NamedTuple):
    """How many, what that number is, and some of them, with `COLUMNS`."""

    contacts: int
    basis: Basis
    sample: list[Record]


async def preview(reader: Reader, members: Members, sample_size: int) -> Previewed:
    """How many meet the rule, what that number is, and some of them, in three tenths of a second at most.

    Counting stops at 10,000 or when the time is over; then the number is estimated from a sample.
    """
    totals = await from_totals(reader, members.rule)
    if totals is not None:
        sample = await page(reader, members, None, sample_size) if sample_size else []
        return Previewed(totals, "exact", sample)
    try:
        async with limited(reader, _PREVIEW_SECONDS) as ad_hoc:
            count, sample = await _count_and_sample(ad_hoc, members, sample_size)
    except asyncpg.QueryCanceledError:
        estimate, met = await counts.estimated(reader, members)
        return Previewed(estimate, "estimated", await _of_ids(reader, sorted(met, reverse=True)[:sample_size]))
    return Previewed(min(count, PREVIEW_CAP), "exact" if count <= PREVIEW_CAP else "at_least", sample)


async def _count_and_sample(reader: Reader, members: Members, sample_size: int) -> tuple[int, list[Record]]:
    """One statement, so that the rule is evaluated once."""
    where = condition(reader, members)
    cap = where.bind(PREVIEW_CAP + 1)
    size = where.bind(max(sample_size, 1))
    cells: LiteralString = "c.cell_id = ANY(" + where.bind(reader.caller.cells) + ")"
    rows = await reader.fetch_all(
        "WITH found AS MATERIALIZED (SELECT c.cell_id, c.id FROM contacts c WHERE "
        + where.text
        + " LIMIT "
        + cap
        + "), chosen AS (SELECT f.cell_id, f.id FROM found f ORDER BY f.id DESC LIMIT "
        + size
        + ") SELECT "
        + COLUMNS
        + ", (SELECT count(*) FROM found) AS total FROM chosen JOIN contacts c"
        + " ON c.cell_id = chosen.cell_id AND c.id = chosen.id WHERE "
        + cells
        + " ORDER BY c.id DESC",
        *where.args,
    )
    return (rows[0]["total"] if rows else 0), rows[:sample_size]


async def _of_ids(reader: Reader, ids: list[UUID]) -> list[Record]:
    where = filters.live(reader)
    filters.only(where, ids)
    return await reader.fetch_all(
        "SELECT " + COLUMNS + " FROM contacts c WHERE " + where.text + " ORDER BY c.id DESC", *where.args
    )
