"""The ridge towards a prior, by Newton's method."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orbit_contacts.features.next_best_action.logistic import fit, log_loss, logit, sigmoid

PRIOR = np.array([-1.0, 0.5, -0.5])


def test_without_rows_the_prior_stands():
    fitted = fit(np.zeros((0, 2)), np.zeros(0), PRIOR, np.eye(3))
    np.testing.assert_allclose(fitted.coefficients, PRIOR)
    np.testing.assert_allclose(fitted.covariance, np.eye(3))


def test_with_many_rows_the_truth_is_found():
    rng = np.random.default_rng(1)
    seen = rng.normal(size=(40_000, 2))
    success = (rng.random(40_000) < sigmoid(0.3 + seen @ np.array([1.0, -2.0]))).astype(float)
    fitted = fit(seen, success, PRIOR, np.eye(3))
    error = np.abs(fitted.coefficients - np.array([0.3, 1.0, -2.0]))
    assert (error < 4 * np.sqrt(np.diag(fitted.covariance))).all()
    assert error.max() < 0.08


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100.0), st.floats(0.1, 30.0))
def test_the_gradient_vanishes_at_the_mode(seed, firmness, scale):
    rng = np.random.default_rng(seed)
    seen = rng.normal(size=(30, 2)) * scale
    success = rng.integers(0, 2, 30).astype(float)
    weight = rng.uniform(0.1, 3.0, 30)
    b = fit(seen, success, PRIOR, firmness * np.eye(3), weight).coefficients
    slope = weight * (success - sigmoid(b[0] + seen @ b[1:]))
    gradient = np.concatenate([[slope.sum()], seen.T @ slope]) - firmness * (b - PRIOR)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-4 * scale * max(1.0, firmness))


def test_separable_rows_do_not_run_away():
    seen = np.array([[-1.0, 0.0], [1.0, 0.0]] * 50)
    fitted = fit(seen, (seen[:, 0] > 0).astype(float), PRIOR, np.eye(3))
    assert np.abs(fitted.coefficients).max() < 10


def test_logit_and_sigmoid_are_inverse_and_never_overflow():
    p = np.array([0.001, 0.3, 0.999])
    np.testing.assert_allclose(sigmoid(logit(p)), p)
    with np.errstate(all="raise"):
        assert sigmoid(np.array([-1e4, 1e4])).tolist() == [0.0, 1.0]
    assert log_loss(np.array([1.0]), np.array([0.0]))[0] == pytest.approx(-np.log(1e-6))
