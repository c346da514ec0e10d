"""`orbit demo load`: invented people, many countries and scripts, the same for the same seed."""

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database
from orbit_contacts.features.workspaces import service as workspaces
from orbit_contacts.interfaces.cli.postgres import DataDir
from orbit_contacts.interfaces.cli.session import with_caller
from orbit_contacts.interfaces.demo.load import SEED, Loaded, load

program = typer.Typer(no_args_is_help=True)
_WITH_CONSENT = 20_000
_console = Console(stderr=True, highlight=False)


@program.callback()
def about() -> None:
    pass


@program.command("load")
def load_people(
    contacts: Annotated[int, typer.Option("--contacts", min=1, max=100_000_000, help="How many people.")] = 10_000,
    events: Annotated[float, typer.Option("--events", min=0, max=1000, help="Events of each, on average.")] = 10.0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same people.")] = SEED,
    add: Annotated[bool, typer.Option("--add", help="Go on in a workspace that holds people already.")] = False,
    workspace: Annotated[int | None, typer.Option("--workspace", help="Its number; the first one when absent.")] = None,
    others: Annotated[
        int, typer.Option("--others", min=0, max=1000, help="Further workspaces, each with a twentieth of the people.")
    ] = 0,
    data_dir: DataDir = None,
) -> None:
    """Fill a workspace with invented people and their history; 1,000,000 in a few minutes."""
    columns = (TextColumn("people"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    share = max(contacts // 20, 1)
    with Progress(*columns, console=_console) as bar:
        task = bar.add_task("people", total=contacts + others * share)

        async def run(database: Database, caller: Caller) -> Loaded:
            for number in range(others):
                async with database.prepared.connection() as connection:
                    made = await workspaces.create_organization(connection, f"Demo {number + 2}")
                    other = await workspaces.system_caller(connection, made["live"], "cli")
                await load(database, other, share, events_per_contact=events, seed=seed + number + 1)
                bar.advance(task, share)
            before = others * share
            return await load(
                database,
                caller,
                contacts,
                events_per_contact=events,
                seed=seed,
                add=add,
                consent=contacts <= _WITH_CONSENT,
                progress=lambda people, _: bar.update(task, completed=before + people),
            )

        loaded = with_caller(run, workspace, data_dir)
    _console.print(f"{loaded.contacts:,} contacts with {loaded.events:,} events were added.")
