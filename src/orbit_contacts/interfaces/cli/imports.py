"""`orbit contacts import FILE` and `orbit imports list|watch|errors|rollback`, over the HTTP API."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from orbit_contacts.interfaces.cli.client import Answered, Client, Key, Lost, Url

contacts = typer.Typer(no_args_is_help=True)
program = typer.Typer(no_args_is_help=True)

# No markup: much of what is printed comes out of files. A file or another program gets whole lines.
_console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 400)
_errors = Console(stderr=True, highlight=False, markup=False)
_POLL_SECONDS = 0.5
_ENDED = ("completed", "failed", "cancelled", "rolled_back")

Id = Annotated[str, typer.Argument(help="imp_…, from `orbit imports list`.")]


@contacts.callback()
def contacts_commands() -> None:
    """Contacts over the HTTP API."""


@contacts.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, XLSX, XLS, ODS, vCard, NDJSON or JSON; gzipped too.")],
    mode: Annotated[str, typer.Option(help="upsert, create or update.")] = "upsert",
    dedupe_by: Annotated[str, typer.Option(help="auto, external_id, phone or email.")] = "auto",
    tag: Annotated[list[str] | None, typer.Option(help="A tag for every contact; repeatable.")] = None,
    list_id: Annotated[list[str] | None, typer.Option("--list", help="A list to join; repeatable.")] = None,
    country: Annotated[str | None, typer.Option(help="Of national phone numbers, e.g. DE.")] = None,
    collision: Annotated[str | None, typer.Option(help="overwrite, only_if_blank or never.")] = None,
    column: Annotated[
        list[str] | None, typer.Option("--map", help="HEADER=FIELD, or HEADER= to leave a column out; repeatable.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Instead of the detected one, e.g. cp1254.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Import without asking.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for a large import.")] = False,
    url: Url = None,
    api_key: Key = None,
) -> None:
    """Import a file: show how its columns are read, ask, and follow the import to its end."""
    client = Client(url, api_key)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Answered(f"{file} cannot be read: {error.strerror}.") from None
    options: dict[str, Any] = {
        "filename": file.name,
        "mode": mode,
        "dedupe_by": dedupe_by,
        "tags": ",".join(tag) if tag else None,
        "list_ids": ",".join(list_id) if list_id else None,
        "default_country_code": country,
        "collision": collision,
        "encoding": encoding,
        "mapping": json.dumps(_mapping(column)) if column else None,
    }
    kind = "application/octet-stream"
    preview = client.post("/contacts/import-jobs/preview", content, content_type=kind, **options)["data"]
    _show_preview(preview)
    if not yes and not dry_run:
        if not sys.stdin.isatty():
            raise Answered("Nobody is here to ask; `--yes` imports at once.")
        typer.confirm(f"Import {_rows(preview['total'])}?", abort=True)
    dry = "true" if dry_run else None
    job = client.post("/contacts/bulk", content, content_type=kind, dry_run=dry, **options)["data"]
    if job["status"] not in _ENDED:
        _console.print(f"{job['import_job_id']} is queued; `orbit imports watch` follows it from anywhere.")
        if no_wait:
            return
        job = _follow(client, job["import_job_id"])
    _show_result(job)


def _mapping(columns: list[str]) -> dict[str, str | None]:
    mapping: dict[str, str | None] = {}
    for each in columns:
        header, found, field = each.rpartition("=")
        if not found:
            raise Answered(f"--map {each} is not HEADER=FIELD.")
        mapping[header] = field or None
    return mapping


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _show_preview(preview: dict[str, Any]) -> None:
    about = [preview["kind"], preview["encoding"]] if preview["kind"] == "csv" else [preview["kind"]]
    _errors.print(", ".join([_rows(preview["total"]), *about]))
    if preview["columns"]:
        table = Table("Column", "Is read as", "Sure", "Because", "For example", box=None, pad_edge=False)
        for each in preview["columns"]:
            sure = f"{each['confidence']:.0%}" if each["field"] else ""
            samples = ", ".join(each["samples"][:2])
            table.add_row(
                each["header"], each["field"] or Text("left out", style="dim"), sure, each["why"], samples[:40]
            )
        _errors.print(table)


def _follow(client: Client, id: str) -> dict[str, Any]:
    """Poll until the import has ended, with a bar on stderr; a lost connection is waited for."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    failures = 0
    with Progress(*columns, console=_errors, transient=True) as progress:
        task = progress.add_task("queued", total=None, pace="")
        while True:
            try:
                job = client.get(f"/contacts/import-jobs/{id}")["data"]
                failures = 0
            except Lost:
                failures += 1
                if failures > 60:
                    raise
                time.sleep(_POLL_SECONDS * 2)
                continue
            rate = job["rows_per_second"]
            progress.update(
                task,
                description=job["status"],
                total=job["total"],
                completed=job["processed"],
                pace=f"{rate:,.0f} rows/s" if rate else "",
            )
            if job["status"] in _ENDED:
                return job
            time.sleep(_POLL_SECONDS)


def _show_result(job: dict[str, Any]) -> None:
    names = ("created", "updated", "unchanged", "skipped")
    counts = ", ".join(f"{job[name]:,} {name}" for name in names)
    what = "would be " if job["dry_run"] else ""
    _console.print(f"{job['import_job_id']} {job['status']}: {what}{counts}")
    if job.get("error"):
        _errors.print(job["error"], style="red")
    for each in job["errors"][:5]:
        _errors.print(f"  row {each['row']}: {each['code']} {each['message']}")
    if job["skipped"]:
        _errors.print(f"`orbit imports errors {job['import_job_id']}` writes all skipped rows as CSV.")
    for each in job["warnings"][:5]:
        _errors.print(f"  row {each['row']}: {each['message']}")
    if job["status"] == "failed":
        raise typer.Exit(1)


@program.command("list")
def list_imports(
    limit: Annotated[int, typer.Option(help="How many.")] = 20, url: Url = None, api_key: Key = None
) -> None:
    """List imports, newest first."""
    table = Table(
        *(Column(title, no_wrap=True) for title in ("Id", "Status")),
        Column("Rows", justify="right", no_wrap=True),
        *("Of these", Column("When (UTC)", no_wrap=True), Column("File", overflow="fold")),
        box=None,
        pad_edge=False,
    )
    for job in Client(url, api_key).get("/contacts/import-jobs", limit=limit)["data"]:
        counts = [f"{job[name]:,} {name}" for name in ("created", "updated", "skipped") if job[name]]
        status = "dry run" if job["dry_run"] and job["status"] == "completed" else job["status"]
        when = job["created_at"][:16].replace("T", " ")
        table.add_row(job["import_job_id"], status, f"{job['total']:,}", ", ".join(counts), when, job["file_name"])
    _console.print(table)


@program.command()
def watch(id: Id, url: Url = None, api_key: Key = None) -> None:
    """Follow an import to its end."""
    _show_result(_follow(Client(url, api_key), id))


@program.command()
def errors(
    id: Id,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; standard output when absent.")] = None,
    url: Url = None,
    api_key: Key = None,
) -> None:
    """Write the skipped rows as CSV, to be corrected and imported again."""
    content = Client(url, api_key).raw("GET", f"/contacts/import-jobs/{id}/skipped.csv")
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        output.write_bytes(content)


@program.command()
def rollback(
    id: Id,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Without asking.")] = False,
    url: Url = None,
    api_key: Key = None,
) -> None:
    """Undo an import of the last 24 hours; what was edited since stays."""
    client = Client(url, api_key)
    if not yes:
        typer.confirm(f"Undo {id}?", abort=True)
    done = client.post(f"/contacts/import-jobs/{id}/rollback")["data"]
    if done["status"] == "rolling_back":
        done = _follow(client, id)["rollback"]
    _console.print(f"{id} {done['status']}: {done['deleted']:,} deleted, {done['restored']:,} restored")
    for each in done["kept"][:20]:
        _console.print(f"  kept {each['contact_id']}: {each['reason']}")
    if done["kept_total"] > 20:
        _console.print(f"  and {done['kept_total'] - 20:,} more")
