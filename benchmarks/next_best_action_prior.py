"""How the shipped prior was fitted. Running this prints the tables that `prior.py` holds (about five minutes).

Worlds with planted truth are drawn from a wide range of families, with seeds from 100,000 on, which no test and no other
benchmark uses; the shapes `families.HELD_OUT` names never occur in them. The coefficients are those of a logistic regression on the *true* chances
of candidates of all worlds (soft labels: no sampling noise), half of them random ones, which a decision has to
compare, half the ones that a first fit would choose, whose chances are shown. How firmly each stands is the spread
of the coefficients that each world by itself would call for.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from orbit_contacts.core.clock import DAY
from orbit_contacts.features.next_best_action.features import (
    NAMES,
    F,
    at,
    grid,
    parts,
)
from orbit_contacts.features.next_best_action.logistic import fit
from orbit_contacts.features.next_best_action.purchase import NAMES as RECURRENCE
from orbit_contacts.features.next_best_action.purchase import design, history_at
from tests.features.next_best_action.families import draw_recipe
from tests.features.next_best_action.figures import see
from tests.features.next_best_action.worlds import NOW, World, world

Floats = npt.NDArray[np.float64]
WORLDS: Final = 400
SIZES: Final = (150, 400, 800, 1500)
"""contacts of a world"""
SAMPLED: Final = 2000
"""random candidates of a world"""
FIRST_SEED: Final = 100_000


def candidates(of: World, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Features and true chances of random candidates."""
    _, known, under = see(of)
    pairs = np.argwhere(of.owned)
    chosen = pairs[rng.integers(0, len(pairs), count)]
    bins = rng.integers(0, 16, count)
    seen = at(parts(known, under), chosen[:, 0], chosen[:, 1], bins)
    return seen, of.truth[chosen[:, 0], chosen[:, 1], bins]


def front(of: World, coefficients: Floats) -> tuple[Floats, Floats]:
    """Features and true chances of the candidates that these coefficients would choose, one per contact."""
    _, known, under = see(of)
    every = parts(known, under)
    score = np.where(of.owned[:, :, None], grid(every) @ coefficients[1:], -np.inf).reshape(len(of.cold), -1)
    best = score.argmax(1)
    who, channel, bins = np.arange(len(best)), best // 16, best % 16
    return at(every, who, channel, bins), of.truth[who, channel, bins]


def main() -> None:
    start = np.concatenate([[0.0, 1.0], np.zeros(F - 1)])
    worlds: list[tuple[Floats, Floats]] = []
    pooled = start
    for turn in range(2):
        fronts: list[tuple[Floats, Floats]] = []
        for seed in range(FIRST_SEED, FIRST_SEED + WORLDS):
            rng = np.random.default_rng(seed)
            one = world(draw_recipe(rng, contacts=int(rng.choice(SIZES))), seed)
            if turn == 0:
                worlds.append(candidates(one, SAMPLED, rng))
            else:
                fronts.append(front(one, pooled))
        seen = np.concatenate([one for one, _ in worlds + fronts])
        truth = np.concatenate([one for _, one in worlds + fronts])
        # The chosen candidates weigh as much as the random ones: theirs are the chances that are shown.
        weight = np.concatenate([np.full(len(one), SAMPLED / len(one)) for one, _ in worlds + fronts])
        pooled = fit(seen, truth, start, np.eye(F + 1), weight).coefficients
    own: list[Floats] = []
    for one, chance in worlds:
        firm = np.diag(np.concatenate([[0.01], 4.0 * one.var(0) + 0.02]))
        own.append(fit(one, chance, pooled, firm).coefficients)
    spread = np.sqrt(np.square(np.array(own) - pooled).mean(0) + 0.02)
    center = np.concatenate([[0.0], np.mean([one.mean(0) for one, _ in worlds], axis=0)])
    for name, *row in zip(("intercept", *NAMES), pooled, spread, center, strict=True):
        print(f'    "{name}": ({row[0]:.3f}, {row[1]:.3f}, {row[2]:.3f}),')
    for label, rate, stay in (("PURCHASE", 0.008, 250.0), ("ACTIVE", 0.06, 300.0)):
        fitted = recurrence(rate, stay)
        print(f"{label} = ({', '.join(f'{value:.3f}' for value in fitted)})  # intercept, {', '.join(RECURRENCE)}")


def recurrence(rate: float, stay: float) -> Floats:
    """Coefficients for customers who come at Gamma-distributed rates and leave for good after a while."""
    designs: list[Floats] = []
    outcomes: list[Floats] = []
    for seed in range(FIRST_SEED, FIRST_SEED + 40):
        rng = np.random.default_rng(seed)
        m = 2000
        daily = rate * rng.lognormal(0, 0.6) * rng.gamma(0.7, 1 / 0.7, m)
        arrived = rng.uniform(0, 600, m)
        leaves = arrived + rng.exponential(stay * rng.lognormal(0, 0.4), m)
        amount = rng.poisson(daily * 640)
        who = np.repeat(np.arange(m), amount)
        day = rng.uniform(0, 640, len(who))
        kept = (day > arrived[who]) & (day < leaves[who])
        who, day = who[kept], day[kept]
        begin = NOW - 610 * DAY
        instant = begin + (day * DAY).astype(np.int64)
        since = begin + (arrived * DAY).astype(np.int64)
        money = rng.lognormal(3, 1, len(who)) if rate < 0.01 else np.zeros(len(who))
        history = history_at(who, instant, money, since, NOW, faded=rate > 0.01)
        after = np.zeros(m)
        after[who[instant >= NOW]] = 1.0
        here = since < NOW
        designs.append(design(history, NOW)[here])
        outcomes.append(after[here])
    seen, outcome = np.concatenate(designs), np.concatenate(outcomes)
    start = np.concatenate([[0.0, 1.0], np.zeros(len(RECURRENCE) - 1)])
    fitted = fit(seen, outcome, start, np.eye(len(start))).coefficients
    # Money has no common unit; its weight is for each workspace to learn.
    fitted[1 + RECURRENCE.index("money")] = 0.0
    return fitted


if __name__ == "__main__":
    main()
