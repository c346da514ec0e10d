"""Logistic regression with a ridge towards a prior, by Newton's method."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Fit:
    """Posterior mode and the Gaussian around it; index 0 is the intercept."""

    coefficients: Floats
    """(F + 1,)"""
    covariance: Floats
    """(F + 1, F + 1) inverse of the Hessian at the mode"""


def sigmoid(z: Floats) -> Floats:
    """1 / (1 + exp(-z)), without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * z))


def logit(p: Floats) -> Floats:
    """Inverse of `sigmoid`; p is kept 1e-6 away from 0 and 1."""
    inside = np.clip(p, 1e-6, 1.0 - 1e-6)
    return np.log(inside) - np.log1p(-inside)


def log_loss(success: Floats, p: Floats) -> Floats:
    """(n,) negative log-likelihood of each outcome (0 or 1, or a chance in between)."""
    inside = np.clip(p, 1e-6, 1.0 - 1e-6)
    return -(success * np.log(inside) + (1.0 - success) * np.log1p(-inside))


def fit(design: Floats, success: Floats, prior: Floats, precision: Floats, weight: Floats | None = None) -> Fit:
    """Mode of  sum w * log-likelihood - (b - prior)' precision (b - prior) / 2.

    Args:
        design: (n, F); the intercept is added here.
        success: (n,) 0 or 1, or a known chance.
        prior: (F + 1,) where the coefficients stand without data.
        precision: (F + 1, F + 1) symmetric, positive definite: how firmly they stand there.
        weight: (n,) of the rows; 1 when absent.
    """
    weighted = np.ones(len(success)) if weight is None else weight
    b = prior.copy()
    hessian = precision
    best = _objective(design, success, weighted, b, prior, precision)
    for _ in range(50):
        p = sigmoid(design @ b[1:] + b[0])
        slope = weighted * (success - p)
        gradient = np.concatenate([[slope.sum()], design.T @ slope]) - precision @ (b - prior)
        hessian = precision + _information(design, weighted * p * (1.0 - p))
        step = np.linalg.solve(hessian, gradient)
        # Halve until the objective does not fall: far from the mode a Newton step may overshoot.
        value = _objective(design, success, weighted, b + step, prior, precision)
        for _ in range(30):
            if value >= best - 1e-12 * abs(best):
                break
            step = step / 2.0
            value = _objective(design, success, weighted, b + step, prior, precision)
        b = b + step
        best = max(best, value)
        if float(np.abs(step).max()) < 1e-7:
            break
    return Fit(b, np.asarray(np.linalg.inv(hessian), dtype=np.float64))


def _information(design: Floats, curvature: Floats) -> Floats:
    scaled = design * curvature[:, None]
    size = design.shape[1] + 1
    whole = np.empty((size, size))
    whole[0, 0] = curvature.sum()
    whole[0, 1:] = whole[1:, 0] = scaled.sum(0)
    whole[1:, 1:] = scaled.T @ design
    return whole


def _objective(design: Floats, success: Floats, weight: Floats, b: Floats, prior: Floats, precision: Floats) -> float:
    z = design @ b[1:] + b[0]
    # log sigmoid(z) = -log(1 + exp(-z)), and the same for 1 - success, in one stable expression.
    likelihood = float(np.sum(weight * (success * z - np.logaddexp(0.0, z))))
    away = b - prior
    return likelihood - 0.5 * float(away @ precision @ away)
