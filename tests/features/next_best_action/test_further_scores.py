"""P(purchase), P(active) and P(opt-out)."""

import numpy as np
import pytest

from orbit_contacts.core.clock import DAY
from orbit_contacts.features.next_best_action.card import auc
from orbit_contacts.features.next_best_action.events import CHANNEL_INDEX, NO_CHANNEL, Code
from orbit_contacts.features.next_best_action.logistic import log_loss
from orbit_contacts.features.next_best_action.messages import NEVER, Events
from orbit_contacts.features.next_best_action.model import shipped
from orbit_contacts.features.next_best_action.optout import NONE, TYPICAL, bucket, count_opt_outs
from orbit_contacts.features.next_best_action.purchase import HORIZON, History, Recurrence, design, fit, history_at
from tests.features.next_best_action.worlds import NOW

EMAIL, SMS = CHANNEL_INDEX["email"], CHANNEL_INDEX["sms"]


def history(count: float, days: float, age: float = 300.0, money: float = 50.0) -> History:
    return History(
        np.array([count]),
        np.array([count * 2.0 ** (-days / 90)]),
        np.array([money * count]),
        np.array([NOW - int(days * DAY) if count else NEVER]),
        np.array([NOW - int(age * DAY)]),
    )


def chance(of: History) -> float:
    return float(shipped().purchase.chance(of, NOW)[0])


def test_who_buys_often_and_lately_is_likelier_to_buy():
    assert chance(history(0, 0)) < chance(history(1, 60)) < chance(history(5, 60)) < chance(history(12, 5))
    assert chance(history(5, 200)) < chance(history(5, 5))


def test_one_row_scores_like_many():
    model = shipped().purchase
    row = design(history(3, 10), NOW)[0]
    assert model.of_row(row) == pytest.approx(chance(history(3, 10)))


def customers(m: int = 1500, seed: int = 4):
    """Buyers at Gamma rates who leave for good after a while, far livelier than the shipped prior supposes."""
    rng = np.random.default_rng(seed)
    daily = rng.gamma(1.5, 0.03, m)
    leaves = rng.exponential(150, m)
    who = np.repeat(np.arange(m), rng.poisson(daily * 360))
    day = rng.uniform(0, 360, len(who))
    who, day = who[day < leaves[who]], day[day < leaves[who]]
    return who, NOW - 360 * DAY + (day * DAY).astype(np.int64), np.ones(len(who)), np.full(m, NOW - 360 * DAY)


def test_a_refit_beats_the_prior_on_a_window_it_has_not_seen():
    who, when, money, since = customers()
    begin = NOW - HORIZON
    cutoffs = [begin - HORIZON - step * 15 * DAY for step in range(5)]
    prior = shipped().purchase
    model = fit(who, when, money, since, cutoffs, prior)
    seen = history_at(who, when, money, since, begin)
    bought = np.zeros(len(since))
    bought[who[when >= begin]] = 1.0
    refitted, before = model.chance(seen, begin), prior.chance(seen, begin)
    assert log_loss(bought, refitted).mean() < log_loss(bought, before).mean()
    assert abs(refitted.mean() - bought.mean()) < 0.02
    assert auc(bought, refitted) > 0.85


def test_without_purchases_the_prior_stands():
    none = np.zeros(0, dtype=np.int64)
    prior = shipped().purchase
    assert fit(none, none, none.astype(float), none, [NOW - HORIZON], prior) == prior
    assert Recurrence(prior.coefficients).chance(history(0, 0), NOW)[0] < 0.1


def columns(rows: list[tuple[int, Code, int, int, int]]) -> Events:
    contact, code, channel, instant, key = (np.array(column) for column in zip(*rows, strict=True))
    return Events(
        contact.astype(np.int64),
        code.astype(np.uint8),
        channel.astype(np.uint8),
        instant.astype(np.int64),
        key.astype(np.int64),
        np.zeros(len(rows)),
    )


def test_an_opt_out_is_put_down_to_the_latest_send_within_a_week():
    start = NOW - 40 * DAY
    found = count_opt_outs(
        columns(
            [
                (0, Code.SENT, EMAIL, start, 1),
                (0, Code.SENT, EMAIL, start + DAY, 2),
                (0, Code.OPTED_OUT, EMAIL, start + 3 * DAY, 0),
                (1, Code.SENT, SMS, start, 3),
                (1, Code.OPTED_OUT, NO_CHANNEL, start + 8 * DAY, 0),
                (2, Code.SENT, SMS, start, 4),
                (2, Code.OPTED_OUT, EMAIL, start + DAY, 0),
                (3, Code.SENT, SMS, NOW - DAY, 5),
            ]
        ),
        NOW - 98 * DAY,
        NOW,
    )
    sends, left = np.array(found.sends), np.array(found.opt_outs)
    assert sends.sum() == 4
    assert left.sum() == 1
    assert left[EMAIL, 1] == 1


def test_opt_outs_are_likelier_where_they_were_seen_and_typical_where_nothing_is_known():
    assert NONE.chances() == pytest.approx(TYPICAL)
    rng = np.random.default_rng(3)
    rows: list[tuple[int, Code, int, int, int]] = []
    for contact in range(600):
        for step in range(6):
            at = NOW - 60 * DAY + step * DAY
            rows.append((contact, Code.SENT, SMS, at, contact * 10 + step + 1))
            if step == 5 and rng.random() < 0.2:
                rows.append((contact, Code.OPTED_OUT, SMS, at + DAY // 2, 0))
    found = count_opt_outs(columns(rows), NOW - 98 * DAY, NOW).chances()
    assert found[SMS, 3] > 5 * TYPICAL > found[SMS, 0]


def test_buckets_of_recent_sends():
    assert bucket(np.array([0, 1, 2, 3, 4, 50])).tolist() == [0, 1, 2, 2, 3, 3]
