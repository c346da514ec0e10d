"""Which sends followed a decision, and how the hold-out keeps every candidate possible."""

import numpy as np
import pytest

from orbit_contacts.core.clock import DAY
from orbit_contacts.features.next_best_action.decay import HOUR
from orbit_contacts.features.next_best_action.events import Code
from orbit_contacts.features.next_best_action.exploration import HELD_OUT, choose, hold_out
from orbit_contacts.features.next_best_action.followed import Decisions, followed
from orbit_contacts.features.next_best_action.messages import Events

ANNA, BERTA = 0, 1
EMAIL, SMS = 0, 7
NOON = 600 * DAY


def sent(*sends: tuple[int, int, int, int]) -> Events:
    """(contact, channel, instant, key)"""
    contact, channel, instant, key = (np.array(column, dtype=np.int64) for column in zip(*sends, strict=True))
    codes = np.full(len(key), Code.SENT, dtype=np.uint8)
    return Events(contact, codes, channel.astype(np.uint8), instant, key, np.zeros(len(key)))


def decided(*decisions: tuple[int, int, int, float]) -> Decisions:
    """(contact, instant, channel, propensity)"""
    contact, instant, channel, propensity = zip(*decisions, strict=True)
    return Decisions(np.array(contact), np.array(instant), np.array(channel), np.array(propensity))


def known(decisions: Decisions, events: Events) -> dict[int, float]:
    found = followed(decisions, events)
    return dict(zip(found.key.tolist(), found.propensity.tolist(), strict=True))


def test_the_first_send_after_a_decision_follows_it():
    events = sent((ANNA, EMAIL, NOON + HOUR, 11), (ANNA, EMAIL, NOON + 2 * HOUR, 12), (BERTA, EMAIL, NOON + HOUR, 13))
    assert known(decided((ANNA, NOON, EMAIL, 0.9)), events) == {11: 0.9}


def test_another_channel_a_week_later_or_an_earlier_send_do_not():
    decision = decided((ANNA, NOON, EMAIL, 0.9))
    for send in ((ANNA, SMS, NOON + HOUR, 11), (ANNA, EMAIL, NOON + 8 * DAY, 11), (ANNA, EMAIL, NOON - HOUR, 11)):
        assert known(decision, sent(send)) == {}


def test_of_two_decisions_the_later_one_holds():
    decisions = decided((ANNA, NOON, EMAIL, 0.9), (ANNA, NOON + 6 * HOUR, SMS, 0.02))
    assert known(decisions, sent((ANNA, SMS, NOON + 7 * HOUR, 11))) == {11: 0.02}
    assert known(decisions, sent((ANNA, EMAIL, NOON + 7 * HOUR, 11))) == {}


def test_the_hold_out_is_part_of_every_propensity():
    utility = np.array([0.3, 0.2, 0.1])
    plain = choose(utility, utility, (0.5, 0.5))
    free, held = hold_out(plain, 2, held=False), hold_out(plain, 2, held=True)
    assert (free.index, free.arm) == (plain.index, plain.arm)
    assert (held.index, held.arm) == (2, "hold_out")
    assert (held.by_cell == free.by_cell).all()
    assert free.by_cell.sum() == pytest.approx(1.0)
    assert free.propensity == pytest.approx((1 - HELD_OUT) * plain.propensity)
    assert held.propensity >= HELD_OUT
