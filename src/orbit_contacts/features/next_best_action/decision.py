"""From what is known of a contact to the answer: filters, scores, exploration, reasons.

A decision costs about a millisecond and asks nothing of anybody: the same arguments give the same answer.
"""

from dataclasses import dataclass
from uuid import UUID

import msgspec
import numpy as np

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY, format_instant
from orbit_contacts.features.next_best_action import reasons
from orbit_contacts.features.next_best_action.answer import (
    Answer,
    Blocked,
    Confidence,
    Exploration,
    Level,
    ModelData,
    ModelReference,
    Reason,
    Signals,
)
from orbit_contacts.features.next_best_action.decay import weight
from orbit_contacts.features.next_best_action.events import CHANNELS, VOICE
from orbit_contacts.features.next_best_action.exploration import EPOCH, draw, epoch_start
from orbit_contacts.features.next_best_action.features import Rates, Snapshot
from orbit_contacts.features.next_best_action.filters import Allowed, allow
from orbit_contacts.features.next_best_action.local_time import BINS, zone
from orbit_contacts.features.next_best_action.model import COLD, Predictor, interval
from orbit_contacts.features.next_best_action.purchase import History, design
from orbit_contacts.features.next_best_action.schedule import QUARTER
from orbit_contacts.features.next_best_action.scoring import Economics, Pick, Scored, observed, pick, score
from orbit_contacts.features.next_best_action.situation import Situation
from orbit_contacts.features.next_best_action.suggestions import rank


class Record(msgspec.Struct, frozen=True):
    """What the decision log keeps beside the answer."""

    decided_at: int
    expires_at: int
    action: str
    channel: str | None
    bin: int | None
    propensity: float
    """of the (channel, bin) that was picked; 1 where a rule decided"""
    channel_propensity: float
    """of the channel, whatever the bin: what `off_policy` weighs a send with that followed the advice"""
    arm: str
    model_version: str
    candidates: list[tuple[int, int, float]]
    """(channel, bin, chance) of what was allowed"""
    features: list[float]
    """of the picked candidate, in the order of features.NAMES; empty when nothing is sent"""


@dataclass(slots=True)
class Decision:
    """The answer and its log entry."""

    answer: Answer
    record: Record


@dataclass(slots=True)
class _Sending:
    """What is said of an action that sends."""

    expires: int
    sends: float
    opt_out: float
    interval: tuple[float, float]
    reasons: list[Reason]
    features: list[float]


def decide(
    of: Situation,
    under: Rates,
    predictor: Predictor,
    economics: Economics,
    secret: bytes,
    now: int,
    decision: UUID | None = None,
) -> Decision:
    """The next best action.

    Args:
        of: the contact.
        under: the workspace's rates.
        predictor: the model in force.
        economics: the workspace's values and costs.
        secret: the workspace's, for the draws.
        now: microseconds. A decision that is not logged is dated back to the last quarter of an hour, so that it
            can be repeated; the first possible send is the quarter after, so no answer of the quarter is late.
        decision: id under which the decision will be logged; None for one that neither explores nor is logged.
    """
    asked, now = now, now if decision is not None else now // QUARTER * QUARTER
    where, weight_now = zone(of.timezone), weight(now)
    seen = observed(of, weight_now, now)
    if of.blocked or of.deleted:
        allowed = _nothing(of, now)
    else:
        allowed = allow(of, weight_now, now, asked, draw(secret, "spread", of.contact_id))
    scored = score(seen, allowed, under, predictor, economics, now)
    picked = pick(of, under, scored, secret, now, explore=decision is not None)
    ranked = rank(of, seen, allowed, scored, picked, where, weight_now, now)
    top = ranked.suggestions[0]
    sending = _sending(seen, under, scored, picked, predictor) if ranked.sends and picked is not None else None

    arm, propensity = "rule", 1.0
    if sending is not None and picked is not None:
        arm, propensity = picked.choice.arm, picked.choice.propensity
    expires = min(epoch_start(now) + EPOCH, allowed.changes_at, sending.expires if sending else now + DAY)
    sends = sending.sends if sending else 0.0
    model = predictor.model
    answer = Answer(
        contact_id=of.contact_id,
        generated_at=format_instant(now),
        expires_at=format_instant(expires),
        goal=of.goal,
        action=top.action,
        score=top.score,
        probability=top.probability,
        interval_90=sending.interval if sending else None,
        baseline_probability=round(predictor.baseline, 4),
        confidence=Confidence(
            _level(under, sends), round(sends, 1), round(2.0 / (2.0 + sends), 2), model.calibration.kind
        ),
        reasons=sending.reasons if sending else [],
        suggestions=ranked.suggestions,
        blocked=allowed.blocked,
        signals=_signals(of, seen, predictor, weight_now, now, sending.opt_out if sending else None),
        exploration=Exploration(
            explored=arm in ("random", "hold_out"),
            propensity=round(propensity, 6),
            arm=arm,
            decision_id=ids.text("nba", decision) if decision else None,
        ),
        model=ModelReference(
            model.version,
            format_instant(model.trained_at) if model.trained_at is not None else None,
            model.tier,
            ModelData(model.sends),
        ),
    )
    record = Record(
        decided_at=now,
        expires_at=expires,
        action=top.action.type,
        channel=top.action.channel,
        bin=picked.bin if sending and picked else None,
        propensity=propensity,
        channel_propensity=_channel_propensity(picked) if sending and picked else 1.0,
        arm=arm,
        model_version=model.version,
        candidates=_candidates(scored, picked),
        features=sending.features if sending else [],
    )
    return Decision(answer, record)


def _nothing(of: Situation, now: int) -> Allowed:
    reason = "deleted" if of.deleted else "blocked"
    kinds = [
        Blocked("call" if index == VOICE else "send_message", name, reason)
        for index, name in enumerate(CHANNELS)
        if of.channels[index].has_address
    ]
    return Allowed({}, kinds, now + DAY, None)


def _sending(seen: Snapshot, under: Rates, scored: Scored, picked: Pick, predictor: Predictor) -> _Sending:
    channel, bin = picked.channel, picked.bin
    design, sends = scored.design[channel, bin], float(seen.trials[0, channel])
    low, high = interval(float(scored.chance[channel, bin]), sends, predictor.model.tau)
    effect = reasons.effects(design, predictor.coefficients, predictor.center)
    return _Sending(
        expires=int(scored.ends[channel, bin]),
        sends=sends,
        opt_out=float(scored.opt_out[channel]),
        interval=(round(low, 4), round(high, 4)),
        reasons=reasons.explain(effect, seen, under, channel, bin),
        features=[round(float(value), 6) for value in design],
    )


def _level(under: Rates, sends: float) -> Level:
    if under.sends < COLD or sends < 0.5:
        return "cold"
    return "low" if sends < 3.0 else "medium" if sends < 10.0 else "high"


def _signals(
    of: Situation, seen: Snapshot, predictor: Predictor, weight_now: float, now: int, opt_out: float | None
) -> Signals:
    state, model = of.state, predictor.model
    since = min(of.since, state.first_active, state.first_order)
    acts = float(seen.activity.sum())
    # Purchases and acts side by side: one pass instead of two.
    both = History(
        count=np.array([state.orders, acts]),
        decayed=np.array([state.recent_orders / weight_now, acts]),
        money=np.array([state.order_value, 0.0]),
        last=np.array([state.last_order, state.last_active]),
        since=np.array([since, since]),
    )
    seen_so = design(both, now)
    return Signals(
        p_purchase_30d=round(model.purchase.of_row(seen_so[0]), 4),
        p_active_30d=round(model.active.of_row(seen_so[1]), 4),
        p_optout=round(opt_out, 4) if opt_out is not None else None,
    )


def _candidates(scored: Scored, picked: Pick | None) -> list[tuple[int, int, float]]:
    if picked is None:
        return []
    chances = np.round(scored.chance.reshape(-1)[picked.cells], 4).tolist()
    return [(cell // BINS, cell % BINS, p) for cell, p in zip(picked.cells.tolist(), chances, strict=True)]


def _channel_propensity(picked: Pick) -> float:
    """Chance that this decision names the channel, summed over its bins."""
    return float(picked.choice.by_cell[picked.cells // BINS == picked.channel].sum())
