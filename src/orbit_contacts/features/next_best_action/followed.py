"""Which sends followed a decision of our own, and with what chance it named their channel."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from orbit_contacts.core.clock import DAY
from orbit_contacts.features.next_best_action.messages import AHEAD, Events, gather

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

VALID: Final = 7 * DAY
"""A send later than this did not follow the decision: no decision names an instant further ahead."""


@dataclass(slots=True)
class Decisions:
    """d logged decisions to send."""

    contact: Ints
    """(d,) 0..m-1"""
    instant: Ints
    """(d,) microseconds at which it was made"""
    channel: Ints
    """(d,) index into CHANNELS"""
    propensity: Floats
    """(d,) chance with which the decision named this channel, whatever the hour"""


@dataclass(slots=True)
class Logged:
    """Propensities of sends that followed a decision of our own."""

    key: Ints
    """(k,) `message_key` of the send"""
    propensity: Floats
    """(k,) of its channel"""


def followed(decisions: Decisions, events: Events) -> Logged:
    """The first send after each decision, where it took the channel that the decision named.

    A decision holds until the contact's next one. What somebody else chose is not among them: of those sends the
    chance is only estimated.
    """
    messages = gather(events)
    sends = messages.where((messages.sent < AHEAD) & (messages.key != 0))
    # Decisions before sends of the same instant; then each send looks at the decision in front of it.
    who = np.concatenate([decisions.contact, sends.contact])
    when = np.concatenate([decisions.instant, sends.sent])
    is_send = np.arange(len(who)) >= len(decisions.contact)
    order = np.lexsort((is_send, when, who))
    first = np.flatnonzero(is_send[order[1:]] & ~is_send[order[:-1]] & (who[order[1:]] == who[order[:-1]]))
    chosen, send = order[first], order[first + 1] - len(decisions.contact)
    held = (decisions.channel[chosen] == sends.channel[send]) & (sends.sent[send] - decisions.instant[chosen] <= VALID)
    return Logged(sends.key[send[held]], decisions.propensity[chosen[held]])
