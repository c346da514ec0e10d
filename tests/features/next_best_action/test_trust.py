"""How far contacts may be believed is learned from a few hundred answers."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from orbit_contacts.features.next_best_action.features import NAMES
from orbit_contacts.features.next_best_action.model import Predictor, shipped
from orbit_contacts.features.next_best_action.trust import GROUPS, Trust, learn
from tests.features.next_best_action.families import FAMILIES
from tests.features.next_best_action.figures import fitted, judge
from tests.features.next_best_action.worlds import world


def believed(family: str, seed: int) -> Trust:
    return fitted(world(replace(FAMILIES[family], contacts=900), seed)).trust


def test_without_sends_the_prior_is_taken_at_its_word():
    assert learn(np.zeros((0, len(NAMES))), np.zeros(0)) == Trust()


def test_acts_that_tell_nothing_are_hardly_believed():
    for seed in (1500, 1501):
        trust = believed("misleading", seed)
        assert trust.hours < 0.6
        assert trust.inbound < 0.6


def test_where_only_channels_differ_hours_are_not_believed_and_channels_are():
    trust = believed("channels", 1502)
    assert trust.hours < 0.6
    assert trust.inbound > 1.1


def test_it_multiplies_its_own_features_and_no_others():
    factors = Trust(hours=0.5, slots=2.0).factors()
    changed = {name for name, factor in zip(NAMES, factors, strict=True) if factor != 1.0}
    assert changed == {*GROUPS["hours"], *GROUPS["slots"]}


def test_reasons_and_scores_rest_on_the_same_weights():
    model = msgspec.structs.replace(shipped(), trust=Trust(hours=0.0))
    weights = Predictor(model).coefficients
    assert weights[NAMES.index("contact_hours")] == 0.0
    assert weights[NAMES.index("channel")] == shipped().coefficients[1 + NAMES.index("channel")]


@pytest.mark.parametrize(("family", "least"), [("misleading", 0.03), ("alike", 0.03), ("channels", 0.03)])
def test_it_is_worth_its_while_at_three_sends_a_contact(family: str, least: float):
    gains: list[float] = []
    for seed in range(1503, 1509):
        one = world(replace(FAMILIES[family], sends=3.0, contacts=900), seed)
        gains.append(judge(one, fitted(one)).model - judge(one).model)
    assert np.mean(gains) >= least
