"""The answer of `GET /contacts/{id}/next-best-action`.

`generated_at` is the instant of the decision: of the logged row when the decision is logged (so that every
GET of the same epoch and the same facts gives the same bytes), else the last quarter of an hour.
"""

from typing import Literal

import msgspec

from orbit_contacts.features.next_best_action.calibration import Kind
from orbit_contacts.features.next_best_action.situation import TimezoneSource

ActionType = Literal[
    "send_message",
    "call",
    "resolve_ticket",
    "request_consent",
    "convert_lead",
    "re_engage",
    "win_back",
    "fix_contact_data",
    "hold_off",
    "suppressed",
]
BlockReason = Literal[
    "blocked",
    "deleted",
    "opted_out",
    "unknown_consent",
    "suppressed",
    "no_address",
    "unreachable",
    "frequency_cap",
    "quiet_hours",
]
Level = Literal["cold", "low", "medium", "high"]


class Action(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to do; times are RFC 3339, UTC."""

    type: ActionType
    channel: str | None = None
    for_channel: str | None = None
    """the channel whose consent is asked for, or whose address wants mending"""
    send_at: str | None = None
    local_time: str | None = None
    """`Mon 19:10` where the contact is"""
    timezone: str | None = None
    timezone_source: TimezoneSource | None = None
    until: str | None = None
    """end of a hold_off"""


class Suggestion(msgspec.Struct, frozen=True):
    """One candidate; the first one is the action."""

    action: Action
    score: float
    probability: float | None


class Blocked(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the hard filters took away before anything was scored."""

    type: ActionType
    channel: str
    reason: BlockReason
    available_at: str | None = None


class Reason(msgspec.Struct, frozen=True):
    """One additive term of the logit, minus the workspace's average."""

    code: str
    effect: float
    text: str
    evidence: dict[str, float | int | str]


class Confidence(msgspec.Struct, frozen=True):
    """How much of the probability is the contact's own history."""

    level: Level
    effective_sends: float
    """sends on the channel whose outcome is known, faded with a half-life of 135 days"""
    prior_weight: float
    """share of the estimate that is not the contact's own"""
    calibrated: Kind


class Signals(msgspec.Struct, frozen=True):
    """Further scores; they order and explain, and are no causal uplift."""

    p_purchase_30d: float
    p_active_30d: float
    p_optout: float | None
    """of the action's channel; None when nothing is to be sent"""


class Exploration(msgspec.Struct, frozen=True):
    """How the action was picked among the allowed ones."""

    explored: bool
    propensity: float
    arm: Literal["best", "random", "hold_out", "rule"]
    decision_id: str | None
    """None when the decision is not logged"""


class ModelData(msgspec.Struct, frozen=True):
    sends: int


class ModelReference(msgspec.Struct, frozen=True):
    """The version that answered."""

    version: str
    trained_at: str | None
    tier: Literal["prior", "workspace"]
    data: ModelData


class Answer(msgspec.Struct, frozen=True):
    """`data` of the response."""

    contact_id: str
    generated_at: str
    expires_at: str
    goal: str
    action: Action
    score: float
    probability: float | None
    interval_90: tuple[float, float] | None
    baseline_probability: float
    confidence: Confidence
    reasons: list[Reason]
    suggestions: list[Suggestion]
    blocked: list[Blocked]
    signals: Signals
    exploration: Exploration
    model: ModelReference
