"""What the model looks at: empirical-Bayes estimates first, then 20 numbers for each (contact, channel, bin).

Every estimate is held against what the workspace would have led one to expect and shrunk towards it, so that a contact
without a history stands at zero on every axis that speaks of the contact.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action.decay import WEEK, weight
from orbit_contacts.features.next_best_action.events import CHANNEL_INDEX, CHANNELS
from orbit_contacts.features.next_best_action.local_time import BINS, UNIFORM
from orbit_contacts.features.next_best_action.rebuild import State
from orbit_contacts.features.next_best_action.slot_lifts import slot_lifts
from orbit_contacts.features.next_best_action.tastes import HOURS, channel_tastes, hour_tastes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NAMES: Final = (
    "channel",
    "slot",
    "contact_rate",
    "contact_channel_rate",
    "contact_hours",
    "contact_slot",
    "inbound_channel",
    "workspace_hours",
    "sends",
    "channel_sends",
    "activity",
    "inbound_volume",
    "weeks_since_engaged",
    "weeks_since_sent",
    "engaged_lately",
    "sends_in_week",
    "lead",
    "customer",
    "open_ticket",
    "slot_x_activity",
)
"""Order of the feature axis. A stored model names the features it was fitted on; with others it is not used."""
F: Final = len(NAMES)
LONGEST_WEEKS: Final = 26.0

_C: Final = len(CHANNELS)
_TYPICAL: Final = np.ones(_C)
"""(11,) rate of a channel over the workspace's overall rate where nothing is known of either."""
for _name, _ratio in {"email": 0.6, "push": 0.6, "fax": 0.3, "whatsapp": 1.5, "voice": 1.6, "line": 1.3}.items():
    _TYPICAL[CHANNEL_INDEX[_name]] = _ratio


def _logit(p: Floats) -> Floats:
    inside = np.minimum(p, _SURE)
    return np.log(inside) - np.log1p(-inside)


_SURE: Final = 0.98


@dataclass(slots=True)
class Workspace:
    """Present values (decayed to now) of a workspace's sums."""

    trials: Floats
    """(11, 16) by channel and the send's local-time bin"""
    successes: Floats
    """(11, 16)"""
    activity: Floats
    """(16,) acts of contacts of their own accord"""
    inbound: Floats
    """(11,) messages and calls received, by channel"""
    worth: float = 1.0
    """how many evenly weighted sends a faded one tells as much as: the sum of weights over that of their squares"""


@dataclass(slots=True)
class Rates:
    """What a workspace leads one to expect."""

    sends: float
    """effective sends it is learned from"""
    trials: Floats
    """(11, 16) these, by channel and bin"""
    successes: Floats
    """(11, 16) and those answered"""
    channel: Floats
    """(11,) chance that a send is answered"""
    channel_logit: Floats
    """(11,)"""
    slot: Floats
    """(11, 16) log-odds a bin adds, on a channel"""
    anywhere: Floats
    """(16,) lift of a bin on any channel: the factor by which the odds change"""
    hours: Floats
    """(16,) share of activity"""
    hours_log: Floats
    """(16,) natural logarithm of that share over the one that activity at random would have"""
    inbound: Floats
    """(11,) share of inbound messages"""


@dataclass(slots=True)
class Snapshot:
    """m contacts at one instant each: sums decayed to it, times in weeks before it."""

    trials: Floats
    """(m, 11)"""
    successes: Floats
    """(m, 11)"""
    inbound: Floats
    """(m, 11)"""
    activity: Floats
    """(m, 16)"""
    slot_trials: Floats
    """(m, 16)"""
    slot_successes: Floats
    """(m, 16)"""
    weeks_sent: Floats
    """(m, 11) at most LONGEST_WEEKS, which also stands for never"""
    weeks_engaged: Floats
    """(m, 11) likewise"""
    sends_in_week: Floats
    """(m,) sends in the last 7 days, all channels"""
    lead: Floats
    """(m,) 0 or 1"""
    customer: Floats
    open_ticket: Floats

    def where(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_] | slice) -> "Snapshot":
        """The contacts at `rows`."""
        return Snapshot(
            self.trials[rows],
            self.successes[rows],
            self.inbound[rows],
            self.activity[rows],
            self.slot_trials[rows],
            self.slot_successes[rows],
            self.weeks_sent[rows],
            self.weeks_engaged[rows],
            self.sends_in_week[rows],
            self.lead[rows],
            self.customer[rows],
            self.open_ticket[rows],
        )


def weeks_before(now: int, instants: Ints) -> Floats:
    """Weeks from `instants` to `now`, within 0 and LONGEST_WEEKS."""
    return np.clip((now - instants.astype(np.float64)) / WEEK, 0.0, LONGEST_WEEKS)


def snapshot(state: State, now: int, sends_in_week: Floats, lead: Floats, customer: Floats) -> Snapshot:
    """`state` as it looks at `now`; the last three are (m,) and not part of the decayed sums."""
    fade = 1.0 / weight(now)
    return Snapshot(
        state.trials * fade,
        state.successes * fade,
        state.inbound * fade,
        state.activity * fade,
        state.slot_trials * fade,
        state.slot_successes * fade,
        weeks_before(now, state.last_sent),
        weeks_before(now, state.last_engaged),
        sends_in_week,
        lead,
        customer,
        np.minimum(np.maximum(state.open_tickets, 0.0), 1.0),
    )


def workspace(state: State, now: int) -> Workspace:
    """The workspace that consists of exactly the contacts of `state`."""
    fade = 1.0 / weight(now)
    return Workspace(
        state.workspace_trials * fade,
        state.workspace_successes * fade,
        state.activity.sum(0) * fade,
        state.inbound.sum(0) * fade,
        worth(float(state.workspace_trials.sum()) * fade, float(state.workspace_squares[0]) * fade * fade),
    )


def worth(trials: float, squares: float) -> float:
    """`Workspace.worth` of a sum of weights and one of their squares; 1 where there is none (Kish's effective size)."""
    return trials / squares if squares > 0.0 else 1.0


def rates(of: Workspace) -> Rates:
    """Channel rates, slot lifts, hours and inbound shares, each shrunk towards the level above it."""
    trials, successes = of.trials.sum(1), of.successes.sum(1)
    overall = (successes.sum() + 1.0) / (trials.sum() + 10.0)
    typical = np.minimum(overall * _TYPICAL, 0.9)
    channel = np.clip((successes + 10.0 * typical) / (trials + 10.0), 1e-4, 0.97)
    channel_logit = _logit(channel)
    hours = (of.activity + 20.0 * UNIFORM) / (of.activity.sum() + 20.0)
    slot, common = slot_lifts(of.trials * of.worth, of.successes * of.worth, channel_logit, hours)
    inbound = (of.inbound + 1.0) / (of.inbound.sum() + _C)
    return Rates(
        sends=float(trials.sum()),
        trials=of.trials,
        successes=of.successes,
        channel=channel,
        channel_logit=channel_logit,
        slot=slot,
        anywhere=np.exp(common),
        hours=hours,
        hours_log=np.log(hours / UNIFORM),
        inbound=inbound,
    )


Parts = list[Floats]
"""F arrays that broadcast to (m, 11, 16): a feature of the contact alone has shape (m, 1, 1), and so on."""


def parts(of: Snapshot, under: Rates, hours: Floats = HOURS) -> Parts:
    """The features of m contacts, each in its own smallest shape; `hours` (16, 16) is the covariance of tastes."""
    sends, activity, inbound = of.trials.sum(1), of.activity.sum(1), of.inbound.sum(1)
    expected = of.trials * under.channel
    overall = (expected.sum(1) + 1e-9) / (sends + 1e-8)
    contact = (of.successes.sum(1) + 2.0) / (expected.sum(1) + 2.0)
    usually = _logit(contact * overall)[:, None] + np.log(under.anywhere)
    channel = channel_tastes(of.trials, of.successes, of.inbound, under.channel_logit, under.inbound)
    hour = hour_tastes(of.slot_trials, of.slot_successes, of.activity, usually, under.hours, hours)
    much = (activity / (activity + 6.0))[:, None, None]
    return [
        under.channel_logit[None, :, None],
        under.slot[None],
        channel.person[:, None, None],
        channel.answers[:, :, None],
        hour.acts[:, None, :],
        hour.answers[:, None, :],
        channel.writes[:, :, None],
        under.hours_log[None, None],
        np.log1p(sends)[:, None, None],
        np.log1p(of.trials)[:, :, None],
        np.log1p(activity)[:, None, None],
        np.log1p(inbound)[:, None, None],
        np.log1p(of.weeks_engaged.min(1))[:, None, None],
        np.log1p(of.weeks_sent)[:, :, None],
        np.exp2(-of.weeks_engaged / 4.0)[:, :, None],
        np.sqrt(of.sends_in_week)[:, None, None],
        of.lead[:, None, None],
        of.customer[:, None, None],
        of.open_ticket[:, None, None],
        under.slot[None] * much,
    ]


def grid(of: Parts) -> Floats:
    """(m, 11, 16, F) every candidate of every contact."""
    m = max(part.shape[0] for part in of)
    whole = np.empty((m, _C, BINS, F))
    for index, part in enumerate(of):
        whole[..., index] = part
    return whole


def at(of: Parts, contact: npt.NDArray[np.intp], channel: Ints, bins: Ints) -> Floats:
    """(k, F) the candidates (contact[i], channel[i], bins[i])."""
    chosen = np.empty((len(contact), F))
    for index, part in enumerate(of):
        m, c, b = part.shape
        chosen[:, index] = part[contact if m > 1 else 0, channel if c > 1 else 0, bins if b > 1 else 0]
    return chosen


def usual(of: Parts, coefficients: Floats, available: npt.NDArray[np.bool_]) -> Floats:
    """(m,) mean logit over the available channels (m, 11) and all bins, of coefficients (F + 1,)."""
    by_channel = np.full((len(available), _C), coefficients[0])
    for weighted, part in zip(coefficients[1:], of, strict=True):
        by_channel += weighted * part.mean(2)
    return (by_channel * available).sum(1) / np.maximum(available.sum(1), 1)
