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

VERSION: Final = "prior-3"
TABLE: Final = {
    "intercept": (-0.157, 1.687, 0.000),
    "channel": (1.000, 0.737, -1.696),
    "slot": (0.963, 0.987, -0.053),
    "contact_rate": (0.914, 0.819, 0.032),
    "contact_channel_rate": (0.873, 0.813, 0.015),
    "contact_hours": (0.916, 0.763, -0.037),
    "contact_slot": (1.102, 0.955, -0.007),
    "inbound_channel": (0.691, 0.506, 0.009),
    "workspace_hours": (0.020, 0.222, -0.342),
    "sends": (-0.095, 0.244, 1.090),
    "channel_sends": (0.144, 0.363, 0.588),
    "activity": (0.083, 0.326, 1.772),
    "inbound_volume": (0.006, 0.274, 1.103),
    "weeks_since_engaged": (-0.028, 0.248, 2.715),
    "weeks_since_sent": (0.015, 0.174, 2.377),
    "engaged_lately": (-0.263, 0.743, 0.090),
    "sends_in_week": (-0.110, 0.281, 0.261),
    "lead": (0.007, 0.308, 0.331),
    "customer": (0.008, 0.302, 0.333),
    "open_ticket": (-0.051, 0.347, 0.041),
    "slot_x_activity": (-0.074, 1.023, -0.022),
}
"""feature: (coefficient, spread between worlds, average)"""
TAU: Final = 1.6
"""Spread (logit) of a contact's taste for a channel that the model cannot see."""
PURCHASE: Final = (2.183, 1.052, -0.340, 0.068, 0.096, -0.251, 0.000, 0.190)
"""Intercept, then purchase.NAMES; from simulated customers who buy at Gamma-distributed rates and leave."""
ACTIVE: Final = (4.020, 0.841, -0.957, -0.177, -0.177, -0.101, 0.000, 0.463)
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
