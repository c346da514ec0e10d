"""A contact's tastes: how far somebody stands out from the workspace, on each channel and at each hour.

A taste is a log-odds on top of what the workspace leads one to expect, Gaussian around zero: without evidence it is
zero, with little it is small, so a model made of tastes falls back to what is popular. Answers and acts of a contact's
own accord speak of the same taste, each as loudly as its counts allow. The posterior mode is found by Newton's method
(Rasmussen and Williams, "Gaussian Processes for Machine Learning", section 3.4); its last step is linear in the
evidence, so that a taste is the exact sum of what the answers and what the acts say, which are features of their own.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action.local_time import resemblance
from orbit_contacts.features.next_best_action.logistic import sigmoid

Floats = npt.NDArray[np.float64]

_PERSON: Final = 0.8
"""Spread between contacts in answering at all; all spreads are standard deviations of log-odds."""
_CHANNEL: Final = 1.1
"""Spread of a contact's tastes for channels."""
_WRITES: Final = 0.7
"""How closely the channels people write on follow those they answer on."""
ACTS: Final = 0.8
"""How closely the hours of their own acts follow those they answer at."""
HOURS: Final = resemblance(0.1)
"""(16, 16) covariance of a contact's tastes for hours where a workspace has not taught its own; of spread 1."""
_WIDER: Final = float(np.sqrt(1.0 + np.pi / 8.0 * (_PERSON**2 + _CHANNEL**2)))
"""A rate over people who differ is nearer to one half than the chance of a typical one (MacKay 1992)."""
_STRIDE: Final = 1.5
"""How far a taste moves in one step, at most."""
_REACH: Final = 4.0
"""How far away evidence may point in one step."""
_CHANNEL_STEPS: Final = 8
_HOUR_STEPS: Final = 4


class ChannelTastes(NamedTuple):
    """Of m contacts."""

    person: Floats
    """(m,) for being written to at all"""
    answers: Floats
    """(m, 11) for each channel, as far as sends and answers tell"""
    writes: Floats
    """(m, 11) the same, as far as the channels tell on which the contact writes"""


class HourTastes(NamedTuple):
    """Of m contacts."""

    acts: Floats
    """(m, 16) for each bin, as far as acts of the contact's own accord tell"""
    answers: Floats
    """(m, 16) the same, as far as sends and answers tell"""


def channel_tastes(trials: Floats, successes: Floats, inbound: Floats, logit: Floats, share: Floats) -> ChannelTastes:
    """Tastes for channels.

    Args:
        trials, successes: (m, 11) sends and those answered.
        inbound: (m, 11) messages and calls received.
        logit: (11,) log-odds of an answer in the workspace.
        share: (11,) of the workspace's inbound messages.
    """
    base, wrote = logit * _WIDER, inbound.sum(1, keepdims=True)
    person, taste = np.zeros((len(trials), 1)), np.zeros(trials.shape)
    answers = writes = taste
    for _ in range(_CHANNEL_STEPS):
        p = sigmoid(base + person + taste)
        off = successes - trials * p
        room = _curvature(trials * p * (1.0 - p), off)
        expected = share * np.exp(_WRITES * taste)
        expected = wrote * expected / expected.sum(1, keepdims=True)
        more = _WRITES * (inbound - expected)
        heard = _curvature(_WRITES**2 * expected, more)
        firm = _CHANNEL**-2.0 + room + heard
        # The taste of each channel given the person's, put into the equation of the person.
        pulled = off + more - taste * _CHANNEL**-2.0
        rest = off.sum(1, keepdims=True) - person * _PERSON**-2.0 - (room * pulled / firm).sum(1, keepdims=True)
        moved = rest / (_PERSON**-2.0 + (room - room * room / firm).sum(1, keepdims=True))
        moved = np.clip(moved, -_STRIDE, _STRIDE)
        answers = (off + room * (taste - moved)) / firm
        writes = (more + heard * taste) / firm
        person = person + moved
        taste = taste + np.clip(answers + writes - taste, -_STRIDE, _STRIDE)
    return ChannelTastes(person[:, 0], answers, writes)


def hour_tastes(
    trials: Floats, successes: Floats, activity: Floats, logit: Floats, share: Floats, covariance: Floats = HOURS
) -> HourTastes:
    """Tastes for hours.

    Args:
        trials, successes: (m, 16) sends and those answered, by the bin of the send.
        activity: (m, 16) acts of the contact's own accord.
        logit: (m, 16) log-odds of an answer of a contact without a taste for hours.
        share: (16,) of the workspace's activity.
        covariance: (16, 16) of tastes in the workspace.
    """
    acted = activity.sum(1, keepdims=True)
    taste: Floats = np.log((activity + 6.0 * share) / (acted + 6.0) / share)
    both = np.zeros((*taste.shape, 2))
    for _ in range(_HOUR_STEPS):
        p = sigmoid(logit + taste)
        off = successes - trials * p
        room = _curvature(trials * p * (1.0 - p), off)
        expected = share * np.exp(ACTS * taste)
        expected = acted * expected / expected.sum(1, keepdims=True)
        more = ACTS * (activity - expected)
        heard = _curvature(ACTS**2 * expected, more)
        evidence = np.stack([heard * taste + more, room * taste + off], axis=2)
        weighed = np.eye(len(covariance)) + (heard + room)[:, :, None] * covariance
        both = covariance @ np.asarray(np.linalg.solve(weighed, evidence), dtype=np.float64)
        taste = taste + np.clip(both.sum(2) - taste, -_STRIDE, _STRIDE)
    return HourTastes(both[:, :, 0], both[:, :, 1])


def _curvature(at: Floats, slope: Floats) -> Floats:
    """Curvature of the log-likelihood to step by: where it is all but flat, one that asks for no giant's stride.

    What is found does not depend on it, only how fast.
    """
    return np.maximum(at, np.abs(slope) / _REACH)
