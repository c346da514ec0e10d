"""`orbit demo load`: invented people, many countries and scripts, the same for the same seed."""

from typing import Annotated

import typer

program = typer.Typer(no_args_is_help=True)

Contacts = Annotated[int, typer.Option("--contacts", min=1, help="How many people.")]
