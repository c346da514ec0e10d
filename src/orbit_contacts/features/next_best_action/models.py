"""What is asked of next best action, and the card of the model in force."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from orbit_contacts.features.next_best_action.card import Card
from orbit_contacts.features.next_best_action.trust import Trust


class NextActionQuery(msgspec.Struct, kw_only=True):
    explore: Annotated[bool | None, Meta(description="`false` neither explores nor logs the decision.")] = None
    goal: Annotated[Literal["engage", "purchase"] | None, Meta(description="What to aim at; engage when absent.")] = (
        None
    )


class ModelCard(msgspec.Struct, kw_only=True):
    version: str
    tier: Annotated[str, Meta(description="`prior` is the shipped one, `workspace` was fitted on your own sends.")]
    trained_at: str | None
    level: Annotated[str, Meta(description="`cold` with fewer than 50 sends whose outcome is known.")]
    sends: int
    coefficients: Annotated[list[float], Meta(description="Intercept, then the features in order.")]
    calibration: str
    trust: Annotated[Trust, Meta(description="How far contacts are believed; 1 is the prior's word.")]
    card: Annotated[Card | None, Meta(description="Gate verdict, reliability and policy values of the last two weeks.")]
