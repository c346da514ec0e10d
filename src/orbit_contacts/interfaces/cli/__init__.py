"""The `orbit` command: `main` is the entry point, each file holds one group of commands."""

import sys

from rich.console import Console

from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.settings import InvalidSetting
from orbit_contacts.interfaces.cli.program import program


def main() -> None:
    """Run the command line; an expected failure is one red line and exit code 1, never a traceback."""
    try:
        program()
    except (Refusal, InvalidSetting) as error:
        Console(stderr=True).print(f"[bold red]orbit:[/] {error}", highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
