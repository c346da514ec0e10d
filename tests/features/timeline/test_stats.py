"""The sums of a contact equal what its events add up to, in whatever order, however often and late they come."""

import random
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database
from orbit_contacts.features.timeline import restating, stats
from orbit_contacts.features.timeline.kinds import usual_direction
from orbit_contacts.features.timeline.models import Event
from orbit_contacts.features.timeline.recording import record_all, record_one
from tests.conftest import Client

TYPES = [
    *("message.sent", "message.received", "message.opened", "call.started", "call.ended", "call.missed"),
    *("ticket.opened", "ticket.closed", "order.placed", "order.refunded", "page.viewed", "note.created", "contact.x"),
]
CONTACT = UUID(int=1 << 80)


def event(number: int, type: str, at: int, value: object = 5, contact: UUID = CONTACT) -> Event:
    data = b'{"value": %d}' % value if isinstance(value, int) else b'{"value": "%s"}' % str(value).encode()
    return Event(contact, at, UUID(int=number), type, None, usual_direction(type), data, event_id=str(number))


histories = st.lists(
    st.tuples(st.sampled_from(TYPES), st.integers(0, 1_000_000), st.integers(0, 100)), min_size=1, max_size=30
)


@given(history=histories, seed=st.integers(0, 1000), cut=st.integers(0, 30))
def test_sums_do_not_depend_on_order_or_portions(history: list[Any], seed: int, cut: int) -> None:
    events = [event(number, *fields) for number, fields in enumerate(history)]
    shuffled = events[:]
    random.Random(seed).shuffle(shuffled)
    whole = stats.added_by(events)[CONTACT]
    parts = [stats.added_by(part)[CONTACT] for part in (shuffled[:cut], shuffled[cut:]) if part]
    assert (parts[0] if len(parts) == 1 else stats.united(*parts)) == whole


def test_what_is_no_amount_counts_nothing() -> None:
    for data in (b"{}", b'{"value": true}', b'{"value": -1}', b'{"value": "x"}', b'{"value": 1e300}', b'{"value": []}'):
        assert stats.order_value(data) == 0.0
    assert stats.order_value(b'{"value": "12.50"}') == 12.5


@settings(max_examples=8, deadline=None)
@given(history=histories, seed=st.integers(0, 1000))
async def test_sums_kept_by_events_equal_sums_made_anew(
    database: Database, history: list[Any], seed: int, dsn: str
) -> None:
    """Shuffled, in portions, partly twice; then made anew from what is in the timeline."""
    from orbit_contacts.core.database import connect
    from orbit_contacts.features.contacts import service as contacts
    from orbit_contacts.features.contacts.models import NewContact
    from orbit_contacts.features.workspaces import queries, service

    connection = await connect(dsn)
    workspace = (await service.create_organization(connection, "stats"))["live"]
    row = await queries.find_workspace(connection, workspace)
    await connection.close()
    assert row is not None
    caller = service.caller_of_workspace(row, actor="test", name="test")
    async with database.transaction(caller) as tx:
        made, _ = await contacts.create(tx, NewContact(external_id="ada"))
    contact = ids.parse("con", made.id)
    assert contact is not None
    events = [event(number, *fields, contact=contact) for number, fields in enumerate(history)]
    told = events + events[: len(events) // 2]
    dice = random.Random(seed)
    dice.shuffle(told)
    while told:
        portion = [told.pop() for _ in range(min(len(told), dice.choice((1, 1, 3, 10))))]
        async with database.transaction(caller) as tx:
            portion = [e._replace(id=ids.mint(tx.now)) for e in portion]
            if len(portion) == 1:
                await record_one(tx, portion[0], None, source="api")
            else:
                await record_all(tx, portion, source="api")
    kept = await _sums(database, caller)
    async with database.transaction(caller) as tx:
        await restating.restate(tx, contact)
    assert await _sums(database, caller) == kept
    assert kept == tuple(stats.added_by(events)[contact])


async def _sums(database: Database, caller: Caller) -> tuple[Any, ...]:
    columns = ", ".join(stats.COUNTS + stats.LATEST)
    async with database.reader(caller) as reader:
        row = await reader.connection.fetchrow(
            f"SELECT {columns} FROM contact_stats WHERE workspace_id = $1", caller.workspace_id
        )
    return tuple(row) if row is not None else ()


async def test_sums_follow_events_through_a_merge_and_back(api: Client, database: Database, caller: Caller) -> None:
    ada, ben = api.contact(external_id="ada"), api.contact(external_id="ben")
    sent = {"type": "message.sent", "channel": "sms", "timestamp": "2026-01-01"}
    for contact, count in ((ada, 2), (ben, 3)):
        for number in range(count):
            event = sent | {"event_id": f"{contact['id']}-{number}"}
            api.data("POST", f"/contacts/{contact['id']}/events", event)
    api.data("POST", f"/contacts/{ada['id']}/merge", {"source_ids": [ben["id"]]})
    assert await _sent(database, caller) == {ada["id"]: 5}
    again = api.data("POST", f"/contacts/{ada['id']}/events", sent | {"event_id": f"{ben['id']}-0"})
    assert again["duplicates"] == 1
    api.data("POST", f"/contacts/{ada['id']}/events", sent)
    assert api.post(f"/contacts/{ben['id']}/events", sent).status_code == 404
    api.data("POST", f"/contacts/{ada['id']}/unmerge", {})
    assert await _sent(database, caller) == {ada["id"]: 3, ben["id"]: 3}
    assert api.data("POST", f"/contacts/{ben['id']}/events", sent | {"event_id": f"{ben['id']}-0"})["duplicates"] == 1


async def _sent(database: Database, caller: Caller) -> dict[str, int]:
    async with database.reader(caller) as reader:
        rows = await reader.connection.fetch(
            "SELECT contact_id, messages_sent FROM contact_stats WHERE workspace_id = $1", caller.workspace_id
        )
    return {ids.contact_text(row["contact_id"]): row["messages_sent"] for row in rows}
