"""Chances that are right on average, without turning the order of candidates round."""

import msgspec
import numpy as np
import pytest

from orbit_contacts.features.next_best_action.calibration import Calibration, calibrate
from orbit_contacts.features.next_best_action.logistic import sigmoid


def crooked(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits whose contrasts are told half as large as they are."""
    rng = np.random.default_rng(n)
    usual = rng.normal(-2.0, 0.7, n)
    contrast = rng.normal(0.0, 0.8, n)
    success = (rng.random(n) < sigmoid(usual + 2.0 * contrast)).astype(float)
    return usual + contrast, usual, success


@pytest.mark.parametrize(
    ("n", "kind"), [(1_999, "identity"), (2_000, "platt"), (19_999, "platt"), (20_000, "isotonic")]
)
def test_kind_follows_the_number_of_rows(n, kind):
    assert calibrate(*crooked(n)).kind == kind


def test_few_rows_change_nothing():
    z = np.linspace(-5, 5, 11)
    np.testing.assert_allclose(Calibration().chance(z, np.zeros(11)), sigmoid(z))


@pytest.mark.parametrize("n", [6_000, 40_000])
def test_tastes_told_too_small_are_mended(n):
    calibration = calibrate(*crooked(n))
    assert calibration.contrast == pytest.approx(2.0, abs=0.2)
    assert float(calibration.chance(np.array([-0.5]), np.array([-2.0]))[0]) == pytest.approx(
        float(sigmoid(np.array([1.0]))[0]), abs=0.06
    )


@pytest.mark.parametrize("n", [500, 6_000, 40_000])
def test_order_within_a_contact_is_kept_strictly(n):
    calibration = calibrate(*crooked(n))
    chances = calibration.chance(np.linspace(-8, 8, 400), np.array(-2.0))
    assert (np.diff(chances) > 0).all()
    assert ((chances > 0) & (chances < 1)).all()


def test_even_nonsense_keeps_the_order():
    logit, usual, success = crooked(5_000)
    calibration = calibrate(logit, usual, 1.0 - success)
    assert (np.diff(calibration.chance(np.linspace(-5, 5, 50), np.array(0.0))) > 0).all()


def test_it_survives_being_stored():
    calibration = calibrate(*crooked(25_000))
    assert msgspec.json.decode(msgspec.json.encode(calibration), type=Calibration) == calibration
