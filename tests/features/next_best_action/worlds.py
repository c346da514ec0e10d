"""Worlds with a planted truth: contacts whose chance to answer on each channel, at each hour, is known.

`world(recipe, seed)` draws one of a family (`families.py`). The truth is a logit with additive parts (channel, slot,
contact, contact x channel, contact x hour, fatigue), but the parts come in many shapes: heavy tails, favourites,
contacts who never answer, tastes that change, senders who aim at the responsive, inbound traffic that tells much or
nothing.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from orbit_contacts.core.clock import DAY
from orbit_contacts.features.next_best_action.decay import HOUR, LANDMARK
from orbit_contacts.features.next_best_action.events import CHANNEL_INDEX, CHANNELS, NO_CHANNEL, WINDOWS, Code
from orbit_contacts.features.next_best_action.local_time import BINS, bins_of, zone
from orbit_contacts.features.next_best_action.messages import Events
from orbit_contacts.features.next_best_action.rebuild import Contacts
from tests.features.next_best_action.families import Recipe

Floats = npt.NDArray[np.float64]
NOW: Final = LANDMARK + 500 * DAY + 10 * HOUR
ZONES: Final = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "America/Sao_Paulo")


@dataclass
class World:
    """Events of a history and the truth of what every contact would answer to at NOW."""

    recipe: Recipe
    events: Events
    contacts: Contacts
    owned: npt.NDArray[np.bool_]
    """(m, 11) channels that may be used"""
    truth: Floats
    """(m, 11, 16) chance of an answer to a send now, 0 on channels not owned"""
    cold: npt.NDArray[np.bool_]
    """(m,) contacts without a send"""
    lead: npt.NDArray[np.bool_]
    customer: npt.NDArray[np.bool_]
    ticket: npt.NDArray[np.bool_]
    sends_in_week: npt.NDArray[np.int64]


def world(recipe: Recipe, seed: int, now: int = NOW) -> World:
    """One world of the family `recipe`, with a history that ends at `now`."""
    rng = np.random.default_rng([seed, 77])
    m, ids = recipe.contacts, np.array([CHANNEL_INDEX[name] for name in recipe.channels])
    c = len(ids)

    base = recipe.base + recipe.channel_spread * rng.standard_normal(c)
    profile = _profile(rng)
    slot = recipe.slot_spread * _smooth(rng, 1) + recipe.channel_slot_spread * _smooth(rng, c)
    slot = slot - recipe.asleep * np.isin(np.arange(BINS) % 8, (0, 1))
    person = recipe.contact_spread * rng.standard_normal(m)
    dead = rng.random(m) < recipe.never
    stage = rng.integers(0, 3, m)
    ticket = rng.random(m) < 0.04
    person = person + recipe.stages * rng.standard_normal(3)[stage] + recipe.stages * rng.normal() * ticket
    tastes = [_tastes(recipe, rng, m, c) for _ in range(2)]
    drifts = rng.random(m) < recipe.drift
    late = (
        np.where(drifts[:, None], tastes[1][0], tastes[0][0]),
        np.where(drifts[:, None], tastes[1][1], tastes[0][1]),
    )
    owned = rng.random((m, c)) < recipe.owned
    owned[np.arange(m), rng.integers(0, c, m)] = True

    def logit(taste: tuple[Floats, Floats]) -> Floats:
        whole = (base + person[:, None] + taste[0])[:, :, None] + slot[None] + taste[1][:, None, :]
        return np.where(dead[:, None, None], whole - 4.0, whole)

    logits = (logit(tastes[0]), logit(late))
    zone_of = rng.integers(0, recipe.zones, m) + (rng.integers(0, len(ZONES)) if recipe.zones == 1 else 0)
    contacts = Contacts(zone_of, [zone(name) for name in ZONES])
    begin = now - int(recipe.days * DAY)
    turn = begin + (now - begin) // 2

    cold = rng.random(m) < recipe.cold
    amount = rng.poisson(recipe.sends * rng.gamma(2.0, 0.5, m) / max(1e-9, 1 - recipe.cold)) * ~cold
    sent = _sends(recipe, rng, amount, logits[0], owned, base, begin, now, contacts)
    who, on, when = sent
    bins = bins_of(when, zone_of[who], contacts.zones)
    recent = _recent(who, when)
    chance = np.where(when < turn, logits[0][who, on, bins], logits[1][who, on, bins])
    chance = _chance(recipe, chance - recipe.fatigue * np.sqrt(recent))
    failed = rng.random(len(who)) < recipe.failed
    answered = (rng.random(len(who)) < chance) & ~failed
    delay = rng.exponential(recipe.delay_hours * HOUR, len(who))
    if not recipe.late:
        delay = np.minimum(delay, 0.95 * WINDOWS[ids[on]])
    if recipe.deferred:
        wanted = tastes[0][1][who] + rng.gumbel(size=(len(who), BINS))
        ahead = np.arange(1, 16) * 3 * HOUR
        there = np.stack([bins_of(when + step, zone_of[who], contacts.zones) for step in ahead], axis=1)
        delay = ahead[np.take_along_axis(wanted, there, axis=1).argmax(1)].astype(np.float64)
    answer_at = when + delay.astype(np.int64) + 1

    own = _inbound(recipe, rng, person, late, tastes[0], drifts, profile, slot.mean(0), begin, turn, now, contacts, ids)
    key = rng.integers(1, 2**62, len(who))
    channel = ids[on].astype(np.uint8)
    got = np.flatnonzero(answered & (answer_at <= now))
    bad = np.flatnonzero(failed)
    echo = got[rng.random(len(got)) < recipe.echo]
    events = _concatenate(
        _columns(who, Code.SENT, channel, when, key),
        _columns(who[bad], Code.FAILED, channel[bad], when[bad] + 1000, key[bad]),
        _columns(who[got], Code.ENGAGED, channel[got], answer_at[got], key[got]),
        own,
        _columns(
            np.flatnonzero(ticket),
            Code.TICKET_OPENED,
            np.full(int(ticket.sum()), NO_CHANNEL, dtype=np.uint8),
            np.full(int(ticket.sum()), now - 5 * DAY),
            np.zeros(int(ticket.sum()), dtype=np.int64),
        ),
        _columns(who[echo], Code.RECEIVED, channel[echo], answer_at[echo], np.zeros(len(echo), dtype=np.int64)),
    )
    week = np.bincount(who[when > now - 7 * DAY], minlength=m)
    truth = np.zeros((m, len(CHANNELS), BINS))
    final = _chance(recipe, logits[1] - recipe.fatigue * np.sqrt(week)[:, None, None])
    if recipe.late:
        final = final * -np.expm1(-WINDOWS[ids] / (recipe.delay_hours * HOUR))[:, None]
    truth[:, ids] = np.where(owned[:, :, None], final, 0.0)
    usable = np.zeros((m, len(CHANNELS)), dtype=bool)
    usable[:, ids] = owned
    return World(
        recipe, events, contacts, usable, truth, amount == 0, stage == 1, stage == 2, ticket, week.astype(np.int64)
    )


def _chance(recipe: Recipe, x: Floats) -> Floats:
    return np.minimum(np.exp(np.minimum(x, 0.0)), 0.95) if recipe.link == "log" else 1.0 / (1.0 + np.exp(-x))


def _smooth(rng: np.random.Generator, rows: int) -> Floats:
    """(rows, 16) random curves over the day with unit spread, weekends like weekdays but not quite."""
    day = rng.standard_normal((rows, 8))
    day = (day + 0.6 * np.roll(day, 1, 1) + 0.6 * np.roll(day, -1, 1)) / 1.31
    weekend = 0.8 * day + 0.6 * rng.standard_normal((rows, 8))
    return np.concatenate([day, weekend], axis=1)


def _profile(rng: np.random.Generator) -> Floats:
    """(16,) shares of a workspace's inbound traffic: mostly by day."""
    day = np.array([0.2, 0.1, 0.6, 1.4, 1.6, 1.6, 1.5, 0.8]) ** rng.uniform(0.3, 1.3)
    both = np.concatenate([day * 5, day * 2 * rng.uniform(0.3, 1.5)]) * np.exp(0.2 * rng.standard_normal(BINS))
    return both / both.sum()


def _tastes(recipe: Recipe, rng: np.random.Generator, m: int, c: int) -> tuple[Floats, Floats]:
    """Contact x channel and contact x hour parts of the logit."""
    if recipe.affinity_shape == "heavy":
        affinity = np.clip(rng.standard_t(3.0, (m, c)) / 1.73, -5.0, 5.0)
    elif recipe.affinity_shape == "favourite":
        affinity = -0.35 + 0.3 * rng.standard_normal((m, c))
        affinity[np.arange(m), rng.integers(0, c, m)] += 1.9
    elif recipe.affinity_shape == "gamma":
        affinity = np.clip(np.log(rng.gamma(1.0, 1.0, (m, c))), -4.5, 2.0)
    elif recipe.affinity_shape == "kin":
        affinity = 0.9 * rng.standard_normal((m, 2))[:, np.arange(c) % 2] + 0.45 * rng.standard_normal((m, c))
    else:
        affinity = rng.standard_normal((m, c))
    if recipe.hours_shape == "rough":
        hours = rng.standard_normal((m, BINS))
    elif recipe.hours_shape == "gamma":
        hours = np.clip(np.log(rng.gamma(1.0, 1.0, (m, BINS))), -4.5, 2.0)
    elif recipe.hours_shape == "twice":
        first = rng.integers(0, 8, m)
        second, weekend = (first + rng.integers(3, 6, m)) % 8, rng.normal(0, 0.4, (m, 1))
        day = np.full((m, 8), -0.7)
        day[np.arange(m), first], day[np.arange(m), second] = 1.6, 1.1
        hours = np.concatenate([day - weekend, day + weekend], axis=1)
    elif recipe.hours_shape == "window":
        block, weekend = rng.integers(0, 8, m), rng.random(m) < 0.3
        hours = np.full((m, BINS), -0.9)
        for step in (0, 1):
            hours[np.arange(m), (block + step) % 8 + 8 * weekend] = 1.2
            hours[np.arange(m), (block + step) % 8 + 8 * ~weekend] = 0.2
    else:
        popular = rng.choice(8, 3, replace=False)
        peak = np.where(
            rng.random(m) < recipe.common_hours, rng.choice(popular, m) + rng.normal(0, 0.6, m), rng.uniform(0, 8, m)
        )
        if recipe.hours_shape == "types":
            peak = rng.choice(popular, m).astype(float)
        angle = 2 * np.pi * (np.arange(8)[None] - peak[:, None]) / 8
        bump = np.exp(1.5 * (np.cos(angle) - 1)) * 2.6 - 1.2
        weekend = rng.normal(0, 0.5, m)[:, None]
        hours = np.concatenate([bump - 0.3 * weekend, bump + 0.7 * weekend], axis=1)
    return recipe.affinity_spread * affinity, recipe.hours_spread * hours


def _sends(
    recipe: Recipe,
    rng: np.random.Generator,
    amount: npt.NDArray[np.int64],
    logits: Floats,
    owned: npt.NDArray[np.bool_],
    base: Floats,
    begin: int,
    now: int,
    contacts: Contacts,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Who was sent to, on which of the world's channels, when; sorted by contact and time."""
    who = np.repeat(np.arange(len(amount)), amount)
    n, c = len(who), owned.shape[1]
    taste = rng.gumbel(size=(n, c))
    if recipe.sender == "popular":
        taste = taste + 1.2 * (base - base.mean()) / (base.std() + 1e-9)
    elif recipe.sender == "aimed":
        taste = taste + 0.6 * (logits.mean(2) - logits.mean((1, 2), keepdims=True)[:, :, 0])[who]
    elif recipe.sender == "habit":
        taste = taste + 4.0 * (np.arange(c) == rng.integers(0, c))
    on = np.where(owned[who], taste, -np.inf).argmax(1)
    day = begin // DAY * DAY + rng.integers(1, max(2, int(recipe.days)), n) * DAY
    if recipe.bursts:
        day = rng.choice(np.unique(day), recipe.bursts)[rng.integers(0, recipe.bursts, n)]
    hour = rng.uniform(0, 24, n) if recipe.sender != "office" else np.clip(rng.normal(11.5, 2.5, n), 6, 21)
    if recipe.sender == "habit":
        hour = np.where(rng.random(n) < 0.85, rng.uniform(8, 20) + rng.normal(0, 1, n), hour)
    elif recipe.sender == "office":
        day = day - DAY * (2 * ((day // DAY) % 7 == 3) + 1 * ((day // DAY) % 7 == 2))
    elif recipe.sender in ("popular", "aimed"):
        hour = np.where(rng.random(n) < 0.85, np.clip(rng.normal(14, 4, n), 5, 23), hour)
    when = day + (hour * HOUR).astype(np.int64)
    for index, where in enumerate(contacts.zones):
        rows = contacts.zone_of[who] == index
        when[rows] -= where.offsets[np.searchsorted(where.starts, when[rows]) - 1]
    when = np.minimum(when, now - HOUR)
    order = np.lexsort((when, who))
    return who[order], on[order], when[order]


def _recent(who: npt.NDArray[np.int64], when: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many sends the contact had in the 7 days before each."""
    shifted = (when - when.min(initial=0)) // 1_000 + who * 2**36
    rows = np.arange(len(who))
    return rows - np.searchsorted(shifted, shifted - 7 * DAY // 1_000)


def _inbound(
    recipe: Recipe,
    rng: np.random.Generator,
    person: Floats,
    late: tuple[Floats, Floats],
    early: tuple[Floats, Floats],
    drifts: npt.NDArray[np.bool_],
    profile: Floats,
    slot: Floats,
    begin: int,
    turn: int,
    now: int,
    contacts: Contacts,
    ids: npt.NDArray[np.int64],
) -> Events:
    """What the contacts did of their own accord."""
    m = len(person)
    spread = recipe.inbound_spread * rng.standard_normal(m) + recipe.inbound_engagement * person
    rate = recipe.inbound * np.exp(spread - 0.3)
    amount = np.minimum(rng.poisson(rate * recipe.days / 7), 400)
    who = np.repeat(np.arange(m), amount)
    n = len(who)
    days = rng.uniform(1, recipe.days - 1, n)
    second = drifts[who] & (begin + days * DAY > turn)
    hours = np.where(second[:, None], late[1][who], early[1][who])
    score = np.log(profile) + recipe.inbound_hours * hours + 0.5 * recipe.inbound_hours * slot
    bins = (score + rng.gumbel(size=(n, BINS))).argmax(1)
    # A day of the wanted kind near the drawn one, an instant within the block, local to UTC.
    date = (begin // DAY + days.astype(np.int64)).astype(np.int64)
    for _ in range(7):
        wrong = np.isin(date % 7, (2, 3)) != (bins >= 8)
        date = date - wrong
    when = date * DAY + ((bins % 8) * 3 * HOUR + rng.uniform(0, 3, n) * HOUR).astype(np.int64)
    for index, where in enumerate(contacts.zones):
        rows = contacts.zone_of[who] == index
        when[rows] -= where.offsets[np.searchsorted(where.starts, when[rows]) - 1]
    taste = np.where(second[:, None], late[0][who], early[0][who])
    writes = (rng.random(n) < 0.6) & (recipe.inbound_channel >= 0)
    on = (recipe.inbound_channel * taste + rng.gumbel(size=taste.shape)).argmax(1)
    code = np.where(writes, Code.RECEIVED, Code.ACTIVE)
    channel = np.where(writes, ids[on], NO_CHANNEL).astype(np.uint8)
    kept = when < now
    columns = _columns(who, Code.ACTIVE, channel, when, np.zeros(n, dtype=np.int64))
    columns.code = code.astype(np.uint8)
    return columns.where(kept)


def _columns(
    who: npt.NDArray[np.int64],
    code: Code,
    channel: npt.NDArray[np.uint8],
    when: npt.NDArray[np.int64],
    key: npt.NDArray[np.int64],
) -> Events:
    return Events(who, np.full(len(who), int(code), dtype=np.uint8), channel, when, key, np.zeros(len(who)))


def _concatenate(*parts: Events) -> Events:
    return Events(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("contact", "code", "channel", "instant", "key", "value")
        )
    )
