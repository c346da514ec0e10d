"""Bins of local time agree with the standard library, summer time and all."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.core.clock import SECOND
from orbit_contacts.features.next_best_action.local_time import UNIFORM, bin_of, bins_of, zone
from orbit_contacts.features.next_best_action.suggestions import local_time

NAMES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"]
seconds = st.integers(
    int(datetime(2005, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2036, 1, 1, tzinfo=UTC).timestamp())
)


@given(st.sampled_from(NAMES), seconds)
def test_bin_is_that_of_the_wall_clock(name, at):
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)).astimezone(ZoneInfo(name))
    expected = 8 * (local.weekday() >= 5) + local.hour // 3
    assert bin_of(at * SECOND, zone(name)) == expected
    assert local_time(at * SECOND, zone(name)) == f"{local:%a %H:%M}"


@given(st.lists(st.tuples(st.integers(0, len(NAMES) - 1), seconds), max_size=20))
def test_many_bins_at_once_are_the_same(rows):
    zones = [zone(name) for name in NAMES]
    instants = np.array([at * SECOND for _, at in rows], dtype=np.int64)
    where = np.array([index for index, _ in rows], dtype=np.int64)
    expected = [bin_of(at * SECOND, zones[index]) for index, at in rows]
    assert bins_of(instants, where, zones).tolist() == expected


def test_an_hour_that_happens_twice_has_one_bin():
    before = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    after = before + timedelta(hours=1)
    berlin = zone("Europe/Berlin")
    bins = [bin_of(int(moment.timestamp()) * SECOND, berlin) for moment in (before, after)]
    assert bins == [8, 8]


def test_bins_cover_the_week():
    assert UNIFORM.sum() == pytest.approx(1.0)
