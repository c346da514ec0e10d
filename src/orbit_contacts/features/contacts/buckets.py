"""The bucket of a new contact: its row number in the cell / 8192, roughly.

Search walks buckets newest first and stops when its page is full, so a bucket must hold a bounded number of
rows and grow with time; it need not be exact. Hence no counter row and no lock: each process reads how many
contacts a cell ever had, adds what it made itself since, and looks again after a second.
"""

import time

from orbit_contacts.core.database import Reader
from orbit_contacts.features.contacts import total_queries

ROWS_PER_BUCKET = 8192
_FRESH_SECONDS = 1.0


class _Estimate:
    __slots__ = ("at", "rows")

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.at = time.monotonic()


_estimates: dict[tuple[str, int], _Estimate] = {}


async def bucket_of_next(reader: Reader, cell_id: int, rows: int = 1) -> int:
    """The bucket for the next `rows` contacts of a cell."""
    key = (reader.database_name, cell_id)
    estimate = _estimates.get(key)
    if estimate is None or time.monotonic() - estimate.at > _FRESH_SECONDS:
        if len(_estimates) > 10_000:
            _estimates.clear()
        estimate = _estimates[key] = _Estimate(await total_queries.count_ever(reader, cell_id))
    bucket = estimate.rows // ROWS_PER_BUCKET
    estimate.rows += rows
    return bucket
