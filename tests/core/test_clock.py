"""Times as callers write them."""

import pytest

from orbit_contacts.core.clock import format_instant, parse_instant
from orbit_contacts.core.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-08", "2026-03-08T00:00:00Z"),
        ("2026-03-08T12:00:00Z", "2026-03-08T12:00:00Z"),
        ("2026-03-08T12:00:00", "2026-03-08T12:00:00Z"),
        ("2026-03-08T12:00:00+02:00", "2026-03-08T10:00:00Z"),
        ("2026-03-08T12:00:00 02:00", "2026-03-08T10:00:00Z"),
        ("2026-03-08T12:00:00.25 05:30", "2026-03-08T06:30:00Z"),
        ("2026-03-08 12:00:00", "2026-03-08T12:00:00Z"),
    ],
)
def test_a_time_is_read(text: str, instant: str) -> None:
    assert format_instant(parse_instant(text, "at")) == instant


@pytest.mark.parametrize("text", ["", "today", "2026-13-01", "1700000000", "2026-03-08 02:00 02:00", "99999-01-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_instant(text, "at")
