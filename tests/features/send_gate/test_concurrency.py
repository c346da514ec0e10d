"""Two checks never both take the last place, and no send is recorded beside a committed opt-out."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.database import Database
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.consent.records import Evidence
from orbit_contacts.features.send_gate import service
from orbit_contacts.features.send_gate.counting import Check
from tests.conftest import Client, Workspace


def id_of(contact: dict[str, Any]) -> UUID:
    id = ids.parse("con", contact["id"])
    assert id is not None
    return id


def cap(api: Client, limit: int) -> None:
    api.data("POST", "/frequency-caps", {"name": "cap", "limit": limit, "window_seconds": 86_400})


def test_many_requests_at_once_take_exactly_the_places_there_are(api: Client) -> None:
    cap(api, 5)
    cast = [api.contact(phone=f"+9053212345{n:02}") for n in range(3)]

    def take(n: int) -> bool:
        path = f"/contacts/{cast[n % 3]['id']}/send-check"
        return api.data("POST", path, {"channel": ("sms", "whatsapp")[n % 2], "record": True})["recorded"]

    with ThreadPoolExecutor(12) as pool:
        taken = list(pool.map(take, range(60)))
    assert sum(taken) == 15
    for contact in cast:
        usage = api.data("GET", f"/contacts/{contact['id']}/frequency-caps?include_usage=true")["global_caps"][0]
        assert (usage["used"], usage["remaining"]) == (5, 0)


async def test_batches_in_any_order_neither_deadlock_nor_overbook(
    api: Client, workspace: Workspace, database: Database
) -> None:
    cap(api, 1)
    cast = [id_of(api.contact(phone=f"+9053212345{n:02}")) for n in range(20)]

    async def take(order: list[UUID]) -> int:
        async with database.transaction(workspace.caller) as tx:
            verdicts = await service.check_and_record(tx, [Check(id, "sms") for id in order])
            return sum(verdict.allowed for verdict in verdicts if verdict is not None)

    taken = await asyncio.gather(*(take(cast if n % 2 else cast[::-1]) for n in range(8)))
    assert sum(taken) == len(cast)


async def test_a_check_waits_for_an_opt_out_that_is_being_committed(
    api: Client, workspace: Workspace, database: Database
) -> None:
    jane = id_of(api.contact(phone="+905321234567"))
    async with database.transaction(workspace.caller) as tx:
        await consent.set_preferences(tx, [jane], {"sms": "opted_out"}, Evidence(source="test"))

        async def record() -> bool:
            async with database.transaction(workspace.caller) as other:
                (verdict,) = await service.check_and_record(other, [Check(jane, "sms")])
                assert verdict is not None
                return verdict.allowed

        asking = asyncio.create_task(record())
        await asyncio.sleep(0.2)
        assert not asking.done()
    assert await asking is False


async def test_a_check_that_began_first_and_waited_sees_what_was_recorded_meanwhile(
    api: Client, workspace: Workspace, database: Database
) -> None:
    cap(api, 1)
    jane = id_of(api.contact(phone="+905321234567"))
    async with database.transaction(workspace.caller) as early:
        async with database.transaction(workspace.caller) as late:
            assert late.now > early.now
            (first,) = await service.check_and_record(late, [Check(jane, "sms")])
        (second,) = await service.check_and_record(early, [Check(jane, "sms")])
    assert first is not None
    assert second is not None
    assert (first.allowed, second.allowed) == (True, False)
