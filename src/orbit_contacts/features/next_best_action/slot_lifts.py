"""How much better or worse than usual each local-time bin of a workspace is, on each channel.

A lift is a log-odds on top of the channel's: one curve that all channels share, and a channel's own departure from it.
Both are Gaussian: neighbouring blocks and the two kinds of day resemble each other, the more so the fewer sends tell
otherwise. How large either is comes from the workspace itself, by the method of moments; the curves are the mode given
the counts (Newton's method; Rasmussen and Williams, "Gaussian Processes for Machine Learning", section 3.4).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action.local_time import BINS, UNIFORM, resemblance
from orbit_contacts.features.next_best_action.logistic import sigmoid

Floats = npt.NDArray[np.float64]

NIGHT: Final = 0.7 * np.log(np.tile(np.array([0.6, 0.5, 0.85, 1.0, 1.05, 1.1, 1.15, 0.9]), 2))
"""(16,) how sleep shapes the shared curve."""
_SLEEP: Final = (0.7, 0.7)
"""how much of it, on average and its spread between workspaces: where nothing is known, people sleep"""
_MIDDLE: Final = _SLEEP[0] * NIGHT
_ACTS: Final = (0.35, 0.3)
"""how closely the curve follows the hours at which contacts act of their own accord: on average and its spread"""
_SHARED: Final = (0.16, 8.0)
"""variance of the shared curve where nothing is known, and how many bins' worth of evidence that is"""
_OWN: Final = (0.04, 24.0)
"""the same of a channel's departures"""
_STEPS: Final = 12


_ALIKE: Final = resemblance(0.3)


def slot_lifts(trials: Floats, successes: Floats, logit: Floats, hours: Floats = UNIFORM) -> tuple[Floats, Floats]:
    """Lifts of every channel, (11, 16), and of a channel not sent on yet, (16,), in log-odds.

    Args:
        trials, successes: (11, 16) effective sends and those answered.
        logit: (11,) log-odds of an answer on each channel, over all bins.
        hours: (16,) share of the contacts' own acts in each bin.
    """
    told = _told(hours)
    usual = _MIDDLE + _ACTS[0] * told
    used = np.flatnonzero(trials.sum(1) > 0.0)
    if not len(used):
        return np.tile(usual, (len(trials), 1)), usual
    n, s, base = trials[used], np.minimum(successes[used], trials[used]), logit[used, None]
    shared, own = _variances(n, s, sigmoid(base), usual)
    size = len(used) * BINS
    common_spread = shared * _ALIKE + _SLEEP[1] ** 2 * np.outer(NIGHT, NIGHT) + _ACTS[1] ** 2 * np.outer(told, told)
    spread = np.kron(np.ones((len(used), len(used))), common_spread) + np.kron(np.eye(len(used)), own * _ALIKE)
    lift = np.zeros(size)
    middle = np.tile(usual, len(used))
    pull = np.zeros(size)
    for _ in range(_STEPS):
        p = sigmoid(base + (middle + lift).reshape(-1, BINS)).reshape(-1)
        curvature = n.reshape(-1) * p * (1.0 - p) + 1e-9
        wanted = curvature * lift + s.reshape(-1) - n.reshape(-1) * p
        root = np.sqrt(curvature)
        inner = np.eye(size) + root[:, None] * spread * root
        pull = wanted - root * np.linalg.solve(inner, root * (spread @ wanted))
        after = spread @ pull
        moved = float(np.abs(after - lift).max())
        lift = lift + np.clip(after - lift, -1.0, 1.0)
        if moved < 1e-3:
            break
    common = usual + common_spread @ pull.reshape(-1, BINS).sum(0)
    whole = np.tile(common, (len(trials), 1))
    whole[used] = (middle + lift).reshape(-1, BINS)
    return whole, common


def _told(hours: Floats) -> Floats:
    """(16,) log-odds by which contacts act more in a bin than sleep and the length of the bin make them."""
    known = np.stack([np.ones(BINS), NIGHT], axis=1)
    much = np.log(hours / UNIFORM)
    slopes = np.linalg.solve((known.T * UNIFORM) @ known, known.T @ (UNIFORM * much))
    return np.asarray(much - known @ slopes, dtype=np.float64)


def _variances(n: Floats, s: Floats, p: Floats, usual: Floats) -> tuple[float, float]:
    """Variance of the shared curve, and of the channels' departures from it."""
    room = n * p * (1.0 - p)
    off = s - n * p - room * usual
    everywhere, total = off.sum(0), room.sum(0)
    # E[off²] = variance x room² + room: each bin tells the variance, weighed by how well it does.
    shared = _moment(np.square(everywhere) - total, np.square(total), *_SHARED)
    apart = off - room * (everywhere / (total + 1.0 / shared))
    own = _moment(np.square(apart) - room, np.square(room), *_OWN) if len(n) > 1 else 1e-3
    return shared, own


def _moment(above: Floats, squared: Floats, usual: float, trust: float) -> float:
    """Weighted mean of above / squared, with `trust` bins' worth of the usual value."""
    weight = 1.0 / (np.sqrt(squared) + 1.0 / usual)
    told = float((weight**2 * above).sum()) + trust * usual * usual**2
    return float(np.clip(told / (float((weight**2 * squared).sum()) + trust * usual**2), usual / 16.0, 1.5))
