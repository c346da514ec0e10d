"""From the model's logit to a chance that is right on average.

Below 2,000 rows nothing is changed. From there a line in two numbers (Platt's, with one more): the contact's usual
logit, over every channel and hour, and how far the candidate stands out from it. A workspace whose contacts have
stronger tastes than the model thinks shows in the second slope, and few rows are enough to see it. Its ridge is to the
identity. Beyond 20,000 rows an isotonic regression follows (pool adjacent violators), joined by straight lines and
mixed with a little of the line itself so that it never ties two candidates. All of it keeps the order of a contact's
candidates.
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
_RIDGE: Final = np.diag([20.0, 100.0, 30.0])
_GROUPS: Final = 200
_LINE_SHARE: Final = 0.02
_FLATTEST: Final = 0.05


class Calibration(msgspec.Struct, frozen=True):
    """A non-decreasing map from logit to chance."""

    kind: Kind = "identity"
    intercept: float = 0.0
    slope: float = 1.0
    """of the contact's usual logit"""
    contrast: float = 1.0
    """of what the candidate adds to it"""
    knots: list[float] = []
    """of the isotonic map: values of the line"""
    chances: list[float] = []
    """at the knots"""

    def chance(self, logit: Floats, usual: Floats) -> Floats:
        """Calibrated chances.

        Args:
            logit: any shape.
            usual: the contact's mean logit over its candidates; broadcasts to `logit`.
        """
        line = self.intercept + self.slope * usual + self.contrast * (logit - usual)
        if self.kind != "isotonic":
            return sigmoid(line)
        return (1.0 - _LINE_SHARE) * np.interp(line, self.knots, self.chances) + _LINE_SHARE * sigmoid(line)


def calibrate(logit: Floats, usual: Floats, success: Floats) -> Calibration:
    """Calibration learned from n rows: (n,) logits, the contacts' usual ones, and outcomes, 0 or 1."""
    n = len(success)
    if n < PLATT_FROM:
        return Calibration()
    both = np.stack([logit, logit - usual], axis=1)
    intercept, slope, more = fit_logistic(both, success, np.array([0.0, 1.0, 0.0]), _RIDGE).coefficients.tolist()
    # A falling line would turn the order of the candidates round; the ridge all but forbids it.
    line = Calibration("platt", intercept, max(slope, _FLATTEST), max(slope + more, _FLATTEST))
    return line if n < ISOTONIC_FROM else _isotonic(line, logit, usual, success)


def _isotonic(line: Calibration, logit: Floats, usual: Floats, success: Floats) -> Calibration:
    place_of = line.intercept + line.slope * usual + line.contrast * (logit - usual)
    blocks: list[tuple[float, float, float]] = []
    for group in np.array_split(np.argsort(place_of, kind="stable"), _GROUPS):
        n, total, place = float(len(group)), float(success[group].sum()), float(place_of[group].sum())
        while blocks and blocks[-1][1] * n >= total * blocks[-1][0]:
            m, earlier, where = blocks.pop()
            n, total, place = n + m, total + earlier, place + where
        blocks.append((n, total, place))
    # Half a success and half a failure more: an outermost block of none or all is not a certainty.
    chances = np.maximum.accumulate([(total + 0.5) / (n + 1.0) for n, total, _ in blocks])
    return msgspec.structs.replace(
        line,
        kind="isotonic",
        knots=[place / n for n, _, place in blocks],
        chances=[float(chance) for chance in chances],
    )
