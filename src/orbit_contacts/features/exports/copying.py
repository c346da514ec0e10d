"""Exports that PostgreSQL writes: pages of ten thousand lines by COPY, two of them under way while one is used."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple
from uuid import UUID

from orbit_contacts.core.database import Reader
from orbit_contacts.core.where import Where
from orbit_contacts.features.consent import statuses
from orbit_contacts.features.consent.statuses import Closed, Known, Stretch
from orbit_contacts.features.contacts import filters
from orbit_contacts.features.exports import csv_copy, json_copy, public_ids, queries

PAGE = 10_000
AT_ONCE = 10
"""Pages of which it is looked up at once where they end, and who of them holds a suppressed address."""
_NOTHING_KNOWN = Known(states=False, suppressed_kinds=[])


class Copied(NamedTuple):
    data: bytes
    rows: int


class _Page(NamedTuple):
    stretch: Stretch
    closed: Closed


class Copying(NamedTuple):
    """What is copied: the columns `names` of the contacts that satisfy `where`, in a format that `can_write` takes."""

    format: str
    names: Sequence[str]
    where: Where
    everybody: bool
    """Whether those are all contacts, or nearly: then they are found by their place, else by their ids."""


def can_write(format: str, names: Sequence[str]) -> bool:
    match format:
        case "csv":
            return csv_copy.can_write(names)
        case "json" | "ndjson":
            return json_copy.can_write(names)
        case _:
            return False


async def pages(reader: Reader, asked: Copying) -> AsyncGenerator[Copied]:
    """The contacts of an export, oldest first. The ends of the pages after those under way are looked up
    meanwhile; memory holds three pages."""
    with_consent = any(name.startswith("preferences.") for name in asked.names)
    async with reader.unhurried() as unhurried:
        known = await statuses.known(unhurried) if with_consent else _NOTHING_KNOWN

    async def look_up(after: UUID | None) -> list[_Page]:
        async with reader.unhurried() as unhurried:
            stretches = await _stretches(unhurried, asked, after)
            if not stretches:
                return []
            whole = Stretch(after, stretches[-1].last, stretches[0].ids)
            closed = await statuses.closed(unhurried, known, whole)
        return [_Page(stretch, closed.of(stretch)) for stretch in stretches]

    async def copy(page: _Page) -> Copied:
        async with reader.unhurried() as unhurried:
            return await _copy(unhurried, asked, known, page)

    copying: list[asyncio.Task[Copied]] = []
    following = asyncio.create_task(look_up(None))
    is_first = True
    try:
        while found := await following:
            following = asyncio.create_task(look_up(found[-1].stretch.last))
            for each in found:
                copying.append(asyncio.create_task(copy(each)))
                if len(copying) > 2:
                    page = await copying[0]
                    yield _ended(asked.format, page, is_first)
                    del copying[0]
                    is_first = is_first and not page.rows
        while copying:
            page = await copying[0]
            yield _ended(asked.format, page, is_first)
            del copying[0]
            is_first = is_first and not page.rows
    finally:
        for task in (following, *copying):
            task.cancel()
        await asyncio.gather(following, *copying, return_exceptions=True)


async def _stretches(unhurried: Reader, asked: Copying, after: UUID | None) -> list[Stretch]:
    """The contacts of the next pages: of several when they are found by their place."""
    if not asked.everybody:
        rest = asked.where.copy()
        if after is not None:
            rest.add("c.id > " + rest.bind(after))
        found = await queries.ids_page(unhurried, rest, PAGE)
        return [Stretch(after, found[-1], found)] if found else []
    stretches: list[Stretch] = []
    while len(stretches) < AT_ONCE and (last := await queries.end_of_page(unhurried, after, PAGE)) is not None:
        stretches.append(Stretch(after, last))
        after = last
    return stretches


async def _copy(unhurried: Reader, asked: Copying, known: Known, page: _Page) -> Copied:
    lines: list[bytes] = []
    stretch = page.stretch
    where = asked.where.copy() if stretch.ids is None else filters.live(unhurried)
    where.add(stretch.holds(where, "c.id"))
    joins = statuses.joins(where, unhurried, known, stretch, page.closed)
    is_csv = asked.format == "csv"
    written = csv_copy.cells if is_csv else json_copy.document
    own = public_ids.OWN_BITS if "id" in asked.names[1:] else ""

    async def keep(data: bytes) -> None:
        lines.append(data)

    rows = await unhurried.copy_out(
        "SELECT " + written(asked.names, statuses.columns(known)) + " FROM contacts c" + own + joins
        + " WHERE " + where.text + " ORDER BY c.id",
        *where.args,
        output=keep,
        plain=not is_csv,
    )  # fmt: skip
    data = b"".join(lines)
    if rows and asked.names[0] == "id":
        data = await asyncio.to_thread(public_ids.write_ids, data, rows, 0 if is_csv else json_copy.BEFORE_ID)
    return Copied(data, rows)


def _ended(format: str, page: Copied, is_first: bool) -> Copied:
    """The page with its lines ended, or parted, as the format has it."""
    match format:
        case "csv":
            return Copied(csv_copy.with_crlf(page.data, page.rows), page.rows)
        case "json":
            documents = page.data.removesuffix(b"\n").replace(b"\n", b",\n")
            return Copied(documents if is_first or not documents else b",\n" + documents, page.rows)
        case _:
            return page
