"""Who gets into the console, and what ends a session."""

import httpx
import pytest

from orbit_contacts.core.database import Database
from orbit_contacts.features.workspaces import queries, service
from orbit_contacts.interfaces.console import sessions
from tests.conftest import Client, Workspace
from tests.interfaces.console.conftest import Visitor


def key_with(api: Client, *scopes: str, **more: object) -> dict[str, str]:
    return api.data("POST", "/settings/api-keys", {"name": "clerk", "scopes": list(scopes), **more})


def test_a_page_without_a_session_leads_to_the_sign_in_and_back(api: Client) -> None:
    visitor = Visitor(api.url)
    page = visitor.get("/contacts?search=jane")
    assert page.url.path == "/console/sign-in"
    assert 'value="/contacts?search=jane"' in page.text
    signed_in = visitor.http.post(
        "/sign-in", data={"key": api.key, "next": "/contacts?search=jane"}, headers={"Origin": api.url}
    )
    assert str(signed_in.url).endswith("/console/contacts?search=jane")


def test_the_cookie_is_kept_from_scripts_and_other_sites(api: Client) -> None:
    answer = httpx.post(f"{api.url}/console/sign-in", data={"key": api.key}, headers={"Origin": api.url})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_an_unknown_key_is_told_so(api: Client) -> None:
    answer = Visitor(api.url).sign_in("dv_live_sk_" + "x" * 40)
    assert answer.status_code == 401
    assert "malformed, unknown, revoked or expired" in answer.text


def test_a_key_for_browsers_cannot_sign_in(api: Client) -> None:
    key = key_with(api, "contacts:read", type="public")
    assert Visitor(api.url).sign_in(key["key"]).status_code == 401


@pytest.mark.parametrize("next", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_sign_in_leads_to_this_console_only(api: Client, next: str) -> None:
    answer = httpx.post(f"{api.url}/console/sign-in", data={"key": api.key, "next": next}, headers={"Origin": api.url})
    assert answer.headers["location"] == "/console/contacts"


def test_a_revoked_key_ends_its_sessions(api: Client) -> None:
    key = key_with(api, "contacts:read")
    visitor = Visitor(api.url)
    visitor.sign_in(key["key"])
    assert visitor.get("/contacts").url.path == "/console/contacts"
    api.delete(f"/settings/api-keys/{key['id']}")
    assert visitor.get("/contacts").url.path == "/console/sign-in"


def test_sign_out_ends_one_session_and_everywhere_all_of_the_key(api: Client, visitor: Visitor) -> None:
    second, third = Visitor(api.url), Visitor(api.url)
    second.sign_in(api.key)
    third.sign_in(api.key)
    second.post("/sign-out")
    assert second.get("/contacts").url.path == "/console/sign-in"
    assert visitor.get("/contacts").url.path == "/console/contacts"
    visitor.post("/sign-out/everywhere")
    assert third.get("/contacts").url.path == "/console/sign-in"


async def test_a_link_signs_in_once(api: Client, workspace: Workspace, database: Database) -> None:
    async with database.prepared.connection() as connection:
        row = await queries.find_workspace(connection, workspace.id)
    assert row is not None
    async with database.transaction(service.caller_of_workspace(row, actor="cli", name="cli")) as tx:
        token = await sessions.make_link(tx, "viewer")
    first, second = Visitor(api.url), Visitor(api.url)
    assert token in first.get(f"/sign-in/link?token={token}").text
    headers = {"Origin": api.url}
    assert first.http.post("/sign-in/link", data={"token": token}, headers=headers).url.path == "/console/contacts"
    assert second.http.post("/sign-in/link", data={"token": token}, headers=headers).status_code == 401
    assert "New contact" not in first.get("/contacts").text


def test_a_viewer_sees_and_cannot_change(api: Client) -> None:
    contact = api.contact(first_name="Ada")
    visitor = Visitor(api.url)
    visitor.sign_in(key_with(api, "contacts:read")["key"])
    assert "Ada" in visitor.get(f"/contacts/{contact['id']}").text
    refused = visitor.http.post(
        f"/contacts/{contact['id']}/tags", data={"csrf": visitor.token(), "tags": "vip"}, headers={"Origin": api.url}
    )
    assert refused.status_code == 403
    assert api.data("GET", f"/contacts/{contact['id']}")["tags"] == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
def test_a_form_of_another_site_is_refused(api: Client, visitor: Visitor, origin: str | None) -> None:
    contact = api.contact()
    headers = {"Origin": origin} if origin else {}
    form = {"csrf": visitor.token(), "tags": "vip"}
    assert visitor.http.post(f"/contacts/{contact['id']}/tags", data=form, headers=headers).status_code == 403
    assert api.data("GET", f"/contacts/{contact['id']}")["tags"] == []


def test_a_form_without_the_sessions_token_is_refused(api: Client, visitor: Visitor) -> None:
    contact = api.contact()
    other = Visitor(api.url)
    other.sign_in(api.key)
    for token in ("", "00" * 32, "zz", other.token()):
        form = {"csrf": token, "tags": "vip"}
        answer = visitor.http.post(f"/contacts/{contact['id']}/tags", data=form, headers={"Origin": api.url})
        assert answer.status_code == 403
    assert api.data("GET", f"/contacts/{contact['id']}")["tags"] == []


def test_another_workspaces_contact_is_not_found(api: Client, workspace: Workspace, visitor: Visitor) -> None:
    foreign = workspace.test_api.contact()
    for path in ("", "/consent", "/delete"):
        assert visitor.get(f"/contacts/{foreign['id']}{path}").status_code == 404
