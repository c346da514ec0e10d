"""Off-policy estimates and the gate, on bandits whose truth is known."""

import numpy as np
import pytest

from orbit_contacts.features.next_best_action.gate import judge
from orbit_contacts.features.next_best_action.logistic import log_loss
from orbit_contacts.features.next_best_action.off_policy import policy, propensities, value, weights

RATES = np.array([0.10, 0.20, 0.30, 0.05] + [0.0] * 7)
SENDING = np.array([0.4, 0.3, 0.1, 0.2])


def bandit(n: int, seed: int = 0):
    """Sends on four channels at fixed shares, answered at fixed rates."""
    rng = np.random.default_rng(seed)
    channel = rng.choice(4, n, p=SENDING)
    success = (rng.random(n) < RATES[channel]).astype(float)
    available = np.zeros((n, 11), dtype=bool)
    available[:, :4] = True
    return channel, success, available, rng.integers(0, n // 5, n)


def always(channel: int, n: int) -> np.ndarray:
    scores = np.zeros((n, 11))
    scores[:, channel] = 1.0
    return scores


def test_propensities_are_the_shares_among_the_channels_a_contact_has():
    channel, _, available, _ = bandit(20_000)
    np.testing.assert_allclose(propensities(channel, available), SENDING[channel], atol=0.02)
    known = np.where(channel == 1, 0.77, np.nan)
    assert set(propensities(channel, available, known)[channel == 1]) == {0.77}


@pytest.mark.parametrize("best", [0, 2])
def test_estimates_find_the_value_of_a_policy_that_was_not_in_force(best):
    n = 20_000
    channel, success, available, contact = bandit(n)
    target = policy(always(best, n), available)
    truth = float((target[0] * RATES).sum())
    wrong_model = np.full((n, 11), 0.5)
    worth = value(target, wrong_model, channel, success, propensities(channel, available), contact)
    assert worth.snips == pytest.approx(truth, abs=0.03)
    assert worth.doubly_robust == pytest.approx(truth, abs=0.03)
    assert worth.snips_95[0] < truth < worth.snips_95[1]
    assert worth.doubly_robust_95[0] < truth < worth.doubly_robust_95[1]
    assert worth.conclusive


def test_few_effective_sends_allow_no_verdict():
    n = 2_000
    channel, success, available, contact = bandit(n)
    target = policy(always(2, n), available)
    worth = value(target, np.full((n, 11), 0.2), channel, success, propensities(channel, available), contact)
    assert worth.effective_sends < 1_000
    assert not worth.conclusive


def test_no_sends_are_worth_nothing():
    none = np.zeros(0)
    worth = value(np.zeros((0, 11)), np.zeros((0, 11)), none.astype(int), none, none, none.astype(int))
    assert worth.effective_sends == 0.0


def verdict(better_loss: bool, better_policy: bool, n: int = 4_000):
    channel, success, available, contact = bandit(n)
    old_best, new_best = (1, 2) if better_policy else (1, 3)
    rate = float(success.mean())
    old = np.full(n, rate)
    new = RATES[channel] if better_loss else np.full(n, min(3 * rate, 0.9))
    return judge(
        log_loss(success, old),
        log_loss(success, new),
        policy(always(old_best, n), available),
        policy(always(new_best, n), available),
        channel,
        success,
        propensities(channel, available),
        contact,
    )


@pytest.mark.parametrize("better_loss", [True, False])
@pytest.mark.parametrize("better_policy", [True, False])
def test_the_gate_opens_only_when_both_are_right(better_loss, better_policy):
    found = verdict(better_loss, better_policy)
    assert found.promoted == (better_loss and better_policy)
    assert (found.improvement_se >= 0.5) == better_loss
    assert (found.policy_difference >= -found.policy_difference_se) == better_policy


def test_the_same_model_is_not_promoted():
    n = 3_000
    channel, success, available, contact = bandit(n)
    loss = log_loss(success, np.full(n, 0.2))
    same = policy(always(0, n), available)
    found = judge(loss, loss, same, same, channel, success, propensities(channel, available), contact)
    assert not found.promoted
    assert found.policy_difference == 0.0


def test_too_few_sends_are_not_judged():
    assert not verdict(True, True, n=90).promoted


def test_weights_are_bounded():
    channel, _, available, _ = bandit(100)
    assert weights(policy(always(2, 100), available), channel, np.full(100, 1e-9)).max() <= 50.0
