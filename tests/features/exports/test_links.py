"""Download links: signed, without a key, until they expire, and only as they were given."""

from uuid import UUID

import httpx
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.core import ids
from orbit_contacts.core.clock import SECOND
from orbit_contacts.core.database import Database, Reader
from orbit_contacts.features.exports import signing
from orbit_contacts.features.exports.signing import Link
from tests.conftest import Client, Workspace
from tests.features.exports.test_exports import export

KEY = b"k" * 32


@given(st.integers(0, 2**63 - 1), st.uuids(), st.integers(0, 2**40), st.integers(0, 200), st.characters(codec="ascii"))
def test_a_changed_link_is_none(workspace_id: int, id: UUID, seconds: int, place: int, character: str) -> None:
    link = Link(workspace_id, id, seconds * SECOND)
    text = signing.encode(KEY, link)
    assert signing.decode(KEY, text) == link
    assert signing.decode(b"o" * 32, text) is None
    place %= len(text)
    changed = text[:place] + character + text[place + 1 :]
    assert changed == text or signing.decode(KEY, changed) is None
    assert signing.decode(KEY, text + "A") is None


def test_link_needs_no_key(api: Client) -> None:
    api.contact(email="ada@example.com")
    made, content = export(api, fields=["email"])
    answer = httpx.get(api.url + made["download_url"])
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["cache-control"] == "no-store"
    # With a key the file has its own address.
    assert api.get(f"/contacts/exports/{made['export_id']}/download").content == content


async def test_link_ends_and_cannot_be_made_up(api: Client, workspace: Workspace, database: Database) -> None:
    api.contact(email="ada@example.com")
    made, _ = export(api)
    id = ids.parse("exp", made["export_id"])
    assert id is not None
    async with database.session(Reader, workspace.caller) as reader:
        ended = signing.path_of(reader, id, 1_000 * SECOND)
    for path, status, code in (
        (ended, 410, "EXPORT_EXPIRED"),
        (made["download_url"][:-1], 404, "NOT_FOUND"),
        ("/downloads/x", 404, "NOT_FOUND"),
    ):
        answer = httpx.get(api.url + path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
