"""A contact week by week: its messages and how its engagement moved, from a bounded number of its newest events."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY, Instant, format_instant
from orbit_contacts.core.database import Reader
from orbit_contacts.features.profile import queries
from orbit_contacts.features.profile.models import Week
from orbit_contacts.features.profile.scores import Seen, fade, scaled, weight_of

WEEKS = 16
NEWEST = 2_000
_WEEK = 7 * DAY
_MESSAGES = frozenset({"message.sent", "message.received"})


async def weekly(reader: Reader, contact_id: UUID) -> list[Week]:
    """The last 16 weeks, oldest first; fewer when the newest 2,000 events do not reach back as far."""
    cell_id = reader.caller.cell(ids.cell_number(contact_id))
    seen = [Seen(*row) for row in await queries.newest(reader, cell_id, contact_id, NEWEST)]
    weeks = WEEKS
    if len(seen) == NEWEST:
        # Of the week in which the oldest one lies, some may be missing.
        weeks = min(WEEKS, max(1, (reader.now - seen[-1].at) // _WEEK))
    return weeks_of(seen, reader.now, weeks)


def weeks_of(seen: Sequence[Seen], now: Instant, weeks: int) -> list[Week]:
    """The weeks that end now; events ahead of now belong to the last one."""
    begins = now - weeks * _WEEK
    messages: list[Counter[str]] = [Counter() for _ in range(weeks)]
    added = [0.0] * weeks
    total = 0.0
    for event in seen:
        weight = weight_of(event)
        if event.at < begins:
            total += weight * fade(begins - event.at)
            continue
        week = min((event.at - begins) // _WEEK, weeks - 1)
        added[week] += weight * fade(begins + (week + 1) * _WEEK - event.at)
        if event.type in _MESSAGES:
            messages[week][event.channel or "other"] += 1
    told: list[Week] = []
    for week in range(weeks):
        total = total * fade(_WEEK) + added[week]
        ends_at = format_instant(begins + (week + 1) * _WEEK)
        told.append(Week(ends_at=ends_at, messages=dict(messages[week]), engagement=scaled(total)))
    return told
