"""`orbit keys create|list|revoke`, straight on the database: for whoever runs the server."""

import sys
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Column, Table

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import format_instant, now
from orbit_contacts.core.database import Database
from orbit_contacts.core.errors import InvalidRequest, NotFound
from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.workspaces import service
from orbit_contacts.features.workspaces.models import ApiKey, CreatedApiKey, NewApiKey
from orbit_contacts.interfaces.cli.postgres import DataDir
from orbit_contacts.interfaces.cli.session import with_caller

program = typer.Typer(no_args_is_help=True)
# A file or another program gets whole lines.
_console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 400)

Workspace = Annotated[int | None, typer.Option("--workspace", help="Its number; the first one when absent.")]


@program.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[list[str] | None, typer.Option("--scope", help="Repeatable; everything when absent.")] = None,
    test: Annotated[bool, typer.Option("--test", help="A key of the test workspace.")] = False,
    public: Annotated[bool, typer.Option("--public", help="A key for browsers.")] = False,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Create a key and print it, this once."""
    given = {"name": name, "scopes": scope or ["*"], "mode": "test" if test else "live"}
    try:
        new = msgspec.convert(given | {"type": "public" if public else "secret"}, NewApiKey)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"The key cannot be made: {error}.") from None

    async def run(database: Database, caller: Caller) -> CreatedApiKey:
        async with database.transaction(caller) as tx:
            return await service.create_key(tx, new)

    created = with_caller(run, workspace, data_dir, make_first=True)
    _console.print(created.key, soft_wrap=True)


@program.command("list")
def list_keys(workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """List the keys of an organization."""

    async def run(database: Database, caller: Caller) -> list[ApiKey]:
        async with database.reader(caller) as reader:
            return (await service.list_keys(reader, PageQuery(limit=200))).items

    table = Table(
        Column("Id", no_wrap=True),
        *(Column(title, overflow="fold") for title in ("Name", "Key", "Mode", "Scopes", "Created", "State")),
        box=None,
        pad_edge=False,
    )
    for key in with_caller(run, workspace, data_dir):
        state = (
            f"revoked {key.revoked_at}" if key.revoked_at else f"until {key.expires_at}" if key.expires_at else "in use"
        )
        table.add_row(key.id, key.name, key.hint, key.mode, " ".join(key.scopes), key.created_at, state)
    _console.print(table)


@program.command()
def revoke(
    id: Annotated[str, typer.Argument(help="key_…, from `orbit keys list`.")],
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Revoke a key now and for good."""
    key = ids.parse("key", id)
    if key is None:
        raise NotFound(f"There is no key {id}; `orbit keys list` shows them.")

    async def run(database: Database, caller: Caller) -> None:
        async with database.transaction(caller) as tx:
            await service.revoke_key(tx, key)

    with_caller(run, workspace, data_dir)
    _console.print(f"{id} is revoked, as of {format_instant(now())}.")
