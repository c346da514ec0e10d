"""The shipped prior: what answers where a workspace has no data yet, and what its own fit is drawn towards.

Fitted by `benchmarks/next_best_action_prior.py` on 400 simulated worlds of 150 to 1,500 contacts, seeds 100,000 to
100,399, families at random over a wide range: one to eight channels, answer rates from under 1 % to over 60 %, tastes
in channels and hours from hardly any to decisive, smooth or heavy-tailed, constant or drifting, inbound traffic from
none to plenty and from telling to misleading, senders who choose at random or aim. The regression is on the true
chances of candidates, half of them random, half the ones a first fit would choose. The second column is how far a
single world's own coefficients lie from the common ones: the ridge of a workspace's fit. The third is the average of
the feature, which reasons are told against until a workspace has averages of its own. No real person's data went into
any of it.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action.features import NAMES

Floats = npt.NDArray[np.float64]

VERSION: Final = "prior-4"
TABLE: Final = {
    "intercept": (-0.197, 1.578, 0.000),
    "channel": (1.000, 0.645, -1.698),
    "slot": (0.942, 0.706, -0.063),
    "contact_rate": (0.880, 0.717, 0.033),
    "contact_channel_rate": (0.787, 0.723, 0.015),
    "contact_hours": (0.872, 0.736, -0.045),
    "contact_slot": (1.035, 0.895, -0.008),
    "inbound_channel": (0.666, 0.475, 0.009),
    "workspace_hours": (-0.010, 0.285, -0.342),
    "sends": (-0.090, 0.232, 1.181),
    "channel_sends": (0.122, 0.324, 0.646),
    "activity": (0.088, 0.318, 1.889),
    "inbound_volume": (0.005, 0.258, 1.187),
    "weeks_since_engaged": (-0.029, 0.234, 2.715),
    "weeks_since_sent": (0.020, 0.171, 2.377),
    "engaged_lately": (-0.146, 0.662, 0.090),
    "sends_in_week": (-0.103, 0.282, 0.261),
    "lead": (0.010, 0.307, 0.331),
    "customer": (0.009, 0.301, 0.333),
    "open_ticket": (-0.043, 0.347, 0.041),
    "slot_x_activity": (-0.010, 0.909, -0.027),
}
"""feature: (coefficient, spread between worlds, average)"""
TAU: Final = 1.6
"""Spread (logit) of a contact's taste for a channel that the model cannot see."""
PURCHASE: Final = (1.945, 1.171, -0.374, -0.308, 0.288, -0.105, 0.000, 0.360)
"""Intercept, then purchase.NAMES; from simulated customers who buy at Gamma-distributed rates and leave."""
ACTIVE: Final = (4.064, 0.995, -1.009, -0.298, -0.298, 0.007, 0.000, 0.655)
"""The same for acts of any kind."""


def coefficients() -> Floats:
    """(F + 1,) intercept, then features.NAMES."""
    return np.array([TABLE[name][0] for name in ("intercept", *NAMES)])


def precision() -> Floats:
    """(F + 1, F + 1) diagonal: one over the squared spread between worlds."""
    return np.diag(np.array([TABLE[name][1] for name in ("intercept", *NAMES)]) ** -2.0)


def center() -> Floats:
    """(F,) average features."""
    return np.array([TABLE[name][2] for name in NAMES])
