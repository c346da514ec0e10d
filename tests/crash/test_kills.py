"""`kill -9` of anything at any moment: what was acknowledged is there once, the rest whole or not at all."""

import asyncio
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

from orbit_contacts.core.database import Database, Snapshot
from orbit_contacts.features.consent.verify import Report, verify
from orbit_contacts.features.workspaces import service as workspaces
from tests.crash.house import PATIENCE, House, rows, wait_for
from tests.crash.invariants import INVARIANTS
from tests.crash.steps import READ, Known
from tests.crash.writers import Writer

SECONDS = float(os.environ.get("ORBIT_TEST_CRASH_SECONDS", "10"))
SEED = int(os.environ.get("ORBIT_TEST_CRASH_SEED", "0")) or random.SystemRandom().getrandbits(32)
WRITERS = 6

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of PostgreSQL in /proc"),
]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="orbit-crash-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        house = House(Path(folder))
        try:
            house.open()
            yield house
        finally:
            house.close()


class Survey:
    """Reads the directory over HTTP when all is quiet again."""

    def __init__(self, house: House) -> None:
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{house.ports[0]}/v1", headers={"X-API-Key": house.key}, timeout=20
        )

    def get(self, path: str) -> Any:
        answer = self._http.get(path)
        assert answer.status_code in (200, 404), answer.text
        return answer.json()["data"] if answer.status_code == 200 else None

    def post(self, path: str, body: Any) -> Any:
        answer = self._http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def members(self, list_id: str) -> set[str]:
        page = self._http.get(f"/contacts/lists/{list_id}/members", params={"limit": 200}).json()
        assert not page["meta"]["pagination"]["has_more"]
        assert page["meta"]["pagination"]["total"] == len(page["data"])
        return {contact["id"] for contact in page["data"]}


@pytest.fixture(scope="module")
def writers(house: House) -> list[Writer]:
    """What the writers did while processes were killed at random; then everything runs again."""
    print(f"ORBIT_TEST_CRASH_SEED={SEED}")
    chance = random.Random(SEED)
    list_id = Survey(house).post("/contacts/lists", {"name": "Survivors"})["id"]
    writers = [Writer(number, house.ports, house.key, list_id, SEED) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end or len(house.kills) < 4:
        let_them_work(writers, chance.uniform(0, 40))
        house.kill(chance)
        time.sleep(chance.uniform(0, 0.2))
        house.revive()
    for writer in writers:
        writer.stop()
    wait_for(house.is_ready, PATIENCE)
    for writer in writers:
        writer.join(PATIENCE)
    print(f"kills: {house.kills}; {[(w.acknowledged, w.retried, len(w.unborn)) for w in writers]}")
    return writers


def let_them_work(writers: list[Writer], number: float) -> None:
    """Until so many more requests were acknowledged: a killed process that nobody needed proves nothing."""
    done = sum(writer.acknowledged for writer in writers) + number
    end = time.monotonic() + 8
    while sum(writer.acknowledged for writer in writers) < done and time.monotonic() < end:
        time.sleep(0.01)


@pytest.fixture(scope="module")
def list_id(house: House, writers: list[Writer]) -> str:
    return Survey(house).get("/contacts/lists")[0]["id"]


def test_the_writers_were_disturbed_and_went_on(house: House, writers: list[Writer]) -> None:
    assert not any(writer.is_alive() for writer in writers)
    assert [surprise for writer in writers for surprise in writer.surprises] == []
    assert len(house.kills) >= 4
    assert all(writer.acknowledged for writer in writers)
    assert sum(writer.retried for writer in writers) >= len(house.kills)


def test_what_was_acknowledged_is_there_once(house: House, writers: list[Writer], list_id: str) -> None:
    survey = Survey(house)
    members = survey.members(list_id)
    events = told(house)
    wrong: list[str] = []
    for writer in writers:
        for id, outcome in writer.outcomes.items():
            seen = [difference(survey, events.get(id, {}), members, known) for known in outcome.states]
            if all(seen):
                wrong.append(f"{id}: {seen}")
    assert not wrong, f"seed {SEED}, kills {house.kills}:\n" + "\n".join(wrong)


def told(house: House) -> dict[str, dict[str, int]]:
    """Contact id to its number of events of each type that steps count."""
    from orbit_contacts.core import ids

    counted: dict[str, dict[str, int]] = {}
    for row in rows(house.dsn, "SELECT contact_id, type, count(*) AS number FROM events GROUP BY contact_id, type"):
        if not row["type"].startswith("contact.opted"):
            counted.setdefault(ids.text("con", row["contact_id"]), {})[row["type"]] = row["number"]
    return counted


def difference(survey: Survey, events: dict[str, int], members: set[str], known: Known) -> dict[str, Any]:
    """What is otherwise than known: field to (known, found)."""
    contact = survey.get(f"/contacts/{known.id}")
    found: dict[str, Any] = {"life": "live" if contact else known.life if known.life != "live" else "gone"}
    found["events"] = events
    if known.life == "live" and contact:
        found |= {name: read(contact, survey.get) for name, read in READ.items()}
        found["on_list"] = known.id in members
    return {name: (getattr(known, name), value) for name, value in found.items() if getattr(known, name) != value}


def test_what_was_never_answered_is_there_once_or_not_at_all(house: House, writers: list[Writer]) -> None:
    survey = Survey(house)
    for writer in writers:
        for unborn in writer.unborn:
            assert len(survey.get(f"/contacts?external_id={unborn.external_id}")) <= 1
    expected = sum(known.life == "live" for w in writers for o in w.outcomes.values() for known in o.states[:1])
    doubtful = sum(len(w.unborn) + sum(len(o.states) > 1 for o in w.outcomes.values()) for w in writers)
    total = rows(house.dsn, "SELECT count(*) AS number FROM contacts WHERE deleted_at IS NULL")[0]["number"]
    assert abs(total - expected) <= doubtful


@pytest.mark.parametrize("name", INVARIANTS)
def test_tables_agree(house: House, writers: list[Writer], name: str) -> None:
    assert rows(house.dsn, INVARIANTS[name]) == [], f"seed {SEED}, kills {house.kills}"


def test_the_consent_ledger_is_intact(house: House, writers: list[Writer]) -> None:
    workspace = rows(house.dsn, "SELECT workspace_id FROM contacts LIMIT 1")[0]["workspace_id"]
    report = asyncio.run(verified(house.dsn, workspace))
    assert report.records > 0
    assert report.faults == []


async def verified(dsn: str, workspace: int) -> Report:
    database = Database(dsn, size=2, ad_hoc_size=1)
    await workspaces.prepare_installation(database)
    async with database.prepared.connection() as connection:
        caller = await workspaces.system_caller(connection, workspace, "test")
    async with database.session(Snapshot, caller) as snapshot:
        report = await verify(snapshot)
    await database.close()
    return report
