"""From the model's logit to a chance that is right on average.

Below 2,000 rows nothing is changed; to 20,000 a line in the logit with a ridge to the identity (Platt); beyond,
an isotonic regression (pool adjacent violators), joined by straight lines and mixed with a little of the identity
so that it never ties two candidates.
"""

from typing import Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action.logistic import fit as fit_logistic
from orbit_contacts.features.next_best_action.logistic import sigmoid

Floats = npt.NDArray[np.float64]
Kind = Literal["identity", "platt", "isotonic"]

PLATT_FROM: Final = 2_000
ISOTONIC_FROM: Final = 20_000
_RIDGE: Final = np.diag([20.0, 100.0])
_GROUPS: Final = 200
_IDENTITY_SHARE: Final = 0.02


class Calibration(msgspec.Struct, frozen=True):
    """A non-decreasing map from logit to chance."""

    kind: Kind = "identity"
    intercept: float = 0.0
    slope: float = 1.0
    logits: list[float] = []
    """knots of the isotonic map"""
    chances: list[float] = []

    def chance(self, logit: Floats) -> Floats:
        """Calibrated chance of each logit, any shape."""
        if self.kind == "isotonic":
            stepped = np.interp(logit, self.logits, self.chances)
            return (1.0 - _IDENTITY_SHARE) * stepped + _IDENTITY_SHARE * sigmoid(logit)
        return sigmoid(self.intercept + self.slope * logit)


def calibrate(logit: Floats, success: Floats) -> Calibration:
    """Calibration learned from n rows: (n,) logits and (n,) outcomes, 0 or 1."""
    n = len(success)
    if n < PLATT_FROM:
        return Calibration()
    if n < ISOTONIC_FROM:
        line = fit_logistic(logit[:, None], success, np.array([0.0, 1.0]), _RIDGE).coefficients
        # A falling line would turn the order of the candidates round; the ridge all but forbids it.
        return Calibration("platt", float(line[0]), max(float(line[1]), 0.05))
    return _isotonic(logit, success)


def _isotonic(logit: Floats, success: Floats) -> Calibration:
    order = np.argsort(logit, kind="stable")
    groups = np.array_split(order, _GROUPS)
    blocks: list[tuple[float, float, float]] = []
    for group in groups:
        n, total, place = float(len(group)), float(success[group].sum()), float(logit[group].sum())
        while blocks and blocks[-1][1] * n >= total * blocks[-1][0]:
            m, earlier, where = blocks.pop()
            n, total, place = n + m, total + earlier, place + where
        blocks.append((n, total, place))
    # Half a success and half a failure more: an outermost block of none or all is not a certainty.
    return Calibration(
        "isotonic",
        logits=[place / n for n, _, place in blocks],
        chances=[(total + 0.5) / (n + 1.0) for n, total, _ in blocks],
    )
