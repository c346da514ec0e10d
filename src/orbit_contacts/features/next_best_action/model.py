"""A model version: coefficients with their uncertainty, calibration, and the workspace's averages."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action import prior
from orbit_contacts.features.next_best_action.calibration import Calibration
from orbit_contacts.features.next_best_action.card import Card
from orbit_contacts.features.next_best_action.decay import weight
from orbit_contacts.features.next_best_action.features import NAMES, Workspace
from orbit_contacts.features.next_best_action.optout import NONE, OptOuts
from orbit_contacts.features.next_best_action.purchase import Recurrence
from orbit_contacts.features.next_best_action.tastes import HOURS
from orbit_contacts.features.next_best_action.trust import Trust

Floats = npt.NDArray[np.float64]

COLD: Final = 50
"""Matured sends under which a workspace is cold: the shipped prior answers, and says so."""


class Sums(msgspec.Struct, frozen=True):
    """What the workspace's rates are made of, faded to the instant `at`; the fields of `features.Workspace`."""

    at: int
    trials: list[list[float]]
    successes: list[list[float]]
    activity: list[float]
    inbound: list[float]
    worth: float = 1.0

    def faded(self, now: int) -> Workspace:
        """As they look at `now`, not before `at`."""
        fade = weight(self.at) / weight(now)
        return Workspace(
            np.array(self.trials) * fade,
            np.array(self.successes) * fade,
            np.array(self.activity) * fade,
            np.array(self.inbound) * fade,
            self.worth / fade,
        )


class Model(msgspec.Struct, frozen=True):
    """What the database keeps of a version, as JSON."""

    version: str
    trained_at: int | None
    """microseconds; None for the shipped prior"""
    tier: Literal["prior", "workspace"]
    sends: int
    """matured sends it was fitted on or, for the prior, that were looked at"""
    coefficients: list[float]
    """intercept, then features.NAMES; of features that have been multiplied by `trust`"""
    covariance: list[list[float]]
    center: list[float]
    """the workspace's average of each feature, which reasons are told against"""
    calibration: Calibration
    tau: float
    """spread (logit) of contact x channel tastes, for the interval"""
    opt_outs: OptOuts
    purchase: Recurrence
    active: Recurrence
    card: Card | None = None
    features: tuple[str, ...] = NAMES
    trust: Trust = Trust()
    sums: Sums | None = None
    hours: list[list[float]] | None = None
    """covariance of the contacts' tastes for hours; None for the shipped one"""

    def weights(self) -> Floats:
        """(F + 1,) intercept, then what each feature counts as it is measured: coefficient times trust."""
        return np.array(self.coefficients) * np.concatenate([[1.0], self.trust.factors()])

    def hour_covariance(self) -> Floats:
        """(16, 16) as `features.parts` takes it."""
        return HOURS if self.hours is None else np.array(self.hours)


def read(stored: bytes | None) -> Model:
    """A version as it was stored with `msgspec.json.encode`; the shipped one when there is none.

    A version fitted on other features than this program computes is not usable: the shipped one answers until the
    next fit.
    """
    if stored is None:
        return shipped()
    model = msgspec.json.decode(stored, type=Model)
    return model if model.features == NAMES else shipped()


def shipped() -> Model:
    """The version that answers before any nightly fit."""
    return Model(
        version=prior.VERSION,
        trained_at=None,
        tier="prior",
        sends=0,
        coefficients=prior.coefficients().tolist(),
        covariance=np.linalg.inv(prior.precision()).tolist(),
        center=prior.center().tolist(),
        calibration=Calibration(),
        tau=prior.TAU,
        opt_outs=NONE,
        purchase=Recurrence(list(prior.PURCHASE)),
        active=Recurrence(list(prior.ACTIVE)),
    )


@dataclass
class Predictor:
    """A model in the form that scores; kept for as long as the version is in force."""

    model: Model

    @cached_property
    def intercept(self) -> float:
        return self.model.coefficients[0]

    @cached_property
    def coefficients(self) -> Floats:
        """(F,) of the features as they are measured"""
        return self.model.weights()[1:]

    @cached_property
    def center(self) -> Floats:
        """(F,)"""
        return np.array(self.model.center)

    @cached_property
    def covariance(self) -> Floats:
        """(F + 1, F + 1) likewise"""
        factors = np.concatenate([[1.0], self.model.trust.factors()])
        return np.array(self.model.covariance) * np.outer(factors, factors)

    @cached_property
    def hours(self) -> Floats:
        """(16, 16) covariance of tastes for hours."""
        return self.model.hour_covariance()

    @cached_property
    def opt_out(self) -> Floats:
        """(11, 4) chance of an opt-out by channel and bucket of recent sends."""
        return self.model.opt_outs.chances()

    @cached_property
    def baseline(self) -> float:
        """Chance at the workspace's average of every feature."""
        middle = np.array([self.intercept + float(self.center @ self.coefficients)])
        return float(self.model.calibration.chance(middle, middle)[0])

    def logit(self, design: Floats) -> Floats:
        """(...,) from (..., F)."""
        return design @ self.coefficients + self.intercept

    def chance(self, logit: Floats, usual: Floats | float) -> Floats:
        """Calibrated chance of an answer; `usual` is the contact's mean logit over its candidates."""
        return self.model.calibration.chance(logit, np.asarray(usual))

    def deviation(self, design: Floats) -> Floats:
        """(...,) standard deviation of the logit of each row, from the uncertainty of the coefficients."""
        spread = self.covariance
        across = 2.0 * design @ spread[1:, 0] + spread[0, 0]
        return np.sqrt(np.maximum(np.einsum("...f,...f->...", design @ spread[1:, 1:], design) + across, 0.0))


def interval(p: float, sends: float, tau: float) -> tuple[float, float]:
    """90 % interval of a contact's chance on a channel after `sends` effective sends there."""
    inside = min(max(p, 1e-6), 1.0 - 1e-6)
    spread = tau * tau / (1.0 + tau * tau * sends * inside * (1.0 - inside)) + 0.25
    middle, reach = math.log(inside / (1.0 - inside)), 1.645 * math.sqrt(spread)
    return (1.0 / (1.0 + math.exp(reach - middle)), 1.0 / (1.0 + math.exp(-reach - middle)))
