"""`orbit contacts export`, over the HTTP API."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from orbit_contacts.interfaces.cli.client import Answered, Client, Key, Url

_errors = Console(stderr=True, highlight=False, markup=False)
_POLL_SECONDS = 0.5
_BINARY = ("xlsx", "parquet")


def export_contacts(
    format: Annotated[str, typer.Option("--format", "-f", help="csv, json, ndjson, xlsx, vcard or parquet.")] = "csv",
    field: Annotated[
        list[str] | None,
        typer.Option(help="A column, e.g. email, metadata.plan or preferences.sms; repeatable. All when absent."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--filter", help="NAME=VALUE of the contact list, e.g. lifecycle_stage=lead; repeatable."),
    ] = None,
    segment: Annotated[str | None, typer.Option(help="seg_…: contacts of a segment.")] = None,
    list_id: Annotated[str | None, typer.Option("--list", help="lst_…: contacts on a list.")] = None,
    contact: Annotated[list[str] | None, typer.Option("--id", help="con_…; repeatable. Only these.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; standard output when absent.")] = None,
    url: Url = None,
    api_key: Key = None,
) -> None:
    """Export contacts to a file that can be imported again."""
    if output is None and format in _BINARY and sys.stdout.isatty():
        raise Answered(f"{format} is no text for a terminal; give a file with -o.")
    client = Client(url, api_key)
    wanted: dict[str, Any] = {"format": format, "fields": field or [], "filters": _filters(only or [])}
    wanted |= {name: value for name, value in (("segment_id", segment), ("list_id", list_id)) if value}
    if contact:
        wanted["contact_ids"] = contact
    export = client.post("/contacts/export", msgspec.json.encode(wanted))["data"]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_errors, transient=True) as progress:
        task = progress.add_task("writing", total=None)
        while export["status"] not in ("completed", "failed"):
            time.sleep(_POLL_SECONDS)
            export = client.get(f"/contacts/exports/{export['export_id']}")["data"]
        if export["status"] == "failed":
            raise Answered(f"{export['export_id']} failed; try again.")
        progress.update(task, description="loading", total=export["size_bytes"])
        with _target(output) as file:
            for data in client.download(export["download_url"]):
                file.write(data)
                progress.advance(task, len(data))
    _errors.print(f"{export['row_count']:,} contacts" + (f" in {output}" if output else ""))


def _filters(given: list[str]) -> dict[str, str]:
    filters: dict[str, str] = {}
    for each in given:
        name, found, value = each.partition("=")
        if not found:
            raise Answered(f"--filter {each} is not NAME=VALUE.")
        filters[name] = value
    return filters


@contextmanager
def _target(output: Path | None) -> Generator[IO[bytes]]:
    """Standard output, or a file that is there only when it is whole."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = output.with_name(output.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(output)
    except OSError as error:
        raise Answered(f"{output} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
