"""What a policy would have been worth, from sends that another policy chose.

Self-normalised inverse propensity scoring (Swaminathan and Joachims, NeurIPS 2015) and the doubly robust estimate
(Dudik, Langford, Li, ICML 2011), with a bootstrap over contacts. The action is the channel, given the hour at which
the send was made: sixteen bins more would leave too few sends that agree with any policy.
"""

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ENOUGH: Final = 1_000.0
"""Effective sends under which nothing is concluded."""
_GREEDY: Final = 0.95


class PolicyValue(msgspec.Struct, frozen=True):
    """Estimated chance of an answer per send under a policy."""

    snips: float
    snips_95: tuple[float, float]
    doubly_robust: float
    doubly_robust_95: tuple[float, float]
    effective_sends: float
    """(sum of weights)^2 / sum of squared weights"""
    conclusive: bool
    """whether there are at least 1,000 effective sends"""


def propensities(channel: Ints, available: Bools, logged: Floats | None = None) -> Floats:
    """(n,) chance with which the channel of each send was chosen.

    Sends that were decided here carry their logged propensity (NaN or absent for the others); for the rest the
    workspace's share of the channel among those the contact can be reached on stands in, which supposes that
    whoever chose did not look at the contact any closer.
    """
    share = np.bincount(channel, minlength=available.shape[1]) + 1.0
    among = (available * share).sum(1)
    estimated = share[channel] / among
    if logged is None:
        return estimated
    return np.where(np.isnan(logged), estimated, np.clip(logged, 1e-3, 1.0))


def policy(scores: Floats, available: Bools) -> Floats:
    """(n, 11) chances of a policy that takes the best score and explores 5 % evenly."""
    best = np.where(available, scores, -np.inf).argmax(1)
    count = available.sum(1, keepdims=True)
    chosen = np.where(available, (1.0 - _GREEDY) / count, 0.0)
    chosen[np.arange(len(best)), best] += _GREEDY
    return chosen


def weights(target: Floats, channel: Ints, propensity: Floats) -> Floats:
    """(n,) importance weights of `target` (n, 11) on the channels that were taken, at most 50."""
    return np.minimum(target[np.arange(len(channel)), channel] / propensity, 50.0)


def value(
    target: Floats,
    expected: Floats,
    channel: Ints,
    success: Floats,
    propensity: Floats,
    contact: Ints,
    seed: int = 0,
) -> PolicyValue:
    """Estimates for one policy.

    Args:
        target: (n, 11) its chances.
        expected: (n, 11) a model's chance of an answer on each channel, for the doubly robust estimate.
        channel, success, propensity: (n,) of the sends as they were made.
        contact: (n,) whose send it was; the bootstrap draws contacts.
        seed: of the bootstrap.
    """
    n = len(channel)
    if not n:
        return PolicyValue(0.0, (0.0, 0.0), 0.0, (0.0, 0.0), 0.0, False)
    weight = weights(target, channel, propensity)
    direct = (target * expected).sum(1)
    corrected = direct + weight * (success - expected[np.arange(n), channel])
    _, person = np.unique(contact, return_inverse=True)
    sums = np.stack(
        [np.bincount(person, column) for column in (weight * success, weight, corrected, np.ones(n))], axis=1
    )
    rng = np.random.default_rng(seed)
    drawn = rng.poisson(1.0, (200, len(sums))).astype(np.float64) @ sums
    drawn = drawn[(drawn[:, 1] > 0.0) & (drawn[:, 3] > 0.0)]
    total = sums.sum(0)
    effective = float(weight.sum() ** 2 / np.square(weight).sum()) if weight.any() else 0.0
    return PolicyValue(
        snips=float(total[0] / total[1]) if total[1] else 0.0,
        snips_95=_middle(drawn[:, 0] / drawn[:, 1]),
        doubly_robust=float(corrected.mean()),
        doubly_robust_95=_middle(drawn[:, 2] / drawn[:, 3]),
        effective_sends=effective,
        conclusive=effective >= ENOUGH,
    )


def _middle(drawn: Floats) -> tuple[float, float]:
    if not len(drawn):
        return (0.0, 0.0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return (float(low), float(high))
