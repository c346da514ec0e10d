"""Loading invented people: whole chunks, in order, never twice, and what the API then says of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import DAY, Instant, from_datetime, parse_instant, to_datetime
from orbit_contacts.core.database import Connection, Database, connect
from orbit_contacts.core.errors import Conflict, InvalidRequest
from orbit_contacts.interfaces.demo.load import SEED, YEARS, load
from orbit_contacts.interfaces.demo.people import Person, people
from tests.conftest import Client

NOW: Instant = parse_instant("2026-03-08T12:00:00Z", "now")


@pytest.fixture
async def sql(dsn: str) -> AsyncIterator[Connection]:
    connection = await connect(dsn)
    yield connection
    await connection.close()


def expected(count: int) -> list[Person]:
    since = to_datetime(NOW - 365 * YEARS * DAY)
    return [person for batch in people(SEED, count, since=since, until=to_datetime(NOW)) for person in batch]


async def held(sql: Connection, caller: Caller) -> list[str]:
    rows = await sql.fetch("SELECT external_id FROM contacts WHERE cell_id = ANY($1) ORDER BY bucket, id", caller.cells)
    return [row["external_id"] for row in rows]


async def test_the_api_shows_the_people_as_they_were_invented(database: Database, caller: Caller, api: Client) -> None:
    await load(database, caller, 60, until=NOW, chunk=25)
    page = api.get("/contacts", limit=60).json()
    assert page["meta"]["pagination"]["total"] == 60
    shown = {contact["external_id"]: contact for contact in page["data"]}
    for person in expected(60):
        contact = shown[person.external_id]
        assert contact["phone"] == person.phone
        assert contact["email"] == person.email
        assert contact["display_name"] == person.display_name
        assert contact["tags"] == person.tags
        assert contact["metadata"] == person.metadata
        assert contact["custom_fields"] == {}
        assert contact["lifecycle_stage"] == person.lifecycle_stage
        assert contact["blocked"] == person.blocked
        assert parse_instant(contact["created_at"], "") == from_datetime(person.created_at.replace(microsecond=0))
    assert [c["external_id"] for c in page["data"]] == sorted(shown, reverse=True)


async def test_people_are_found_by_name_and_number(database: Database, caller: Caller, api: Client) -> None:
    await load(database, caller, 60, until=NOW)
    for person in expected(60)[::7]:
        for wanted in (person.display_name, person.phone, person.email):
            if wanted:
                found = api.get("/contacts", search=wanted, limit=60).json()["data"]
                assert person.external_id in {contact["external_id"] for contact in found}


async def test_identifiers_are_taken(database: Database, caller: Caller, api: Client) -> None:
    await load(database, caller, 20, until=NOW)
    person = next(person for person in expected(20) if person.email and person.phone)
    for field in ("email", "phone", "external_id"):
        assert api.post("/contacts", {field: getattr(person, field)}).status_code == 409


async def test_totals_by_stage_and_country_are_exact(database: Database, caller: Caller, api: Client) -> None:
    await load(database, caller, 80, until=NOW, chunk=30)
    leads = [person for person in expected(80) if person.lifecycle_stage == "lead" and person.country_code == "US"]
    page = api.get("/contacts", lifecycle_stage="lead", country_code="US").json()
    assert page["meta"]["pagination"]["total"] == len(leads) > 0


async def test_events_are_those_of_the_history(database: Database, caller: Caller, sql: Connection) -> None:
    loaded = await load(database, caller, 40, until=NOW, events_per_contact=20)
    rows = await sql.fetch(
        "SELECT e.*, c.created_at FROM events e JOIN contacts c ON (c.cell_id, c.id) = (e.cell_id, e.contact_id) "
        "WHERE e.cell_id = ANY($1)",
        caller.cells,
    )
    assert len(rows) == loaded.events > 400
    assert sum(row["type"] == "contact.created" for row in rows) == 40
    assert all(row["created_at"] <= row["occurred_at"] < NOW for row in rows)
    assert all(ids.milliseconds(row["id"]) == row["occurred_at"] // 1000 for row in rows)
    sent = [msgspec.json.decode(row["data"]) for row in rows if row["type"] == "message.sent"]
    assert all(data["message_id"].startswith("msg_") for data in sent)
    ended = [msgspec.json.decode(row["data"]) for row in rows if row["type"] == "call.ended"]
    assert all(data["duration_seconds"] > 0 and data["call_id"] for data in ended)


async def test_a_workspace_in_use_is_refused_and_stays_as_it_is(
    database: Database, caller: Caller, api: Client, sql: Connection
) -> None:
    api.contact(email="zoe@example.com")
    with pytest.raises(Conflict) as refused:
        await load(database, caller, 10, until=NOW)
    assert refused.value.details["field"] == "workspace"
    assert len(await held(sql, caller)) == 1


async def test_a_load_adds_to_what_is_there_when_asked(
    database: Database, caller: Caller, api: Client, sql: Connection
) -> None:
    api.contact(email="zoe@example.com", external_id="zoe")
    loaded = await load(database, caller, 10, until=NOW, add=True)
    assert (loaded.contacts, loaded.before) == (10, 0)
    assert set(await held(sql, caller)) == {"zoe", *(person.external_id for person in expected(10))}


async def test_a_small_load_grows(database: Database, caller: Caller, sql: Connection) -> None:
    await load(database, caller, 30, until=NOW, chunk=20)
    grown = await load(database, caller, 70, until=NOW, chunk=20, add=True)
    assert (grown.contacts, grown.before) == (40, 30)
    assert sorted(await held(sql, caller)) == [person.external_id for person in expected(70)]


async def test_a_load_that_is_complete_adds_nothing(database: Database, caller: Caller, sql: Connection) -> None:
    await load(database, caller, 30, until=NOW)
    again = await load(database, caller, 30, until=NOW, add=True)
    assert (again.contacts, again.events) == (0, 0)
    assert len(await held(sql, caller)) == 30


async def test_a_broken_load_leaves_whole_chunks_and_goes_on(
    database: Database, caller: Caller, sql: Connection
) -> None:
    class GaveUp(Exception):
        pass

    def give_up(contacts: int, events: int) -> None:
        if contacts == 40:
            raise GaveUp

    with pytest.raises(GaveUp):
        await load(database, caller, 200, until=NOW, chunk=20, progress=give_up)
    there = await held(sql, caller)
    assert len(there) % 20 == 0
    assert 40 <= len(there) <= 80
    assert sorted(there) == [person.external_id for person in expected(200)][: len(there)]
    resumed = await load(database, caller, 200, until=NOW, chunk=20, add=True)
    assert resumed.before == len(there)
    assert sorted(await held(sql, caller)) == [person.external_id for person in expected(200)]


async def test_a_cancelled_load_leaves_whole_chunks(database: Database, caller: Caller, sql: Connection) -> None:
    loading = asyncio.create_task(load(database, caller, 20_000, until=NOW, chunk=500))
    while not await held(sql, caller):
        await asyncio.sleep(0.01)
    loading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await loading
    there = await held(sql, caller)
    assert len(there) % 500 == 0
    assert max(there) == f"demo-{len(there) - 1:010d}"


async def test_people_of_another_seed_are_not_mixed_in(database: Database, caller: Caller, sql: Connection) -> None:
    await load(database, caller, 10, until=NOW, seed=1)
    with pytest.raises(Conflict) as refused:
        await load(database, caller, 20, until=NOW, seed=2, add=True)
    assert refused.value.details["field"] == "seed"
    assert len(await held(sql, caller)) == 10


async def test_somebody_who_holds_an_invented_address_stops_the_load(
    database: Database, caller: Caller, api: Client, sql: Connection
) -> None:
    taken = next(person.email for person in expected(60)[30:] if person.email)
    api.contact(email=taken, external_id="first")
    with pytest.raises(Conflict) as refused:
        await load(database, caller, 60, until=NOW, chunk=30, add=True)
    assert refused.value.details["field"] == "workspace"
    assert set(await held(sql, caller)) == {"first", *(person.external_id for person in expected(30))}


async def test_contacts_spread_over_all_cells(database: Database, caller: Caller, sql: Connection) -> None:
    wide = msgspec.structs.replace(caller, cell_count=4)
    await load(database, wide, 200, until=NOW)
    rows = await sql.fetch("SELECT cell_id, id FROM contacts WHERE cell_id = ANY($1)", wide.cells)
    assert {row["cell_id"] for row in rows} == set(wide.cells)
    assert all(wide.cell(ids.cell_number(row["id"])) == row["cell_id"] for row in rows)


async def test_buckets_follow_the_row_number(database: Database, caller: Caller, sql: Connection) -> None:
    await load(database, caller, 9000, until=NOW, chunk=5000, events_per_contact=1)
    buckets = await sql.fetch(
        "SELECT bucket, count(*) FROM contacts WHERE cell_id = ANY($1) GROUP BY bucket ORDER BY bucket", caller.cells
    )
    assert [tuple(row) for row in buckets] == [(0, 8192), (1, 808)]


async def test_progress_is_told_chunk_by_chunk(database: Database, caller: Caller) -> None:
    told: list[tuple[int, int]] = []
    loaded = await load(
        database, caller, 50, until=NOW, chunk=20, progress=lambda contacts, events: told.append((contacts, events))
    )
    assert [contacts for contacts, _ in told] == [20, 40, 50]
    assert told[-1][1] == loaded.events


@pytest.mark.parametrize(
    ("field", "options"), [("count", {"contacts": -1}), ("per_contact", {"events_per_contact": 0})]
)
async def test_what_cannot_be_is_refused_before_anything_is_written(
    database: Database, caller: Caller, field: str, options: dict[str, int]
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await load(database, caller, until=NOW, **({"contacts": 5} | options))
    assert refused.value.details["field"] == field
