"""Tastes: nothing without evidence, little with little, and each kind of evidence told apart."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from orbit_contacts.features.next_best_action.tastes import ChannelTastes, HourTastes, channel_tastes, hour_tastes

LOGIT = np.full(11, -1.5)
SHARE = np.full(11, 1 / 11)
HOURS = np.full(16, 1 / 16)
NONE = np.zeros((1, 11))
NEVER = np.zeros((1, 16))
EMAIL, SMS = 0, 1


def only(size: int, place: int, count: float) -> np.ndarray:
    whole = np.zeros((1, size))
    whole[0, place] = count
    return whole


def channels(trials: np.ndarray = NONE, successes: np.ndarray = NONE, inbound: np.ndarray = NONE) -> ChannelTastes:
    return channel_tastes(trials, successes, inbound, LOGIT, SHARE)


def hours(trials: np.ndarray = NEVER, successes: np.ndarray = NEVER, activity: np.ndarray = NEVER) -> HourTastes:
    return hour_tastes(trials, successes, activity, np.full((1, 16), -1.5), HOURS)


def test_who_is_not_known_stands_at_zero():
    for taste in (*channels(), *hours()):
        assert np.abs(taste).max() < 1e-12


def test_more_answers_are_a_stronger_taste_that_ends():
    found = [float(channels(only(11, SMS, n), only(11, SMS, n)).answers[0, SMS]) for n in (1.0, 4.0, 30.0)]
    assert 0.1 < found[0] < found[1] < found[2] < 4.0


def test_answers_everywhere_are_the_person_and_answers_on_one_channel_are_its_own():
    everywhere = channels(np.full((1, 11), 4.0), np.full((1, 11), 3.0))
    one = channels(np.full((1, 11), 4.0), only(11, SMS, 4.0))
    assert everywhere.person[0] > 1.0 > np.ptp(everywhere.answers[0])
    assert one.answers[0, SMS] - one.answers[0, EMAIL] > 1.5
    assert one.person[0] < everywhere.person[0]


def test_writing_on_a_channel_is_a_taste_for_it_though_nothing_was_sent():
    seen = channels(inbound=only(11, SMS, 5.0))
    assert seen.writes[0, SMS] > 0.5 > seen.writes[0, EMAIL]
    assert np.abs(seen.answers[0]).max() < 0.2


def test_acts_tell_the_hours_beside_them_too():
    acts = hours(activity=only(16, 6, 5.0)).acts[0]
    assert acts.argmax() == 6
    assert acts[6] > acts[5] > acts[2]
    assert acts[14] > acts[10]


def test_answers_and_acts_about_one_hour_add_up():
    acted, answered = only(16, 6, 3.0), only(16, 6, 3.0)
    both = hours(answered, answered, acted)
    whole = both.acts[0, 6] + both.answers[0, 6]
    assert both.answers[0, 6] > 0.2
    assert hours(activity=acted).acts[0, 6] < whole < hours(activity=acted).acts[0, 6] + 2.0
    assert hours(answered, answered).answers[0, 6] < whole


counts = st.floats(0.0, 3_000.0)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, (3, 11), elements=counts),
    arrays(np.float64, (3, 11), elements=st.floats(0.0, 1.0)),
    arrays(np.float64, (3, 11), elements=counts),
    arrays(np.float64, (3, 16), elements=counts),
    arrays(np.float64, (3, 16), elements=st.floats(0.0, 1.0)),
    arrays(np.float64, (3, 16), elements=counts),
)
def test_no_history_makes_a_taste_without_bounds(trials, rate, inbound, slots, answered, activity):
    logit = np.linspace(-9.0, 3.5, 11)
    found = channel_tastes(trials, trials * rate, inbound, logit, SHARE)
    by_hour = hour_tastes(slots, slots * answered, activity, np.tile(np.linspace(-9.0, 3.5, 16), (3, 1)), HOURS)
    for taste in (*found, *by_hour):
        assert np.abs(taste).max() < 25.0
