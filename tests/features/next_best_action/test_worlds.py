"""Figures on worlds with planted truth that neither the prior nor any constant was fitted on."""

from dataclasses import replace

import numpy as np
import pytest

from tests.features.next_best_action.families import FAMILIES, Recipe
from tests.features.next_best_action.figures import Figures, fitted, judge
from tests.features.next_best_action.worlds import World, world

SEEDS = range(1000, 1008)
PLAIN = Recipe(contacts=900)


def worlds(sends: float) -> list[World]:
    return [world(replace(PLAIN, sends=sends), seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def at_ten() -> list[World]:
    return worlds(10.0)


@pytest.fixture(scope="module")
def at_three() -> list[World]:
    return worlds(3.0)


@pytest.fixture(scope="module")
def shipped_at_ten(at_ten: list[World]) -> list[Figures]:
    return [judge(one) for one in at_ten]


@pytest.fixture(scope="module")
def shipped_at_three(at_three: list[World]) -> list[Figures]:
    return [judge(one) for one in at_three]


@pytest.fixture(scope="module")
def fitted_at_ten(at_ten: list[World]) -> list[Figures]:
    return [judge(one, fitted(one)) for one in at_ten]


def mean(figures: list[Figures], name: str) -> float:
    return float(np.mean([getattr(one, name) for one in figures]))


def test_the_shipped_prior_captures_half_of_what_can_be_gained(shipped_at_ten, shipped_at_three):
    assert mean(shipped_at_ten, "model") >= 0.49
    assert mean(shipped_at_three, "model") >= 0.46


def test_the_shipped_prior_beats_popular_and_last_on_every_seed(shipped_at_ten, shipped_at_three):
    assert min(one.margin for one in shipped_at_ten) >= 0.15
    assert min(one.margin for one in shipped_at_three) >= 0.10


def test_contacts_without_a_send_are_served_better_than_by_popularity(shipped_at_ten, shipped_at_three):
    for figures in (shipped_at_ten, shipped_at_three):
        assert mean(figures, "cold_model") - mean(figures, "cold_popular") >= 0.15


def test_chances_are_right_on_average_and_intervals_cover(shipped_at_ten, shipped_at_three):
    for figures in (shipped_at_ten, shipped_at_three):
        assert mean(figures, "calibration") <= 0.03
        assert 0.82 <= mean(figures, "coverage") <= 0.96


def test_the_nightly_fit_is_worth_its_while(shipped_at_ten, fitted_at_ten):
    assert mean(fitted_at_ten, "model") >= mean(shipped_at_ten, "model") - 0.005
    assert min(one.margin for one in fitted_at_ten) >= 0.15
    assert mean(fitted_at_ten, "calibration") <= 0.03
    assert mean(fitted_at_ten, "chosen_calibration") <= min(0.05, mean(shipped_at_ten, "chosen_calibration"))
    assert 0.82 <= mean(fitted_at_ten, "coverage") <= 0.96


# Where the contacts' own acts tell nothing, or everybody is much alike, the prior's tastes are noise.
HOPELESS = ("alike", "misleading", "silent")


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - set(HOPELESS)))
def test_every_family_gains_on_the_better_baseline(family):
    figures = [judge(world(replace(FAMILIES[family], contacts=700), seed)) for seed in (1100, 1101)]
    assert mean(figures, "margin") >= 0.10
    assert mean(figures, "calibration") <= 0.05


def test_where_personal_tastes_are_noise_a_fit_makes_up_for_most_of_it():
    before: list[Figures] = []
    after: list[Figures] = []
    for family in ("alike", "misleading"):
        for seed in (1400, 1401):
            one = world(replace(FAMILIES[family], contacts=1500), seed)
            before.append(judge(one))
            after.append(judge(one, fitted(one)))
    assert mean(after, "margin") >= mean(before, "margin") + 0.03
    assert mean(after, "margin") >= -0.05


def test_a_workspace_whose_inbound_traffic_misleads_is_learned():
    one = world(replace(FAMILIES["misleading"], contacts=2000), 1200)
    model = fitted(one)
    assert model.card is not None
    assert model.card.gate.promoted
    assert judge(one, model).model >= judge(one).model + 0.03
