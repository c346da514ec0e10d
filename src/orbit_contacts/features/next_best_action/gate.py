"""Whether newly fitted coefficients may answer: both gates must open.

A better log-loss once came with a worse policy, so the value of the policy is asked too.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action.off_policy import weights

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Verdict(msgspec.Struct, frozen=True):
    """The gate's answer and the figures behind it."""

    promoted: bool
    reason: str
    rows: int
    log_loss_before: float
    log_loss_after: float
    improvement_se: float
    """improvement of the log-loss in its own standard errors, contacts being the units; at least 0.5"""
    policy_difference: float
    """SNIPS of the new policy minus the old one's"""
    policy_difference_se: float
    """the difference may not be below minus this"""


def judge(
    before: Floats,
    after: Floats,
    target_before: Floats,
    target_after: Floats,
    channel: Ints,
    success: Floats,
    propensity: Floats,
    contact: Ints,
) -> Verdict:
    """Compare two models on sends that neither was fitted on.

    Args:
        before, after: (n,) log-loss of each send.
        target_before, target_after: (n, 11) chances of the policies that follow from the models.
        channel, success, propensity, contact: (n,) of the sends.
    """
    n = len(success)
    if n < 100:
        return Verdict(False, "fewer than 100 sends to judge on", n, _mean(before), _mean(after), 0.0, 0.0, 0.0)
    _, person = np.unique(contact, return_inverse=True)
    gain = before - after
    improvement = in_errors(gain, contact)
    old, new = weights(target_before, channel, propensity), weights(target_after, channel, propensity)
    old_value, new_value = float((old * success).sum() / old.sum()), float((new * success).sum() / new.sum())
    # Linearised difference of two ratios: its spread over contacts is the standard error.
    pull = new * (success - new_value) / new.mean() - old * (success - old_value) / old.mean()
    difference, error = new_value - old_value, _error(pull, person)
    better, safe = improvement >= 0.5, difference >= -error
    reason = (
        "log-loss improved and the policy is no worse"
        if better and safe
        else "log-loss did not improve by half a standard error"
        if not better
        else "the policy is worse by more than a standard error"
    )
    return Verdict(better and safe, reason, n, _mean(before), _mean(after), improvement, difference, error)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else 0.0


def _error(values: Floats, person: npt.NDArray[np.intp]) -> float:
    """Standard error of the mean of rows that come in contacts."""
    away = np.bincount(person, values - values.mean())
    return float(np.sqrt(np.square(away).sum()) / len(values))


def in_errors(values: Floats, contact: Ints) -> float:
    """Mean of (n,) values in its own standard errors; `contact` (n,) says which rows come together."""
    if not len(values):
        return 0.0
    _, person = np.unique(contact, return_inverse=True)
    error = _error(values, person)
    return _mean(values) / error if error > 0.0 else 0.0
