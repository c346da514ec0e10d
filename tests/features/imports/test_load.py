"""A large file comes in while many clients write and read: nobody fails, no row is lost."""

import asyncio
from collections import Counter
from typing import Any

import httpx

from orbit_contacts.core.database import Database
from tests.conftest import Client, Workspace
from tests.features.imports.cast import rows_csv, send_csv, work_off

ROWS = 12_000
CLIENTS = 20


async def test_clients_beside_an_import(api: Client, workspace: Workspace, database: Database) -> None:
    job = await asyncio.to_thread(send_csv, api, rows_csv(ROWS))
    statuses: Counter[int] = Counter()
    made: Counter[int] = Counter()
    working = asyncio.Event()
    working.set()

    async def client(http: httpx.AsyncClient, number: int) -> None:
        turn = 0
        while working.is_set() or not turn:
            # Every second one writes somebody whom the file brings too.
            n = (number * 977 + turn * 7919) % ROWS if number % 2 else ROWS + number * 1_000 + turn
            body = {"email": f"p{n}@example.com", "company": "Acme"}
            answer = await http.post("/contacts", params={"upsert": "true"}, json=body)
            statuses[answer.status_code] += 1
            if answer.status_code == 201:
                made[n] += 1
            answer = await http.get("/contacts", params={"search": f"person {n}", "limit": 5})
            statuses[answer.status_code] += 1
            turn += 1

    options: dict[str, Any] = {"headers": {"X-API-Key": api.key}, "limits": httpx.Limits(max_connections=None)}
    async with httpx.AsyncClient(base_url=f"{api.url}/api/v1", timeout=30, **options) as http:
        clients = [asyncio.create_task(client(http, number)) for number in range(CLIENTS)]
        await work_off(database, workspace.caller, "imports.run", job)
        working.clear()
        await asyncio.gather(*clients)
    assert set(statuses) <= {200, 201, 409}, statuses
    shown = await asyncio.to_thread(api.data, "GET", f"/contacts/import-jobs/{job['import_job_id']}")
    assert (shown["status"], shown["total"], shown["skipped"]) == ("completed", ROWS, 0)
    assert max(made.values(), default=1) == 1
    page = (await asyncio.to_thread(api.get, "/contacts")).json()["meta"]["pagination"]
    assert page["total"] == shown["created"] + len(made)
    assert shown["created"] + sum(1 for n in made if n < ROWS) == ROWS
