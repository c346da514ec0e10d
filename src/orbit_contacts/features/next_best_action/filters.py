"""The hard filters: what may not be done is taken away before anything is scored."""

from dataclasses import dataclass
from typing import Final

from orbit_contacts.core.clock import DAY, format_instant
from orbit_contacts.features.next_best_action.answer import Blocked, BlockReason
from orbit_contacts.features.next_best_action.events import CHANNELS, VOICE
from orbit_contacts.features.next_best_action.schedule import NO_INSTANT, Slots, slots
from orbit_contacts.features.next_best_action.situation import ChannelSituation, Situation

LOST_SENDS: Final = 3.0
UNREACHABLE: Final = 0.2
"""A channel is unreachable when at least three effective sends were lost and Beta(1, 1) puts the chance of
arriving below a fifth."""


@dataclass(slots=True)
class Allowed:
    """What is left of the channels."""

    slots: dict[int, Slots]
    """by channel index: the instants that quiet hours leave"""
    blocked: list[Blocked]
    changes_at: int
    """next instant at which a cap or quiet hours change, microseconds; far away when none do"""
    opens_at: int | None
    """the earliest instant at which a channel that is only capped is free again"""


def allow(of: Situation, weight_now: float, now: int, asked: int, spread: float) -> Allowed:
    """Filter the channels of a contact that is neither blocked nor deleted.

    Args:
        of: the contact.
        weight_now: `decay.weight(now)`.
        now: microseconds, the instant of the decision.
        asked: the instant of the question, which may be up to a quarter of an hour later; caps are held against it.
        spread: 0..1, where in a slot to send.
    """
    by_hours: dict[tuple[int, int] | None, Slots] = {}
    left: dict[int, Slots] = {}
    blocked: list[Blocked] = []
    changes = now + 7 * DAY
    opens: int | None = None
    for index, channel in enumerate(of.channels):
        reason = _refused(of, index, channel, weight_now)
        if reason is not None:
            if reason != "no_address":
                blocked.append(_blocked(index, reason))
            continue
        if channel.open_minutes not in by_hours:
            by_hours[channel.open_minutes] = slots(now, of.timezone, channel.open_minutes, spread)
        free = by_hours[channel.open_minutes]
        first = free.runs.first
        changes = min(changes, free.runs.turns_at)
        if channel.capped_until is not None and channel.capped_until > asked:
            changes = min(changes, channel.capped_until)
            opens = min(opens or channel.capped_until, channel.capped_until)
            blocked.append(_blocked(index, "frequency_cap", channel.capped_until))
            continue
        if first != free.runs.next_quarter:
            blocked.append(_blocked(index, "quiet_hours", first if first != NO_INSTANT else None))
        if first != NO_INSTANT:
            left[index] = free
    return Allowed(left, blocked, changes, opens)


def _refused(of: Situation, index: int, channel: ChannelSituation, weight_now: float) -> BlockReason | None:
    """Why the channel is out of the question whatever the hour, None when it is not."""
    if channel.consent == "opted_out":
        return "opted_out"
    if channel.suppressed:
        return "suppressed"
    if not channel.has_address:
        return "no_address"
    if channel.consent != "opted_in":
        return "unknown_consent"
    return "unreachable" if unreachable(of, index, weight_now) else None


def unreachable(of: Situation, index: int, weight_now: float) -> bool:
    """Whether too many sends on the channel were lost."""
    lost, arrived = of.state.failed[index] / weight_now, of.state.delivered[index] / weight_now
    return lost >= LOST_SENDS and (1.0 + arrived) / (2.0 + arrived + lost) < UNREACHABLE


def _blocked(index: int, reason: BlockReason, available_at: int | None = None) -> Blocked:
    return Blocked(
        "call" if index == VOICE else "send_message",
        CHANNELS[index],
        reason,
        format_instant(available_at) if available_at is not None else None,
    )
