"""`orbit consent verify`, straight on the database: for whoever runs the server, and for an auditor."""

import typer
from rich.console import Console
from rich.table import Table

from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.database import Database, Snapshot
from orbit_contacts.features.consent.verify import Report
from orbit_contacts.features.consent.verify import verify as verify_ledger
from orbit_contacts.features.workspaces import service as workspaces
from orbit_contacts.interfaces.cli.keys import Workspace
from orbit_contacts.interfaces.cli.postgres import DataDir
from orbit_contacts.interfaces.cli.session import with_caller

program = typer.Typer(no_args_is_help=True)
_console = Console(highlight=False)


@program.callback()
def consent() -> None:
    """A group, though it has one command."""


@program.command()
def verify(workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """Recompute the consent ledger of every workspace; exit code 1 when a record was changed or is gone.

    Every record's hash, where its chain ends, the state the records add up to, and the checkpoints over all chains.
    Keep the hash of the newest checkpoint elsewhere: the next one continues it.
    """

    async def run(database: Database, caller: Caller) -> list[tuple[Caller, Report]]:
        callers = [caller]
        if workspace is None:
            async with database.prepared.connection() as connection:
                callers = await workspaces.every_workspace(connection, "cli")
        reports: list[tuple[Caller, Report]] = []
        for each in callers:
            async with database.session(Snapshot, each) as snapshot:
                reports.append((each, await verify_ledger(snapshot)))
        return reports

    found = with_caller(run, workspace, data_dir)
    table = Table(
        "Workspace", "Mode", "Records", "Chains", "Checkpoints", "Newest checkpoint", box=None, pad_edge=False
    )
    for caller, report in found:
        counted = (f"{number:,}" for number in (report.records, report.subjects, report.checkpoints))
        table.add_row(str(caller.workspace_id), caller.mode, *counted, report.last_checkpoint or "none yet")
    _console.print(table, soft_wrap=True)
    for caller, report in found:
        for subject, sequence, problem in report.faults:
            place = subject if sequence is None else f"{subject}, record {sequence}"
            _console.print(f"[bold red]FAIL[/] workspace {caller.workspace_id}, {place}: {problem}", soft_wrap=True)
    if not all(report.is_intact for _, report in found):
        raise typer.Exit(1)
    at = format_instant(found[-1][1].verified_at)
    _console.print(f"[green]ok[/]   every record stands where it was written, unchanged, as of {at}")
