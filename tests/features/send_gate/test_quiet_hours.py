"""Quiet hours by the person's own clock, through every change of it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orbit_contacts.core.clock import SECOND, from_datetime, parse_instant
from orbit_contacts.features.send_gate.quiet_hours import (
    DEFAULT_WINDOWS,
    Window,
    closed_zone,
    day_start,
    is_open,
    next_open,
    place_of,
    zones_of_number,
)

ZONES = [
    "UTC",
    "Europe/Istanbul",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
]
windows = st.tuples(st.integers(0, 1439), st.integers(0, 1439)).filter(lambda w: w[0] != w[1]).map(lambda w: Window(*w))
# Years that hold a skipped day, midnight changes and ordinary ones.
instants = st.integers(
    from_datetime(datetime(2011, 12, 1, tzinfo=UTC)), from_datetime(datetime(2027, 12, 31, tzinfo=UTC))
)


def at(text: str) -> int:
    return parse_instant(text, "at")


@pytest.mark.parametrize(
    ("zone", "instant", "expected"),
    [
        ("Europe/Istanbul", "2026-03-08T04:59:59Z", "2026-03-08T05:00:00Z"),
        ("Europe/Istanbul", "2026-03-08T05:00:00Z", "2026-03-08T05:00:00Z"),
        ("Europe/Istanbul", "2026-03-08T18:00:00Z", "2026-03-09T05:00:00Z"),
        # The night in which clocks go forward is an hour shorter, the one in which they go back an hour longer.
        ("America/New_York", "2026-03-08T02:00:00Z", "2026-03-08T12:00:00Z"),
        ("America/New_York", "2026-11-01T01:00:00Z", "2026-11-01T13:00:00Z"),
    ],
)
def test_the_next_allowed_instant(zone: str, instant: str, expected: str) -> None:
    assert next_open(DEFAULT_WINDOWS["sms"], (zone,), at(instant)) == at(expected)


def test_a_window_that_opens_in_a_skipped_hour_opens_with_the_change() -> None:
    """New York, 8 March 2026: 01:59:59 is followed by 03:00."""
    assert next_open(Window(150, 300), ("America/New_York",), at("2026-03-08T06:30:00Z")) == at("2026-03-08T07:00:00Z")


def test_a_clock_put_back_into_the_window_opens_it_again() -> None:
    """New York, 1 November 2026: 01:59:59 is followed by 01:00."""
    window = Window(30, 90)
    assert not is_open(window, "America/New_York", at("2026-11-01T05:45:00Z"))
    assert next_open(window, ("America/New_York",), at("2026-11-01T05:45:00Z")) == at("2026-11-01T06:00:00Z")


@settings(max_examples=150, deadline=None)
@given(windows, st.sampled_from(ZONES), instants)
def test_next_open_is_the_first_open_second(window: Window, zone: str, instant: int) -> None:
    """Against a clock that is read minute by minute."""
    opens = next_open(window, (zone,), instant)
    assert opens is not None
    assert opens >= instant
    assert is_open(window, zone, opens)
    if opens > instant:
        assert not is_open(window, zone, instant)
        assert not is_open(window, zone, opens - SECOND)
        tz = ZoneInfo(zone)
        for second in range(-(-instant // SECOND), opens // SECOND, 60):
            wall = datetime.fromtimestamp(second, tz)
            assert not window.contains(wall.hour * 60 + wall.minute)


@settings(max_examples=60, deadline=None)
@given(windows, st.lists(st.sampled_from(ZONES), min_size=2, max_size=4, unique=True), instants)
def test_several_zones_must_agree(window: Window, zones: list[str], instant: int) -> None:
    opens = next_open(window, tuple(zones), instant)
    horizon = instant + 3 * 86_400 * SECOND if opens is None else opens
    if opens is not None:
        assert closed_zone(window, tuple(zones), opens) is None
    for moment in range(instant, horizon, 600 * SECOND):
        assert moment == opens or closed_zone(window, tuple(zones), moment) is not None


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ZONES), instants, st.integers(-3, 3))
def test_a_day_starts_where_the_date_changes(zone: str, instant: int, days: int) -> None:
    start = day_start(zone, instant, days)
    tz = ZoneInfo(zone)
    first = datetime.fromtimestamp(start // SECOND, tz)
    last = datetime.fromtimestamp(start // SECOND - 1, tz)
    today = datetime.fromtimestamp(instant // SECOND, tz).date()
    assert last.date() < today + timedelta(days) <= first.date()


def test_the_contacts_zone_comes_before_its_numbers() -> None:
    assert place_of("Asia/Tokyo", "+14155552671", "UTC") == (("Asia/Tokyo",), "contact")
    assert place_of(None, "+14155552671", "UTC") == (("America/Los_Angeles",), "number")
    assert place_of(None, "+87812345678", "Europe/Rome") == (("Europe/Rome",), "workspace")
    assert place_of(None, None, "Europe/Rome") == (("Europe/Rome",), "workspace")


def test_a_number_of_several_zones_is_reached_when_it_is_day_in_all() -> None:
    zones = zones_of_number("+34612345678")
    assert set(zones) == {"Atlantic/Canary", "Europe/Madrid"}
    assert next_open(DEFAULT_WINDOWS["sms"], zones, at("2026-01-08T06:30:00Z")) == at("2026-01-08T08:00:00Z")


def test_a_number_that_may_ring_anywhere_tells_no_place() -> None:
    assert zones_of_number("+18005550000") == ()
