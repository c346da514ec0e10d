"""Two checks never both take the last place, and no send is recorded beside a committed opt-out."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.database import Database
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.consent.records import Evidence
from orbit_contacts.features.send_gate import send_queries, service
from orbit_contacts.features.send_gate.counting import Check
from orbit_contacts.features.send_gate.send_queries import Send
from tests.conftest import Client, Workspace


def id_of(contact: dict[str, Any]) -> UUID:
    id = ids.parse("con", contact["id"])
    assert id is not None
    return id


async def sends_of(database: Database, workspace: Workspace, contact: UUID) -> int:
    async with database.reader(workspace.caller) as reader:
        return await reader.fetch_value(
            "SELECT count(*) FROM contact_sends WHERE workspace_id = $1 AND contact_id = $2", workspace.id, contact
        )


def cap(api: Client, limit: int) -> None:
    api.data("POST", "/frequency-caps", {"name": "cap", "limit": limit, "window_seconds": 86_400})


@pytest.mark.parametrize("with_key", [0, 2, 1], ids=["no key", "every second with a key", "all with a key"])
def test_many_requests_at_once_take_exactly_the_places_there_are(api: Client, with_key: int) -> None:
    cap(api, 5)
    cast = [api.contact(phone=f"+9053212345{n:02}") for n in range(3)]

    def take(n: int) -> bool:
        path = f"/contacts/{cast[n % 3]['id']}/send-check"
        headers = {"Idempotency-Key": f"take {n}"} if with_key and n // 3 % with_key == 0 else {}
        body = {"channel": ("sms", "whatsapp")[n % 2], "record": True}
        return api.data("POST", path, body, headers=headers)["recorded"]

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


async def test_a_check_without_a_transaction_gives_way_to_whoever_holds_the_contact(
    api: Client, workspace: Workspace, database: Database
) -> None:
    jane = id_of(api.contact(phone="+905321234567"))
    async with database.transaction(workspace.caller) as tx, database.reader(workspace.caller) as reader:
        await consent.set_preferences(tx, [jane], {"sms": "opted_out"}, Evidence(source="test"))
        with pytest.raises(service.Overtaken):
            await service.check_and_record_alone(reader, Check(jane, "sms"))
    async with database.reader(workspace.caller) as reader:
        verdict = await service.check_and_record_alone(reader, Check(jane, "sms"))
    assert verdict is not None
    assert verdict.code in ("RECIPIENT_SUPPRESSED", "RECIPIENT_OPTED_OUT")
    assert await sends_of(database, workspace, jane) == 0


async def test_of_two_checks_that_saw_the_same_sends_one_is_overtaken(
    api: Client, workspace: Workspace, database: Database
) -> None:
    jane = id_of(api.contact(phone="+905321234567"))
    async with database.reader(workspace.caller) as reader:
        (row,) = await send_queries.recipients(reader, [jane], 0, 1)
        send = Send(jane, ids.mint(reader.now), reader.now, "sms", "marketing", None, 1)
        again = send._replace(id=ids.mint(reader.now))
        assert await send_queries.insert_send_if_unchanged(reader, send, row["updated_at"])
        assert not await send_queries.insert_send_if_unchanged(reader, again, row["updated_at"])
        assert await send_queries.insert_send_if_unchanged(reader, again._replace(number=2), row["updated_at"])
        api.data("PATCH", f"/contacts/{ids.contact_text(jane)}", {"first_name": "Jane"})
        assert not await send_queries.insert_send_if_unchanged(reader, again._replace(number=3), row["updated_at"])
    assert await sends_of(database, workspace, jane) == 2


async def test_checks_with_and_without_a_transaction_share_the_places(
    api: Client, workspace: Workspace, database: Database
) -> None:
    cap(api, 7)
    jane = id_of(api.contact(phone="+905321234567"))

    async def take(n: int) -> bool:
        if n % 3 == 0:
            async with database.transaction(workspace.caller) as tx:
                (verdict,) = await service.check_and_record(tx, [Check(jane, "sms")])
                return verdict is not None and verdict.allowed
        async with database.reader(workspace.caller) as reader:
            try:
                verdict = await service.check_and_record_alone(reader, Check(jane, "sms"))
            except service.Overtaken:
                return False
            return verdict is not None and verdict.allowed

    taken: list[bool] = []
    for _ in range(6):
        taken += await asyncio.gather(*(take(n) for n in range(9)))
    assert sum(taken) == await sends_of(database, workspace, jane) == 7


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
