"""`orbit console login`: a link that signs one person in to the console, once."""

from typing import Annotated

import typer
from rich.console import Console

from orbit_contacts.core.access import ROLES, Caller
from orbit_contacts.core.database import Database
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.interfaces.cli.keys import Workspace
from orbit_contacts.interfaces.cli.postgres import DataDir, settings_with
from orbit_contacts.interfaces.cli.session import with_caller
from orbit_contacts.interfaces.console import sessions

program = typer.Typer(no_args_is_help=True)
_console = Console(highlight=False)


@program.callback()
def about() -> None:
    pass


@program.command()
def login(
    role: Annotated[str, typer.Option("--role", help=f"What the person may do: {', '.join(ROLES)}.")] = "owner",
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Print a link that signs one person in, once, within ten minutes."""
    if role not in ROLES:
        raise InvalidRequest(f"There is no role {role!r}; use one of {', '.join(ROLES)}.")

    async def run(database: Database, caller: Caller) -> str:
        async with database.transaction(caller) as tx:
            return await sessions.make_link(tx, role)

    token = with_caller(run, workspace, data_dir)
    settings = settings_with(data_dir)
    base = settings.public_url.rstrip("/") or f"http://{settings.host}:{settings.port}"
    _console.print(f"{base}/console/sign-in/link?token={token}", soft_wrap=True)
