"""Contacts over HTTP beside pgbench and a bare route: CPU per request, medians of interleaved rounds.

`server` is the Python process, `postgres` its backends, `pgbench` the client and backends of the same statements
prepared: flat out, where no process ever sleeps, and held to the rate that the server reached, where it too pays for
waking the other side. The README gives both ratios.
"""

import argparse
import asyncio
import base64
import json
import os
import random
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks import cpu, searches
from benchmarks.dataset import FAMILY, GIVEN, LARGE_KEY, database
from orbit_contacts.core import ids
from orbit_contacts.core.database import connect
from orbit_contacts.core.embedded_programs import find_binaries
from orbit_contacts.features.contacts.queries import COLUMNS

_SECONDS = 2.0
_console = Console(highlight=False, width=150)


class Figure(NamedTuple):
    """Microseconds of CPU for one request, and wall figures of the same run."""

    server: float
    postgres: float
    rate: float
    p50: float
    p95: float
    p99: float


def run(options: argparse.Namespace) -> None:
    with database(options.contacts, keep=options.keep) as dsn:
        with serving(dsn) as (port, pid), bare() as (bare_port, bare_pid):
            asyncio.run(_warm(dsn))
            sample = asyncio.run(_sample(dsn))
            _requests(options, dsn, port, pid, bare_port, bare_pid, sample)
        with serving(dsn) as (port, pid):
            searches.measure(dsn, port, sample)
            _pages_and_totals(options, port)
    _start_and_memory()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(dsn: str) -> Generator[tuple[int, int]]:
    """Our server with authentication, ids, logging and metrics on, and the worker that folds counters beside it."""
    port = free_port()
    environment = os.environ | {"ORBIT_DATABASE_URL": dsn, "ORBIT_PORT": str(port)}
    orbit = [sys.executable, "-m", "orbit_contacts"]
    worker = subprocess.Popen([*orbit, "worker"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with _process([*orbit, "serve"], environment, f"http://127.0.0.1:{port}/health") as pid:
            yield port, pid
    finally:
        worker.terminate()
        worker.wait(15)


@contextmanager
def bare() -> Generator[tuple[int, int]]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.bare", str(port)]
    with _process(command, dict(os.environ), f"http://127.0.0.1:{port}/") as pid:
        yield port, pid


@contextmanager
def _process(command: list[str], environment: dict[str, str], ready: str) -> Generator[int]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            for _ in range(600):
                try:
                    if httpx.get(ready, timeout=1).status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.05)
                if process.poll() is not None:
                    log.seek(0)
                    raise RuntimeError(log.read().decode())
            yield process.pid
        finally:
            process.terminate()
            process.wait(15)


async def _warm(dsn: str) -> None:
    connection = await connect(dsn)
    await connection.execute("SELECT count(*) FROM contacts; SELECT count(*) FROM contact_identifiers")
    await connection.close()


async def _sample(dsn: str) -> dict[str, Any]:
    connection = await connect(dsn)
    try:
        workspace = await connection.fetchval("SELECT min(id) FROM workspaces WHERE mode = 'live'")
        rows = await connection.fetch(
            """
            SELECT id, email, phone FROM contacts
            WHERE workspace_id = $1 AND bucket % 9 = 3 ORDER BY hashtext(email) LIMIT 2000
            """,
            workspace,
        )
        return {"workspace": workspace, "rows": rows, "postmaster": await postmaster(connection)}
    finally:
        await connection.close()


async def postmaster(connection: Any) -> int:
    backend = await connection.fetchval("SELECT pg_backend_pid()")
    return int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])


def raw(method: str, path: str, body: dict[str, Any] | None = None, idempotency_key: str | None = None) -> bytes:
    """One HTTP request as bytes."""
    payload = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nX-API-Key: {LARGE_KEY}\r\n"
    if idempotency_key is not None:
        head += f"Idempotency-Key: {idempotency_key}\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
    return head.encode() + b"\r\n" + payload


def drive(port: int, pid: int, postmaster: int, requests: list[bytes], connections: int = 16) -> Figure:
    """Send requests for two seconds; CPU of the server and of the backends per request."""
    watched = [pid, *cpu.children(postmaster)]
    before = cpu.of_processes(watched)
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", str(port), str(connections), str(_SECONDS)],
        input=b"\n".join(map(base64.b64encode, requests)),
        capture_output=True,
        check=True,
    )
    measured = json.loads(result.stdout)
    if measured["errors"]:
        raise RuntimeError(f"{measured['errors']} of {measured['requests']} requests failed: {requests[0][:200]!r}")
    after = cpu.of_processes([pid, *cpu.children(postmaster)])
    count = measured["requests"]
    server = (after[pid] - before[pid]) / count * 1e6
    postgres = cpu.spent({p: s for p, s in before.items() if p != pid}, {p: s for p, s in after.items() if p != pid})
    return Figure(
        server, postgres / count * 1e6, count / measured["seconds"], measured["p50"], measured["p95"], measured["p99"]
    )


def pgbench(dsn: str, postmaster: int, script: str, rate: float = 0, clients: int = 8) -> Figure:
    """The same statements by pgbench -M prepared; client CPU counts as `server`. `rate` per second, 0 is flat out."""
    parts = urlsplit(dsn)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    environment = os.environ | {
        "PGHOST": query.get("host") or parts.hostname or "",
        "PGUSER": query.get("user") or parts.username or "",
        "PGPASSWORD": parts.password or query.get("password", ""),
        "PGDATABASE": parts.path.lstrip("/"),
    }
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [
            str(find_binaries().folder / "pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(int(_SECONDS)), "-f", file.name,
            *(["-R", str(int(rate))] if rate else []),
        ]  # fmt: skip
        before = cpu.of_processes(cpu.children(postmaster))
        times = os.times()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(_SECONDS * 0.9)
        after = cpu.of_processes(cpu.children(postmaster))
        out, error = process.communicate()
    if process.returncode:
        raise RuntimeError(error)
    client = os.times().children_user + os.times().children_system - times.children_user - times.children_system
    count = next(
        int(line.rpartition(":")[2].split("/")[0]) for line in out.splitlines() if "actually processed" in line
    )
    backends = cpu.spent(before, after) / 0.9
    return Figure(client / count * 1e6, backends / count * 1e6, count / _SECONDS, 0, 0, 0)


def _medians(rounds: list[Figure]) -> Figure:
    return Figure(*(statistics.median(values) for values in zip(*rounds, strict=True)))


def _requests(
    options: argparse.Namespace, dsn: str, port: int, pid: int, bare_port: int, bare_pid: int, sample: dict[str, Any]
) -> None:
    workspace, rows, postmaster = sample["workspace"], sample["rows"], sample["postmaster"]
    cell = workspace * 1024
    id_list = ",".join(f"'{row['id']}'" for row in rows[:500])
    gets = [raw("GET", f"/api/v1/contacts/{ids.contact_text(row['id'])}") for row in rows]
    columns = COLUMNS
    # Variables are the parameters that they are in ours: what PostgreSQL plans at every call there, it plans here.
    by_id = f"""\\set n random(1, 500)
\\set cell {cell}
SELECT {columns} FROM contacts c WHERE c.cell_id = :cell AND c.id = (ARRAY[{id_list}]::uuid[])[:n] AND c.deleted_at IS NULL;
"""
    newest = f"""\\set cell {cell}
\\set size %d
SELECT {columns},
    (SELECT coalesce(sum(live), 0)::bigint FROM contact_counts WHERE cell_id = ANY(ARRAY[:cell]::bigint[])) AS total
FROM contacts c WHERE c.cell_id = :cell AND c.deleted_at IS NULL ORDER BY c.id DESC LIMIT :size;
"""
    measures: dict[str, tuple[Callable[[], Figure], Callable[[float], Figure]]] = {
        "GET by id": (
            lambda: drive(port, pid, postmaster, gets),
            lambda rate: pgbench(dsn, postmaster, by_id, rate),
        ),
        "list of 25": (
            lambda: drive(port, pid, postmaster, [raw("GET", "/api/v1/contacts/")]),
            lambda rate: pgbench(dsn, postmaster, newest % 26, rate),
        ),
        "list of 200": (
            lambda: drive(port, pid, postmaster, [raw("GET", "/api/v1/contacts/?limit=200")]),
            lambda rate: pgbench(dsn, postmaster, newest % 201, rate),
        ),
        "create": (
            lambda: drive(port, pid, postmaster, _creates()),
            lambda rate: pgbench(dsn, postmaster, _create_script(workspace), rate),
        ),
    }
    floor: list[Figure] = []
    ours: dict[str, list[Figure]] = {name: [] for name in measures}
    theirs: dict[str, list[Figure]] = {name: [] for name in measures}
    paced: dict[str, list[Figure]] = {name: [] for name in measures}
    for _ in range(options.rounds):
        floor.append(drive(bare_port, bare_pid, postmaster, [raw("GET", "/")]))
        for name, (ask, query) in measures.items():
            ours[name].append(ask())
            theirs[name].append(query(0))
            paced[name].append(query(ours[name][-1].rate))
    bare_figure = _medians(floor)
    table = Table(
        title=f"CPU microseconds per request, {options.contacts:,} contacts, median of {options.rounds} rounds"
    )
    for heading in (
        "",
        "server",
        "postgres",
        "pgbench flat out",
        "at our rate",
        "server / flat out",
        "server / at our rate",
        "server / bare",
        "req/s",
        "p50 ms",
        "p99 ms",
    ):
        table.add_column(heading, justify="left" if not heading else "right")
    table.add_row(
        "bare ASGI route",
        f"{bare_figure.server:.0f}",
        "",
        "",
        "",
        "",
        "",
        "1.0",
        f"{bare_figure.rate:,.0f}",
        f"{bare_figure.p50:.1f}",
        f"{bare_figure.p99:.1f}",
    )
    for name in measures:
        mine = _medians(ours[name])
        flat, held = (figure.server + figure.postgres for figure in (_medians(theirs[name]), _medians(paced[name])))
        table.add_row(
            name, f"{mine.server:.0f}", f"{mine.postgres:.0f}", f"{flat:.0f}", f"{held:.0f}",
            f"{mine.server / flat:.2f}", f"{mine.server / held:.2f}", f"{mine.server / bare_figure.server:.1f}", f"{mine.rate:,.0f}", f"{mine.p50:.1f}", f"{mine.p99:.1f}",
        )  # fmt: skip
    _console.print(table)


def _creates() -> list[bytes]:
    token = secrets.token_hex(4)
    number = random.randrange(10**8, 9 * 10**8)
    return [
        raw(
            "POST",
            "/api/v1/contacts/",
            {
                "phone": f"+447{number + n}",
                "email": f"{token}.{n}@example.com",
                "first_name": GIVEN[n % len(GIVEN)],
                "last_name": FAMILY[n % len(FAMILY)],
                "country_code": "GB",
                "lifecycle_stage": "lead",
                "tags": ["bench"],
                "metadata": {"plan": "pro"},
            },
        )
        for n in range(20_000)
    ]


def _create_script(workspace: int) -> str:
    """What one create runs, as one pgbench transaction."""
    cell = workspace * 1024
    return f"""\\set a random(1, 9000000000000000)
\\set b random(100000000, 999999999)
BEGIN;
WITH claimed AS (
    INSERT INTO contact_identifiers (workspace_id, kind, value, cell_id, contact_id)
    SELECT {workspace}, kind, value, {cell}, ('0199e000-0000-8000-8' || lpad(to_hex(:a::bigint), 15, '0'))::uuid
    FROM unnest(ARRAY['email','phone'], ARRAY['b' || :a::bigint || '@example.com', '+44' || :a::bigint]) AS wanted (kind, value)
    ON CONFLICT DO NOTHING RETURNING kind
), free AS (
    SELECT FROM claimed HAVING count(*) = 2
), counted AS (
    INSERT INTO contact_counts (workspace_id, cell_id, lifecycle_stage, country_code, live, ever)
    SELECT {workspace}, {cell}, 'lead', 'GB', 1, 1 FROM free
)
INSERT INTO contacts AS c (workspace_id, cell_id, id, bucket, source, search_text, created_at, updated_at, phone, email,
    first_name, last_name, country_code, lifecycle_stage, tags, metadata, custom_fields)
SELECT {workspace}, {cell}, ('0199e000-0000-8000-8' || lpad(to_hex(:a::bigint), 15, '0'))::uuid, 122, 'api',
    ' jane doe b' || :a::bigint || '@example.com 44' || :a::bigint, now(), now(), '+44' || :a::bigint, 'b' || :a::bigint || '@example.com', 'Jane', 'Doe', 'GB',
    'lead', ARRAY['bench'], '{{"plan": "pro"}}', '{{}}'
FROM free
RETURNING {COLUMNS};
INSERT INTO events (workspace_id, cell_id, contact_id, occurred_at, id, recorded_at, type, channel, direction, data)
VALUES ({workspace}, {cell}, ('0199e000-0000-8000-8' || lpad(to_hex(:a::bigint), 15, '0'))::uuid, now(),
    ('0199e000-0000-8000-8' || lpad(to_hex(:a::bigint), 15, '0'))::uuid, now(), 'contact.created', NULL, NULL, '{{"source": "api"}}');
COMMIT;
"""


def _pages_and_totals(options: argparse.Namespace, port: int) -> None:
    table = Table(title="Pages and totals, ms per request on an idle server")
    for heading in ("", "p50", "p95"):
        table.add_column(heading, justify="left" if not heading else "right")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": LARGE_KEY}, timeout=60) as client:
        deep: list[str] = []
        for bound in ("2026-01-01", "2025-01-01", "2024-02-01"):
            first = client.get("/api/v1/contacts", params={"created_before": bound, "limit": 200}).json()
            deep.append(
                f"/api/v1/contacts?created_before={bound}&limit=200&cursor={first['meta']['pagination']['cursor']}"
            )
    cases = {
        "newest 25, exact total": ["/api/v1/contacts"] * 40,
        "stage and country, exact total": ["/api/v1/contacts?lifecycle_stage=lead&country_code=US"] * 40,
        "rare stage (0.05 %)": ["/api/v1/contacts?lifecycle_stage=evangelist"] * 40,
        "deep page of 200": deep * 10,
        "tag 3 %, capped total": [f"/api/v1/contacts?tags=vip&limit={n}" for n in range(10, 30)],
        "has_phone=false, capped total": [f"/api/v1/contacts?has_phone=false&limit={n}" for n in range(10, 30)],
        "language 0.2 %": [f"/api/v1/contacts?language=tr&limit={n}" for n in range(10, 30)],
        "sort=last_name": ["/api/v1/contacts?sort=last_name"] * 20,
        "sort=-updated_at": ["/api/v1/contacts?sort=-updated_at"] * 20,
    }
    for name, paths in cases.items():
        found = searches.latencies(port, paths)
        table.add_row(name, f"{searches.percentile(found, 50):.1f}", f"{searches.percentile(found, 95):.1f}")
    _console.print(table)


def _start_and_memory() -> None:
    """`orbit up` on a new data folder and again: seconds until /health is ok, resident memory when idle."""
    table = Table(title="orbit up")
    for heading in ("", "seconds to ready", "server MB", "worker MB", "together MB"):
        table.add_column(heading, justify="left" if not heading else "right")
    with tempfile.TemporaryDirectory(prefix="orbit-bench-", ignore_cleanup_errors=True) as folder:
        for name in ("new data folder", "again"):
            port = free_port()
            environment = {k: v for k, v in os.environ.items() if not k.startswith("ORBIT_")} | {
                "ORBIT_PORT": str(port),
                "ORBIT_DATA_DIR": f"{folder}/data",
            }
            started = time.perf_counter()
            command = [sys.executable, "-m", "orbit_contacts", "up"]
            with _process(command, environment, f"http://127.0.0.1:{port}/health") as pid:
                seconds = time.perf_counter() - started
                time.sleep(5)
                server = cpu.resident_megabytes(pid)
                workers = [
                    child for child in cpu.children(pid) if b"worker" in Path(f"/proc/{child}/cmdline").read_bytes()
                ]
                worker = sum(map(cpu.resident_megabytes, workers))
            table.add_row(name, f"{seconds:.1f}", f"{server:.0f}", f"{worker:.0f}", f"{server + worker:.0f}")
    _console.print(table)
