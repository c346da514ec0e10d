"""The model card for people: the shipped model, and one that was fitted and judged."""

import pytest

from orbit_contacts.core.database import Reader
from orbit_contacts.features.next_best_action import service
from orbit_contacts.features.next_best_action.card import Card, Quality, Reliability
from orbit_contacts.features.next_best_action.features import NAMES
from orbit_contacts.features.next_best_action.gate import Verdict
from orbit_contacts.features.next_best_action.models import ModelCard
from orbit_contacts.features.next_best_action.off_policy import PolicyValue
from orbit_contacts.features.next_best_action.trust import Trust
from orbit_contacts.interfaces.console.pages.model import WORDS, chart_of, policies_of, weights_of
from tests.interfaces.console.conftest import Visitor

ROWS = [Reliability(0.02 + 0.03 * n, 0.03 + 0.028 * n, 400 - 20 * n) for n in range(10)]
FITTED = ModelCard(
    version="2026-11-20",
    tier="workspace",
    trained_at="2026-11-20T02:00:00.000Z",
    level="fitted",
    sends=48_000,
    coefficients=[-2.0, *(0.05 * (n - 9) for n in range(len(NAMES)))],
    calibration="isotonic",
    trust=Trust(),
    card=Card(
        rows_fitted=44_000,
        rows_judged=4_000,
        gate=Verdict(True, "log-loss improved and the policy is no worse", 4_000, 0.4312, 0.4207, 3.1, 0.004, 0.006),
        quality=Quality(0.4207, 0.71, 0.012, 0.011, ROWS),
        policies={
            "last_engaged_channel": PolicyValue(0.11, (0.09, 0.13), 0.11, (0.09, 0.13), 1_400.0, True),
            "model": PolicyValue(0.14, (0.12, 0.16), 0.14, (0.12, 0.16), 900.0, False),
        },
    ),
)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def card(reader: Reader) -> ModelCard:
        return FITTED

    monkeypatch.setattr(service, "model_card", card)


def test_the_shipped_model_says_that_it_hardly_knows_the_workspace(visitor: Visitor) -> None:
    page = visitor.get("/model").text
    assert "It hardly knows you yet" in page
    assert "as shipped" in page
    assert "0 sends with a known outcome so far." in page


def test_a_fitted_model_tells_gate_reliability_and_value(fitted: None, visitor: Visitor) -> None:
    page = visitor.get("/model").text
    assert "It foretells answers better, and choosing by it is no worse." in page
    assert "0.4312 → 0.4207" in page
    assert page.count('<circle class="point"') == len(ROWS)
    assert page.index("This model") < page.index("The channel last answered on")
    assert page.count("too few sends agree with it") == 1
    assert "learned from your own sends" in page
    assert "style=" not in page


def test_every_feature_has_words() -> None:
    assert set(WORDS) == set(NAMES)
    strongest = weights_of(FITTED)[0]
    assert (strongest.words, strongest.value > 0) == (WORDS[NAMES[-1]], True)
    falling = next(row for row in weights_of(FITTED) if row.value < 0)
    assert falling.x + falling.width == pytest.approx(50)


def test_a_chart_holds_every_chance_within_its_field() -> None:
    for rows in ([], ROWS, [Reliability(1.0, 0.0, 1), Reliability(0.0, 1.0, 9)]):
        chart = chart_of(rows)
        assert all(36 <= dot.x <= 308 and 12 <= dot.y <= 284 for dot in chart.dots)
        assert len(chart.ticks) == 5
    perfect = chart_of([Reliability(0.3, 0.3, 10)]).dots[0]
    assert perfect.x + perfect.y == pytest.approx(320)


def test_intervals_stay_within_their_row() -> None:
    for policy in policies_of(FITTED.card.policies if FITTED.card else {}):
        assert 0 <= policy.start <= policy.middle <= policy.start + policy.width <= 100
    nothing = PolicyValue(0.0, (0.0, 0.0), 0.0, (0.0, 0.0), 0.0, False)
    assert policies_of({"model": nothing})[0].width == 0
