"""What a directory knows of a person beside name and address: stage, tags, metadata and blocks."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from orbit_contacts.interfaces.demo.draws import Choices, Draws, Indices, Rows
from orbit_contacts.interfaces.demo.naming import Objects, objects, only_where

STAGES = {"lead": 0.47, "customer": 0.30, "trial": 0.09, "churned": 0.08, "partner": 0.04, "evangelist": 0.02}

PLANS = ("free", "starter", "pro", "enterprise")
_PLAN_SHARES = {
    "lead": (0.85, 0.1, 0.04, 0.01),
    "customer": (0.1, 0.45, 0.37, 0.08),
    "trial": (0.2, 0.4, 0.36, 0.04),
    "churned": (0.35, 0.45, 0.17, 0.03),
    "partner": (0.1, 0.25, 0.4, 0.25),
    "evangelist": (0.02, 0.28, 0.5, 0.2),
}
PAYING_STAGES = ("customer", "churned", "partner", "evangelist")

TAGS = {
    "newsletter": 0.28,
    "loyalty": 0.12,
    "webinar": 0.09,
    "referral": 0.07,
    "trade-show": 0.06,
    "enterprise": 0.042,
    "beta": 0.04,
    "wholesale": 0.035,
    "vip": 0.033,
    "campaign": 0.003,
}
"""Tags and the share of people who bear each, independently."""

SOURCES = {"api": 0.45, "import": 0.27, "sdk": 0.16, "inbound": 0.12}
SIGNUPS = {"organic": 0.41, "ads": 0.24, "referral": 0.17, "event": 0.1, "partner": 0.08}
BLOCKED_SHARE, DNC_SHARE = 0.004, 0.008
BLOCK_REASONS = ("abusive", "fraud", "on request")


class Profile(NamedTuple):
    """Columns of one batch. `metadata` holds plan, score (0 to 100), ltv (lifetime value) and signup."""

    stage: list[str]
    tags: list[list[str]]
    metadata: list[dict[str, Any]]
    source: Objects
    is_blocked: NDArray[np.bool_]
    block_reason: Objects
    is_dnc: list[bool]


class Traits:
    """Draws profiles; stages first, for plans and values follow from them."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._stage = Choices([list(STAGES.values())])
        self._plan = Choices([_PLAN_SHARES[stage] for stage in STAGES])
        self._source = Choices([list(SOURCES.values())])
        self._signup = Choices([list(SIGNUPS.values())])
        self._pays = np.array([stage in PAYING_STAGES for stage in STAGES])
        self._tag_sets, self._tags = _tag_sets()

    def of(self, rows: Rows) -> Profile:
        draw = self._draws.uniform
        nobody: Indices = np.zeros(len(rows), dtype=np.int64)
        stage = self._stage.pick(nobody, draw("stage", rows))
        plan = self._plan.pick(stage, draw("plan", rows)) % len(PLANS)
        # A power above 1 leaves 6.5 % with scores over 90; e^5.2 = 181 is a payer's median value.
        score = (101 * draw("score", rows) ** 1.6).astype(np.int64)
        value = np.round(np.exp(5.2 + 0.6 * self._draws.logistic("ltv", rows)), 2)
        value = np.where(self._pays[stage], np.minimum(value, 250_000.0), 0.0)
        signup = self._signup.pick(nobody, draw("signup", rows))
        metadata = [
            {"plan": plan, "score": score, "ltv": value, "signup": signup}
            for plan, score, value, signup in zip(
                _PLANS[plan].tolist(), score.tolist(), value.tolist(), _SIGNUPS[signup].tolist(), strict=True
            )
        ]
        tags: list[list[str]] = self._tag_sets[self._tags.pick(nobody, draw("tags", rows))].tolist()
        is_blocked = draw("blocked", rows) < BLOCKED_SHARE
        reason = (draw("block reason", rows) * len(BLOCK_REASONS)).astype(np.int64)
        return Profile(
            _STAGES[stage].tolist(),
            [tag_set.copy() for tag_set in tags],
            metadata,
            _SOURCES[self._source.pick(nobody, draw("source", rows))],
            is_blocked,
            only_where(is_blocked, _BLOCK_REASONS[reason]),
            (draw("dnc", rows) < DNC_SHARE).tolist(),
        )


def _tag_sets() -> tuple[Objects, Choices]:
    """Every set of tags, and its probability when tags are independent."""
    names, shares = list(TAGS), np.array(list(TAGS.values()))
    numbers = range(2 ** len(names))
    members = np.array([[number >> bit & 1 for bit in range(len(names))] for number in numbers], dtype=bool)
    weights = np.prod(np.where(members, shares, 1 - shares), axis=1)
    sets = objects([name for name, is_member in zip(names, row, strict=True) if is_member] for row in members.tolist())
    return sets, Choices([weights.tolist()])


_STAGES, _PLANS, _SOURCES, _SIGNUPS = objects(STAGES), objects(PLANS), objects(SOURCES), objects(SIGNUPS)
_BLOCK_REASONS = objects(BLOCK_REASONS)
