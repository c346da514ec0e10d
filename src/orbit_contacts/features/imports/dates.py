"""Dates as people and programs write them, to ISO 8601."""

import re
from datetime import UTC, date, datetime
from typing import Literal

DateOrder = Literal["day_first", "month_first"]

_YEAR_FIRST = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_YEAR_LAST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})")
_TIME = re.compile(r"[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp][Mm])?\s*(Z|UTC|[+-]\d{2}:?\d{2})?")


def parse_date(text: str, order: DateOrder) -> date:
    """The day in `2024-03-01`, `01.03.2024`, `3/1/24`, with or without a time behind it. `order` decides
    only what the numbers leave open. Raises `ValueError`."""
    return _split(text, order)[0]


def parse_moment(text: str, order: DateOrder) -> str:
    """A time as `2024-03-01T12:00:00Z`. One without a zone is taken for UTC, which is what exports write."""
    day, rest = _split(text, order)
    if not rest:
        return f"{day.isoformat()}T00:00:00Z"
    found = _TIME.fullmatch(rest)
    if not found:
        raise ValueError(f"{text[:60]!r} is no time.")
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if found[4]:
        hour = hour % 12 + (12 if found[4].lower() == "pm" else 0)
    zone = "" if found[5] in (None, "Z", "UTC") else found[5]
    moment = datetime.fromisoformat(f"{day.isoformat()}T{hour:02}:{minute:02}:{second:02}{zone or '+00:00'}")
    try:
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:
        raise ValueError(f"{text[:60]!r} is no time.") from None


def _split(text: str, order: DateOrder) -> tuple[date, str]:
    text = text.strip()
    found = _YEAR_FIRST.match(text)
    if found:
        return _day(text, int(found[1]), int(found[2]), int(found[3])), text[found.end() :]
    found = _YEAR_LAST.match(text)
    if not found:
        raise ValueError(f"{text[:60]!r} is no date.")
    one, two, year = int(found[1]), int(found[2]), int(found[3])
    if year < 100:
        year += 2000 if year < 70 else 1900
    month_first = two > 12 or (order == "month_first" and one <= 12)
    month, day = (one, two) if month_first else (two, one)
    return _day(text, year, month, day), text[found.end() :]


def _day(text: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"{text[:60]!r} is no date.") from None
