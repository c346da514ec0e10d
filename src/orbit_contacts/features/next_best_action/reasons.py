"""Why this action: the exact additive terms of the logit, minus the workspace's average."""

from typing import Final

import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action.answer import Reason
from orbit_contacts.features.next_best_action.events import CHANNELS
from orbit_contacts.features.next_best_action.features import NAMES, Snapshot
from orbit_contacts.features.next_best_action.local_time import BLOCK_HOURS, BLOCKS

Floats = npt.NDArray[np.float64]

SMALLEST: Final = 0.1
MOST: Final = 4

GROUPS: Final = {
    "channel": ("channel",),
    "slot": ("slot", "slot_x_activity", "workspace_hours"),
    "contact_rate": ("contact_rate", "contact_rate_x_sends", "weeks_since_engaged"),
    "contact_channel_rate": ("contact_channel_rate", "contact_channel_rate_x_sends", "engaged_lately"),
    "contact_hours": ("contact_hours", "contact_bin"),
    "contact_slot": ("contact_slot",),
    "inbound_channel": ("inbound_channel", "inbound_channel_x_volume"),
    "activity": ("activity", "inbound_volume"),
    "history": ("sends", "channel_sends", "weeks_since_sent"),
    "recent_sends": ("sends_in_week",),
    "lifecycle_stage": ("lead", "customer"),
    "open_ticket": ("open_ticket",),
}
"""Features that tell the same story are one reason."""

_MEMBERS: Final = [np.array([NAMES.index(name) for name in names]) for names in GROUPS.values()]
_DAYS: Final = ("weekdays", "weekends")


def effects(design: Floats, coefficients: Floats, center: Floats) -> dict[str, float]:
    """Effect of each group on the logit; with the logit at the centre they add up to the logit exactly.

    Args:
        design: (F,) features of the candidate.
        coefficients: (F,) without the intercept.
        center: (F,) the workspace's averages.
    """
    terms = coefficients * (design - center)
    return {code: float(terms[members].sum()) for code, members in zip(GROUPS, _MEMBERS, strict=True)}


def explain(effect: dict[str, float], of: Snapshot, channel: int, bin: int) -> list[Reason]:
    """At most four reasons of at least 0.1, the strongest first, each with the counts it rests on."""
    strongest = sorted(effect.items(), key=lambda item: (-abs(item[1]), item[0]))
    told = [(code, size) for code, size in strongest if abs(size) >= SMALLEST][:MOST]
    return [_reason(code, size, of, channel, bin) for code, size in told]


def _reason(code: str, size: float, of: Snapshot, channel: int, bin: int) -> Reason:
    better = size > 0
    name = CHANNELS[channel]
    n, s = _round(of.trials[0, channel]), _round(of.successes[0, channel])
    sends, answers = _round(of.trials[0].sum()), _round(of.successes[0].sum())
    near = _near(bin)
    acts, here = _round(of.activity[0].sum()), _round(of.activity[0, near].sum())
    tried, answered = _round(of.slot_trials[0, near].sum()), _round(of.slot_successes[0, near].sum())
    wrote, there = _round(of.inbound[0].sum()), _round(of.inbound[0, channel])
    hours, clock = slot_name(bin), hours_name(bin)
    more = "more" if better else "less"
    text: str
    evidence: dict[str, float | int | str]
    if code == "channel":
        text, evidence = f"{name} is answered {more} than the average channel here.", {"channel": name}
    elif code == "slot":
        text, evidence = f"Messages sent {hours} are answered {more} than others here.", {"slot": hours}
    elif code == "contact_rate":
        text, evidence = (
            f"Answered {answers} of {sends} messages, all channels taken together.",
            {"n": sends, "s": answers},
        )
    elif code == "contact_channel_rate":
        text, evidence = f"Answered {s} of {n} messages on {name}.", {"n": n, "s": s}
    elif code == "contact_hours":
        text, evidence = f"{here} of {acts} own acts fall near {clock}.", {"n": acts, "s": here}
    elif code == "contact_slot":
        text, evidence = f"Answered {answered} of {tried} messages sent near {clock}.", {"n": tried, "s": answered}
    elif code == "inbound_channel":
        text, evidence = f"Wrote or called on {name} {there} of {wrote} times.", {"n": wrote, "s": there}
    elif code == "activity":
        text, evidence = f"Is {more} active of their own accord than average: {acts} acts.", {"n": acts}
    elif code == "history":
        text, evidence = f"{n} messages on {name}, {sends} in all, so far.", {"n": n, "sends": sends}
    elif code == "recent_sends":
        week = int(of.sends_in_week[0])
        text, evidence = f"{week} messages in the last seven days.", {"n": week}
    elif code == "lifecycle_stage":
        stage = "lead" if of.lead[0] else "customer" if of.customer[0] else "other"
        text, evidence = f"Contacts in this stage ({stage}) answer {more}.", {"stage": stage}
    else:
        tickets = int(of.open_ticket[0])
        text, evidence = f"Contacts with {'an open' if tickets else 'no open'} ticket answer {more}.", {"n": tickets}
    return Reason(code, round(size, 2), text, evidence)


def slot_name(bin: int) -> str:
    """`on weekdays 18-21 h`"""
    return f"on {_DAYS[bin // BLOCKS]} {hours_name(bin)}"


def hours_name(bin: int) -> str:
    """`18-21 h`"""
    hour = bin % BLOCKS * BLOCK_HOURS
    return f"{hour}-{hour + BLOCK_HOURS} h"


def _near(bin: int) -> list[int]:
    """The bins a feature of the hour borrows from: the blocks beside, on either kind of day."""
    blocks = [(bin + step) % BLOCKS for step in (-1, 0, 1)]
    return blocks + [BLOCKS + block for block in blocks]


def _round(value: float) -> float | int:
    """One decimal, and no decimal where it is zero: counts fade, so six messages may be 5.3."""
    rounded = round(float(value), 1)
    return int(rounded) if rounded == int(rounded) else rounded
