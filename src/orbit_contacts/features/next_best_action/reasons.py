"""Why this action: the exact additive terms of the logit, minus the workspace's average."""

from typing import Final

import numpy as np
import numpy.typing as npt

from orbit_contacts.features.next_best_action.answer import Reason
from orbit_contacts.features.next_best_action.events import CHANNELS
from orbit_contacts.features.next_best_action.features import NAMES, Rates, Snapshot
from orbit_contacts.features.next_best_action.local_time import BLOCK_HOURS, BLOCKS

Floats = npt.NDArray[np.float64]

SMALLEST: Final = 0.1
MOST: Final = 4

GROUPS: Final = {
    "channel": ("channel",),
    "slot": ("slot", "slot_x_activity", "workspace_hours"),
    "contact_rate": ("contact_rate", "weeks_since_engaged"),
    "contact_channel_rate": ("contact_channel_rate", "engaged_lately"),
    "contact_hours": ("contact_hours",),
    "contact_slot": ("contact_slot",),
    "inbound_channel": ("inbound_channel",),
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


def explain(effect: dict[str, float], of: Snapshot, under: Rates, channel: int, bin: int) -> list[Reason]:
    """At most four reasons of at least 0.1, the strongest first, each with the counts it rests on.

    Counts fade with a half-life of 135 days, so the evidence has decimals; the texts round.
    """
    strongest = sorted(effect.items(), key=lambda item: (-abs(item[1]), item[0]))
    told = [(code, size) for code, size in strongest if abs(size) >= SMALLEST][:MOST]
    return [_reason(code, size, of, under, channel, bin) for code, size in told]


def _reason(code: str, size: float, of: Snapshot, under: Rates, channel: int, bin: int) -> Reason:
    name, hours, clock = CHANNELS[channel], slot_name(bin), hours_name(bin)
    near, more = _near(bin), "more" if size > 0 else "less"
    week, tickets = float(of.sends_in_week[0]), float(of.open_ticket[0])
    sends, answers = float(of.trials[0].sum()), float(of.successes[0].sum())
    evidence: dict[str, float | int | str]
    match code:
        case "channel":
            evidence = _counts(under.trials[channel].sum(), under.successes[channel].sum())
            text = f"{name} is answered {more} than the average channel here."
        case "slot":
            evidence = _counts(under.trials[channel, bin], under.successes[channel, bin])
            text = f"Messages sent on {name} {hours} are answered {more} than others here."
        case "contact_rate":
            evidence = _counts(sends, answers)
            text = f"Answered about {answers:.0f} of {sends:.0f} messages, all channels taken together."
        case "contact_channel_rate":
            n, s = float(of.trials[0, channel]), float(of.successes[0, channel])
            evidence = _counts(n, s)
            text = f"Answered about {s:.0f} of {n:.0f} messages on {name}."
        case "contact_hours":
            n, s = float(of.activity[0].sum()), float(of.activity[0, near].sum())
            evidence = _counts(n, s)
            text = f"About {s:.0f} of {n:.0f} acts of their own fall near {clock}."
        case "contact_slot":
            n, s = float(of.slot_trials[0, near].sum()), float(of.slot_successes[0, near].sum())
            evidence = _counts(n, s)
            text = f"Answered about {s:.0f} of {n:.0f} messages sent near {clock}."
        case "inbound_channel":
            n, s = float(of.inbound[0].sum()), float(of.inbound[0, channel])
            evidence = _counts(n, s)
            text = f"Wrote or called on {name} about {s:.0f} of {n:.0f} times."
        case "activity":
            n = float(of.activity[0].sum())
            evidence = {"n": _round(n)}
            text = f"Acts of their own accord: about {n:.0f} lately; contacts like that answer {more}."
        case "history":
            n = float(of.trials[0, channel])
            evidence = {"n": _round(n), "sends": _round(sends)}
            text = f"About {n:.0f} messages on {name} and {sends:.0f} in all so far."
        case "recent_sends":
            evidence = {"n": int(week)}
            text = f"{week:.0f} messages in the last seven days."
        case "lifecycle_stage":
            stage = "lead" if of.lead[0] else "customer" if of.customer[0] else "other"
            evidence = {"stage": stage}
            text = f"Contacts in this stage ({stage}) answer {more}."
        case _:
            evidence = {"n": int(tickets)}
            text = f"Contacts with {'an' if tickets else 'no'} open ticket answer {more}."
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


def _counts(n: float, s: float) -> dict[str, float | int | str]:
    return {"n": _round(n), "s": _round(s)}


def _round(value: float) -> float | int:
    """One decimal, and none where it is zero."""
    rounded = round(float(value), 1)
    return int(rounded) if rounded == int(rounded) else rounded
