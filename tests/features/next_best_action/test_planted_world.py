"""A world told through the API and asked about through the API: the answers are those of the model by itself."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from typer.testing import CliRunner

from orbit_contacts.core.clock import now as clock
from orbit_contacts.features.next_best_action.events import CHANNELS
from orbit_contacts.features.next_best_action.features import grid, parts, rates
from orbit_contacts.features.next_best_action.features import workspace as workspace_sums
from orbit_contacts.features.next_best_action.model import Predictor, shipped
from orbit_contacts.features.next_best_action.rebuild import Contacts, rebuild
from orbit_contacts.features.next_best_action.schedule import QUARTER
from orbit_contacts.interfaces.cli.program import program
from tests.conftest import Client, Workspace
from tests.features.next_best_action.families import Recipe
from tests.features.next_best_action.figures import see
from tests.features.next_best_action.planted import answers, captured, cell, plant, send
from tests.features.next_best_action.worlds import World, world

RECIPE = Recipe(contacts=50, sends=14.0, days=80.0, channels=("email", "sms", "whatsapp", "voice"), zones=5)


class Planted(NamedTuple):
    world: World
    api: Client
    people: list[str]
    before: list[dict[str, Any]]
    now: int


@pytest.fixture
def planted(workspace: Workspace) -> Planted:
    now = clock() // QUARTER * QUARTER
    of = world(RECIPE, 1600, now)
    people = plant(workspace.api, of)
    return Planted(of, workspace.api, people, answers(workspace.api, people), now)


def expected(of: World, now: int) -> tuple[np.ndarray, np.ndarray]:
    """(m, 11, 16) chances of the shipped prior, and which candidates are the contact's."""
    state, seen, _ = see(of, now)
    written = np.flatnonzero(state.last_sent.max(1) > 0)
    kept = of.events.where(np.isin(of.events.contact, written) & (of.events.instant <= now))
    place = np.zeros(len(of.cold), dtype=np.int64)
    place[written] = np.arange(len(written))
    kept.contact = place[kept.contact]
    theirs, _ = rebuild(kept, Contacts(of.contacts.zone_of[written], of.contacts.zones), now)
    predictor = Predictor(shipped())
    logit = predictor.logit(grid(parts(seen, rates(workspace_sums(theirs, now)))))
    return predictor.chance(logit, 0.0), of.owned


def test_answers_are_those_of_the_model_by_itself(planted: Planted) -> None:
    chance, owned = expected(planted.world, planted.now)
    differing = 0
    for number, answer in enumerate(planted.before):
        told = send(answer)
        channel, bin = divmod(cell(told), 16)
        best = np.where(owned[number][:, None], chance[number], -1.0)
        assert owned[number, channel]
        # Waiting for a better hour costs a little, and an opt-out on a channel a little more.
        assert chance[number, channel, bin] >= best.max() - 0.03
        probability = next(one["probability"] for one in answer["suggestions"] if one["action"] is told)
        assert probability == pytest.approx(chance[number, channel, bin], abs=0.05), CHANNELS[channel]
        differing += abs(probability - chance[number, channel, bin]) > 0.004
    # The outcome of a send or two may have become known between the quarter of an hour and the question.
    assert differing <= 2


def test_what_is_advised_captures_much_of_what_can_be_gained(planted: Planted) -> None:
    cells = np.array([cell(send(answer)) for answer in planted.before])
    assert captured(planted.world, cells) >= 0.4


def test_a_fit_from_the_command_line_answers_at_the_very_next_question(
    planted: Planted, workspace: Workspace, dsn: str
) -> None:
    def orbit(*arguments: str) -> str:
        result = CliRunner().invoke(
            program,
            ["nba", *arguments, "--workspace", str(workspace.id)],
            env={"ORBIT_DATABASE_URL": dsn, "COLUMNS": "200"},
        )
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    assert "the shipped prior" in orbit("card")
    assert "Gate: " in orbit("fit")
    after = answers(planted.api, planted.people[:3])
    assert all(answer["model"]["trained_at"] for answer in after)
    assert after[0]["model"]["data"]["sends"] > 300
    card = orbit("card")
    assert "Calibration" in card or "calibration" in card
    assert "most popular channel" in orbit("evaluate")


def test_a_command_on_an_empty_workspace_says_so(workspace: Workspace, dsn: str) -> None:
    for command, said in (("fit", "the shipped prior answers"), ("evaluate", "No send"), ("card", "Not fitted yet")):
        result = CliRunner().invoke(
            program,
            ["nba", command, "--workspace", str(workspace.id)],
            env={"ORBIT_DATABASE_URL": dsn, "COLUMNS": "200"},
        )
        assert said in result.output, (result.output, result.exception)
