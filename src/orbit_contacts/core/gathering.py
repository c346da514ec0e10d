"""Rows by their key, for many requests at once.

Where many requests are under way, those that the event loop handles close together ask in one statement: PostgreSQL is
woken once and answers once, which costs both sides half of what asking one by one costs. Where few are, each asks at
once and alone: waiting for others would only make it late.
"""

import asyncio
from typing import LiteralString, NamedTuple
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.errors import ServiceUnavailable
from orbit_contacts.core.pool import Pool

# So many under way, on the average of late, are a crowd: with fewer the wait is longer than what it saves.
_CROWD = 6
# What is not in memory, one statement reads one page after the other: larger groups are divided.
_TOGETHER = 16


class Lookup(NamedTuple):
    """Two statements that find rows by cell and id: that of `$1` and `$2`, or those of two arrays; there each row has
    the `place`, from 1, at which it was asked for, so that nobody is given another's."""

    one: LiteralString
    many: LiteralString


class _Asked(NamedTuple):
    cell_id: int
    id: UUID
    row: asyncio.Future[Record | None]


class Gathering:
    """The lookups of one kind that are under way on one database."""

    def __init__(self, pool: Pool, lookup: Lookup) -> None:
        self._pool = pool
        self._lookup = lookup
        self._under_way = 0
        self._average = 0.0
        self._open: list[_Asked] | None = None

    async def find(self, cell_id: int, id: UUID) -> Record | None:
        """The row, as it is now or a moment later."""
        self._under_way += 1
        try:
            self._average += (self._under_way - self._average) / 16
            if self._average < _CROWD:
                return await self._one(cell_id, id)
            if self._open is not None:
                return await self._join(self._open, cell_id, id)
            return await self._lead(cell_id, id)
        finally:
            self._under_way -= 1

    async def _one(self, cell_id: int, id: UUID) -> Record | None:
        async with self._pool.connection() as connection:
            return await connection.fetchrow(self._lookup.one, cell_id, id)

    def _join(self, group: list[_Asked], cell_id: int, id: UUID) -> asyncio.Future[Record | None]:
        row = asyncio.get_running_loop().create_future()
        group.append(_Asked(cell_id, id, row))
        if len(group) == _TOGETHER - 1:
            self._open = None
        return row

    async def _lead(self, cell_id: int, id: UUID) -> Record | None:
        """Ask for one row and for those of everybody who joins meanwhile."""
        others = self._open = []
        try:
            # What has arrived is begun in one turn of the loop, and asks in the next.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if self._open is others:
                self._open = None
            if not others:
                return await self._one(cell_id, id)
            cells = [cell_id, *(other.cell_id for other in others)]
            ids = [id, *(other.id for other in others)]
            async with self._pool.connection() as connection:
                found = await connection.fetch(self._lookup.many, cells, ids)
        except BaseException as error:
            if self._open is others:
                self._open = None
            reason = error if isinstance(error, Exception) else ServiceUnavailable()
            for other in others:
                if not other.row.done():
                    other.row.set_exception(reason)
            raise
        rows: dict[int, Record] = {row["place"]: row for row in found}
        for place, other in enumerate(others, 2):
            if not other.row.done():
                other.row.set_result(rows.get(place))
        return rows.get(1)
