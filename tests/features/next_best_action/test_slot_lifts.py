"""Lifts of local-time bins: the workspace's own where its sends tell, smooth where they do not."""

import numpy as np

from orbit_contacts.features.next_best_action.local_time import UNIFORM
from orbit_contacts.features.next_best_action.slot_lifts import NIGHT, slot_lifts

BASE = np.full(11, -1.5)
CURVE = 0.6 * np.tile(np.sin(2 * np.pi * np.arange(8) / 8), 2)


def counts(sends: float, lifts: np.ndarray, channels: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    trials = np.zeros((11, 16))
    trials[:channels] = rng.poisson(sends, (channels, 16))
    chance = 1 / (1 + np.exp(-(BASE[:, None] + lifts)))
    return trials, rng.binomial(trials.astype(int), chance).astype(float)


def test_where_nothing_is_known_people_sleep():
    lifts, common = slot_lifts(np.zeros((11, 16)), np.zeros((11, 16)), BASE)
    assert (lifts == common).all()
    assert common.argmin() % 8 == NIGHT.argmin() % 8
    assert np.corrcoef(common, NIGHT)[0, 1] > 0.99


def test_where_nothing_was_sent_the_hours_people_act_at_are_the_better_ones():
    busy = UNIFORM * np.exp(0.7 * NIGHT + np.eye(16)[6])
    lifts, common = slot_lifts(np.zeros((11, 16)), np.zeros((11, 16)), BASE, busy / busy.sum())
    assert (lifts == common).all()
    assert common.argmax() == 6
    assert common[6] - common[5] < 0.6


def test_that_nobody_acts_at_night_tells_no_more_than_that_people_sleep():
    asleep = UNIFORM * np.exp(3.0 * NIGHT)
    _, common = slot_lifts(np.zeros((11, 16)), np.zeros((11, 16)), BASE, asleep / asleep.sum())
    np.testing.assert_allclose(common, slot_lifts(np.zeros((11, 16)), np.zeros((11, 16)), BASE)[1], atol=1e-9)


def test_many_sends_are_believed_though_people_act_at_other_hours():
    trials, successes = counts(5_000, np.tile(CURVE, (11, 1)))
    other = UNIFORM * np.exp(-2.0 * CURVE)
    lifts, _ = slot_lifts(trials, successes, BASE, other / other.sum())
    assert np.abs(lifts[:3] - CURVE).max() < 0.15


def test_many_sends_speak_for_themselves():
    own = np.zeros((11, 16))
    own[1, 5] = 1.0
    trials, successes = counts(20_000, CURVE + own)
    lifts, _ = slot_lifts(trials, successes, BASE)
    assert np.abs(lifts[:3] - (CURVE + own)[:3]).max() < 0.15


def test_a_workspace_whose_contacts_are_up_at_night_is_believed():
    trials, successes = counts(400, np.zeros((11, 16)))
    lifts, _ = slot_lifts(trials, successes, BASE)
    assert np.ptp(lifts[:3].mean(0)) < 0.6 * np.ptp(NIGHT)


def test_few_sends_borrow_from_their_neighbours_and_the_other_channels():
    errors: list[float] = []
    raw: list[float] = []
    for seed in range(20):
        trials, successes = counts(15, np.tile(CURVE, (11, 1)), seed=seed)
        lifts, _ = slot_lifts(trials, successes, BASE)
        alone = np.log((successes + 0.5) / (trials - successes + 0.5)) - BASE[:, None]
        errors.append(float(np.square(lifts[:3] - CURVE).mean()))
        raw.append(float(np.square(alone[:3] - CURVE).mean()))
    assert np.mean(errors) < 0.25 * np.mean(raw)
    assert np.mean(errors) < np.square(CURVE - NIGHT).mean()


def test_a_channel_not_sent_on_yet_has_the_shared_curve():
    trials, successes = counts(3_000, np.tile(CURVE, (11, 1)))
    lifts, common = slot_lifts(trials, successes, BASE)
    assert (lifts[7] == common).all()
    assert np.abs(common - CURVE).max() < 0.2


def test_rounding_below_zero_and_certainties_break_nothing():
    trials = np.full((11, 16), 5.0)
    for successes in (np.full((11, 16), 5.0), np.zeros((11, 16)), np.full((11, 16), 5.0 + 1e-9)):
        lifts, _ = slot_lifts(trials, successes, np.full(11, 3.5))
        assert np.isfinite(lifts).all()
