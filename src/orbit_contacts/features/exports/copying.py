"""Exports that PostgreSQL writes: pages of ten thousand lines by COPY, two of them under way while one is used."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple
from uuid import UUID

from orbit_contacts.core.database import Reader
from orbit_contacts.core.where import Where
from orbit_contacts.features.consent import statuses
from orbit_contacts.features.consent.statuses import Known, Stretch
from orbit_contacts.features.contacts import filters
from orbit_contacts.features.exports import csv_copy, json_copy, public_ids, queries

PAGE = 10_000
_NOTHING_KNOWN = Known(states=False, suppressed_kinds=[])


class Copied(NamedTuple):
    data: bytes
    rows: int


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
    """The contacts of an export, oldest first. The end of the page after those under way is looked up meanwhile;
    memory holds three."""
    with_consent = any(name.startswith("preferences.") for name in asked.names)
    async with reader.unhurried() as unhurried:
        known = await statuses.known(unhurried) if with_consent else _NOTHING_KNOWN

    async def look_up(after: UUID | None) -> Stretch | None:
        async with reader.unhurried() as unhurried:
            if asked.everybody:
                last = await queries.end_of_page(unhurried, after, PAGE)
                return None if last is None else Stretch(after, last)
            rest = asked.where.copy()
            if after is not None:
                rest.add("c.id > " + rest.bind(after))
            found = await queries.ids_page(unhurried, rest, PAGE)
        return Stretch(after, found[-1], found) if found else None

    async def copy(stretch: Stretch) -> Copied:
        async with reader.unhurried() as unhurried:
            return await _copy(unhurried, asked, known, stretch)

    copying: list[asyncio.Task[Copied]] = []
    following = asyncio.create_task(look_up(None))
    is_first = True
    try:
        while (stretch := await following) is not None:
            following = asyncio.create_task(look_up(stretch.last))
            copying.append(asyncio.create_task(copy(stretch)))
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


async def _copy(unhurried: Reader, asked: Copying, known: Known, stretch: Stretch) -> Copied:
    lines: list[bytes] = []
    where = asked.where.copy() if stretch.ids is None else filters.live(unhurried)
    where.add(stretch.holds(where, "c.id"))
    joins = statuses.joins(where, unhurried, known, stretch)
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
