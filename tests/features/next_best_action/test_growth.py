"""When a workspace is fitted before the night: at its first sends, and when they have doubled."""

from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database
from orbit_contacts.features.next_best_action import queries
from tests.conftest import Client

LEAST = 4


def send(api: Client, contact: str, count: int) -> None:
    event = {"contact_id": contact, "type": "message.sent", "channel": "email"}
    api.data("POST", "/events/batch", {"events": [event] * count})


async def has_grown(database: Database, caller: Caller) -> bool:
    async with database.reader(caller) as reader:
        return caller.workspace_id in await queries.workspaces_that_grew(reader, LEAST)


async def test_the_first_sends_are_enough_once_there_are_some(api: Client, database: Database, caller: Caller) -> None:
    assert not await has_grown(database, caller)
    ada = api.contact(email="ada@example.com")["id"]
    send(api, ada, LEAST - 1)
    assert not await has_grown(database, caller)
    send(api, ada, 1)
    assert await has_grown(database, caller)


async def test_a_fitted_workspace_grows_when_its_sends_double(api: Client, database: Database, caller: Caller) -> None:
    ada = api.contact(email="ada@example.com")["id"]
    send(api, ada, 5)
    async with database.transaction(caller) as tx:
        await queries.insert_model(tx, b"{}", await queries.sends(tx))
    send(api, ada, 4)
    api.data("POST", "/events/batch", {"events": [{"contact_id": ada, "type": "page.viewed"}] * 9})
    assert not await has_grown(database, caller)
    send(api, ada, 1)
    assert await has_grown(database, caller)
