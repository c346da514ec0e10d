"""How far a workspace's contacts may be believed: four numbers that its own sends teach within days.

In one workspace the hours at which people write foretell the hours at which they answer, in another web traffic tells
nothing at all; in one people differ greatly, in another hardly. The prior's terms of these four kinds are multiplied
by a number each, 1 where nothing is known: the level of the hierarchy between all workspaces and one contact. Four
numbers on top of the shipped terms need a few hundred answers, where a fit of every coefficient needs thousands.
"""

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action import prior
from orbit_contacts.features.next_best_action.features import NAMES, F
from orbit_contacts.features.next_best_action.logistic import fit

Floats = npt.NDArray[np.float64]


class Trust(msgspec.Struct, frozen=True):
    """Factors of the features that speak of a contact, 1 where the prior is taken at its word."""

    hours: float = 1.0
    """of when they act of their own accord"""
    inbound: float = 1.0
    """of the channels they write on"""
    answers: float = 1.0
    """of the channels they answer on"""
    slots: float = 1.0
    """of the hours they answer at"""

    def factors(self) -> Floats:
        """(F,) one for each feature."""
        whole = np.ones(F)
        for name, members in _MEMBERS.items():
            whole[members] = getattr(self, name)
        return whole


GROUPS: Final = {
    "hours": ("contact_hours",),
    "inbound": ("inbound_channel",),
    "answers": ("contact_channel_rate", "engaged_lately"),
    "slots": ("contact_slot",),
}
_MEMBERS: Final = {name: [NAMES.index(feature) for feature in features] for name, features in GROUPS.items()}
_FIRM: Final = 6.0
"""Precision with which each factor stands at 1: the spread between simulated worlds is 0.4."""


def learn(design: Floats, success: Floats) -> Trust:
    """Factors from matured sends: (k, F) features as they were before each, (k,) outcomes 0 or 1."""
    b = prior.coefficients()
    terms = design * b[1:]
    groups = np.stack([terms[:, members].sum(1) for members in _MEMBERS.values()], axis=1)
    # Everything else may shift and stretch a little, so that the factors need not make up for it.
    rest = terms.sum(1) - groups.sum(1)
    start = np.array([b[0], *[1.0] * (1 + len(GROUPS))])
    firm = np.diag([0.3, 4.0, *[_FIRM] * len(GROUPS)])
    found = fit(np.column_stack([rest, groups]), success, start, firm).coefficients[2:]
    return Trust(*(float(factor) for factor in np.clip(found, 0.0, 3.0)))
