"""Which hours go together in a workspace: the covariance of its contacts' tastes for hours, from when they act.

In one workspace people come in a few kinds, in another everybody has hours of his own; in one weekends are like
weekdays, in another not. The covariance of tastes is the shipped one where little is known, and what the contacts' own
acts show where there are many of them (expectation maximisation for a Gaussian of latent tastes under multinomial
counts, with an inverse Wishart prior around the shipped covariance; the tastes by Laplace's method, one Newton step a
round). Answers play no part in it: with one or two sends an hour they would show no tastes at all.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action.local_time import BINS
from orbit_contacts.features.next_best_action.tastes import ACTS, HOURS

Floats = npt.NDArray[np.float64]

_FIRM: Final = 50.0
"""how many contacts' worth of evidence the shipped covariance is"""
_ROUNDS: Final = 20
_MOST: Final = 2_000
"""contacts; more tell nothing new"""
_STRIDE: Final = 1.5
"""how far a taste moves in one step, at most"""


def learn(activity: Floats, share: Floats) -> Floats:
    """(16, 16) covariance of log-odds.

    Args:
        activity: (m, 16) acts of contacts of their own accord, by local-time bin.
        share: (16,) of the workspace's activity.
    """
    acts = activity[activity.sum(1) > 0.0][:_MOST]
    covariance, taste, acted = HOURS, np.zeros(acts.shape), acts.sum(1, keepdims=True)
    own = np.arange(BINS)
    for _ in range(_ROUNDS if len(acts) else 0):
        expected = share * np.exp(ACTS * taste)
        expected = acted * expected / expected.sum(1, keepdims=True)
        curvature = -(expected[:, :, None] * (ACTS**2 * expected / acted)[:, None, :])
        curvature[:, own, own] += ACTS**2 * expected
        wanted = np.einsum("mij,mj->mi", curvature, taste) + ACTS * (acts - expected)
        # Posterior mean and covariance of tastes, given the covariance of the round before.
        both = np.concatenate([wanted[:, :, None], curvature @ covariance], axis=2)
        solved = np.asarray(np.linalg.solve(np.eye(BINS) + curvature @ covariance, both), dtype=np.float64)
        taste = taste + np.clip(solved[:, :, 0] @ covariance - taste, -_STRIDE, _STRIDE)
        left = len(acts) * covariance - covariance @ solved[:, :, 1:].sum(0)
        covariance = (_FIRM * HOURS + taste.T @ taste + left) / (_FIRM + len(acts))
        covariance = (covariance + covariance.T) / 2.0
    return covariance
