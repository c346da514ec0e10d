"""The shipped prior: what answers where a workspace has no data yet, and what its own fit is drawn towards.

Fitted by `benchmarks/next_best_action_prior.py` on 500 simulated worlds of 700 contacts each, seeds 100,000 to
100,499, families at random over a wide range: one to eight channels, answer rates from under 1 % to over 60 %, tastes
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

VERSION: Final = "prior-1"
TABLE: Final = {
    "intercept": (-0.220, 1.651, 0.000),
    "channel": (0.964, 1.003, -1.649),
    "slot": (0.906, 0.735, -0.102),
    "contact_rate": (-0.036, 0.789, -0.025),
    "contact_channel_rate": (1.112, 0.815, -0.047),
    "contact_hours": (0.453, 0.463, -0.141),
    "contact_bin": (0.268, 0.548, -0.254),
    "contact_slot": (3.112, 2.178, -0.001),
    "inbound_channel": (0.295, 0.580, -0.059),
    "workspace_hours": (0.055, 0.265, -0.334),
    "sends": (-0.052, 0.223, 1.175),
    "channel_sends": (0.134, 0.347, 0.648),
    "activity": (0.163, 0.288, 1.851),
    "inbound_volume": (-0.005, 0.263, 1.165),
    "weeks_since_engaged": (0.006, 0.240, 2.660),
    "weeks_since_sent": (0.015, 0.169, 2.344),
    "engaged_lately": (-0.195, 0.592, 0.101),
    "sends_in_week": (-0.090, 0.238, 0.278),
    "lead": (0.016, 0.307, 0.334),
    "customer": (0.037, 0.318, 0.332),
    "open_ticket": (-0.043, 0.317, 0.040),
    "contact_rate_x_sends": (-0.332, 1.003, -0.019),
    "contact_channel_rate_x_sends": (-0.153, 0.777, -0.026),
    "slot_x_activity": (-0.070, 0.842, -0.045),
    "inbound_channel_x_volume": (0.564, 0.924, -0.041),
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
