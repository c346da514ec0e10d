"""The nightly fit always leaves a model that answers, and a card that tells how it came about."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from orbit_contacts.core.clock import DAY
from orbit_contacts.features.next_best_action.followed import Logged
from orbit_contacts.features.next_best_action.messages import Events
from orbit_contacts.features.next_best_action.model import Model, read, shipped
from orbit_contacts.features.next_best_action.nightly import train
from orbit_contacts.features.next_best_action.rebuild import Contacts
from orbit_contacts.features.next_best_action.tastes import HOURS
from orbit_contacts.features.next_best_action.training import Profile
from tests.features.next_best_action.families import FAMILIES, Recipe
from tests.features.next_best_action.worlds import NOW, World, world


def profile(of: World) -> Profile:
    return Profile(of.lead.astype(float), of.customer.astype(float), of.owned)


def fitted(of: World, events: Events | None = None, **more: object) -> Model:
    return train(events or of.events, of.contacts, profile(of), NOW, "night-1", **more)  # pyright: ignore


@pytest.fixture(scope="module")
def busy() -> World:
    return world(replace(FAMILIES["windows"], contacts=1500), 1302)


@pytest.fixture(scope="module")
def model(busy: World) -> Model:
    return fitted(busy)


def test_a_workspace_that_is_unlike_the_prior_gets_coefficients_of_its_own(model: Model):
    assert model.tier == "workspace"
    assert model.version == "night-1"
    assert model.trained_at == NOW
    assert model.coefficients != shipped().coefficients
    assert np.linalg.eigvalsh(np.array(model.covariance)).min() > 0
    assert model.card is not None
    assert model.card.gate.promoted


def test_the_card_has_figures_of_sends_the_fit_did_not_see(model: Model):
    card = model.card
    assert card is not None
    assert card.rows_fitted + card.rows_judged == model.sends
    assert card.gate.rows == card.rows_judged > 1_000
    assert sum(row.sends for row in card.quality.reliability) == card.rows_judged
    assert 0.6 < card.quality.auc < 1.0
    assert card.quality.calibration_error < 0.05
    assert 0 < card.quality.calibration_noise < 0.05
    assert set(card.policies) == {"model", "most_popular_channel", "last_engaged_channel"}
    assert card.policies["model"].snips > card.policies["most_popular_channel"].snips


def test_a_model_is_the_same_after_it_was_stored(model: Model):
    assert msgspec.json.decode(msgspec.json.encode(model), type=Model) == model


def test_the_same_night_gives_the_same_model(busy: World, model: Model):
    assert msgspec.json.encode(fitted(busy)) == msgspec.json.encode(model)


def test_a_second_night_starts_from_the_model_in_force(busy: World, model: Model):
    again = train(busy.events, busy.contacts, profile(busy), NOW, "night-2", current=model)
    assert again.tier == "workspace"
    assert again.card is not None
    assert again.card.gate.log_loss_before == pytest.approx(again.card.gate.log_loss_after, abs=0.01)


def test_a_version_without_coefficients_of_its_own_takes_those_of_the_program(busy: World):
    few = busy.events.where(np.random.default_rng(0).random(len(busy.events.key)) < 0.01)
    older = msgspec.structs.replace(shipped(), coefficients=[0.5] * len(shipped().coefficients))
    assert fitted(busy, few, current=older).coefficients == shipped().coefficients


def test_a_fit_knows_the_hours_that_go_together_and_one_made_before_that_was_learned_does_not(busy: World):
    made = fitted(busy)
    assert not np.allclose(made.hour_covariance(), HOURS)
    fields = msgspec.json.decode(msgspec.json.encode(made))
    del fields["hours"]
    older = read(msgspec.json.encode(fields))
    assert older.coefficients == made.coefficients
    assert (older.hour_covariance() == HOURS).all()


def test_logged_propensities_are_used(busy: World, model: Model):
    sends = busy.events.where(busy.events.instant >= NOW - 20 * DAY)
    keys = np.unique(sends.key[sends.key != 0])
    logged = Logged(keys, np.full(len(keys), 0.5))
    other = fitted(busy, logged=logged)
    assert other.card is not None
    assert model.card is not None
    assert other.card.policies["model"].effective_sends != model.card.policies["model"].effective_sends


def nothing(of: World) -> Events:
    return of.events.where(np.zeros(len(of.events.key), dtype=bool))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01])
def test_little_data_leaves_the_prior_in_force(busy: World, share: float):
    few = busy.events.where(np.random.default_rng(0).random(len(busy.events.key)) < share)
    made = fitted(busy, few)
    assert made.tier == "prior"
    assert made.coefficients == shipped().coefficients
    assert made.card is not None


@pytest.mark.parametrize("base", [-12.0, 12.0])
def test_nobody_or_everybody_answering_breaks_nothing(base: float):
    one = world(Recipe(contacts=200, base=base, failed=0.0), 1301)
    made = fitted(one)
    assert np.isfinite(made.coefficients).all()
    assert np.isfinite(made.tau)


def test_no_contacts_at_all_break_nothing(busy: World):
    none = Contacts(np.zeros(0, dtype=np.int64), busy.contacts.zones)
    empty = Profile(np.zeros(0), np.zeros(0), np.zeros((0, 11), dtype=bool))
    assert train(nothing(busy), none, empty, NOW, "night-1").tier == "prior"
