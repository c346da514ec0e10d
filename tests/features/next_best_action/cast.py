"""The small cast of the decision tests: a workspace, a clock, and contacts to ask about."""

from dataclasses import fields
from typing import Any
from uuid import UUID

import msgspec
import numpy as np

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY
from orbit_contacts.features.next_best_action.decay import HOUR, LANDMARK
from orbit_contacts.features.next_best_action.decision import Decision, decide
from orbit_contacts.features.next_best_action.events import CHANNEL_INDEX, CHANNELS, Code
from orbit_contacts.features.next_best_action.exploration import decision_id, epoch_start
from orbit_contacts.features.next_best_action.features import Rates, Workspace, rates
from orbit_contacts.features.next_best_action.local_time import zone
from orbit_contacts.features.next_best_action.model import Predictor, shipped
from orbit_contacts.features.next_best_action.rebuild import State
from orbit_contacts.features.next_best_action.scoring import Economics
from orbit_contacts.features.next_best_action.situation import ChannelSituation, Situation, fingerprint
from orbit_contacts.features.next_best_action.state import ContactState, Event, MessageState

SECRET = b"the workspace's secret"
NOW = LANDMARK + 300 * DAY + 10 * HOUR
"""Tuesday 2025-10-28, 10:00 UTC, 11:00 in Berlin"""
ANNA = ids.mint(NOW - 90 * DAY)
EMAIL, SMS, WHATSAPP, VOICE = (CHANNEL_INDEX[name] for name in ("email", "sms", "whatsapp", "voice"))
OPEN = ChannelSituation(consent="opted_in", has_address=True)
PREDICTOR = Predictor(shipped())


def workspace_rates(sends: float = 30.0) -> Rates:
    """A workspace with this many sends in every cell, a seventh of them answered."""
    return rates(
        Workspace(np.full((11, 16), sends), np.full((11, 16), sends / 7), np.full(16, sends * 3), np.full(11, sends))
    )


def lover_of(channel: int, answers: int = 6, sends: int = 8) -> ContactState:
    """Somebody who answers on one channel and not on the others, and writes in the evening."""
    state, berlin = ContactState(), zone("Europe/Berlin")
    for index in range(sends):
        for other in (EMAIL, SMS, WHATSAPP):
            at = NOW - (60 - 5 * index) * DAY + other * HOUR // 4
            message = MessageState()
            state.apply(Event(Code.SENT, other, at), message, berlin, NOW)
            if other == channel and index < answers:
                state.apply(Event(Code.ENGAGED, other, at + HOUR), message, berlin, NOW)
            state.mature(message, berlin, NOW)
        state.apply(Event(Code.RECEIVED, channel, NOW - (60 - 5 * index) * DAY + 8 * HOUR), None, berlin, NOW)
    return state


def anna(channels: dict[int, ChannelSituation] | None = None, **changes: Any) -> Situation:
    """Anna, opted in on e-mail, SMS and WhatsApp, who answers on WhatsApp."""
    named = {EMAIL: OPEN, SMS: OPEN, WHATSAPP: OPEN} if channels is None else channels
    plain = Situation(
        contact_id=ids.contact_text(ANNA),
        timezone="Europe/Berlin",
        timezone_source="contact",
        channels=[named.get(index, ChannelSituation()) for index in range(len(CHANNELS))],
        state=lover_of(WHATSAPP),
        recent_sends=[],
        since=NOW - 90 * DAY,
    )
    return msgspec.structs.replace(plain, **changes)


def ask(
    of: Situation,
    now: int = NOW,
    *,
    explore: bool = False,
    contact: UUID = ANNA,
    economics: Economics | None = None,
    predictor: Predictor = PREDICTOR,
    under: Rates | None = None,
) -> Decision:
    """The answer as a GET gives it."""
    facts = fingerprint(of, predictor.model.version)
    return decide(
        of,
        under or workspace_rates(),
        predictor,
        economics or Economics(),
        SECRET,
        now,
        decision_id(SECRET, contact, epoch_start(now), facts) if explore else None,
    )


def contact_state(of: State, index: int) -> ContactState:
    """One contact's sums out of the columns of many."""
    return ContactState(
        **{
            column.name: getattr(of, column.name)[index].tolist()
            for column in fields(State)
            if not column.name.startswith("workspace_")
        }
    )
