"""When a message could go out: for each local-time bin, the first instants of the coming week that are allowed."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from orbit_contacts.core.clock import DAY, SECOND
from orbit_contacts.features.next_best_action.decay import HOUR
from orbit_contacts.features.next_best_action.local_time import BINS, BLOCK_HOURS, BLOCKS, zone

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

QUARTER: Final = HOUR // 4
_COUNT: Final = 7 * DAY // QUARTER
_BLOCK: Final = BLOCK_HOURS * HOUR
NO_INSTANT: Final = -1


@dataclass(slots=True)
class Runs:
    """What quiet hours leave of the coming week: for each bin its first run of allowed quarters."""

    bins: list[int]
    """the bins that have one"""
    starts: Ints
    """microseconds, UTC, like the rest"""
    lengths: Ints
    """quarters"""
    begun: Bools
    """whether the run is in the block of now"""
    first: int
    """the first allowed instant of all, NO_INSTANT when there is none"""
    next_quarter: int
    turns_at: int
    """next time quiet hours begin or end; the end of the week when they do not"""


@dataclass(slots=True)
class Slots:
    """When to send in each bin."""

    send_at: Ints
    """(16,) microseconds, NO_INSTANT where the week has none"""
    ends: Ints
    """(16,) when the slot, or what quiet hours leave of it, is over"""
    runs: Runs


def slots(now: int, timezone: str, open_minutes: tuple[int, int] | None, spread: float) -> Slots:
    """The slots of the week after `now` (microseconds).

    Args:
        now: microseconds.
        timezone: IANA name of the contact's time zone.
        open_minutes: allowed minutes of the local day, [first, last); first > last passes midnight.
        spread: 0..1, where in a slot to send, so that not everybody's message leaves on the hour. A slot that
            has begun already is used at once.
    """
    runs = _runs(now // QUARTER, timezone, open_minutes)
    send_at = np.full(BINS, NO_INSTANT, dtype=np.int64)
    ends = np.full(BINS, NO_INSTANT, dtype=np.int64)
    offset = np.where(runs.begun, 0, (0.8 * spread * runs.lengths).astype(np.int64))
    send_at[runs.bins] = runs.starts + offset * QUARTER
    ends[runs.bins] = runs.starts + runs.lengths * QUARTER
    return Slots(send_at, ends, runs)


@lru_cache(maxsize=512)
def _runs(quarter: int, timezone: str, open_minutes: tuple[int, int] | None) -> Runs:
    """Runs of the week after `quarter` (since 1970): the same for every contact of a zone, hence the cache."""
    where = zone(timezone)
    instants = (quarter + 1 + np.arange(_COUNT, dtype=np.int64)) * QUARTER
    local = instants + where.offsets[np.searchsorted(where.starts, instants, side="right") - 1]
    day = local // DAY
    block = local // _BLOCK
    weekend = (day % 7 == 2) | (day % 7 == 3)
    bins = BLOCKS * weekend + block % BLOCKS
    allowed = _allowed((local - day * DAY) // (60 * SECOND), open_minutes)
    flips = np.flatnonzero(allowed[1:] != allowed[:-1])
    rows = np.flatnonzero(allowed)
    # Allowed quarters of one block lie together, except where quiet hours cut a hole into it.
    ahead = block[rows]
    new = (ahead[1:] != ahead[:-1]) | (rows[1:] != rows[:-1] + 1)
    starts = np.flatnonzero(np.concatenate([[True], new])) if len(rows) else rows
    lengths = np.diff(np.append(starts, len(rows)))
    found, first = np.unique(bins[rows[starts]], return_index=True)
    return Runs(
        bins=[int(one) for one in found],
        starts=instants[rows[starts[first]]],
        lengths=lengths[first],
        begun=ahead[starts[first]] == block[0],
        first=int(instants[rows[0]]) if len(rows) else NO_INSTANT,
        next_quarter=int(instants[0]),
        turns_at=int(instants[flips[0] + 1]) if len(flips) else int(instants[-1]),
    )


def _allowed(minutes: Ints, open_minutes: tuple[int, int] | None) -> Bools:
    if open_minutes is None:
        return np.ones(len(minutes), dtype=np.bool_)
    first, last = open_minutes
    if first <= last:
        return (minutes >= first) & (minutes < last)
    return (minutes >= first) | (minutes < last)
