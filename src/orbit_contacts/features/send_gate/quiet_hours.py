"""Quiet hours: when a channel may be used, by the clock of the person's own place. Pure.

A window is open from its start to its end, local time; one that starts after it ends runs over midnight. Where a
number may lie in several zones, the hour must be right in all of them. Clocks that are put forward or back are
followed to the second.
"""

from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from orbit_contacts.core.clock import SECOND, Instant
from orbit_contacts.features.contacts.phone_zones import phone_timezones

_DAY = 24 * 60
_HOUR = 3600
_AHEAD = 4  # days; even where a whole day was skipped, a window opens within them


class Window(NamedTuple):
    """Open from `start` to `end`, in minutes of the local day."""

    start: int
    end: int

    def contains(self, minute: int) -> bool:
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


_EARLY = Window(8 * 60, 21 * 60)
_LATE = Window(9 * 60, 21 * 60)
# Channels that are not here (e-mail, fax, push) know no quiet hours unless a workspace gives them some.
DEFAULT_WINDOWS = {
    "instagram": _LATE,
    "line": _LATE,
    "messenger": _LATE,
    "rcs": _EARLY,
    "sms": _EARLY,
    "viber": _LATE,
    "voice": _EARLY,
    "whatsapp": _LATE,
}
# US federal law on telephone solicitation, 47 CFR 64.1200(c)(1): a window no workspace can widen.
FEDERAL = Window(8 * 60, 21 * 60)


class Place(NamedTuple):
    """The zones whose clocks count, and who says so: override, contact, number or workspace."""

    zones: tuple[str, ...]
    source: str


def place_of(timezone: str | None, phone: str | None, default: str) -> Place:
    """The contact's own zone first, then its number's region, then the workspace's."""
    if timezone is not None:
        return Place((timezone,), "contact")
    if phone is not None and (zones := zones_of_number(phone)):
        return Place(zones, "number")
    return Place((default,), "workspace")


# Up to sixty microseconds each: campaigns ask for the same numbers again.
@lru_cache(200_000)
def zones_of_number(phone: str) -> tuple[str, ...]:
    """The zones a number may lie in; none when they are too far apart to share an hour of the day (+1 800 …)."""
    zones = phone_timezones(phone)
    if len(zones) > 1 and _spread(zones) > 12 * _HOUR:
        return ()
    return zones


@lru_cache(1024)
def _spread(zones: tuple[str, ...]) -> int:
    january = datetime(2026, 1, 15, tzinfo=UTC)
    offsets = [january.astimezone(ZoneInfo(zone)).utcoffset() or timedelta() for zone in zones]
    return int((max(offsets) - min(offsets)).total_seconds())


def local(instant: Instant, zone: str) -> datetime:
    return datetime.fromtimestamp(instant // SECOND, ZoneInfo(zone))


def is_open(window: Window, zone: str, instant: Instant) -> bool:
    at = local(instant, zone)
    return window.contains(at.hour * 60 + at.minute)


# A batch asks the same question of the same instant for contact after contact.
@lru_cache(8192)
def closed_zone(window: Window, zones: tuple[str, ...], instant: Instant) -> str | None:
    """The first zone in which the window is closed; None when it is open in all."""
    return next((zone for zone in zones if not is_open(window, zone, instant)), None)


@lru_cache(8192)
def next_open(window: Window, zones: tuple[str, ...], instant: Instant) -> Instant | None:
    """The first instant from `instant` on at which the window is open in all zones; None if there is none."""
    at = instant
    # Each step reaches an opening in one of the zones, of which a day has few.
    for _ in range(8 * len(zones) + 8):
        zone = closed_zone(window, zones, at)
        if zone is None:
            return at
        at = _opening(window, zone, at)
    return None


def _opening(window: Window, zone: str, instant: Instant) -> Instant:
    """The first open instant after a closed one, in one zone."""
    tz = ZoneInfo(zone)
    second = -(-instant // SECOND)
    today = datetime.fromtimestamp(second, tz).date()
    starts = [start for day in range(-1, _AHEAD) for start in _instants(today + timedelta(day), window.start, tz)]
    candidates = {*starts, *_changes(second, tz)}
    return min(at for at in candidates if at >= second and is_open(window, zone, at * SECOND)) * SECOND


def _instants(day: date, minute: int, tz: ZoneInfo) -> list[int]:
    """Seconds at which a local clock shows a time: twice when it is put back, shifted when it is put forward."""
    wall = datetime.combine(day, clock_time(minute // 60, minute % 60), tz)
    return [int(wall.replace(fold=fold).timestamp()) for fold in (0, 1)]


def _changes(second: int, tz: ZoneInfo) -> list[int]:
    """Seconds of the next days at which the clock is put forward or back: a window may open by that alone."""
    found: list[int] = []
    for hour in range(second, second + _AHEAD * 24 * _HOUR, _HOUR):
        low, high = hour, hour + _HOUR
        if _offset(low, tz) != _offset(high, tz):
            while high - low > 1:
                middle = (low + high) // 2
                if _offset(middle, tz) == _offset(low, tz):
                    low = middle
                else:
                    high = middle
            found.append(high)
    return found


def _offset(second: int, tz: ZoneInfo) -> timedelta | None:
    return datetime.fromtimestamp(second, tz).utcoffset()


# Of a zone there is one answer for all contacts of a batch.
@lru_cache(8192)
def day_start(zone: str, instant: Instant, days: int) -> Instant:
    """The start of the local day that lies `days` after the one of `instant` (before it, when negative)."""
    day = local(instant, zone).date() + timedelta(days)
    # Of two midnights the first; one that is skipped is the instant at which it is.
    return _instants(day, 0, ZoneInfo(zone))[0] * SECOND


@lru_cache(1440)
def clock_text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
