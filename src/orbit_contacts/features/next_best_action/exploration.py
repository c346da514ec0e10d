"""Choosing with known chances: mostly the best, sometimes another, the same all through an epoch.

One draw per contact and six-hour epoch comes from HMAC-SHA256 under the workspace's secret, so that asking again
gives the same answer and nobody outside can foresee it.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

import numpy as np
import numpy.typing as npt

from orbit_contacts.core import ids
from orbit_contacts.core.clock import format_instant
from orbit_contacts.features.next_best_action.decay import HOUR

Floats = npt.NDArray[np.float64]

EPOCH: Final = 6 * HOUR
EXPLORED: Final = 0.05
HELD_OUT: Final = 0.02
TEMPERATURE: Final = 0.1
OPTIMISM: Final = 0.3
"""LinUCB: standard deviations of the logit added before the best is taken."""


@dataclass(slots=True)
class Choice:
    """Which candidate, and with what chance this procedure picks it."""

    index: int
    propensity: float
    arm: Literal["best", "random", "hold_out"]
    by_cell: Floats
    """(n,) chance of each candidate; they add up to one"""


def epoch_start(now: int) -> int:
    """Beginning of the six-hour epoch (UTC) that `now` lies in."""
    return now // EPOCH * EPOCH


def draw(secret: bytes, *what: str) -> float:
    """A number in [0, 1) that only `secret` and `what` decide."""
    digest = hmac.new(secret, "\0".join(what).encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def held_out(secret: bytes, contact_id: str, now: int) -> bool:
    """Whether the contact is in this month's hold-out, which gets the most popular action instead."""
    return draw(secret, "hold-out", contact_id, format_instant(now)[:7]) < HELD_OUT


def choose(utility: Floats, optimistic: Floats, draws: tuple[float, float]) -> Choice:
    """Best by `optimistic` with 95 %, else a softmax of `utility`.

    Args:
        utility: (n,) of the allowed candidates, n >= 1.
        optimistic: (n,) the same with the bonus for what is not known well.
        draws: two numbers in [0, 1): whether to explore, and whereto.
    """
    best = int(optimistic.argmax())
    chances = np.exp((utility - utility.max()) / TEMPERATURE)
    chances = chances / chances.sum()
    if draws[0] < EXPLORED:
        index = min(int(np.searchsorted(np.cumsum(chances), draws[1], side="right")), len(chances) - 1)
        arm: Literal["best", "random"] = "random"
    else:
        index, arm = best, "best"
    by_cell = EXPLORED * chances
    by_cell[best] += 1.0 - EXPLORED
    return Choice(index, float(by_cell[index]), arm, by_cell)


def hold_out(choice: Choice, popular: int, *, held: bool) -> Choice:
    """The choice with the hold-out mixed in: whoever is `held` gets the candidate `popular`.

    The propensities are those of the mixture, since who is held out says nothing of the contact: so every candidate
    keeps a chance above zero, which weighing sends by it needs.
    """
    by_cell = (1.0 - HELD_OUT) * choice.by_cell
    by_cell[popular] += HELD_OUT
    index, arm = (popular, "hold_out") if held else (choice.index, choice.arm)
    return Choice(index, float(by_cell[index]), arm, by_cell)


def certain(index: int, count: int) -> Choice:
    """The best of `count` candidates, with nothing left to chance."""
    by_cell = np.zeros(count)
    by_cell[index] = 1.0
    return Choice(index, 1.0, "best", by_cell)


def decision_id(secret: bytes, contact: UUID, epoch: int, facts: bytes, follows: UUID | None = None) -> UUID:
    """Id of the decision of this contact, epoch and fingerprint: two servers that decide at once agree on it.

    `follows` is the decision of the same epoch and facts that has expired since, if there was one. The id is
    time-ordered and lies in the contact's cell, like every id.
    """
    earlier = follows.bytes if follows else bytes(16)
    digest = hmac.new(secret, contact.bytes + epoch.to_bytes(8, "big") + facts + earlier, hashlib.sha256).digest()
    template = ids.floor(epoch).int | 0x8 << 76 | ids.cell_number(contact) << 66 | 0x8 << 60
    return UUID(int=template | int.from_bytes(digest[:8], "big") & 0x3FFF_FFFF_FFFF_FFFF)
