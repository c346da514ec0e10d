"""`orbit doctor`: what is set, what runs, what is wrong, in one look."""

import asyncio
import shutil

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orbit_contacts import __version__
from orbit_contacts.core import migrations, settings
from orbit_contacts.core.database import connect
from orbit_contacts.interfaces.cli.postgres import DataDir, postgres, settings_with

_console = Console(highlight=False)

Finding = tuple[str, bool, str]


def doctor(data_dir: DataDir = None) -> None:
    """Check the installation; exit code 1 when something needs attention."""
    chosen = settings_with(data_dir)
    table = Table("Setting", "Value", box=None, pad_edge=False)
    for name, default, _ in settings.reference():
        value = str(getattr(chosen, name.removeprefix("ORBIT_").lower()))
        if value != default:
            table.add_row(name, "(set)" if _is_secret(name) else value)
    _console.print(f"[bold]Orbit Contacts {__version__}[/]")
    if table.row_count:
        _console.print(table)
    findings = [_disk(chosen)]
    try:
        with postgres(chosen) as dsn:
            findings += asyncio.run(_database(dsn))
    except Exception as error:  # a doctor reports whatever is wrong with the patient
        findings.append(("PostgreSQL", False, f"{type(error).__name__}: {error}"))
    for name, good, text in findings:
        mark = Text("ok  ", "green") if good else Text("FAIL", "bold red")
        _console.print(Text.assemble(mark, f"  {name}: {text}"))
    if not all(good for _, good, _ in findings):
        raise typer.Exit(1)


def _is_secret(name: str) -> bool:
    return any(word in name for word in ("SECRET", "KEY", "URL", "JWKS"))


def _disk(chosen: settings.Settings) -> Finding:
    folder = chosen.data_path
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    return "Disk", free > 1, f"{free:.1f} GB free at {chosen.data_path}"


async def _database(dsn: str) -> list[Finding]:
    connection = await connect(dsn)
    try:
        version: str = await connection.fetchval("SHOW server_version")
        number: str = await connection.fetchval("SHOW server_version_num")
        findings: list[Finding] = [("PostgreSQL", int(number) >= 160000, f"{version} (16 or newer is needed)")]
        todo = await migrations.pending(connection)
        findings.append(("Schema", not todo, f"{len(todo)} migrations pending" if todo else "up to date"))
        if not todo:
            seen: list[str] = await connection.fetchval("SELECT show_trgm('ж')")
            findings.append(
                (
                    "Search",
                    bool(seen),
                    "finds non-Latin letters" if seen else "the database's LC_CTYPE is C: make it UTF-8",
                )
            )
            waiting: int = await connection.fetchval("SELECT count(*) FROM pgqueuer WHERE status = 'queued'")
            findings.append(("Jobs", waiting < 1000, f"{waiting} waiting"))
        return findings
    finally:
        await connection.close()
