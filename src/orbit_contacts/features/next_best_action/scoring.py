"""What every allowed candidate of one contact is worth, and which one is picked."""

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from orbit_contacts.core.clock import DAY
from orbit_contacts.features.next_best_action.decay import WEEK
from orbit_contacts.features.next_best_action.events import CHANNELS
from orbit_contacts.features.next_best_action.exploration import (
    OPTIMISM,
    Choice,
    certain,
    choose,
    draw,
    epoch_start,
    held_out,
    hold_out,
)
from orbit_contacts.features.next_best_action.features import Rates, Snapshot, grid, parts, weeks_before
from orbit_contacts.features.next_best_action.filters import Allowed
from orbit_contacts.features.next_best_action.local_time import BINS
from orbit_contacts.features.next_best_action.model import Predictor
from orbit_contacts.features.next_best_action.optout import bucket
from orbit_contacts.features.next_best_action.schedule import NO_INSTANT
from orbit_contacts.features.next_best_action.situation import Situation

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

C: Final = len(CHANNELS)


class Economics(msgspec.Struct, frozen=True):
    """What an answer is worth and what sending costs, in the same unit."""

    answer: float = 1.0
    costs: dict[str, float] = {}
    """by channel; 0 for those not named"""
    opt_out: float = 1.0
    """what an opt-out costs"""
    waiting: float = 0.005
    """share of the worth lost per day of waiting for a better hour"""


@dataclass(slots=True)
class Scored:
    """Every channel and bin of one contact."""

    design: Floats
    """(11, 16, F) features"""
    chance: Floats
    """(11, 16) of an answer"""
    utility: Floats
    """(11, 16) answer x chance - costs - what an opt-out costs x its chance; -inf where not allowed"""
    optimistic: Floats
    """(11, 16) the same with the bonus for what is not known well"""
    send_at: Ints
    """(11, 16) microseconds"""
    ends: Ints
    """(11, 16) when the slot is over"""
    opt_out: Floats
    """(11,) chance of an opt-out"""


@dataclass(slots=True)
class Pick:
    """The candidate that was picked, and the ones it was picked from."""

    channel: int
    bin: int
    choice: Choice
    cells: npt.NDArray[np.intp]
    """channel x 16 + bin of every allowed candidate"""


def observed(of: Situation, weight_now: float, now: int) -> Snapshot:
    """The contact in the form that features are made of: one row."""
    state, stage = of.state, (of.lifecycle_stage or "").lower()
    fade = 1.0 / weight_now

    def faded(values: list[float]) -> Floats:
        # Taking back what was added leaves a trace of rounding, which may be negative.
        return np.maximum(np.array([values]) * fade, 0.0)

    recent = sum(1 for _, at in of.recent_sends if now - WEEK < at <= now)
    return Snapshot(
        trials=faded(state.trials),
        successes=faded(state.successes),
        inbound=faded(state.inbound),
        activity=faded(state.activity),
        slot_trials=faded(state.slot_trials),
        slot_successes=faded(state.slot_successes),
        weeks_sent=weeks_before(now, np.array([state.last_sent])),
        weeks_engaged=weeks_before(now, np.array([state.last_engaged])),
        sends_in_week=np.array([float(recent)]),
        lead=np.array([float(stage == "lead")]),
        customer=np.array([float(stage == "customer")]),
        open_ticket=np.array([float(state.open_tickets >= 1.0)]),
    )


def score(
    seen: Snapshot, allowed: Allowed, under: Rates, predictor: Predictor, economics: Economics, now: int
) -> Scored:
    """Score every candidate; those that `allowed` leaves out get a utility of -inf."""
    design = grid(parts(seen, under, predictor.hours))[0]
    logit = predictor.logit(design)
    candidates = list(allowed.slots)
    usual = float(logit[candidates].mean()) if candidates else float(logit.mean())
    chance = predictor.chance(logit, usual)
    bonus = predictor.chance(logit + OPTIMISM * predictor.deviation(design), usual) - chance
    opt_out = predictor.opt_out[:, int(bucket(seen.sends_in_week)[0])]
    send_at = np.full((C, BINS), NO_INSTANT, dtype=np.int64)
    ends = np.full((C, BINS), NO_INSTANT, dtype=np.int64)
    for channel, free in allowed.slots.items():
        send_at[channel], ends[channel] = free.send_at, free.ends
    costs = np.array([economics.costs.get(name, 0.0) for name in CHANNELS])
    loss = (costs + economics.opt_out * opt_out)[:, None]
    patience = np.exp(-economics.waiting * np.maximum(send_at - now, 0) / DAY)
    free_cells = send_at != NO_INSTANT
    utility = np.where(free_cells, economics.answer * chance * patience - loss, -np.inf)
    return Scored(design, chance, utility, utility + economics.answer * bonus, send_at, ends, opt_out)


def pick(of: Situation, under: Rates, scored: Scored, secret: bytes, now: int, *, explore: bool) -> Pick | None:
    """Pick a candidate, None when nothing is allowed.

    Without `explore` it is the best. With it, contacts of this month's hold-out get the most popular channel and
    hour of the workspace, the others the draw of their epoch.
    """
    utility = scored.utility.reshape(-1)
    cells = np.flatnonzero(utility > -np.inf)
    if not len(cells):
        return None
    best = int(utility[cells].argmax())
    if not explore:
        choice = certain(best, len(cells))
    else:
        epoch = str(epoch_start(now))
        draws = (draw(secret, "whether", of.contact_id, epoch), draw(secret, "whereto", of.contact_id, epoch))
        popular = int((np.log(under.channel)[:, None] + under.slot).reshape(-1)[cells].argmax())
        choice = choose(utility[cells], scored.optimistic.reshape(-1)[cells], draws)
        choice = hold_out(choice, popular, held=held_out(secret, of.contact_id, now))
    cell = int(cells[choice.index])
    return Pick(cell // BINS, cell % BINS, choice, cells)
