"""A worker killed at any moment, and imports side by side: the result is that of one undisturbed run."""

import asyncio
import random
import subprocess
import sys
import time
from typing import Any

import pytest

from orbit_contacts.core import jobs
from orbit_contacts.core.database import Database, Unbound
from orbit_contacts.features.imports import running
from orbit_contacts.features.imports.models import RunImport
from tests.conftest import Client, Server, Workspace, make_workspace
from tests.features.imports.cast import people, send_csv, skipped, uuid_of, work_off
from tests.features.imports.victim import CHUNK

ROWS = 1_600
KILLS = 3


def messy_csv(seed: int) -> str:
    """People, some of them twice in any form, some unusable, some that are there already."""
    source = random.Random(seed)
    lines = ["email,phone,external_id,first_name,tags"]
    for n in range(ROWS):
        who = source.randrange(ROWS)
        email = f"p{who}@example.com" if source.random() < 0.9 else "wrong" if source.random() < 0.1 else ""
        phone = f"+4915112{source.randrange(ROWS):06}" if source.random() < 0.7 else ""
        external = f"x{source.randrange(ROWS)}" if source.random() < 0.3 else ""
        lines.append(f"{email},{phone},{external},Name {n},t{n % 3}")
    return "\r\n".join(lines) + "\r\n"


def outcome(api: Client, job: dict[str, Any]) -> tuple[Any, ...]:
    """All that an import leaves behind, without ids and times."""
    shown = api.data("GET", f"/contacts/import-jobs/{job['import_job_id']}")
    counts = [shown[name] for name in ("status", "total", "created", "updated", "unchanged", "skipped")]
    known = {
        key: (each["phone"], each["external_id"], each["first_name"], each["tags"]) for key, each in people(api).items()
    }
    lines = [",".join(line.split(",")[:2]) for line in skipped(api, job).splitlines()]
    return counts, known, lines


def prepare(api: Client) -> dict[str, Any]:
    api.data("POST", "/contacts/bulk", {"contacts": [{"email": f"p{n}@example.com"} for n in range(0, 900, 3)]})
    return send_csv(api, messy_csv(1))


@pytest.mark.crash
async def test_killed_at_random_ends_as_if_undisturbed(
    dsn: str, server: Server, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm = await make_workspace(dsn, server.url)
    undisturbed = prepare(calm.api)
    monkeypatch.setattr(running, "CHUNK_ROWS", CHUNK)
    started = time.perf_counter()
    await work_off(database, calm.caller, "imports.run", undisturbed)
    half = (time.perf_counter() - started) / 2
    struck = await make_workspace(dsn, server.url)
    job = prepare(struck.api)
    kills = 0
    while True:
        after = random.uniform(0.01, half) if kills < KILLS else None
        if await asyncio.to_thread(strike, dsn, struck, job, after):
            break
        kills += 1
    assert kills > 0
    assert outcome(struck.api, job) == outcome(calm.api, undisturbed)


def strike(dsn: str, workspace: Workspace, job: dict[str, Any], after: float | None) -> bool:
    """Let a worker work and kill it; whether it was done first."""
    command = [sys.executable, "-m", "tests.features.imports.victim", dsn, str(workspace.id), str(uuid_of(job))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        if after is not None:
            time.sleep(after)
            process.kill()
        return process.stdout.read() == "done\n"


async def test_two_workers_at_one_job_do_nothing_twice(
    api: Client, database: Database, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "CHUNK_ROWS", 200)
    job = prepare(api)
    payload = RunImport(import_id=uuid_of(job))
    run = jobs.registry["imports.run"].run
    await asyncio.gather(*(run(Unbound(database, workspace.caller, 0), payload) for _ in range(3)))
    counts, known, _ = outcome(api, job)
    assert counts[0] == "completed"
    assert sum(counts[2:]) == counts[1] == ROWS
    assert len(known) == 300 + counts[2]


async def test_imports_of_the_same_people_side_by_side(
    api: Client, database: Database, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "CHUNK_ROWS", 150)
    texts = [
        "\r\n".join(
            [
                "email,phone,first_name",
                *(f"p{n}@example.com,+4915112{n:06},{name}" for n in random.Random(name).sample(range(1_300), 1_200)),
            ]
        )
        for name in ("A", "B", "C")
    ]
    queued = [send_csv(api, text) for text in texts]
    await asyncio.gather(*(work_off(database, workspace.caller, "imports.run", job) for job in queued))
    shown = [api.data("GET", f"/contacts/import-jobs/{job['import_job_id']}") for job in queued]
    assert [(job["status"], job["skipped"]) for job in shown] == [("completed", 0)] * 3
    found = people(api)
    assert sum(job["created"] for job in shown) == len(found)
    assert api.get("/contacts").json()["meta"]["pagination"]["total"] == len(found)


async def test_dry_run_of_many_chunks_counts_as_the_real_one(
    api: Client, database: Database, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "CHUNK_ROWS", 100)
    real = prepare(api)
    tried = send_csv(api, messy_csv(1), dry_run="true")
    before = people(api)
    await work_off(database, workspace.caller, "imports.run", tried)
    assert people(api) == before
    await work_off(database, workspace.caller, "imports.run", real)
    names = ("total", "created", "updated", "unchanged", "skipped", "errors")
    both = [api.data("GET", f"/contacts/import-jobs/{job['import_job_id']}") for job in (tried, real)]
    assert [both[0][name] for name in names] == [both[1][name] for name in names]
