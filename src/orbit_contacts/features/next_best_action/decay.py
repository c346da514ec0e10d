"""Forward decay: sums that fade with a half-life of 135 days without ever being touched again.

An observation made at `t` is added with weight `2^((t - LANDMARK) / HALF_LIFE)`; a reader divides by the weight
of its own instant. Adding is commutative, so late, early and shuffled observations all give the same sum
(Cormode, Shkapenyuk, Srivastava, Xu: "Forward Decay", ICDE 2009). Float64 holds the weights until the year 2277.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from orbit_contacts.core.clock import DAY, SECOND

HOUR: Final = 3_600 * SECOND
WEEK: Final = 7 * DAY
LANDMARK: Final = 1_735_689_600 * SECOND
"""2025-01-01T00:00:00Z in microseconds since 1970; every instant in this package has that unit."""
HALF_LIFE: Final = 135 * DAY

_EARLIEST: Final = LANDMARK - 700 * HALF_LIFE
_LATEST: Final = LANDMARK + 1_000 * HALF_LIFE


def weight(instant: int) -> float:
    """Weight an observation made at `instant` (microseconds) is added with."""
    return 2.0 ** ((min(max(instant, _EARLIEST), _LATEST) - LANDMARK) / HALF_LIFE)


def weights(instants: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """`weight` of each instant, any shape."""
    return np.exp2((np.clip(instants, _EARLIEST, _LATEST) - LANDMARK) / HALF_LIFE)


def effective_days(age_days: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Days of exposure that a decayed sum over the last `age_days` amounts to (at most 129.8)."""
    half_life = HALF_LIFE / DAY
    return (1.0 - np.exp2(-np.maximum(age_days, 0.0) / half_life)) * half_life / np.log(2.0)
