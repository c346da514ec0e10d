"""Chance of another purchase, or of any act at all, within 30 days.

A Gamma-Poisson estimate of the rate from decayed counts, then a logistic on it and on the logarithms of recency,
frequency, money and age. (The Pareto/NBD family was measured beside it and did worse.) The figures order contacts;
they say nothing about what a message would change.
"""

import math
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from orbit_contacts.core.clock import DAY
from orbit_contacts.features.next_best_action.decay import effective_days, weight, weights
from orbit_contacts.features.next_best_action.logistic import fit as fit_logistic
from orbit_contacts.features.next_best_action.logistic import sigmoid
from orbit_contacts.features.next_best_action.messages import AHEAD, NEVER

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HORIZON: Final = 30 * DAY
NAMES: Final = ("rate", "recency", "frequency", "recent_frequency", "age", "money", "never")
_SHAPE: Final = 0.25
_DAYS: Final = 60.0
"""Gamma prior of the daily rate: a quarter of a purchase in sixty days."""


@dataclass(slots=True)
class History:
    """What m contacts did up to an instant."""

    count: Floats
    """(m,) purchases; of acts, of which only faded sums are kept, the same as `decayed`"""
    decayed: Floats
    """(m,) the same, faded to the instant"""
    money: Floats
    """(m,) in all"""
    last: Ints
    """(m,) microseconds; NEVER"""
    since: Ints
    """(m,) when the contact was first heard of"""


class Recurrence(msgspec.Struct, frozen=True):
    """Coefficients of one such model: intercept, then NAMES."""

    coefficients: list[float]

    def chance(self, history: History, now: int) -> Floats:
        """(m,) chance of at least one more within 30 days of `now`."""
        b = np.array(self.coefficients)
        return sigmoid(design(history, now) @ b[1:] + b[0])

    def of_row(self, row: Floats) -> float:
        """The same for one (7,) row of `design`."""
        z = self.coefficients[0] + sum(b * x for b, x in zip(self.coefficients[1:], row.tolist(), strict=True))
        return 0.5 * (1.0 + math.tanh(0.5 * z))


def design(history: History, now: int) -> Floats:
    """(m, 7) the features NAMES."""
    age = np.clip((now - history.since.astype(np.float64)) / DAY, 0.0, 3650.0)
    rate = (history.decayed + _SHAPE) / (effective_days(age) + _DAYS)
    never = history.last == NEVER
    recency = np.where(never, age, np.clip((now - history.last.astype(np.float64)) / DAY, 0.0, 3650.0))
    money = np.log1p(np.maximum(history.money, 0.0) / np.maximum(history.count, 1.0))
    return np.stack(
        [
            np.log(rate * 30.0),
            np.log1p(recency),
            np.log1p(history.count),
            np.log1p(history.decayed),
            np.log1p(age),
            money,
            never.astype(np.float64),
        ],
        axis=1,
    )


def history_at(contact: Ints, instant: Ints, money: Floats, since: Ints, at: int, *, faded: bool = False) -> History:
    """History of m contacts at `at`, from the (n,) purchases or acts of all time; acts are `faded`."""
    m = len(since)
    rows = np.flatnonzero(instant < at)
    who, when = contact[rows], instant[rows]
    last = np.full(m, NEVER, dtype=np.int64)
    np.maximum.at(last, who, when)
    decayed = np.bincount(who, weights(when), m).astype(np.float64) / weight(at)
    return History(
        count=decayed if faded else np.bincount(who, minlength=m).astype(np.float64),
        decayed=decayed,
        money=np.bincount(who, money[rows], m).astype(np.float64),
        last=last,
        since=since,
    )


def fit(
    contact: Ints,
    instant: Ints,
    money: Floats,
    since: Ints,
    cutoffs: list[int],
    prior: Recurrence,
    *,
    faded: bool = False,
) -> Recurrence:
    """Refit with a ridge to `prior` on what happened in the 30 days after each cutoff.

    Args:
        contact, instant, money: (n,) purchases or acts of m contacts.
        since: (m,) when each contact was first heard of; AHEAD for not yet.
        cutoffs: microseconds; each 30 days before the newest data or earlier.
        prior: where the coefficients stand without data.
        faded: whether these are acts.
    """
    designs: list[Floats] = []
    outcomes: list[Floats] = []
    for at in cutoffs:
        known = np.flatnonzero(since < min(at, AHEAD))
        seen = design(history_at(contact, instant, money, since, at, faded=faded), at)
        after = np.zeros(len(since))
        after[contact[(instant >= at) & (instant < at + HORIZON)]] = 1.0
        designs.append(seen[known])
        outcomes.append(after[known])
    seen, outcome = np.concatenate(designs), np.concatenate(outcomes)
    start = np.array(prior.coefficients)
    # Ten rows' worth of trust in each coefficient, whatever its feature's scale.
    precision = np.diag(np.concatenate([[2.0], 2.0 * np.square(seen).mean(0) + 1.0])) if len(seen) else None
    if precision is None:
        return prior
    return Recurrence(fit_logistic(seen, outcome, start, precision).coefficients.tolist())
