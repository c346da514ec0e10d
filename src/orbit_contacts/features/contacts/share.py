"""Whether nearly all contacts of the table are the caller's own.

The GIN indexes lead with the workspace, and whoever names it in a condition has them read all of its entries: 3 ms
for a million contacts, in every search. Where those are most of the table they exclude next to nothing; the
condition on the cell, which every statement has and which is compared in each row, is then the only one.
"""

import time
from typing import NamedTuple

from orbit_contacts.core.database import Reader

# Fewer entries than these are read in a tenth of a millisecond.
_MANY = 50_000
_NEARLY_ALL = 0.8
_FRESH_SECONDS = 60.0


class _Known(NamedTuple):
    until: float
    nearly_all: bool


_known: dict[tuple[str, int], _Known] = {}


async def has_nearly_all(reader: Reader) -> bool:
    """As of a minute ago at most; False where PostgreSQL has not counted the table yet."""
    key = (reader.database_name, reader.caller.workspace_id)
    known = _known.get(key)
    if known is None or known.until < time.monotonic():
        if len(_known) > 10_000:
            _known.clear()
        known = _known[key] = _Known(time.monotonic() + _FRESH_SECONDS, await _look(reader))
    return known.nearly_all


async def _look(reader: Reader) -> bool:
    row = await reader.fetch_one(
        """
        SELECT (SELECT coalesce(sum(live), 0) FROM contact_counts WHERE cell_id = ANY($1))::bigint AS own,
               (SELECT reltuples FROM pg_class WHERE oid = 'contacts'::regclass)::bigint AS all_rows
        """,
        reader.caller.cells,
    )
    return row is not None and row["own"] >= _MANY and 0 < _NEARLY_ALL * row["all_rows"] <= row["own"]
