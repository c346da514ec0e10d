"""The model card: what a version is made of, how well it is calibrated, what it would have been worth."""

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action.gate import Verdict
from orbit_contacts.features.next_best_action.off_policy import PolicyValue

Floats = npt.NDArray[np.float64]
_ROWS: Final = 10


class Reliability(msgspec.Struct, frozen=True):
    """One row of the reliability table: sends of about the same predicted chance."""

    predicted: float
    observed: float
    sends: int


class Quality(msgspec.Struct, frozen=True):
    """How the chances compare with what happened."""

    log_loss: float
    auc: float
    calibration_error: float
    """mean |observed - predicted| over the reliability table, weighted by sends"""
    calibration_noise: float
    """what that error would be, on average, if every chance were right: sampling alone"""
    reliability: list[Reliability]


class Card(msgspec.Struct, frozen=True):
    """Figures of the sends of the last two weeks, which the coefficients were not fitted on."""

    rows_fitted: int
    rows_judged: int
    gate: Verdict
    quality: Quality
    policies: dict[str, PolicyValue]
    """`model`, `most_popular_channel`, `last_engaged_channel`"""


def auc(success: Floats, score: Floats) -> float:
    """Chance that a send that was answered scores higher than one that was not; ties count half."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2.0)[place]
    yes = float(success.sum())
    no = len(success) - yes
    if yes == 0.0 or no == 0.0:
        return 0.5
    return float((rank[success > 0.5].sum() - yes * (yes + 1.0) / 2.0) / (yes * no))


def quality(success: Floats, chance: Floats, log_loss: Floats) -> Quality:
    """Figures of n sends: outcomes, predicted chances, log-losses."""
    n = len(success)
    if not n:
        return Quality(0.0, 0.5, 0.0, 0.0, [])
    groups = [group for group in np.array_split(np.argsort(chance, kind="stable"), _ROWS) if len(group)]
    table = [Reliability(float(chance[group].mean()), float(success[group].mean()), len(group)) for group in groups]
    error = sum(abs(row.predicted - row.observed) * row.sends for row in table) / n
    # |N(0, s)| has mean s * sqrt(2 / pi).
    noise = sum(np.sqrt(float((chance[group] * (1.0 - chance[group])).sum()) * 2.0 / np.pi) for group in groups) / n
    return Quality(float(log_loss.mean()), auc(success, chance), error, float(noise), table)
