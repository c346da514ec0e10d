"""The nightly fit of a workspace: refit, calibrate, judge on the last two weeks, promote or not."""

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from orbit_contacts.core.clock import DAY
from orbit_contacts.features.next_best_action import prior
from orbit_contacts.features.next_best_action.calibration import calibrate
from orbit_contacts.features.next_best_action.card import Card, quality
from orbit_contacts.features.next_best_action.decay import WEEK, weight
from orbit_contacts.features.next_best_action.events import Code
from orbit_contacts.features.next_best_action.features import NAMES, Workspace, rates, workspace
from orbit_contacts.features.next_best_action.followed import Logged
from orbit_contacts.features.next_best_action.gate import Verdict, in_errors, judge
from orbit_contacts.features.next_best_action.hour_covariance import learn as learn_hours
from orbit_contacts.features.next_best_action.local_time import BINS
from orbit_contacts.features.next_best_action.logistic import fit, log_loss, sigmoid
from orbit_contacts.features.next_best_action.messages import AHEAD, Events
from orbit_contacts.features.next_best_action.model import COLD, Model, Sums, shipped
from orbit_contacts.features.next_best_action.off_policy import PolicyValue, policy, propensities, value
from orbit_contacts.features.next_best_action.optout import count_opt_outs
from orbit_contacts.features.next_best_action.purchase import HORIZON, Recurrence
from orbit_contacts.features.next_best_action.purchase import fit as fit_recurrence
from orbit_contacts.features.next_best_action.rebuild import AWAKE, Contacts, rebuild
from orbit_contacts.features.next_best_action.training import Examples, Profile, examples
from orbit_contacts.features.next_best_action.trust import learn

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_ANSWERS: Final = tuple(
    name for name in NAMES if name.startswith(("contact_rate", "contact_channel", "contact_slot", "engaged"))
)
"""Features that speak of how the contact answered."""
_USUAL: Final = {"contact": 0.85, "channel": 1.15, "hour": 1.2}
"""Spreads (logit) that sends of a contact share, of a contact on a channel, of a contact in a bin."""
_PAIRS: Final = 300.0
"""How many pairs of sends the usual spreads are worth."""
_TAILS: Final = 1.16
"""Tastes are seldom Gaussian: 90 % of them reach further than pairs tell."""
_TAUS: Final = (1.2, 3.0)
SPAN: Final = 14 * WEEK
JUDGED: Final = 2 * WEEK


def train(
    events: Events,
    contacts: Contacts,
    profile: Profile,
    now: int,
    version: str,
    current: Model | None = None,
    logged: Logged | None = None,
) -> Model:
    """The model in force from now on.

    Args:
        events: all events of a sample of contacts, also those older than 14 weeks.
        contacts, profile: of the sample.
        now: microseconds.
        version: name of the version to make.
        current: the version in force, the shipped one when None.
        logged: known propensities.
    """
    before = _in_force(current)
    known, hours = _workspace(events, contacts, now)
    rows = examples(events, contacts, profile, now - SPAN, now)
    recent = rows.instant >= now - JUDGED
    older = rows.where(~recent)
    fresh = rows.where(recent)
    opt_outs = count_opt_outs(events, now - SPAN, now)
    purchase, active = _recurrences(events, contacts, now)

    candidate = None
    if len(older.success) >= COLD:
        before, candidate = _refitted(before, hours, older, fresh)
    card, promoted = _judged(before, candidate, older, fresh, logged)
    kept = candidate if candidate is not None and promoted else before
    return msgspec.structs.replace(
        kept,
        version=version,
        trained_at=now,
        sends=len(rows.success),
        opt_outs=opt_outs,
        purchase=purchase,
        active=active,
        card=card,
        sums=_sums(known, now),
    )


def _in_force(current: Model | None) -> Model:
    """`current`, with the shipped coefficients of this program where it has no coefficients of its own."""
    start = shipped()
    if current is None:
        return start
    if current.tier == "workspace":
        return current
    return msgspec.structs.replace(current, coefficients=start.coefficients, covariance=start.covariance)


def _workspace(events: Events, contacts: Contacts, now: int) -> tuple[Workspace, Floats]:
    """The workspace's sums, and which hours go together there (16, 16)."""
    state, _ = rebuild(events.where(events.instant <= now), contacts, now)
    known = workspace(state, now)
    return known, learn_hours(state.activity / weight(now), rates(known).hours)


def _sums(of: Workspace, now: int) -> Sums:
    return Sums(now, of.trials.tolist(), of.successes.tolist(), of.activity.tolist(), of.inbound.tolist(), of.worth)


def evaluate(
    events: Events,
    contacts: Contacts,
    profile: Profile,
    now: int,
    current: Model | None = None,
    logged: Logged | None = None,
) -> Card:
    """The card of the model in force on the last two weeks, nothing refitted; arguments like those of `train`."""
    rows = examples(events, contacts, profile, now - SPAN, now)
    recent = rows.instant >= now - JUDGED
    card, _ = _judged(current or shipped(), None, rows.where(~recent), rows.where(recent), logged)
    return card


def _refitted(before: Model, hours: Floats, older: Examples, fresh: Examples) -> tuple[Model, Model]:
    """The model in force, recalibrated, and the one that wants to take its place, of this covariance of hours."""
    seen = older.design(hours)
    trust = learn(seen, older.success)
    fitted = fit(seen * trust.factors(), older.success, prior.coefficients(), prior.precision())
    tau = _tau(seen, older)
    candidate = msgspec.structs.replace(
        before,
        center=seen.mean(0).tolist(),
        tau=tau,
        hours=hours.tolist(),
        tier="workspace",
        coefficients=fitted.coefficients.tolist(),
        covariance=fitted.covariance.tolist(),
        trust=trust,
    )
    trusting = msgspec.structs.replace(before, trust=trust, hours=hours.tolist())
    if before.tier == "prior" and not _harmful(before, trusting, fresh):
        common, met = trusting, seen
    else:
        common, met = before, older.design(before.hour_covariance())
    common = msgspec.structs.replace(common, center=met.mean(0).tolist(), tau=tau)
    # Recalibrating keeps the order of the candidates, so it needs no gate.
    return _calibrated(common, met, older), _calibrated(candidate, seen, older)


def _harmful(before: Model, trusting: Model, fresh: Examples) -> bool:
    """Whether the shipped terms foretell the judged weeks clearly worse with new trust and hours: by two errors."""
    chances = [sigmoid(_scores(fresh.design(model.hour_covariance()), model.weights())) for model in (before, trusting)]
    old, new = (log_loss(fresh.success, chance) for chance in chances)
    return in_errors(old - new, fresh.contact) < -2.0


def _calibrated(model: Model, design: Floats, rows: Examples) -> Model:
    b = model.weights()
    usual = rows.usual(b, model.hour_covariance())
    return msgspec.structs.replace(model, calibration=calibrate(_scores(design, b), usual, rows.success))


def _scores(design: Floats, coefficients: Floats) -> Floats:
    return design @ coefficients[1:] + coefficients[0]


def _tau(design: Floats, rows: Examples) -> float:
    """Spread (logit) of a contact's chances on a channel at an hour: from how sends that share something err alike.

    The chances are those of the shipped prior with the contact's own answers hidden; two sends of a contact whose
    taste is t away from the average are both off by t p (1 - p) on average. Sends on one channel share what the
    contact is like and the taste for the channel; what sends of one bin share beyond any two of the contact is the
    taste for the hour.
    """
    hidden = design.copy()
    for name in _ANSWERS:
        hidden[:, NAMES.index(name)] = design[:, NAMES.index(name)].mean()
    z = _scores(hidden, prior.coefficients())
    line = fit(z[:, None], rows.success, np.array([0.0, 1.0]), np.eye(2)).coefficients
    p = sigmoid(line[0] + line[1] * z)
    off, room = rows.success - p, p * (1.0 - p)
    channel = _spread(rows.contact * 11 + rows.channel, off, room, _USUAL["channel"])
    contact = _spread(rows.contact, off, room, _USUAL["contact"])
    hour = _spread(rows.contact * BINS + rows.bins, off, room, _USUAL["hour"])
    whole = np.sqrt(channel**2 + max(hour**2 - contact**2, 0.0))
    return float(np.clip(_TAILS * whole, *_TAUS))


def _spread(group: Ints, off: Floats, room: Floats, usual: float) -> float:
    """Spread (logit) that sends of one group share; `usual` where there are no pairs to tell."""
    _, pair = np.unique(group, return_inverse=True)

    def products(of: Floats) -> float:
        return float(np.square(np.bincount(pair, of)).sum() - np.square(of).sum())

    mean = float(room.mean())
    trust = 2.0 * _PAIRS * float(np.square(room).mean())
    spreads = np.linspace(0.05, 3.5, 70)
    shared = _shared_variance(0.5 - np.sqrt(max(0.25 - mean, 0.0)), spreads) / mean**2
    found = (products(off) + trust * float(np.interp(usual, spreads, shared))) / (products(room) + trust)
    return float(np.interp(found, shared, spreads))


def _shared_variance(mean: float, spreads: Floats) -> Floats:
    """(s,) variance of sigmoid(a + spread x), x standard normal, where a makes the mean come out right."""
    x, mass = np.polynomial.hermite_e.hermegauss(40)
    mass = mass / mass.sum()
    low, high = np.full(len(spreads), -30.0), np.full(len(spreads), 30.0)
    for _ in range(60):
        a = (low + high) / 2.0
        above = sigmoid(a[:, None] + spreads[:, None] * x) @ mass > mean
        low, high = np.where(above, low, a), np.where(above, a, high)
    chance = sigmoid(low[:, None] + spreads[:, None] * x)
    return np.square(chance) @ mass - mean**2


def _judged(
    before: Model,
    candidate: Model | None,
    older: Examples,
    fresh: Examples,
    logged: Logged | None,
) -> tuple[Card, bool]:
    """The card of the version that comes out on top, and whether that is the candidate."""
    row = np.arange(len(fresh.success))
    old_logits, old_chance = _foretold(before, fresh)
    known = _known(fresh, logged)
    propensity = propensities(fresh.channel, fresh.available, known)
    old_loss = log_loss(fresh.success, old_chance[row, fresh.channel])
    target = policy(old_logits, fresh.available)
    if candidate is None:
        verdict = Verdict(
            False, "nothing was refitted: fewer than 50 sends, or only judged", len(row), 0.0, 0.0, 0.0, 0.0, 0.0
        )
        chance, loss = old_chance, old_loss
    else:
        new_logits, new_chance = _foretold(candidate, fresh)
        new_loss = log_loss(fresh.success, new_chance[row, fresh.channel])
        new_target = policy(new_logits, fresh.available)
        verdict = judge(old_loss, new_loss, target, new_target, fresh.channel, fresh.success, propensity, fresh.contact)
        chance, loss = (new_chance, new_loss) if verdict.promoted else (old_chance, old_loss)
        target = new_target if verdict.promoted else target
    judged = quality(fresh.success, chance[row, fresh.channel], loss)

    def worth(of: Floats) -> PolicyValue:
        return value(of, chance, fresh.channel, fresh.success, propensity, fresh.contact)

    policies = {
        "model": worth(target),
        "most_popular_channel": worth(policy(_popularity(older, fresh), fresh.available)),
        "last_engaged_channel": worth(policy(_popularity(older, fresh) - fresh.before.weeks_engaged, fresh.available)),
    }
    return Card(len(older.success), len(row), verdict, judged, policies), verdict.promoted


def _foretold(model: Model, rows: Examples) -> tuple[Floats, Floats]:
    """(n, 11) logits and calibrated chances of every channel at the hour of the send."""
    b = model.weights()
    hours = model.hour_covariance()
    logits = rows.logits(b, hours)
    return logits, model.calibration.chance(logits, rows.usual(b, hours)[:, None])


def _popularity(older: Examples, fresh: Examples) -> Floats:
    """(n, 11) the workspace's share of answers on each channel before the judged weeks, below 1e-3."""
    count = np.bincount(older.channel, minlength=11)
    answered = np.bincount(older.channel, older.success, 11)
    return np.tile(1e-3 * (answered + 0.1) / (count + 1.0), (len(fresh.success), 1))


def _known(rows: Examples, logged: Logged | None) -> Floats | None:
    """(n,) logged propensity of each send, NaN where it was not decided here."""
    if logged is None or not len(logged.key):
        return None
    order = np.argsort(logged.key)
    place = np.minimum(np.searchsorted(logged.key[order], rows.key), len(order) - 1)
    found = logged.key[order][place] == rows.key
    return np.where(found, logged.propensity[order][place], np.nan)


def _recurrences(events: Events, contacts: Contacts, now: int) -> tuple[Recurrence, Recurrence]:
    """Models of purchase and of activity, refitted on six windows of 30 days."""
    m = len(contacts.zone_of)
    since = np.full(m, AHEAD, dtype=np.int64)
    np.minimum.at(since, events.contact, events.instant)
    cutoffs = [now - HORIZON - step * 15 * DAY for step in range(6)]
    start = shipped()

    def refit(rows: npt.NDArray[np.bool_], money: Floats, base: Recurrence, faded: bool) -> Recurrence:
        if int(rows.sum()) < COLD:
            return base
        return fit_recurrence(
            events.contact[rows], events.instant[rows], money[rows], since, cutoffs, base, faded=faded
        )

    bought = events.code == Code.ORDERED
    return (
        refit(bought, events.value, start.purchase, False),
        refit(AWAKE[events.code], np.zeros(len(events.value)), start.active, True),
    )
