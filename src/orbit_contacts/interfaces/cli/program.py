"""All commands hung on one program."""

from typing import Annotated

import typer

from orbit_contacts import __version__
from orbit_contacts.interfaces.cli import consent, console, demo, doctor, exports, imports, keys, nba, server

program = typer.Typer(
    name="orbit",
    help="Orbit Contacts: a contact directory for customer communication.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

program.command("up")(server.up)
program.command("serve")(server.serve)
program.command("worker")(server.worker)
program.command("migrate")(server.migrate)
program.command("doctor")(doctor.doctor)
program.add_typer(keys.program, name="keys", help="Create, list and revoke API keys.")
program.add_typer(console.program, name="console", help="Sign people in to the web console.")
program.add_typer(consent.program, name="consent", help="Verify the consent ledger.")
program.add_typer(demo.program, name="demo", help="Fill a workspace with invented people.")
imports.contacts.command("export")(exports.export_contacts)
program.add_typer(imports.contacts, name="contacts", help="Import and export contacts over the HTTP API.")
program.add_typer(nba.program, name="nba", help="Fit, judge and show the model of the next best action.")
program.add_typer(imports.program, name="imports", help="List, watch and undo imports.")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"orbit {__version__}")
        raise typer.Exit


@program.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass
