"""`orbit nba fit|evaluate|card`: the model behind the next best action, straight on the database."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.database import Database
from orbit_contacts.features.next_best_action import fitting, service
from orbit_contacts.features.next_best_action.card import Card, Quality
from orbit_contacts.features.next_best_action.gate import Verdict
from orbit_contacts.features.next_best_action.model import COLD, Model
from orbit_contacts.features.next_best_action.models import ModelCard
from orbit_contacts.features.next_best_action.off_policy import PolicyValue
from orbit_contacts.features.next_best_action.trust import Trust
from orbit_contacts.interfaces.cli.postgres import DataDir
from orbit_contacts.interfaces.cli.session import with_caller

program = typer.Typer(no_args_is_help=True)
_console = Console(highlight=False)

Workspace = Annotated[int | None, typer.Option("--workspace", help="Its number; the first one when absent.")]


@program.command()
def fit(workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """Fit the model of a workspace now, as the worker does every night."""

    async def run(database: Database, caller: Caller) -> Model | None:
        async with database.transaction(caller) as tx:
            return await fitting.fit(tx)

    model = with_caller(run, workspace, data_dir)
    if model is None:
        _console.print(f"Fewer than {COLD} sends with a known outcome: the shipped prior answers.")
        return
    trained_at = "never" if model.trained_at is None else format_instant(model.trained_at)
    _summary(model.version, model.tier, trained_at, model.sends, model.calibration.kind)
    _trust(model.trust)
    if model.card is not None:
        _gate(model.card.gate)


@program.command()
def evaluate(workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """What the model in force and simple policies would have been worth on the sends of the last two weeks."""

    async def run(database: Database, caller: Caller) -> Card | None:
        async with database.reader(caller) as reader:
            return await fitting.evaluate(reader)

    card = with_caller(run, workspace, data_dir)
    if card is None or not card.rows_judged:
        _console.print("No send of the last two weeks has a known outcome yet.")
        return
    _policies(card)
    _quality(card.quality)


@program.command("card")
def show(workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """Show the card of the model in force: data, trust, gate, calibration, policies."""

    async def run(database: Database, caller: Caller) -> ModelCard:
        async with database.reader(caller) as reader:
            return await service.model_card(reader)

    model = with_caller(run, workspace, data_dir)
    _summary(model.version, model.tier, model.trained_at, model.sends, model.calibration)
    _trust(model.trust)
    if model.card is None:
        _console.print("Not fitted yet: `orbit nba fit`, or wait for the night.")
        return
    _gate(model.card.gate)
    _quality(model.card.quality)
    _policies(model.card)


def _summary(version: str, tier: str, trained_at: str | None, sends: int, calibration: str) -> None:
    source = "the shipped prior" if tier == "prior" else "coefficients of its own"
    fitted = "" if trained_at is None else f", fitted {trained_at} on {sends:,} sends"
    _console.print(f"{version}: {source}{fitted}, calibration {calibration}.")


def _trust(trust: Trust) -> None:
    _console.print(
        f"Contacts are believed (1 is the prior's word): hours of their acts {trust.hours:.2f}, channels they write on"
        f" {trust.inbound:.2f}, channels they answer on {trust.answers:.2f}, hours they answer at {trust.slots:.2f}."
    )


def _gate(verdict: Verdict) -> None:
    said = "promoted" if verdict.promoted else "not promoted"
    _console.print(f"Gate: {said}; {verdict.reason} ({verdict.rows:,} sends).")
    _console.print(
        f"  log-loss {verdict.log_loss_before:.4f} before, {verdict.log_loss_after:.4f} after:"
        f" {verdict.improvement_se:+.2f} standard errors; policy {verdict.policy_difference:+.4f}"
        f" (standard error {verdict.policy_difference_se:.4f})"
    )


def _quality(quality: Quality) -> None:
    _console.print(
        f"AUC {quality.auc:.3f}, log-loss {quality.log_loss:.4f}, calibration error {quality.calibration_error:.4f}"
        f" (sampling alone: {quality.calibration_noise:.4f})."
    )
    table = Table(_number("Predicted"), _number("Observed"), _number("Sends"), box=None, pad_edge=False)
    for row in quality.reliability:
        table.add_row(f"{row.predicted:.3f}", f"{row.observed:.3f}", f"{row.sends:,}")
    _console.print(table)


def _policies(card: Card) -> None:
    table = Table(
        "Policy", _number("SNIPS"), "95 %", _number("Doubly robust"), "95 %", _number("Effective sends"), "",
        box=None, pad_edge=False,
    )  # fmt: skip
    for name, value in card.policies.items():
        table.add_row(
            name.replace("_", " "),
            f"{value.snips:.4f}",
            _range(value.snips_95),
            f"{value.doubly_robust:.4f}",
            _range(value.doubly_robust_95),
            f"{value.effective_sends:,.0f}",
            _verdict(value),
        )
    _console.print(table)


def _verdict(value: PolicyValue) -> str:
    return "" if value.conclusive else "no verdict: under 1,000 effective sends"


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.4f}-{ends[1]:.4f}"


def _number(title: str) -> Column:
    return Column(title, justify="right")
