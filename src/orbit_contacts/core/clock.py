"""Instants are integers: microseconds since 1970-01-01T00:00:00Z. They are printed in whole seconds, UTC."""

import re
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

from orbit_contacts.core.errors import InvalidRequest

Instant: TypeAlias = int

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1)
_LATEST = 253_402_300_799 * SECOND  # 9999-12-31T23:59:59Z
_EARLIEST = -62_135_596_800 * SECOND  # 0001-01-01T00:00:00Z


def now() -> Instant:
    return time.time_ns() // 1000


@lru_cache(4096)
def _day(days: int) -> str:
    return (_EPOCH_DAY + timedelta(days)).isoformat()


@lru_cache(16384)
def _time(seconds: int) -> str:
    return f"T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"


def format_instant(instant: Instant) -> str:
    """`2026-03-08T12:00:00Z`. Split in day and time because both halves repeat on a page."""
    days, seconds = divmod(instant // SECOND, 86_400)
    return _day(days) + _time(seconds)


def format_instants(instants: Sequence[Instant]) -> list[str]:
    """`format_instant` of each; what was made together, as rows of an import are, shares its second."""
    seconds = [instant // SECOND for instant in instants]
    texts = {second: format_instant(second * SECOND) for second in set(seconds)}
    return [texts[second] for second in seconds]


# In a query string, the plus sign of a zone that was not percent-encoded arrives as a space.
_LOST_PLUS = re.compile(r"(T[0-9:.]+) ([0-9]{2}:[0-9]{2})$")


def to_datetime(instant: Instant) -> datetime:
    return _EPOCH + timedelta(microseconds=instant)


def from_datetime(value: datetime) -> Instant:
    return (value - _EPOCH) // timedelta(microseconds=1)


def parse_instant(text: str, field: str) -> Instant:
    """RFC 3339 date-time, or a bare date meaning 00:00Z; a time without a zone is taken as UTC."""
    try:
        value = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text.strip()))
        instant = from_datetime(value if value.tzinfo else value.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        instant = None
    if instant is None or not _EARLIEST <= instant <= _LATEST:
        raise InvalidRequest(
            f"`{field}` is not a date.",
            field=field,
            value=text[:64],
            expected="an RFC 3339 date-time (2026-03-08T12:00:00Z) or a date (2026-03-08)",
        )
    return instant
