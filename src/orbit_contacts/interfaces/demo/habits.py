"""What people hide: which channels they answer, at what hour, on which days. History follows from it.

This is the planted truth that a next-best-action model can find in the events and never sees directly.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from orbit_contacts.interfaces.demo.draws import Choices, Draws, Floats, Indices, Rows
from orbit_contacts.interfaces.demo.rhythm import EPOCH

CHANNELS = ("email", "sms", "whatsapp", "rcs", "viber", "line", "messenger", "voice")
EMAIL, SMS, VOICE = CHANNELS.index("email"), CHANNELS.index("sms"), CHANNELS.index("voice")

_BASE_LOGIT = np.array([-2.9, -2.4, -1.5, -2.1, -1.7, -1.6, -1.9, -0.4])
"""By channel: the log-odds that an ordinary person answers a message or a call at an indifferent hour."""

_PEAKS = Choices([[0.24, 0.2, 0.56]])
_PEAK_HOURS = np.array([8.0, 12.6, 19.8])
_WEEKENDERS = 0.3
_DEAD_SHARE = 0.02
_HOUR = 3_600_000_000
DAY = 24 * _HOUR


class Habits(NamedTuple):
    """Columns, one line a person: `affinity[person, channel]` and `engagement` in log-odds, `hour` local
    (0-24).

    On a channel that `is_dead` nothing ever arrives.
    """

    affinity: Floats
    engagement: Floats
    hour: Floats
    likes_weekends: NDArray[np.bool_]
    is_dead: NDArray[np.bool_]

    def answers(self, person: Indices, channel: Indices, local: Indices) -> Floats:
        """The probability of an answer to what comes in on a channel at a local time (microseconds)."""
        apart = np.abs(local % DAY / _HOUR - self.hour[person])
        apart = np.minimum(apart, 24 - apart)
        lift = 1.3 * np.exp(-((apart / 3.0) ** 2)) - 0.4
        lift += np.where(is_weekend(local) == self.likes_weekends[person], 0.25, -0.25)
        logit = _BASE_LOGIT[channel] + self.affinity[person, channel] + self.engagement[person] + lift
        return 1 / (1 + np.exp(-logit))


def habits_of(draws: Draws, rows: Rows) -> Habits:
    """The habits of the people in these rows."""
    affinity = np.stack([0.6 * draws.logistic(f"affinity {channel}", rows) for channel in CHANNELS], axis=1)
    peak = _PEAK_HOURS[_PEAKS.pick(np.zeros(len(rows), dtype=np.int64), draws.uniform("habit", rows))]
    return Habits(
        affinity,
        0.45 * draws.logistic("engagement", rows),
        (peak + 0.7 * draws.logistic("habit hour", rows)) % 24,
        draws.uniform("weekend", rows) < _WEEKENDERS,
        np.stack([draws.uniform(f"dead {channel}", rows) < _DEAD_SHARE for channel in CHANNELS], axis=1),
    )


def is_weekend(local: Indices) -> NDArray[np.bool_]:
    # Day 0 was a Thursday: Saturday and Sunday are days 2 and 3 of each seven from there.
    weekday = local // DAY % 7
    return (weekday == 2) | (weekday == 3)


class LocalTime:
    """Offsets from UTC by zone and day, for whole columns; clocks change at midnight here."""

    def __init__(self, zones: Iterable[str], first: Indices, last: int) -> None:
        self._names = sorted(set(zones))
        self._first_day = int(first.min()) // DAY if len(first) else last // DAY
        days = range(self._first_day, last // DAY + 2)
        noons = [EPOCH + timedelta(days=day, hours=12) for day in days]
        self._offsets = np.array([_offsets(ZoneInfo(name), noons) for name in self._names], dtype=np.int64)

    def numbers(self, zones: Sequence[str]) -> Indices:
        """A column of zone names as the numbers that `offset` takes."""
        numbers = {name: number for number, name in enumerate(self._names)}
        return np.array([numbers[zone] for zone in zones], dtype=np.int64)

    def offset(self, zone: Indices, at: Indices) -> Indices:
        """Microseconds to add to UTC times for the local ones; times out of range get the nearest day's."""
        day = np.clip(at // DAY - self._first_day, 0, self._offsets.shape[1] - 1)
        return self._offsets[zone, day]


def _offsets(zone: ZoneInfo, moments: Sequence[datetime]) -> list[int]:
    return [
        int(((moment.astimezone(zone).utcoffset()) or timedelta()) / timedelta(microseconds=1)) for moment in moments
    ]
