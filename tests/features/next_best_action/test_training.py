"""Training rows hold what was known the moment before each send, and nothing later."""

from dataclasses import fields, replace

import numpy as np

from orbit_contacts.core.clock import DAY
from orbit_contacts.features.next_best_action.decay import WEEK
from orbit_contacts.features.next_best_action.features import NAMES, Snapshot, rates, snapshot, workspace
from orbit_contacts.features.next_best_action.messages import AHEAD, gather
from orbit_contacts.features.next_best_action.rebuild import Contacts, rebuild
from orbit_contacts.features.next_best_action.training import Profile, examples
from tests.features.next_best_action.families import Recipe
from tests.features.next_best_action.worlds import NOW, world

ONE = world(replace(Recipe(), contacts=60, sends=12.0, zones=3, echo=0.3), 7)
PROFILE = Profile(ONE.lead.astype(float), ONE.customer.astype(float), ONE.owned)
BEGIN = NOW - 10 * WEEK
ROWS = examples(ONE.events, ONE.contacts, PROFILE, BEGIN, NOW)


def test_every_matured_send_of_the_span_is_a_row():
    messages = gather(ONE.events)
    expected = messages.where((messages.start >= BEGIN) & (messages.known_at <= NOW))
    assert sorted(ROWS.key.tolist()) == sorted(expected.key.tolist())
    assert ROWS.success.sum() == expected.success.sum() > 0
    assert (np.diff(ROWS.instant) >= 0).all()


def test_a_row_is_what_a_rebuild_of_the_moment_before_would_show():
    for row in range(0, len(ROWS.key), 29):
        at = int(ROWS.instant[row])
        who = int(ROWS.contact[row])
        mine = ONE.events.where((ONE.events.contact == who) & (ONE.events.instant < at))
        mine.contact = np.zeros(len(mine.contact), dtype=np.int64)
        one = Contacts(ONE.contacts.zone_of[who : who + 1], ONE.contacts.zones)
        state, messages = rebuild(mine, one, at - 1)
        recent = ((messages.start >= at - WEEK) & (messages.start < at)).sum()
        expected = snapshot(state, at, np.array([float(recent)]), PROFILE.lead[[who]], PROFILE.customer[[who]])
        for column in fields(Snapshot):
            seen = getattr(ROWS.before.where(np.array([row])), column.name)
            np.testing.assert_allclose(seen, getattr(expected, column.name), atol=1e-9, err_msg=column.name)


def test_the_rates_of_a_row_are_those_of_the_start_of_its_week():
    week = 6
    at = BEGIN + week * WEEK
    state, _ = rebuild(ONE.events.where(ONE.events.instant < at), ONE.contacts, at - 1)
    expected = rates(workspace(state, at))
    for name in ("channel", "slot", "hours", "inbound", "sends"):
        np.testing.assert_allclose(getattr(ROWS.tables[week], name), getattr(expected, name), rtol=1e-9)


def test_an_outcome_that_comes_later_changes_no_earlier_row():
    cut = NOW - 3 * WEEK
    early = examples(ONE.events.where(ONE.events.instant <= cut), ONE.contacts, PROFILE, BEGIN, cut)
    later = {key: row for row, key in enumerate(ROWS.key.tolist())}
    rows = np.array([later[key] for key in early.key.tolist()])
    np.testing.assert_allclose(early.design(), ROWS.where(rows).design(), atol=1e-9)


def test_the_logit_of_the_channel_taken_is_that_of_its_features():
    b = np.random.default_rng(0).normal(size=len(NAMES) + 1)
    logits = ROWS.logits(b)
    taken = logits[np.arange(len(ROWS.key)), ROWS.channel]
    np.testing.assert_allclose(taken, ROWS.design() @ b[1:] + b[0], atol=1e-9)


def test_a_send_that_never_matures_is_no_row():
    messages = gather(ONE.events)
    lost = set(messages.key[messages.known_at == AHEAD].tolist())
    assert lost
    assert not lost & set(ROWS.key.tolist())


def test_nothing_at_all_is_no_row():
    none = ONE.events.where(np.zeros(len(ONE.events.key), dtype=bool))
    rows = examples(none, ONE.contacts, PROFILE, NOW - DAY, NOW)
    assert rows.design().shape == (0, len(NAMES))
