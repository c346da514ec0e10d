"""Database, server and worker killed at random while a file comes in: the end is that of an undisturbed import."""

import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.crash.house import PATIENCE, House, rows, wait_for

SEED = int(os.environ.get("ORBIT_TEST_CRASH_SEED", "0")) or random.SystemRandom().getrandbits(32)
PEOPLE = 16_000
WRONG = 300
TWICE = 500
KILLS = 6

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of PostgreSQL in /proc"),
]


@pytest.fixture
def house() -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="orbit-crash-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        house = House(Path(folder))
        try:
            house.open()
            yield house
        finally:
            house.close()


def test_import_ends_as_if_undisturbed(house: House) -> None:
    print(f"ORBIT_TEST_CRASH_SEED={SEED}")
    chance = random.Random(SEED)
    people = [f"p{n}@example.com,+4915112{n:06},Name {n},a;b" for n in range(PEOPLE)]
    wrong = [f"wrong,,Nobody {n},x" for n in range(WRONG)]
    twice = [f"{each.split(',')[0].upper()},,Again,c" for each in chance.sample(people, TWICE)]
    mixed = [*people, *wrong]
    chance.shuffle(mixed)
    content = "\r\n".join(["email,phone,first_name,tags", *mixed, *twice, ""]).encode()
    asked = {"filename": "people.csv"}
    job: dict[str, Any] = {}

    def sent() -> bool:
        headers = {"X-API-Key": house.key, "Content-Type": "text/csv", "Idempotency-Key": "one-file"}
        answer = _call(house, chance, "POST", "/contacts/bulk", content=content, params=asked, headers=headers)
        if answer is not None:
            job.update(answer)
        return answer is not None

    def ended() -> bool:
        house.revive()
        shown = _call(house, chance, "GET", f"/contacts/import-jobs/{job['import_job_id']}")
        if shown is not None:
            job.update(shown)
        return job["status"] in ("completed", "failed")

    wait_for(sent, PATIENCE)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.05, 0.8))
        house.kill(chance)
        house.revive()
    wait_for(ended, 2 * PATIENCE)
    counts = {name: job[name] for name in ("status", "total", "created", "updated", "unchanged", "skipped")}
    assert counts == {
        "status": "completed",
        "total": PEOPLE + WRONG + TWICE,
        "created": PEOPLE,
        "updated": 0,
        "unchanged": 0,
        "skipped": WRONG + TWICE,
    }, house.kills
    stored = rows(house.dsn, "SELECT email, phone, first_name, tags FROM contacts ORDER BY email")
    known = [(row["email"], row["phone"], row["first_name"], row["tags"]) for row in stored]
    assert known == sorted((*each.split(",")[:3], ["a", "b"]) for each in people)
    held = "SELECT count(*), count(DISTINCT contact_id) FROM contact_identifiers"
    assert tuple(rows(house.dsn, held)[0]) == (2 * PEOPLE, PEOPLE)
    told = "SELECT count(*), count(DISTINCT contact_id) FROM events WHERE type = 'contact.created'"
    assert tuple(rows(house.dsn, told)[0]) == (PEOPLE, PEOPLE)
    assert tuple(rows(house.dsn, "SELECT sum(live)::int, sum(ever)::int FROM contact_counts")[0]) == (PEOPLE, PEOPLE)


def _call(house: House, chance: random.Random, method: str, path: str, **more: Any) -> dict[str, Any] | None:
    url = f"http://127.0.0.1:{chance.choice(house.ports)}/v1{path}"
    more.setdefault("headers", {"X-API-Key": house.key})
    try:
        answer = httpx.request(method, url, timeout=20, **more)
    except httpx.TransportError:
        return None
    if answer.status_code in (500, 502, 503):
        return None
    assert answer.is_success, answer.text
    return answer.json()["data"]
