"""What an export says of consent is what the API says of each contact, whichever way it came to be."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import now
from orbit_contacts.core.database import Database, Reader
from orbit_contacts.core.where import Where
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.consent import statuses
from orbit_contacts.features.consent.channels import CHANNELS, SCOPES
from orbit_contacts.features.consent.statuses import Stretch
from orbit_contacts.features.contacts import filters
from orbit_contacts.features.contacts.address_hash import hash_key
from orbit_contacts.features.exports import copying
from tests.conftest import Client
from tests.features.exports.test_exports import export

SUPPRESSIONS = "/compliance/suppression-list"


def prefer(api: Client, contact: dict[str, Any], **preferences: Any) -> None:
    api.data("PUT", f"/contacts/{contact['id']}/preferences", {"preferences": preferences})


def cast(api: Client) -> None:
    """Opted in and out, suppressed, lifted, deleted and back, erased and back, merged, moved to another number."""
    jane = api.contact(first_name="Jane", email="jane@example.com", phone="+14155552671")
    prefer(api, jane, email=False, sms=True)
    api.contact(first_name="Nobody", email="nobody@example.com")
    for address, scope in (("+14155552672", None), ("sue@example.com", None), ("+14155552673", "voice")):
        api.data("POST", SUPPRESSIONS, {"address": address, **({"scope": scope} if scope else {})})
    api.contact(first_name="Stan", phone="+14155552672")
    sue = api.contact(first_name="Sue", email="Sue@Example.com", phone="+14155552673")
    prefer(api, sue, email=True, line=True)
    for soft in (True, False):
        tom = api.contact(first_name="Tom", email=f"tom{soft}@example.com", external_id=f"tom-{soft}")
        prefer(api, tom, email=False, push=False, viber=True)
        assert api.delete(f"/contacts/{tom['id']}", params={"soft": soft}).status_code in (200, 204)
        api.contact(first_name="Tom again", email=f"tom{soft}@example.com", phone=f"+1415555268{int(soft)}")
    ann, double = (api.contact(first_name="Ann", email=f"ann{n}@example.com") for n in range(2))
    prefer(api, ann, email=True, push=True)
    prefer(api, double, email=False)
    api.data("POST", f"/contacts/{ann['id']}/merge", {"source_ids": [double["id"]]})
    max_ = api.contact(first_name="Max", email="max@example.com", phone="+14155552690")
    prefer(api, max_, whatsapp=False)
    api.data("PATCH", f"/contacts/{max_['id']}", {"phone": "+14155552691"})
    api.contact(first_name="Next", phone="+14155552690", tags=["next"])


def told(api: Client) -> dict[str, dict[str, str]]:
    """What the API says of each contact."""
    people = api.get("/contacts", limit=100).json()["data"]
    return {each["id"]: api.data("GET", f"/contacts/{each['id']}/preferences")["preferences"] for each in people}


def exported(api: Client, **asked: Any) -> dict[str, dict[str, str]]:
    _, content = export(api, format="csv", **asked)
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    _, lines = export(api, format="ndjson", **asked)
    documents = [json.loads(line) for line in lines.splitlines()]
    by_csv = {row["id"]: {channel: row[f"preferences.{channel}"] for channel in CHANNELS} for row in rows}
    assert {each["id"]: each["preferences"] for each in documents} == by_csv
    return by_csv


def test_an_export_says_of_consent_what_the_api_says(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "PAGE", 2)
    monkeypatch.setattr(copying, "AT_ONCE", 2)
    cast(api)
    expected = told(api)
    statuses_met = {status for each in expected.values() for status in each.values()}
    assert statuses_met == {"opted_in", "opted_out", "unknown"}
    assert exported(api) == expected
    some = sorted(expected)[1::2]
    assert exported(api, contact_ids=some) == {id: expected[id] for id in some}
    (next_one,) = exported(api, filters={"tags": ["next"]}).values()
    assert next_one["whatsapp"] == "opted_out"


suppressions = st.tuples(
    st.integers(0, 3),
    st.sampled_from(["phone", "email", "external_id"]),
    st.sampled_from(SCOPES),
    st.sets(st.sampled_from(CHANNELS)),
)


@given(st.lists(suppressions, max_size=8, unique_by=lambda each: each[:3]))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
async def test_a_suppression_counts_though_no_state_tells_of_it(
    api: Client, database: Database, caller: Caller, listed: list[tuple[int, str, str, set[str]]]
) -> None:
    """Whatever is on the list, however it came there: PostgreSQL and `consent.consent_of` agree."""
    async with database.reader(caller) as reader:
        people = await held_by_four(reader)
        await reader.connection.execute("DELETE FROM suppressions WHERE workspace_id = $1", caller.workspace_id)
        for n, kind, scope, lifted in listed:
            await reader.connection.execute(
                "INSERT INTO suppressions (workspace_id, address_hash, scope, id, kind, lifted, source, record_id, "
                "created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, 'api', $4, 'test', $7)",
                *(caller.workspace_id, hash_key(reader).hash(kind, f"{kind}-{n}"), scope, ids.mint(now()), kind),
                *(sorted(lifted), now()),
            )
        expected = await consent.states(reader, people)
        for only in (None, people):
            found = await by_columns(reader, Stretch(None, people[-1], only))
            assert found == {
                id: {channel: expected[id].channels[channel].status for channel in CHANNELS} for id in people
            }


async def held_by_four(reader: Reader) -> list[Any]:
    """Four contacts with an identifier of each kind, made by hand the first time."""
    caller = reader.caller
    where = filters.live(reader)
    statement = "SELECT c.id FROM contacts c WHERE " + where.text + " ORDER BY c.id"
    if not await reader.fetch_all(statement, *where.args):
        for n in range(4):
            id, at = ids.mint(now()), now()
            await reader.connection.execute(
                "INSERT INTO contacts (workspace_id, cell_id, id, bucket, source, search_text, created_at, updated_at) "
                "VALUES ($1, $2, $3, 0, 'api', '', $4, $4)",
                *(caller.workspace_id, caller.cell(0), id, at),
            )
            for kind in ("phone", "email", "external_id"):
                await reader.connection.execute(
                    "INSERT INTO contact_identifiers VALUES ($1, $2, $3, $4, $5)",
                    *(caller.workspace_id, kind, f"{kind}-{n}", caller.cell(0), id),
                )
    return [row["id"] for row in await reader.fetch_all(statement, *where.args)]


async def by_columns(reader: Reader, stretch: Stretch) -> dict[Any, dict[str, str]]:
    known = await statuses.known(reader)
    where: Where = filters.live(reader)
    closed = await statuses.closed(reader, known, stretch)
    joins = statuses.joins(where, reader, known, stretch, closed.of(stretch))
    columns = ", ".join([expression + " AS " + channel for channel, expression in statuses.columns(known).items()])
    statement = "SELECT c.id, " + columns + " FROM contacts c" + joins + " WHERE " + where.text
    rows = await reader.connection.fetch(statement, *where.args)
    return {row["id"]: {channel: row[channel] for channel in CHANNELS} for row in rows}
