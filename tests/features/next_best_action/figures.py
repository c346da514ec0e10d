"""The figures a world is judged by: value captured, calibration against the truth, coverage."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action.features import (
    Rates,
    Snapshot,
    grid,
    parts,
    rates,
    snapshot,
    workspace,
)
from orbit_contacts.features.next_best_action.messages import NEVER
from orbit_contacts.features.next_best_action.model import Model, Predictor, interval, shipped
from orbit_contacts.features.next_best_action.nightly import train
from orbit_contacts.features.next_best_action.rebuild import State, rebuild
from orbit_contacts.features.next_best_action.training import Profile
from tests.features.next_best_action.worlds import NOW, World

Floats = npt.NDArray[np.float64]


@dataclass
class Figures:
    """Shares of (oracle - random), the best possible being 1; errors of chances; coverage of intervals."""

    model: float
    popular: float
    last: float
    cold_model: float
    """contacts without a single send"""
    cold_popular: float
    calibration: float
    """mean |mean chance - mean truth| in ten groups of candidates of all kinds"""
    chosen_calibration: float
    """the same of the candidates that were chosen"""
    coverage: float
    """share of the chosen candidates whose truth lies in the 90 % interval"""

    @property
    def margin(self) -> float:
        """Over the better of the two baselines."""
        return self.model - max(self.popular, self.last)


def see(of: World, now: int = NOW) -> tuple[State, Snapshot, Rates]:
    """What the product knows of a world."""
    state, _ = rebuild(of.events.where(of.events.instant <= now), of.contacts, now)
    known = snapshot(state, now, of.sends_in_week.astype(float), of.lead.astype(float), of.customer.astype(float))
    return state, known, rates(workspace(state, now))


def fitted(of: World) -> Model:
    """The model after a nightly fit."""
    profile = Profile(of.lead.astype(float), of.customer.astype(float), of.owned)
    return train(of.events, of.contacts, profile, NOW, "test")


def judge(of: World, model: Model | None = None, now: int = NOW) -> Figures:
    """Figures of one world under a model, the shipped prior when None."""
    state, known, under = see(of, now)
    predictor = Predictor(model or shipped())
    logit = predictor.logit(grid(parts(known, under, predictor.hours)))
    usual = (logit.mean(2) * of.owned).sum(1) / of.owned.sum(1)
    chance = predictor.chance(logit, usual[:, None, None])
    m = len(of.cold)
    best = np.where(of.owned[:, :, None], logit, -np.inf).reshape(m, -1).argmax(1)
    popular, last = baselines(of, state)

    def share(cells: npt.NDArray[np.int64], among: npt.NDArray[np.bool_]) -> float:
        truth = of.truth[among]
        random = truth.sum((1, 2)) / (16 * of.owned[among].sum(1))
        got = truth.reshape(len(truth), -1)[np.arange(len(truth)), cells[among]]
        return float((got - random).sum() / (truth.max((1, 2)) - random).sum())

    everybody = np.ones(m, dtype=bool)
    rng = np.random.default_rng(0)
    pairs = np.argwhere(of.owned)
    some = pairs[rng.integers(0, len(pairs), 4000)]
    bins = rng.integers(0, 16, 4000)
    picked, true = chance.reshape(m, -1)[np.arange(m), best], of.truth.reshape(m, -1)[np.arange(m), best]
    sends = known.trials[np.arange(m), best // 16]
    bands = [interval(float(p), float(n), predictor.model.tau) for p, n in zip(picked, sends, strict=True)]
    return Figures(
        model=share(best, everybody),
        popular=share(popular, everybody),
        last=share(last, everybody),
        cold_model=share(best, of.cold),
        cold_popular=share(popular, of.cold),
        calibration=calibration_error(chance[some[:, 0], some[:, 1], bins], of.truth[some[:, 0], some[:, 1], bins]),
        chosen_calibration=calibration_error(picked, true),
        coverage=float(np.mean([low <= t <= high for (low, high), t in zip(bands, true, strict=True)])),
    )


def baselines(of: World, state: State) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Cells (channel x 16 + bin) of "most popular" and "last engaged", both at the workspace's best hour."""
    trials, successes = state.workspace_trials, state.workspace_successes
    rate = successes.sum(1) / (trials.sum(1) + 1e-9)
    overall = successes.sum() / max(trials.sum(), 1e-9)
    hour = int(((successes.sum(0) + 2.0) / (trials.sum(0) + 2.0 / max(overall, 1e-9))).argmax())
    popular = np.where(of.owned, rate, -1.0).argmax(1)
    engaged = np.where(of.owned, state.last_engaged, NEVER)
    last = np.where(engaged.max(1) > NEVER, engaged.argmax(1), popular)
    return popular * 16 + hour, last * 16 + hour


def calibration_error(chance: Floats, truth: Floats) -> float:
    groups = np.array_split(np.argsort(chance), 10)
    return float(sum(abs(chance[g].mean() - truth[g].mean()) * len(g) for g in groups) / len(chance))
