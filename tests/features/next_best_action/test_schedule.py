"""Send times lie in their bin, within quiet hours, in the coming week."""

from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.core.clock import DAY, SECOND
from orbit_contacts.features.next_best_action.decay import HOUR, LANDMARK
from orbit_contacts.features.next_best_action.local_time import BINS, bin_of, zone
from orbit_contacts.features.next_best_action.schedule import NO_INSTANT, QUARTER, slots
from tests.features.next_best_action.cast import NOW

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
nows = st.integers(LANDMARK - 1000 * DAY, LANDMARK + 3000 * DAY)
hours = st.none() | st.tuples(st.integers(0, 1440), st.integers(0, 1440))


def minute_of_day(instant: int, name: str) -> int:
    where = zone(name)
    offset = where.offsets[where.starts.searchsorted(instant, side="right") - 1]
    return int((instant + offset) % DAY // (60 * SECOND))


def is_open(minute: int, window: tuple[int, int] | None) -> bool:
    if window is None:
        return True
    first, last = window
    return first <= minute < last if first <= last else minute >= first or minute < last


@given(nows, st.sampled_from(ZONES), hours, st.floats(0, 0.999))
def test_send_times_are_ahead_in_their_bin_and_within_hours(now, name, window, spread):
    found = slots(now, name, window, spread)
    for bin in range(BINS):
        at, end = int(found.send_at[bin]), int(found.ends[bin])
        if at == NO_INSTANT:
            continue
        assert now < at < end <= now + 7 * DAY + QUARTER
        assert bin_of(at, zone(name)) == bin
        assert bin_of(end - 1, zone(name)) == bin
        assert is_open(minute_of_day(at, name), window)


@given(nows, st.sampled_from(ZONES))
def test_without_quiet_hours_every_bin_has_a_slot_within_the_week(now, name):
    assert (slots(now, name, None, 0.5).send_at != NO_INSTANT).all()


@given(nows, st.sampled_from(ZONES), hours)
def test_hours_do_not_turn_before_they_are_said_to(now, name, window):
    found = slots(now, name, window, 0.0).runs
    now_open = is_open(minute_of_day(found.next_quarter, name), window)
    assert (found.first == found.next_quarter) == now_open
    at = found.next_quarter
    while at < min(found.turns_at, now + 2 * DAY):
        assert is_open(minute_of_day(at, name), window) == now_open
        at += QUARTER


def test_closed_all_day_leaves_nothing():
    assert (slots(NOW, "Europe/Berlin", (600, 600), 0.5).send_at == NO_INSTANT).all()


def test_a_slot_that_has_begun_is_used_at_once_and_others_are_spread():
    early, late = (slots(NOW, "Europe/Berlin", None, spread) for spread in (0.0, 0.999))
    current = bin_of(NOW, zone("Europe/Berlin"))
    assert early.send_at[current] == late.send_at[current] == NOW + QUARTER
    evening = 6
    assert 0 < late.send_at[evening] - early.send_at[evening] < 3 * HOUR
