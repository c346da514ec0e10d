"""Imports and exports beside raw COPY, bulk actions, previews and phone numbers: speed, and the memory of the worker.

Exports come first, of the contacts that were there before. The raw COPY writes the same contacts and identifiers, prepared before the clock starts, into the same indexed tables.
A second one writes also what an import writes beside them: an event and a row of the way back for each contact; both
write a quarter of the rows, and so do the imports of JSON and of what is known already. Each import is done by a
process of its own, as a worker does it; what is printed is its time and its highest memory.
"""

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import msgspec

from benchmarks import cpu, dataset, exports, phones
from benchmarks.results import Imported, Results, console
from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import now
from orbit_contacts.core.database import Connection, Database, Transaction, Unbound, connect
from orbit_contacts.features.bulk_actions import service as bulk_actions
from orbit_contacts.features.bulk_actions.acts import ACTS
from orbit_contacts.features.bulk_actions.models import NewBulkAction
from orbit_contacts.features.contacts.emails import email_key
from orbit_contacts.features.contacts.phones import phone_key
from orbit_contacts.features.contacts.text import search_text
from orbit_contacts.features.imports import file_queries, limits, queries, running
from orbit_contacts.features.imports.models import BulkQuery, ImportOptions
from orbit_contacts.features.imports.preview import preview
from orbit_contacts.features.imports.readers import ReadLimits, detect_file
from orbit_contacts.features.imports.sources import survey
from orbit_contacts.features.imports.upload import upload_of_file
from orbit_contacts.features.workspaces import service as workspaces
from orbit_contacts.interfaces import api as every_feature

__all__ = ["every_feature", "run"]

LIMITS = ReadLimits(max_bytes=1 << 32, max_expanded_bytes=1 << 33, max_rows=10_000_000)
SMALL = 100_000
PREVIEW_BYTES = 25 * 1024 * 1024
FIRST = "Ada Alan Grace Linus Şule Jörg Zoë Ming Fatma Igor Aiko Omar Eva Noah Lena Paul".split()
LAST = "Lovelace Turing Hopper Yılmaz Müller Chen Öztürk Ivanov Sato Haddad Novak Silva Rossi Kowalski".split()
NAMES = ("email", "phone", "first_name", "last_name", "company", "country_code", "language", "lifecycle_stage")
COPIED = 100_000
TAGGED = 100_000

Row = tuple[str, ...]


def rows(start: int, count: int, stage: str) -> Iterator[Row]:
    """People with e-mail, phone, six more columns and two tags."""
    for n in range(start, start + count):
        yield (
            f"{('ada', 'alan', 'grace', 'linus', 'eva')[n % 5]}.{n}@mail{n % 997}.example.com",
            f"+49151{n:08d}",
            FIRST[n % 16],
            LAST[n * 7 % 14],
            f"Company {n % 5000}",
            ("DE", "US", "TR")[n % 3],
            ("de", "en", "tr")[n % 3],
            stage,
            "fair;spring",
        )


def csv_of(table: Iterable[Row]) -> bytes:
    return "\n".join([",".join((*NAMES, "tags")), *map(",".join, table), ""]).encode()


def json_of(table: Iterable[Row]) -> bytes:
    contacts = (
        msgspec.json.encode({**dict(zip(NAMES, row, strict=False)), "tags": row[8].split(";")}) for row in table
    )
    return b"[" + b",\n".join(contacts) + b"]"


async def raw_copy(database: Database, caller: Caller, start: int, count: int, *, everything: bool) -> float:
    """Seconds of COPY alone."""
    seconds = 0.0
    for first in range(start, start + count, COPIED):
        table = rows(first, min(COPIED, start + count - first), "lead")
        contacts, identifiers, events, manifest = _records(caller, list(table))
        started = perf_counter()
        async with database.transaction(caller) as tx:
            await tx.copy_in(
                "contact_identifiers", ("workspace_id", "kind", "value", "cell_id", "contact_id"), identifiers
            )
            await tx.copy_in(
                "contacts",
                (
                    *("workspace_id", "cell_id", "id", "bucket", "source", "search_text", "created_at", "updated_at"),
                    *("phone", "email", "first_name", "last_name", "company", "country_code", "language"),
                    *("lifecycle_stage", "tags"),
                ),
                contacts,
            )
            if everything:
                await tx.copy_in(
                    "events",
                    (
                        *("workspace_id", "cell_id", "contact_id", "occurred_at", "id", "recorded_at", "type"),
                        *("data", "actor"),
                    ),
                    events,
                )
                await tx.copy_in(
                    "import_changes",
                    (
                        *("workspace_id", "cell_id", "import_id", "at", "contact_id", "created"),
                        *("contact_updated_at", "changes", "tags", "list_ids"),
                    ),
                    manifest,
                )
        seconds += perf_counter() - started
    return seconds


def _records(caller: Caller, table: list[Row]) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    at, workspace, cell, job = now(), caller.workspace_id, caller.cell(0), ids.mint(now())
    data = msgspec.json.encode({"source": "import", "import_job_id": ids.text("imp", job)})
    contacts: list[Any] = []
    identifiers: list[Any] = []
    events: list[Any] = []
    manifest: list[Any] = []
    for id, row in zip(sorted(ids.mint(at) for _ in table), table, strict=True):
        text = search_text(row[2], row[3], None, row[4], row[0], row[1])
        contacts.append((workspace, cell, id, 0, "import", text, at, at, *row[1::-1], *row[2:8], row[8].split(";")))
        for kind, key in (("email", email_key(row[0])), ("phone", phone_key(row[1]))):
            identifiers.append((workspace, kind, key, cell, id))
        events.append((workspace, cell, id, at, ids.mint(at), at, "contact.created", data, caller.actor))
        manifest.append((workspace, cell, job, at, id, True, at, b"{}", [], []))
    identifiers.sort(key=_kind_and_key)
    return contacts, identifiers, events, manifest


def _kind_and_key(row: tuple[Any, ...]) -> tuple[str, str]:
    return row[1:3]


async def run_import(database: Database, caller: Caller, content: bytes, name: str) -> Imported:
    """An import by a process of its own."""
    form = detect_file(content, name)
    reading = survey(content, form, {}, {}, LIMITS).reading
    id = ids.mint(now())

    async def queue(tx: Transaction) -> None:
        options, how = msgspec.json.encode(ImportOptions()), msgspec.json.encode(reading)
        await queries.insert(tx, id, "queued", False, options, how, None, 0)
        await file_queries.insert_file(tx, id, content)

    await database.run(Transaction, caller, queue)
    command = [sys.executable, "-m", "benchmarks.imports", database.dsn, str(caller.workspace_id), str(id)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    told, _ = await process.communicate()
    seconds, megabytes = json.loads(told)
    async with database.reader(caller) as reader:
        job = await queries.find(reader, id)
    assert job is not None
    assert job["status"] == "completed", job["error"]
    return Imported(seconds, megabytes, (job["created"], job["updated"], job["unchanged"], job["skipped"]))


async def work(dsn: str, workspace_id: int, id: UUID) -> None:
    """What the process of an import does."""
    database = Database(dsn, size=4, ad_hoc_size=1, statement_timeout=600)
    await workspaces.prepare_installation(database)
    async with database.prepared.connection() as connection:
        caller = await workspaces.system_caller(connection, workspace_id, "worker")
    started = perf_counter()
    await running.run(Unbound(database, caller, 0), id, LIMITS)
    seconds = perf_counter() - started
    print(json.dumps([seconds, cpu.peak_megabytes(os.getpid())]))
    await database.close()


async def _imports(database: Database, caller: Caller, count: int, results: Results) -> None:
    small = await run_import(database, caller, csv_of(rows(10_000_000, SMALL, "lead")), "small.csv")
    part = max(count // 4, min(count, SMALL))
    seconds = await raw_copy(database, caller, 20_000_000, part, everything=False)
    results.add("raw COPY: contacts, identifiers", part, seconds)
    raw = part / seconds
    every = await raw_copy(database, caller, 30_000_000, part, everything=True)
    results.add("raw COPY: events and manifest too", part, every, share=part / every / raw)
    results.add(f"import of {SMALL:,}", SMALL, small.seconds, share=SMALL / small.seconds / raw, more=small)
    for what, many, content, name, target in (
        ("import, new, JSON", part, json_of(rows(40_000_000, part, "lead")), "new.json", "60 %, 8,000/s"),
        ("import, new, CSV", count, csv_of(rows(0, count, "lead")), "new.csv", "60 %, 8,000/s"),
        ("import, all updated", count, csv_of(rows(0, count, "customer")), "new.csv", "50 %"),
        ("import, nothing new", part, csv_of(rows(0, part, "customer")), "new.csv", ""),
    ):
        done = await run_import(database, caller, content, name)
        share = many / done.seconds / raw
        results.add(what, many, done.seconds, share=share, target=target, more=done)


async def _others(database: Database, connection: Connection, caller: Caller, results: Results) -> None:
    expected: int = await connection.fetchval(
        "SELECT count(*) FROM contacts WHERE cell_id = $1 AND country_code = 'DE' AND deleted_at IS NULL",
        caller.cell(0),
    )
    new = NewBulkAction(
        action="add_tags", filter={"country_code": "DE"}, params={"tags": ["seen"]}, expected_count=expected
    )
    async with database.transaction(caller) as tx:
        action, _ = await bulk_actions.start(tx, new)
    id = ids.parse("act", action.id)
    assert id is not None
    started, done = perf_counter(), 0
    while done < min(TAGGED, expected):
        async with database.transaction(caller) as tx:
            if not await bulk_actions.work_on(tx, id):
                break
        done += ACTS[new.action].at_once
    results.add("bulk tag", done, perf_counter() - started)
    table = rows(0, PREVIEW_BYTES // 110, "lead")
    content = csv_of(table)[:PREVIEW_BYTES]
    limits.allow(1_000_000, 2 * PREVIEW_BYTES)
    upload = upload_of_file(content, "people.csv", "text/csv", BulkQuery())
    started = perf_counter()
    shown = await preview(Unbound(database, caller, now()), upload)
    seconds = perf_counter() - started
    results.add(f"preview of {len(content) >> 20} MB ({seconds:.1f} s)", shown.total, seconds)


async def bench(server: str, template: str, count: int) -> None:
    name = "orbit_bench_rows"
    await dataset.copy(server, template, name)
    own = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    database = Database(own, size=4, ad_hoc_size=4, statement_timeout=600)
    connection = await connect(own)
    results = Results()
    try:
        large = await connection.fetchval("SELECT min(id) FROM workspaces WHERE mode = 'live'")
        caller = await workspaces.system_caller(connection, large, "bench")
        await workspaces.prepare_installation(database)
        gc.freeze()
        await exports.measure(database, connection, caller, results)
        await _imports(database, caller, count, results)
        await _others(database, connection, caller, results)
        results.add("phone check", 1_000_000, phones.microseconds(), target="5 us")
    finally:
        results.show()
        await connection.close()
        await database.close()
        await dataset.drop(server, name)


def run(options: argparse.Namespace) -> None:
    console.print(f"\n[bold]Imports and exports[/bold]: {options.rows:,} rows into {options.contacts:,} contacts")
    with dataset.server(keep=options.keep) as server:
        asyncio.run(bench(server, dataset.loaded(server, options.contacts), options.rows))


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], int(sys.argv[2]), UUID(sys.argv[3])))
