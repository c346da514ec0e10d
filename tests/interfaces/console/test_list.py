"""The contact list: its address, its columns, the views kept of it, and the same list as code."""

import contextlib
import io
import re
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.interfaces.console.pages.address import COLUMNS, SORTABLE, USUAL, Address
from tests.conftest import Client
from tests.interfaces.console.conftest import Visitor

names = st.sampled_from(["search", "sort", "limit", "columns", "column", "view", "at", "trail", "cursor", "tags", "x"])
params = st.lists(st.tuples(names, st.text(max_size=12)), max_size=8)


@given(params)
def test_an_address_written_is_the_address_read(given: list[tuple[str, str]]) -> None:
    from urllib.parse import parse_qsl

    address = Address(given)
    again = Address(parse_qsl(address.canonical()))
    assert (again.given, again.columns, again.view) == (address.given, address.columns, address.view)


def headings(page: str) -> list[str]:
    cells = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', page)
    return [re.sub(r"<[^>]+>|[↑↓ ]", "", cell) for cell in cells]


def test_the_columns_are_in_the_address(api: Client, visitor: Visitor) -> None:
    api.data("POST", "/custom-fields", {"key": "plan", "label": "Plan", "type": "text"})
    api.contact(first_name="Ada", company="Analytical", custom_fields={"plan": "gold"})
    usual = [COLUMNS[name].replace(" ", "") for name in USUAL]
    assert headings(visitor.get("/contacts").text) == ["Name", *usual]
    page = visitor.get("/contacts?column=company&column=custom.plan&column=nonsense").text
    assert headings(page) == ["Name", "Company", "Plan"]
    assert ">gold<" in page
    assert "columns=company,custom.plan" in page


@pytest.mark.parametrize("column", SORTABLE)
def test_a_heading_sorts_and_turns_round(api: Client, visitor: Visitor, column: str) -> None:
    for name in ("Ada", "Grace"):
        api.contact(first_name=name, last_name=name, email=f"{name.lower()}@example.com")

    def link(page: str) -> str:
        found = re.search(rf'href="/console(/contacts\?sort=-?{SORTABLE[column]}[^"]*)"', page)
        assert found
        return found[1].replace("&amp;", "&")

    def first(page: str) -> int:
        return page.index(">Ada") < page.index(">Grace")

    once = visitor.get(link(visitor.get("/contacts?columns=email,updated_at,created_at").text)).text
    twice = visitor.get(link(once)).text
    assert "aria-sort=" in once
    assert first(once) != first(twice)


def save(visitor: Visitor, name: str, address: str, **fields: str) -> str:
    """The id of a new view."""
    page = visitor.post("/contacts/views", name=name, address=address, **fields)
    assert page.status_code == 200, page.text
    found = re.search(r"view=(view_\w+)", str(page.url))
    assert found
    return found[1]


def test_a_view_is_kept_changed_and_deleted(api: Client, visitor: Visitor) -> None:
    api.contact(first_name="Ada", lifecycle_stage="lead")
    view = save(visitor, "Leads", "lifecycle_stage=lead&limit=25&columns=company&cursor=x&at=50")
    page = visitor.get("/contacts").text
    href = f"lifecycle_stage=lead&amp;limit=25&amp;columns=company&amp;view={view}"
    assert href in page
    assert "Contacts open with" not in page
    visitor.post(f"/contacts/views/{view}", do="replace", address="search=ada")
    assert f"search=ada&amp;view={view}" in visitor.get("/contacts").text
    visitor.post(f"/contacts/views/{view}", do="delete")
    assert view not in visitor.get("/contacts").text


def test_the_list_opens_with_the_chosen_view_until_told_otherwise(api: Client, visitor: Visitor) -> None:
    api.contact(first_name="Ada", lifecycle_stage="lead")
    view = save(visitor, "Leads", "lifecycle_stage=lead", default="1")
    assert str(visitor.get("/contacts").url).endswith(f"?lifecycle_stage=lead&view={view}")
    assert str(visitor.get("/contacts?view=all").url).endswith("?view=all")
    visitor.post(f"/contacts/views/{view}", do="no-default", address="")
    assert str(visitor.get("/contacts").url).endswith("/contacts")


def test_a_view_is_ones_own_unless_shared(api: Client, visitor: Visitor) -> None:
    colleague = Visitor(api.url)
    colleague.sign_in(api.data("POST", "/settings/api-keys", {"name": "colleague", "scopes": ["contacts:read"]})["key"])
    own = save(visitor, "Mine", "search=a")
    shared = save(visitor, "Ours", "search=b", shared="1")
    page = colleague.get("/contacts").text
    assert own not in page
    assert shared in page
    assert colleague.post(f"/contacts/views/{own}", do="delete").status_code == 404
    assert colleague.post(f"/contacts/views/{shared}", do="delete").status_code == 403
    assert colleague.post("/contacts/views", name="Ours too", shared="1").status_code == 403
    assert colleague.post(f"/contacts/views/{shared}", do="default", address="search=b").status_code == 200


@pytest.mark.parametrize(("name", "status"), [("", 422), ("x" * 61, 422), ("leads", 409)])
def test_a_view_needs_a_name_of_its_own(visitor: Visitor, name: str, status: int) -> None:
    save(visitor, "Leads", "search=a")
    assert visitor.post("/contacts/views", name=name, address="search=b").status_code == status


def test_the_list_as_python_prints_the_same_people(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        api.contact(first_name=f"P{number:02}", lifecycle_stage="lead" if number % 2 else "customer")
    code = Address([("lifecycle_stage", "lead"), ("columns", "company")]).as_python(api.url, 4)

    def get(url: str, *, params: dict[str, str], headers: dict[str, str], timeout: int) -> Any:
        return api.http.get(url, params=params, headers=headers, timeout=timeout)

    monkeypatch.setitem(sys.modules, "requests", SimpleNamespace(get=get))  # pyright: ignore[reportArgumentType]
    monkeypatch.setenv("ORBIT_API_KEY", api.key)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(code, {})
    assert len(set(out.getvalue().splitlines())) == 15


def test_curl_is_quoted_for_a_shell() -> None:
    command = Address([("search", "O'Brien $(rm)"), ("view", "all")]).as_curl("http://h", 50)
    assert command.startswith("curl 'http://h/api/v1/contacts?search=O%27Brien+%24%28rm%29&limit=50' -H ")


def test_all_that_match_is_asked_again_when_the_number_is_another(api: Client, visitor: Visitor) -> None:
    for _ in range(3):
        api.contact(lifecycle_stage="lead")
    form = {"action": "add_tags", "tag": "x", "all_matching": "1", "filter": "lifecycle_stage=lead"}
    asked = visitor.post("/contacts/bulk", **form, expected_count="2")
    assert "Add the tag to 3 contacts?" in asked.text
    assert api.get("/contacts", tags="x").json()["data"] == []
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
    del hidden["csrf"]
    visitor.post("/contacts/bulk", **hidden)
    assert len(api.get("/contacts", tags="x").json()["data"]) == 3
