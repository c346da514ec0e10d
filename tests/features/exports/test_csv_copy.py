"""The CSV that PostgreSQL writes is, byte for byte, the CSV that Python writes."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import now
from orbit_contacts.core.database import Database, Reader
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.contacts import filters
from orbit_contacts.features.exports import columns, copying, queries, service
from orbit_contacts.features.exports.csv_copy import can_write, with_crlf
from orbit_contacts.features.exports.models import NewExport
from orbit_contacts.features.exports.tables import Contacts
from orbit_contacts.features.exports.writers import CsvWriter
from tests.conftest import Client
from tests.features.exports.test_exports import export

HOSTILE = (
    *(
        "=1+1",
        "+1",
        "-1",
        "@x",
        "\tx",
        "\rx",
        "'",
        "'=1",
        "''@x",
        "'x",
        "+",
        "-",
        "+49 151",
        "+4915112345",
        "-5a",
        "+5\n",
    ),
    *('"', '""', 'a"b', ",", "a,b", ";", "|", "a\nb", "a\r\nb", "\n", "\r", " ", " x", "x ", "", "\\.", "\\N", "NULL"),
    *(
        "Żółć",
        "Женя",
        "مرحبا",
        "😀",
        "\u200bx",
        "\u00a0x",
        "x\u3000",
        "\u0085",
        "\u001c",
        "\u2028x",
        "é",
        "Ａ",
        "１",
        "＝1",
    ),
    *("a'b", "[x]", "a\\b", "%s", "$1", "{}", "{a}", "true", "007", "1E5", "\x7f", "\x01", "\U0010ffff", "A" * 3000),
)
texts = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
TEXTS = ("first_name", "last_name", "display_name", "company", "block_reason", "lifecycle_stage")
people = st.fixed_dictionaries(
    {
        **dict.fromkeys(TEXTS, st.none() | texts),
        "tags": st.lists(texts, max_size=4),
        "metadata": st.dictionaries(texts, texts | st.integers() | st.booleans() | st.none(), max_size=3),
        "blocked_at": st.none() | st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999),
        "dnc": st.booleans(),
    }
)


async def store(reader: Reader, person: dict[str, Any]) -> None:
    caller, at = reader.caller, now()
    values = {
        "workspace_id": caller.workspace_id,
        "cell_id": caller.cell(0),
        "id": ids.mint(at),
        "bucket": 0,
        "source": "api",
        "search_text": "",
        "created_at": at,
        "updated_at": at + 1_999_999,
        **person,
        "metadata": msgspec.json.encode(person.get("metadata", {})),
    }
    places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    await reader.connection.execute(f"INSERT INTO contacts ({', '.join(values)}) VALUES ({places})", *values.values())


async def written_by_python(reader: Reader, names: list[str]) -> bytes:
    writer = CsvWriter(columns.chosen(names))
    found = await queries.contacts_page(reader, filters.live(reader), None, 10_000)
    states = await consent.states(reader, [row["id"] for row in found])
    return writer.begin() + writer.rows(Contacts(columns.chosen(names), found, states))


async def streamed(reader: Reader, names: list[str]) -> bytes:
    assert can_write(columns.chosen(names))
    return b"".join([data async for data in service.streamed(reader.unbound(), NewExport(fields=names))])


async def test_hostile_cells_are_written_alike(database: Database, caller: Caller) -> None:
    async with database.reader(caller) as reader:
        for cell in HOSTILE:
            await store(reader, dict.fromkeys(TEXTS, cell) | {"tags": [cell, "x"], "metadata": {cell: cell}})
            await store(reader, {"tags": [cell]})
            await store(reader, {"tags": ["vip", cell]})
        assert await streamed(reader, []) == await written_by_python(reader, [])
        assert await streamed(reader, ["tags", "id"]) == await written_by_python(reader, ["tags", "id"])
        assert await streamed(reader, ["first_name", "tags"]) == await written_by_python(reader, ["first_name", "tags"])


@given(st.lists(people, min_size=1, max_size=20))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
async def test_whatever_is_stored_is_written_alike(
    database: Database, caller: Caller, given_people: list[dict[str, Any]]
) -> None:
    async with database.reader(caller) as reader:
        await reader.connection.execute("DELETE FROM contacts WHERE workspace_id = $1", caller.workspace_id)
        for person in given_people:
            await store(reader, person)
        assert await streamed(reader, []) == await written_by_python(reader, [])


async def test_consent_and_pages_are_written_alike(
    api: Client, database: Database, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PAGE", 2)
    made = [api.contact(email=f"p{n}@example.com", phone=f"+4915112345{n:02}") for n in range(7)]
    api.data("PUT", f"/contacts/{made[1]['id']}/preferences", {"preferences": {"email": False, "sms": True}})
    api.data("PUT", f"/contacts/{made[6]['id']}/preferences", {"preferences": {"voice": False}})
    async with database.reader(caller) as reader:
        content = await streamed(reader, [])
        assert content == await written_by_python(reader, [])
    assert content.count(b"\r\n") == 8
    assert (content.count(b"opted_out"), content.count(b"opted_in")) == (2, 1)


async def test_a_page_of_deleted_contacts_leaves_no_gap(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "PAGE", 2)
    made = [api.contact(email=f"p{n}@example.com") for n in range(8)]
    for gone in (*made[:2], *made[4:6]):
        api.delete(f"/contacts/{gone['id']}", params={"soft": True})
    left = [made[n]["id"] for n in (2, 3, 6, 7)]
    _, content = export(api, format="json")
    assert [each["id"] for each in json.loads(content)["contacts"]] == left
    told, content = export(api, format="csv", fields=["id", "email"])
    assert [line.split(",")[0] for line in content.decode().splitlines()] == ["id", *left]
    assert told["row_count"] == 4


def test_one_column_or_one_value_of_a_map_is_pythons_work() -> None:
    assert can_write(columns.COLUMNS)
    assert not can_write(["email"])
    assert not can_write(["id", "metadata.plan"])


def test_only_the_ends_of_lines_become_crlf() -> None:
    assert with_crlf(b"a,b\nc,d\n", 2) == b"a,b\r\nc,d\r\n"
    assert with_crlf(b'"a\n""\n",b\nc,"\n"\n', 2) == b'"a\n""\n",b\r\nc,"\n"\r\n'
