"""Which hours go together: the shipped covariance where little is known, what contacts do where it tells more."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from orbit_contacts.features.next_best_action.hour_covariance import learn
from orbit_contacts.features.next_best_action.tastes import ACTS, HOURS

EVEN = np.full(16, 1 / 16)
LEVEL = np.eye(16) - 1 / 16
"""leaves the differences between hours: a taste for all hours alike shows in no act"""
MORNING, EVENING, NIGHT = 2, 6, 0


def acts_of(tastes: np.ndarray, acts: int = 20) -> np.ndarray:
    """Acts of contacts with these tastes (m, 16)."""
    rng = np.random.default_rng(0)
    chance = np.exp(ACTS * tastes)
    return rng.multinomial(acts, chance / chance.sum(1, keepdims=True)).astype(float)


def test_without_acts_it_is_the_shipped_one():
    assert (learn(np.zeros((40, 16)), EVEN) == HOURS).all()


def test_few_contacts_hardly_move_it():
    assert np.abs(learn(acts_of(np.zeros((3, 16))), EVEN) - HOURS).max() < 0.12


def test_two_kinds_of_people_have_two_hours_that_go_against_each_other():
    tastes = np.zeros((600, 16))
    tastes[:300, [MORNING, 8 + MORNING]] = 2.0
    tastes[300:, [EVENING, 8 + EVENING]] = 2.0
    found = learn(acts_of(tastes), EVEN)
    assert found[MORNING, EVENING] < -0.2 < HOURS[MORNING, EVENING]
    assert found[MORNING, 8 + MORNING] > 0.5
    assert found[NIGHT, NIGHT] < 0.5 * found[MORNING, MORNING]


def test_where_everybody_keeps_the_same_hours_tastes_are_small():
    found = learn(acts_of(np.zeros((600, 16))), EVEN)
    assert np.trace(LEVEL @ found) < 0.5 * np.trace(LEVEL @ HOURS)


def test_covariances_of_planted_tastes_are_found_again():
    planted = 0.4 * HOURS + 0.9 * np.outer(np.eye(16)[EVENING], np.eye(16)[EVENING])
    tastes = np.random.default_rng(1).multivariate_normal(np.zeros(16), planted, 1_500)
    found = learn(acts_of(tastes, 60), EVEN)
    assert np.abs(LEVEL @ (found - planted) @ LEVEL).max() < 0.3 * np.abs(planted).max()
    assert found.diagonal().argmax() == EVENING


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, (5, 16), elements=st.floats(0.0, 3_000.0)))
def test_whatever_people_do_it_remains_a_covariance(activity: np.ndarray):
    found = learn(activity, (activity.sum(0) + 1.0) / (activity.sum() + 16.0))
    assert (found == found.T).all()
    assert np.linalg.eigvalsh(found).min() > 0.0
