"""The ranked list of things to do, the action first."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from orbit_contacts.core.clock import DAY, SECOND, format_instant
from orbit_contacts.features.next_best_action.answer import Action, ActionType, Suggestion
from orbit_contacts.features.next_best_action.events import CHANNELS, VOICE
from orbit_contacts.features.next_best_action.exploration import EPOCH, epoch_start
from orbit_contacts.features.next_best_action.features import Snapshot
from orbit_contacts.features.next_best_action.filters import Allowed, unreachable
from orbit_contacts.features.next_best_action.local_time import Zone
from orbit_contacts.features.next_best_action.scoring import Pick, Scored
from orbit_contacts.features.next_best_action.situation import Situation

QUIET_WEEKS: Final = 8.0
"""Weeks without an answer after which writing again is called re-engaging."""
GONE_WEEKS: Final = 13.0
"""Weeks without an answer or an act after which a customer is to be won back."""
_PURPOSE_SHARE: Final = 0.95
_CONSENT_SHARE: Final = 0.25


@dataclass(slots=True)
class Ranked:
    """Suggestions, and whether the first one sends on the cell that was picked."""

    suggestions: list[Suggestion]
    sends: bool


def rank(
    of: Situation,
    seen: Snapshot,
    allowed: Allowed,
    scored: Scored,
    picked: Pick | None,
    where: Zone,
    weight_now: float,
    now: int,
) -> Ranked:
    """Order what may be done.

    An open ticket outranks marketing; then comes the picked send, unless the best there is would do more harm than
    good; then the rest by score. `hold_off` has score 0.
    """
    if of.blocked or of.deleted:
        return Ranked([Suggestion(Action("suppressed"), 0.0, None)], sends=False)
    first: list[Suggestion] = []
    rest = [Suggestion(Action("hold_off", until=format_instant(_until(allowed, now))), 0.0, None)]
    sends = False
    if picked is not None:
        own = _send(of, scored, where, _kind(picked.channel), picked.channel, picked.bin)
        named = _purposes(of, seen, scored, picked, where, now)
        rest += _other_channels(of, allowed, scored, picked, where)
        if own.score < 0.0 and picked.choice.arm == "best":
            rest += [own, *named]
        else:
            first, sends = ([*named[:1], own], True) if of.goal == "purchase" else ([own], True)
            rest += named[1:] if of.goal == "purchase" else named
    elif allowed.blocked and all(one.reason in ("opted_out", "suppressed") for one in allowed.blocked):
        first = [Suggestion(Action("suppressed"), 0.0, None)]
    mend = _mend(of, allowed, weight_now)
    if mend is not None:
        rest.append(mend)
    if seen.open_ticket[0]:
        first, sends = [Suggestion(Action("resolve_ticket"), 1.0, None), *first], False
    return Ranked(first + sorted(rest, key=_by_score), sends)


def _by_score(of: Suggestion) -> tuple[float, str, str]:
    return (-of.score, of.action.type, of.action.channel or "")


def _kind(channel: int) -> ActionType:
    return "call" if channel == VOICE else "send_message"


def _send(
    of: Situation,
    scored: Scored,
    where: Zone,
    kind: ActionType,
    channel: int,
    bin: int,
    share: float = 1.0,
    about: str | None = None,
) -> Suggestion:
    at = int(scored.send_at[channel, bin])
    action = Action(
        kind,
        channel=CHANNELS[channel],
        for_channel=about,
        send_at=format_instant(at),
        local_time=local_time(at, where),
        timezone=of.timezone,
        timezone_source=of.timezone_source,
    )
    worth = share * float(scored.utility[channel, bin])
    return Suggestion(action, round(worth, 4), round(float(scored.chance[channel, bin]), 4))


def _other_channels(of: Situation, allowed: Allowed, scored: Scored, picked: Pick, where: Zone) -> list[Suggestion]:
    """The best hour of every other channel."""
    best = scored.utility.argmax(1)
    return [
        _send(of, scored, where, _kind(channel), channel, int(best[channel]))
        for channel in allowed.slots
        if channel != picked.channel
    ]


def _purposes(of: Situation, seen: Snapshot, scored: Scored, picked: Pick, where: Zone, now: int) -> list[Suggestion]:
    """The same send under the name of what it is for, and the question for a consent that is not known."""
    found: list[Suggestion] = []
    stage = (of.lifecycle_stage or "").lower()
    quiet = float(seen.weeks_engaged.min())
    idle = (now - of.state.last_active) / (7 * 86_400_000_000)
    kind: ActionType | None = None
    if stage == "lead":
        kind = "convert_lead"
    elif stage == "churned" or (of.state.orders > 0 and min(quiet, idle) >= GONE_WEEKS):
        kind = "win_back"
    elif float(seen.trials.sum()) >= 3.0 and min(quiet, idle) >= QUIET_WEEKS:
        kind = "re_engage"
    if kind is not None:
        found.append(_send(of, scored, where, kind, picked.channel, picked.bin, _PURPOSE_SHARE))
    unknown = [
        name
        for name, channel in zip(CHANNELS, of.channels, strict=True)
        if channel.consent == "unknown" and channel.has_address and not channel.suppressed
    ]
    if unknown:
        found.append(
            _send(of, scored, where, "request_consent", picked.channel, picked.bin, _CONSENT_SHARE, unknown[0])
        )
    return found


def _mend(of: Situation, allowed: Allowed, weight_now: float) -> Suggestion | None:
    """Ask for contact data when an opted-in channel cannot be reached; above `hold_off` when none can."""
    broken = [
        name
        for index, (name, channel) in enumerate(zip(CHANNELS, of.channels, strict=True))
        if channel.consent == "opted_in"
        and not channel.suppressed
        and (not channel.has_address or unreachable(of, index, weight_now))
    ]
    if not broken:
        return None
    nothing_else = not allowed.slots and allowed.opens_at is None
    return Suggestion(Action("fix_contact_data", for_channel=broken[0]), 0.01 if nothing_else else -0.01, None)


def _until(allowed: Allowed, now: int) -> int:
    """When it is worth asking again: a cap has room, or the epoch is over."""
    return allowed.opens_at if allowed.opens_at is not None else epoch_start(now) + EPOCH


def local_time(at: int, where: Zone) -> str:
    """`Mon 19:10`"""
    local = at + int(where.offsets[int(np.searchsorted(where.starts, at, side="right")) - 1])
    day, rest = divmod(local, DAY)
    minutes = rest // (60 * SECOND)
    return f"{_DAYS[day % 7]} {minutes // 60:02}:{minutes % 60:02}"


_DAYS: Final = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")
"""from 1970-01-01 on"""
