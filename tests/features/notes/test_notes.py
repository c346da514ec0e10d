"""Notes: written by the caller, shown newest first, gone without a trace of their text."""

from typing import Any

import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database
from tests.conftest import Client, Workspace

UNKNOWN = "note_01jd3w9k2e8a7v5n0q4r6t8y1z"


@pytest.fixture
def jane(api: Client) -> str:
    """The path of a contact."""
    return f"/contacts/{api.contact(email='jane@example.com')['id']}"


def bodies(api: Client, contact: str) -> list[str]:
    return [note["body"] for note in api.get(f"{contact}/notes").json()["data"]]


async def timeline(database: Database, caller: Caller, contact: str) -> list[tuple[str, bytes]]:
    async with database.reader(caller) as reader:
        rows = await reader.fetch_all(
            "SELECT type, data FROM events WHERE cell_id = ANY($1) AND contact_id = $2 ORDER BY id",
            caller.cells,
            ids.parse("con", contact.rpartition("/")[2]),
        )
    return [(row["type"], bytes(row["data"])) for row in rows]


@pytest.mark.parametrize("field", ["body", "content", "text", "note"])
def test_a_note_is_written_by_the_caller(workspace: Workspace, api: Client, jane: str, field: str) -> None:
    response = api.post(f"{jane}/notes", {field: " Called back.\nAll well. "})
    assert response.status_code == 201
    note = response.json()["data"]
    assert note["id"].startswith("note_")
    assert note["contact_id"] == jane.rpartition("/")[2]
    assert (note["body"], note["pinned"]) == ("Called back.\nAll well.", False)
    assert note["author"] == {"id": workspace.caller.actor_id, "type": "api_key", "name": "all"}
    assert note["created_at"] == note["updated_at"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MISSING_REQUIRED_FIELD"),
        ({"pinned": True}, "MISSING_REQUIRED_FIELD"),
        ({"body": " \n"}, "VALIDATION_ERROR"),
        ({"content": ""}, "VALIDATION_ERROR"),
        ({"body": "x" * 10_001}, "VALIDATION_ERROR"),
        ({"body": 7}, "VALIDATION_ERROR"),
        ({"body": "x", "pinned": "yes"}, "VALIDATION_ERROR"),
    ],
)
def test_a_bad_note_is_refused(api: Client, jane: str, body: dict[str, Any], code: str) -> None:
    response = api.post(f"{jane}/notes", body)
    assert (response.status_code, response.json()["error"]["code"]) == (422, code)
    assert bodies(api, jane) == []


def test_notes_are_paged_newest_first(api: Client, jane: str) -> None:
    for n in range(5):
        api.data("POST", f"{jane}/notes", {"body": f"note {n}", "pinned": n == 0})
    first = api.get(f"{jane}/notes", limit=3).json()
    cursor = first["meta"]["pagination"]["cursor"]
    second = api.get(f"{jane}/notes", limit=3, cursor=cursor).json()
    seen = [note["body"] for note in first["data"] + second["data"]]
    assert seen[0] == "note 4"
    assert sorted(seen) == [f"note {n}" for n in range(5)]
    assert first["meta"]["pagination"]["total"] == second["meta"]["pagination"]["total"] == 5
    assert api.get(f"/contacts/{api.contact()['id']}/notes", cursor=cursor).status_code == 400


def test_a_note_is_changed_and_pinned(api: Client, jane: str) -> None:
    note = api.data("POST", f"{jane}/notes", {"body": "old"})
    path = f"{jane}/notes/{note['id']}"
    pinned = api.data("PATCH", path, {"pinned": True})
    assert (pinned["body"], pinned["pinned"]) == ("old", True)
    changed = api.data("PATCH", path, {"content": "new"})
    assert (changed["body"], changed["pinned"], changed["author"]) == ("new", True, note["author"])
    assert api.patch(path, {"body": " "}).status_code == 422
    assert bodies(api, jane) == ["new"]


async def test_a_deleted_note_leaves_none_of_its_text(
    api: Client, database: Database, caller: Caller, jane: str
) -> None:
    note = api.data("POST", f"{jane}/notes", {"body": "secret words"})
    api.data("PATCH", f"{jane}/notes/{note['id']}", {"body": "other secret words"})
    response = api.delete(f"{jane}/notes/{note['id']}")
    assert (response.status_code, response.content) == (204, b"")
    assert bodies(api, jane) == []
    assert api.delete(f"{jane}/notes/{note['id']}").status_code == 404
    events = await timeline(database, caller, jane)
    assert [type for type, _ in events] == ["contact.created", "note.created", "note.deleted"]
    assert all(note["id"].encode() in data for type, data in events if type.startswith("note."))
    assert not any(b"secret" in data for _, data in events)


def test_a_note_of_another_contact_is_not_found(api: Client, jane: str) -> None:
    john = f"/contacts/{api.contact()['id']}"
    note = api.data("POST", f"{jane}/notes", {"body": "hers"})
    for path in (f"{john}/notes/{note['id']}", f"{jane}/notes/{UNKNOWN}", f"{jane}/notes/nonsense"):
        for method in ("PATCH", "DELETE"):
            body = {"body": "x"} if method == "PATCH" else None
            response = api.request(method, path, body)
            assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert bodies(api, jane) == ["hers"]


def test_notes_go_and_come_back_with_their_contact(api: Client, jane: str) -> None:
    note = api.data("POST", f"{jane}/notes", {"body": "hers"})
    api.delete(f"{jane}?soft=true")
    assert api.get(f"{jane}/notes").status_code == 404
    assert api.post(f"{jane}/notes", {"body": "x"}).status_code == 404
    assert api.patch(f"{jane}/notes/{note['id']}", {"body": "x"}).status_code == 404
    api.data("POST", f"{jane}/restore")
    assert bodies(api, jane) == ["hers"]
    assert api.delete(jane).status_code == 204


def test_another_workspace_sees_no_note(workspace: Workspace, jane: str) -> None:
    note = workspace.api.data("POST", f"{jane}/notes", {"body": "hers"})
    stranger = workspace.test_api
    assert stranger.get(f"{jane}/notes").status_code == 404
    assert stranger.post(f"{jane}/notes", {"body": "x"}).status_code == 404
    assert stranger.patch(f"{jane}/notes/{note['id']}", {"body": "x"}).status_code == 404
    assert stranger.delete(f"{jane}/notes/{note['id']}").status_code == 404
    assert bodies(workspace.api, jane) == ["hers"]
