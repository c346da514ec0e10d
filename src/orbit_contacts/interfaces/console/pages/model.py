"""The model card of next best action, for people: may it answer, how often is it right, what would it be worth."""

from typing import NamedTuple

from starlette.responses import Response

from orbit_contacts.features.next_best_action import service
from orbit_contacts.features.next_best_action.card import Reliability
from orbit_contacts.features.next_best_action.features import NAMES
from orbit_contacts.features.next_best_action.models import ModelCard
from orbit_contacts.features.next_best_action.off_policy import PolicyValue
from orbit_contacts.features.next_best_action.service import COLD
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()

WORDS = {
    "channel": "The channel, as it does for everybody",
    "slot": "The channel at that time of the week, for everybody",
    "contact_rate": "How often the person answers",
    "contact_channel_rate": "How often the person answers on the channel",
    "contact_hours": "The hours at which the person is active",
    "contact_slot": "How often the person answers at that time of the week",
    "inbound_channel": "The channel on which the person writes to you",
    "workspace_hours": "The hours at which everybody is active",
    "sends": "How much the person was sent",
    "channel_sends": "How much the person was sent on the channel",
    "activity": "How much the person does",
    "inbound_volume": "How much the person writes to you",
    "weeks_since_engaged": "Weeks since the person last answered",
    "weeks_since_sent": "Weeks since the person was last sent something",
    "engaged_lately": "An answer on the channel lately",
    "sends_in_week": "Sends in the last week",
    "lead": "The person is a lead",
    "customer": "The person is a customer",
    "open_ticket": "The person has an open ticket",
    "slot_x_activity": "The time of the week, for people who are active",
}
POLICIES = {
    "model": "This model",
    "most_popular_channel": "Always the most popular channel",
    "last_engaged_channel": "The channel last answered on",
}
CALIBRATIONS = {
    "identity": "As the model says it: there are too few sends to correct it by (2,000).",
    "platt": "Corrected along a line by your own sends.",
    "isotonic": "Corrected step by step by your own sends.",
}
REASONS = {
    "fewer than 100 sends to judge on": "Fewer than 100 sends to judge it on.",
    "log-loss improved and the policy is no worse": "It foretells answers better, and choosing by it is no worse.",
    "log-loss did not improve by half a standard error": "It did not foretell answers clearly better.",
    "the policy is worse by more than a standard error": "Choosing by it would have brought fewer answers.",
}
_SIDE, _LOW, _HIGH = 320.0, 36.0, 308.0  # of the chart and its field, in its own units
_WIDEST = 46.0  # per cent of the width that the strongest coefficient takes


class Dot(NamedTuple):
    """A row of the reliability table as a dot of the chart."""

    x: float
    y: float
    r: float
    row: Reliability


class Chart(NamedTuple):
    """`ticks` are chances with their places along x and y."""

    dots: list[Dot]
    ticks: list[tuple[float, float, float]]


class Policy(NamedTuple):
    """A policy's value with its interval, as per cents of the widest interval's end."""

    label: str
    value: PolicyValue
    start: float
    middle: float
    width: float


class Weight(NamedTuple):
    """A coefficient; `x` and `width` are per cents of the row, whose middle is nought."""

    words: str
    value: float
    x: float
    width: float


@views.get("/model", "contacts:read")
async def show(visit: Visit) -> Response:
    async with visit.reader() as reader:
        known = await service.model_card(reader)
    card = known.card
    return visit.page(
        "model/page.html",
        model=known,
        card=card,
        cold=COLD,
        calibration=CALIBRATIONS.get(known.calibration, known.calibration),
        reason=REASONS.get(card.gate.reason, card.gate.reason) if card else "",
        chart=chart_of(card.quality.reliability) if card else None,
        policies=policies_of(card.policies) if card else [],
        weights=weights_of(known),
    )


def chart_of(rows: list[Reliability]) -> Chart:
    """Foretold chances to the right, what came to pass upwards, both on one scale."""
    most = max((max(row.predicted, row.observed) for row in rows), default=0.0)
    top = next(limit for limit in (0.05, 0.1, 0.2, 0.4, 0.6, 1.0) if most <= limit or limit == 1.0)
    biggest = max((row.sends for row in rows), default=1)

    def along(chance: float) -> float:
        return round(_LOW + (_HIGH - _LOW) * min(chance / top, 1.0), 1)

    dots = [
        Dot(
            along(row.predicted),
            round(_SIDE - along(row.observed), 1),
            round(3 + 5 * (row.sends / biggest) ** 0.5, 1),
            row,
        )
        for row in rows
    ]
    ticks = [(top * part / 4, along(top * part / 4), round(_SIDE - along(top * part / 4), 1)) for part in range(5)]
    return Chart(dots, ticks)


def policies_of(values: dict[str, PolicyValue]) -> list[Policy]:
    """The model first, then what it is held against."""
    most = max((value.snips_95[1] for value in values.values()), default=0.0) or 1.0
    ordered = sorted(values.items(), key=lambda each: list(POLICIES).index(each[0]) if each[0] in POLICIES else 9)
    return [_policy(POLICIES.get(name, name), value, most) for name, value in ordered]


def _policy(label: str, value: PolicyValue, most: float) -> Policy:
    start, end = (round(100 * min(max(bound / most, 0.0), 1.0), 1) for bound in value.snips_95)
    return Policy(label, value, start, round(100 * min(max(value.snips / most, 0.0), 1.0), 1), round(end - start, 1))


def weights_of(model: ModelCard) -> list[Weight]:
    """What moves the chance, as far as contacts are believed, the strongest first; the intercept is left out."""
    factors = model.trust.factors().tolist()
    values = [value * factor for value, factor in zip(model.coefficients[1:], factors, strict=False)]
    strongest = max((abs(value) for value in values), default=0.0) or 1.0
    rows: list[Weight] = []
    for name, value in zip(NAMES, values, strict=False):
        width = round(_WIDEST * abs(value) / strongest, 1)
        rows.append(Weight(WORDS.get(name, name), value, 50.0 if value >= 0 else round(50.0 - width, 1), width))
    return sorted(rows, key=lambda row: -abs(row.value))
