"""A journey as a CSV file (RFC 4180), safe to open in a spreadsheet, written while it is read."""

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterable, Iterable

from orbit_contacts.core.csv_safety import guard_all
from orbit_contacts.features.timeline.models import JourneyEvent

COLUMNS = ("timestamp", "type", "channel", "direction", "title", "lifecycle_stage", "source", "reference_id")
MAX_ROWS = 50_000


async def lines(pages: AsyncIterable[list[JourneyEvent]]) -> AsyncGenerator[bytes]:
    """The header, always, then a chunk of lines for each page."""
    yield _written([COLUMNS])
    async for page in pages:
        yield _written(
            guard_all(str(value) if (value := getattr(event, name)) is not None else "" for name in COLUMNS)
            for event in page
        )


def _written(rows: Iterable[Iterable[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()
