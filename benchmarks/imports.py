"""Imports beside raw COPY of the same rows into the same indexed table, in one run.

`python -m benchmarks.imports DSN [--contacts N] [--rows N]` makes a database of its own on that server, fills a
workspace with N contacts, and prints rows per second of: raw COPY of contacts and identifiers, an import of new
people, the same file again (nothing new), and once more with a changed column (all updated); with the peak memory.
"""

import argparse
import asyncio
import io
import resource
import secrets
import sys
from time import perf_counter
from urllib.parse import urlsplit, urlunsplit

import msgspec

from orbit_contacts.core import ids, migrations
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import now
from orbit_contacts.core.database import Database, Transaction, Unbound, connect
from orbit_contacts.features.contacts.emails import email_key
from orbit_contacts.features.contacts.phones import phone_key
from orbit_contacts.features.contacts.text import search_text
from orbit_contacts.features.imports import queries, running
from orbit_contacts.features.imports.models import ImportOptions
from orbit_contacts.features.imports.readers import ReadLimits, detect_file
from orbit_contacts.features.imports.sources import survey
from orbit_contacts.features.workspaces import service as workspaces
from orbit_contacts.interfaces import api as every_feature

__all__ = ["every_feature"]

LIMITS = ReadLimits(max_bytes=1 << 32, max_expanded_bytes=1 << 33, max_rows=10_000_000)
FIRST = "Ada Alan Grace Linus Şule Jörg Zoë Ming Fatma Igor Aiko Omar Eva Noah Lena Paul".split()
LAST = "Lovelace Turing Hopper Yılmaz Müller Chen Öztürk Ivanov Sato Haddad Novak Silva Rossi Kowalski".split()
HEADER = "email,phone,first_name,last_name,company,country_code,language,lifecycle_stage,tags\n"


def rows(start: int, count: int, stage: str) -> list[tuple[str, ...]]:
    return [
        (
            f"{FIRST[n % 16].lower()}.{n}@mail{n % 997}.example.com".encode("ascii", "ignore").decode(),
            f"+49151{n:08d}",
            FIRST[n % 16],
            LAST[n * 7 % 14],
            f"Company {n % 5000}",
            ("DE", "US", "TR")[n % 3],
            ("de", "en", "tr")[n % 3],
            stage,
            "fair;spring",
        )
        for n in range(start, start + count)
    ]


async def raw_copy(database: Database, caller: Caller, table: list[tuple[str, ...]]) -> float:
    """COPY of what the import writes of contacts and identifiers, prepared before the clock starts."""
    at = now()
    cell = caller.cell(0)
    made = sorted(ids.mint(at) for _ in table)
    contacts, identifiers = [], []
    for id, row in zip(made, table, strict=True):
        text = search_text(row[2], row[3], None, row[4], row[0], row[1])
        contacts.append(
            (caller.workspace_id, cell, id, 0, "import", text, at, at, *row[1::-1], *row[2:8], row[8].split(";"))
        )
        for kind, key in (("email", email_key(row[0])), ("phone", phone_key(row[1]))):
            identifiers.append((caller.workspace_id, kind, key, cell, id))
    identifiers.sort(key=lambda each: each[1:3])
    started = perf_counter()
    async with database.transaction(caller) as tx:
        await tx.copy_in("contact_identifiers", ("workspace_id", "kind", "value", "cell_id", "contact_id"), identifiers)
        await tx.copy_in(
            "contacts",
            (
                *("workspace_id", "cell_id", "id", "bucket", "source", "search_text", "created_at", "updated_at"),
                *("phone", "email", "first_name", "last_name", "company", "country_code", "language"),
                *("lifecycle_stage", "tags"),
            ),
            contacts,
        )
    return perf_counter() - started


async def run_import(database: Database, caller: Caller, table: list[tuple[str, ...]]) -> tuple[float, tuple[int, ...]]:
    text = io.StringIO()
    text.write(HEADER)
    for row in table:
        text.write(",".join(row) + "\n")
    content = text.getvalue().encode()
    reading = survey(content, detect_file(content, "bench.csv"), {}, {}, LIMITS).reading
    id = ids.mint(now())

    async def queue(tx: Transaction) -> None:
        options, how = msgspec.json.encode(ImportOptions()), msgspec.json.encode(reading)
        await queries.insert(tx, id, "queued", False, options, how, None, len(table))
        await queries.insert_file(tx, id, content)

    await database.run(Transaction, caller, queue)
    started = perf_counter()
    await running.run(Unbound(database, caller, 0), id, LIMITS)
    seconds = perf_counter() - started
    async with database.reader(caller) as reader:
        job = await queries.find(reader, id)
    assert job is not None
    assert job["status"] == "completed", job["error"]
    return seconds, (job["created"], job["updated"], job["unchanged"], job["skipped"])


async def bench(dsn: str, contacts: int, count: int) -> None:
    server = await connect(dsn)
    name = f"bench_{secrets.token_hex(4)}"
    await server.execute(f'CREATE DATABASE "{name}"')
    own = urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
    database = Database(own, size=4, ad_hoc_size=1, statement_timeout=600)
    try:
        connection = await connect(own)
        await migrations.migrate(connection)
        made = await workspaces.create_organization(connection, "Bench")
        caller = await workspaces.system_caller(connection, made["live"], "bench")
        await connection.close()
        await workspaces.prepare_installation(database)
        if contacts:
            await run_import(database, caller, rows(50_000_000, contacts, "lead"))
        seconds = await raw_copy(database, caller, rows(20_000_000, count, "lead"))
        raw = count / seconds
        print(f"{'raw COPY':<28}{raw:>10,.0f} rows/s")
        for what, stage in (
            ("import, new", "lead"),
            ("import, nothing new", "lead"),
            ("import, all updated", "customer"),
        ):
            seconds, counts = await run_import(database, caller, rows(0, count, stage))
            print(f"{what:<28}{count / seconds:>10,.0f} rows/s {count / seconds / raw:>6.0%} {counts}")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"peak memory {peak} MB (with the rows of this program)", file=sys.stderr)
    finally:
        await database.close()
        await server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dsn")
    parser.add_argument("--contacts", type=int, default=1_000_000, help="that are there before")
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    asyncio.run(bench(options.dsn, options.contacts, options.rows))
