"""When a business is busy: the hours of a week, as a clock that runs faster in busy hours."""

from datetime import UTC, datetime

import numpy as np

from orbit_contacts.interfaces.demo.draws import Floats

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = (3, 2, 2, 2, 3, 5, 9, 16, 26, 34, 38, 38, 35, 36, 38, 38, 36, 32, 27, 22, 17, 12, 8, 5)
_WEEK = (1.0, 1.08, 1.06, 1.02, 0.9, 0.4, 0.34)
_HOURS = 168
_FROM_MONDAY = 3 * 24.0
"""The epoch was a Thursday, 72 hours into its week."""

_WORK: Floats = np.outer(_WEEK, _DAY).ravel()
_SHARES: Floats = np.concatenate([[0.0], np.cumsum(_WORK)]) / _WORK.sum()
_EDGES = np.arange(_HOURS + 1.0)


def busy_weeks(hours: Floats) -> Floats:
    """Hours since the epoch (UTC) as weeks of work: whole at each Monday 00:00, steep in busy hours."""
    week, hour = np.divmod(hours + _FROM_MONDAY, _HOURS)
    return week + np.interp(hour, _EDGES, _SHARES)


def hours_at(weeks: Floats) -> Floats:
    """The inverse of `busy_weeks`."""
    week = np.floor(weeks)
    return week * _HOURS + np.interp(weeks - week, _SHARES, _EDGES) - _FROM_MONDAY


def microseconds(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime."""
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
