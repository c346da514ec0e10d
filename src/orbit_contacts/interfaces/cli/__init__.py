"""The `orbit` command: `main` is the entry point, each file holds one group of commands."""

import sys

import asyncpg
from rich.console import Console
from rich.text import Text

from orbit_contacts.core.database import UNREACHABLE
from orbit_contacts.core.embedded_programs import PostgresUnavailable
from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.settings import InvalidSetting
from orbit_contacts.interfaces.cli.program import program

# What the server says when it cannot be worked with at all: no such database, no such user, no right to it.
_REFUSED = (
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
)


def main() -> None:
    """Run the command line; an expected failure is one red line and exit code 1, never a traceback."""
    try:
        program()
    except (Refusal, InvalidSetting, PostgresUnavailable) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except (*UNREACHABLE, *_REFUSED, TimeoutError) as error:
        _fail(_reason(error))


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return f"ORBIT_DATABASE_URL cannot be used: {error}."
    return f"The database cannot be used: {error or type(error).__name__}. See ORBIT_DATABASE_URL and `orbit doctor`."


def _fail(message: str) -> None:
    Console(stderr=True).print(Text.assemble(("orbit: ", "bold red"), message), highlight=False, soft_wrap=True)
    sys.exit(1)
