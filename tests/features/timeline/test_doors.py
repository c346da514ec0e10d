"""The door that an event came in by is told alike wherever the event is read."""

import msgspec
import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database
from orbit_contacts.features.timeline import service
from orbit_contacts.features.timeline.doors import door_of
from tests.conftest import Client


@pytest.mark.parametrize(
    ("source", "actor", "door"),
    [
        ("sdk", None, "sdk"),
        ("api", None, "api"),
        (None, "api_key:key_1", "api"),
        (None, "user:jane", "console"),
        (None, "system:worker", "system"),
        (None, "recipient:link", "system"),
        (None, None, "system"),
    ],
)
def test_the_door_of_an_event(source: str | None, actor: str | None, door: str) -> None:
    assert door_of(source, actor) == door


async def test_feed_list_and_journey_name_the_same_door(api: Client, database: Database, caller: Caller) -> None:
    ada = api.contact(external_id="ada")
    api.data("POST", f"/contacts/{ada['id']}/events", {"type": "told"})
    api.data("POST", "/sdk/track", {"event": "tracked", "external_id": "ada"})
    id = ids.parse("con", ada["id"])
    assert id is not None
    for actor_type, type in (("user", "by.user"), ("system", "by.system")):
        async with database.transaction(msgspec.structs.replace(caller, actor_type=actor_type)) as tx:
            await service.record(tx, id, type, {})
    doors = {"contact.created": "api", "told": "api", "tracked": "sdk", "by.user": "console", "by.system": "system"}
    answers = (
        api.data("GET", "/changes")["changes"],
        api.data("GET", "/events"),
        api.data("GET", f"/contacts/{ada['id']}/journey")["events"],
    )
    for events in answers:
        assert {event["type"]: event["source"] for event in events} == doors
