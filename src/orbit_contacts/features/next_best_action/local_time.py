"""Sixteen bins of a contact's local time: eight blocks of three hours, on weekdays and at weekends."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from orbit_contacts.core.clock import DAY, SECOND
from orbit_contacts.features.next_best_action.decay import HOUR

BINS: Final = 16
BLOCKS: Final = 8
BLOCK_HOURS: Final = 3
UNIFORM: Final = np.repeat(np.array([5 / 56, 2 / 56]), BLOCKS)
"""(16,) share of a week each bin covers: what activity at random would fill."""


def resemblance(alone: float) -> npt.NDArray[np.float64]:
    """(16, 16) correlation of bins: `alone` of the variance is each bin's own, the rest smooth round the clock."""
    distance = np.abs(np.arange(BLOCKS)[:, None] - np.arange(BLOCKS))
    near = np.exp(-0.5 * np.square(np.minimum(distance, BLOCKS - distance) / 1.1))
    week = np.array([[1.0, 0.7], [0.7, 1.0]])
    return (1.0 - alone) * np.kron(week, near) + alone * np.eye(BINS)


_FIRST_YEAR: Final = 1990
_LAST_YEAR: Final = 2060
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Zone(NamedTuple):
    """Offsets of a time zone: `offsets[k]` holds from `starts[k]` (both int64 microseconds, starts in UTC)."""

    starts: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]


@lru_cache(maxsize=640)
def zone(name: str) -> Zone:
    """Transitions of the IANA zone `name` from 1990 to 2060, found by bisection between 14-day samples.

    Raises:
        ZoneInfoNotFoundError: no such zone.
    """
    tz = ZoneInfo(name)

    def offset(seconds: int) -> int:
        moment = _EPOCH + timedelta(seconds=seconds)
        local = moment.astimezone(tz).utcoffset()
        return int((local or timedelta()).total_seconds())

    first = int(datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp())
    last = int(datetime(_LAST_YEAR, 1, 1, tzinfo=UTC).timestamp())
    starts, offsets = [-(2**62)], [offset(first)]
    before, at = first, offset(first)
    for after in range(first, last, 14 * 86_400):
        if (there := offset(after)) != at:
            low, high = before, after
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == at else (low, middle)
            starts.append(high * SECOND)
            offsets.append(there * SECOND)
            at = there
        before = after
    offsets[0] *= SECOND
    return Zone(np.array(starts, dtype=np.int64), np.array(offsets, dtype=np.int64))


def bin_of(instant: int, where: Zone) -> int:
    """Local-time bin (0..15) of one instant (microseconds, UTC)."""
    local = instant + int(where.offsets[int(np.searchsorted(where.starts, instant, side="right")) - 1])
    return _bin_of_local(local)


def _bin_of_local(local: int) -> int:
    # 1970-01-01 was a Thursday: day 2 and 3 of the week that starts there are the weekend.
    return BLOCKS * ((local // DAY) % 7 in (2, 3)) + (local % DAY) // (BLOCK_HOURS * HOUR)


def bins_of(
    instants: npt.NDArray[np.int64], zone_of: npt.NDArray[np.integer], zones: list[Zone]
) -> npt.NDArray[np.int64]:
    """Local-time bins of many instants.

    Args:
        instants: (n,) microseconds, UTC.
        zone_of: (n,) index into `zones` of each instant's contact.
        zones: the zones that occur.
    """
    local = instants.copy()
    if len(zones) == 1:
        _shift(local, slice(None), instants, zones[0])
    else:
        for index, where in enumerate(zones):
            rows = np.flatnonzero(zone_of == index)
            if len(rows):
                _shift(local, rows, instants[rows], where)
    day = local // DAY
    weekday = day % 7
    block = (local - day * DAY) // (BLOCK_HOURS * HOUR)
    return BLOCKS * ((weekday == 2) | (weekday == 3)) + block


def _shift(
    local: npt.NDArray[np.int64],
    rows: slice | npt.NDArray[np.intp],
    instants: npt.NDArray[np.int64],
    where: Zone,
) -> None:
    if len(where.starts) == 1:
        local[rows] += where.offsets[0]
    else:
        local[rows] += where.offsets[np.searchsorted(where.starts, instants, side="right") - 1]
