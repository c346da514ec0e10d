"""Families of worlds: what the tests' simulated workspaces may be like, from easy to hopeless.

`FAMILIES` names the ones the figures are given for; `draw_recipe` mixes them at random, over a wider range.

Seeds: the shipped prior was fitted on seeds from 100,000 on; tests and the other benchmarks use smaller ones.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from orbit_contacts.features.next_best_action.events import CHANNELS


@dataclass(frozen=True)
class Recipe:
    """What a family of worlds is like; spreads are standard deviations of logits."""

    contacts: int = 1200
    sends: float = 10.0
    days: float = 120.0
    channels: tuple[str, ...] = ("email", "sms", "whatsapp", "push")
    base: float = -1.8
    channel_spread: float = 0.6
    slot_spread: float = 0.4
    channel_slot_spread: float = 0.2
    contact_spread: float = 0.8
    affinity_spread: float = 1.0
    affinity_shape: str = "normal"
    """normal | heavy (Student t, 3 degrees) | favourite (one channel stands out) | gamma (some all but never) | kin
    (two kinds of channels: who likes one of a kind likes the others)"""
    hours_spread: float = 1.0
    common_hours: float = 0.7
    """share of contacts whose peak is near one of three hours of the workspace; the others' is anywhere"""
    hours_shape: str = "bump"
    """bump (one peak hour) | rough (independent bins) | types (a few kinds of people) | window (six hours of
    the day, on one kind of day) | gamma (independent bins, some all but never) | twice (two peaks a day, anywhere)"""
    asleep: float = 0.0
    """how much fewer answers there are to what is sent between midnight and six, everybody together"""
    never: float = 0.0
    """share of contacts that answer next to nothing"""
    owned: float = 1.0
    """share of channels a contact can be reached on"""
    cold: float = 0.12
    """share of contacts without a single send"""
    inbound: float = 0.4
    """acts of a contact's own accord per week, median"""
    inbound_spread: float = 1.0
    inbound_hours: float = 1.0
    """how closely those acts follow the hours the contact answers at"""
    inbound_channel: float = 0.7
    """how closely they follow the channel taste; negative: no channel at all, web events"""
    inbound_engagement: float = 0.5
    drift: float = 0.0
    """share of contacts whose tastes are drawn anew halfway"""
    fatigue: float = 0.0
    """loss of logit per square root of sends in the last 7 days"""
    stages: float = 0.3
    sender: str = "random"
    """random | popular (mostly the best channel) | office (weekday mornings) | aimed (at last success) | habit (nearly
    always the same channel, good or bad, at nearly the same hour)"""
    zones: int = 1
    echo: float = 0.0
    """share of answers that are also reported as an inbound message"""
    delay_hours: float = 3.0
    late: bool = False
    """answers come as late as they come, beyond the channel's window too"""
    bursts: int = 0
    """campaign days on which everything is sent; 0 for any day"""
    link: str = "logit"
    """logit | log: effects multiply the chance itself, up to 0.95"""
    deferred: bool = False
    """answers come at the contact's own hours, not soon after the send"""
    failed: float = 0.03


FAMILIES: Final[dict[str, Recipe]] = {
    "mixed": Recipe(),
    "channels": Recipe(affinity_spread=1.4, hours_spread=0.3, slot_spread=0.2),
    "hours": Recipe(affinity_spread=0.3, hours_spread=1.5),
    "favourite": Recipe(affinity_shape="favourite", affinity_spread=1.3, hours_shape="types", hours_spread=1.2),
    "drift": Recipe(drift=0.5, days=240.0),
    "fatigue": Recipe(fatigue=0.6, days=70.0),
    "one_channel": Recipe(channels=("email",), base=-2.4),
    "heavy": Recipe(affinity_shape="heavy", contact_spread=1.4, never=0.35),
    "rare": Recipe(base=-3.6),
    "eager": Recipe(base=0.2, channels=("whatsapp", "voice", "sms")),
    "aimed": Recipe(sender="aimed", owned=0.7),
    "office": Recipe(sender="office", zones=5),
    "silent": Recipe(inbound=0.0),
    "misleading": Recipe(inbound_hours=0.0, inbound_channel=0.0, inbound_engagement=0.0),
    "alike": Recipe(affinity_spread=0.35, hours_spread=0.35, contact_spread=0.3),
    "rough": Recipe(hours_shape="rough", hours_spread=0.8, inbound=1.0),
    "many": Recipe(channels=("email", "sms", "whatsapp", "push", "rcs", "viber", "voice"), owned=0.6),
    "anyhour": Recipe(common_hours=0.0, slot_spread=0.2),
    "echoing": Recipe(echo=1.0, sender="office"),
    "windows": Recipe(hours_shape="window", affinity_shape="gamma"),
    "product": Recipe(hours_shape="gamma", hours_spread=0.8, affinity_shape="gamma", inbound=1.0),
    "deferred": Recipe(deferred=True, inbound=0.1),
    "web": Recipe(inbound_channel=-1.0, inbound=1.5, sender="popular"),
    "habit": Recipe(sender="habit"),
    "bursts": Recipe(bursts=9, sender="office"),
    "late": Recipe(late=True, delay_hours=30.0),
    "lost": Recipe(failed=0.3),
    "factors": Recipe(link="log", affinity_spread=0.8, hours_spread=0.8, base=-2.2),
    "chatty": Recipe(inbound=4.0, inbound_engagement=-0.3),
    "asleep": Recipe(asleep=1.5, base=-1.4),
    "kin": Recipe(affinity_shape="kin", channels=("email", "sms", "whatsapp", "push", "rcs", "voice"), owned=0.7),
    "twice": Recipe(hours_shape="twice", zones=3),
}
HELD_OUT: Final = frozenset({"log", "habit", "bursts", "late", "asleep", "kin", "twice"})
"""Shapes of worlds that the shipped prior was never fitted on."""


def draw_recipe(rng: np.random.Generator, **fixed: Any) -> Recipe:
    """A family at random, over a wider range than FAMILIES."""

    def pick(*of: str) -> str:
        return str(rng.choice(of))

    names = [str(name) for name in rng.permutation(np.array(CHANNELS))[: int(rng.choice([1, 2, 3, 4, 5, 6, 8]))]]
    recipe = Recipe(
        sends=float(rng.choice([1.5, 3, 6, 10, 20])),
        days=float(rng.uniform(40, 300)),
        channels=tuple(names),
        base=float(rng.normal(-2.0, 0.9)),
        channel_spread=float(rng.uniform(0.1, 1.0)),
        slot_spread=float(rng.uniform(0.0, 0.7)),
        channel_slot_spread=float(rng.uniform(0.0, 0.4)),
        contact_spread=float(rng.uniform(0.2, 1.4)),
        affinity_spread=float(rng.uniform(0.3, 1.6)),
        affinity_shape=pick("normal", "normal", "heavy", "favourite", "gamma"),
        hours_spread=float(rng.uniform(0.3, 1.7)),
        hours_shape=pick("bump", "bump", "types", "rough", "window", "gamma"),
        never=float(rng.choice([0, 0, 0, 0, 0.1, 0.3])),
        owned=float(rng.choice([1.0, 0.8, 0.5])),
        cold=float(rng.choice([0.05, 0.15, 0.4])),
        inbound=float(rng.choice([0.0, 0.1, 0.3, 0.6, 1.0, 2.0, 4.0])),
        inbound_spread=float(rng.uniform(0.3, 1.3)),
        inbound_hours=float(rng.choice([0.2, 0.6, 1.0, 1.0, 1.0, 1.2])),
        inbound_channel=float(rng.choice([-1.0, -1.0, 0.0, 0.5, 0.8, 1.0, 1.2])),
        inbound_engagement=float(rng.uniform(0.0, 1.0)),
        drift=float(rng.choice([0, 0, 0, 0, 0.5])),
        fatigue=float(rng.choice([0, 0, 0, 0.2, 0.5])),
        common_hours=float(rng.choice([0.0, 0.3, 0.7, 1.0])),
        echo=float(rng.choice([0, 0, 0, 0.5, 1.0])),
        deferred=bool(rng.random() < 0.25),
        stages=float(rng.uniform(0, 0.6)),
        sender=pick("random", "random", "popular", "office", "aimed"),
        failed=float(rng.choice([0.0, 0.03, 0.3])),
        zones=int(rng.choice([1, 1, 3, 5])),
        delay_hours=float(rng.choice([0.3, 2.0, 8.0])),
    )
    return replace(recipe, **fixed)
