"""Finding contacts: filters, search, order, totals, and pages that show every row once."""

import asyncio
import random
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database
from orbit_contacts.features.contacts import listing, search, service, share
from orbit_contacts.features.contacts.models import ContactInput, ListQuery, NewContact
from tests.conftest import Client, Server, Workspace, make_workspace


def names(api: Client, **params: Any) -> set[str]:
    response = api.get("/contacts", **params)
    assert response.status_code == 200, response.text
    return {contact["first_name"] for contact in response.json()["data"]}


@pytest.fixture
def cast(api: Client) -> Client:
    api.contact(first_name="Jane", last_name="Doe", email="jane.doe@example.com", phone="+14155552671", tags=["vip"])
    api.contact(
        first_name="İbrahim", last_name="Çağlar", email="ibrahim@firma.example", country_code="TR", language="tr"
    )
    api.contact(first_name="Женя", company="Рога и копыта", phone="+79161234567", lifecycle_stage="lead")
    api.contact(first_name="100%_real", external_id="x-1", lifecycle_stage="customer", tags=["vip", "beta"])
    return api


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("jane", {"Jane"}),
        ("JANE doe", {"Jane"}),
        ("jane nobody", set()),
        ("ibrahim", {"İbrahim"}),
        ("IBRAHIM caglar", {"İbrahim"}),
        ("ıbrahım", {"İbrahim"}),
        ("женя", {"Женя"}),
        ("копыта", {"Женя"}),
        ("ja", {"Jane"}),
        ("%", set()),
        ("_", set()),
        ("0%_", {"100%_real"}),
        ("%_re", {"100%_real"}),
        ("(415) 555", {"Jane"}),
        ("+1 415-555-2671", {"Jane"}),
        ("5552671", {"Jane"}),
        ("@firma.example", {"İbrahim"}),
        ("jane.doe@example.com", {"Jane"}),
        ("JANE.DOE@EXAMPLE.COM", {"Jane"}),
        ("doe@example.com", {"Jane"}),
        ("nobody@example.com", set()),
        ("   ", {"Jane", "İbrahim", "Женя", "100%_real"}),
    ],
)
def test_search_finds(cast: Client, search: str, found: set[str]) -> None:
    assert names(cast, search=search) == found


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"lifecycle_stage": "lead"}, {"Женя"}),
        ({"country_code": "tr"}, {"İbrahim"}),
        ({"language": "tr"}, {"İbrahim"}),
        ({"tags": "vip"}, {"Jane", "100%_real"}),
        ({"tags": "beta,unknown"}, {"100%_real"}),
        ({"tags": ["vip", "beta"], "tags_match": "all"}, {"100%_real"}),
        ({"has_phone": "True"}, {"Jane", "Женя"}),
        ({"has_phone": "0", "has_email": "false"}, {"100%_real"}),
        ({"company": "РОГА И КОПЫТА"}, {"Женя"}),
        ({"external_id": "x-1"}, {"100%_real"}),
        ({"phone": "+1 (415) 555-2671"}, {"Jane"}),
        ({"email": "Jane.Doe@example.com"}, {"Jane"}),
        ({"email": "jane.doe@example.com", "phone": "+79161234567"}, set()),
        ({"blocked": "true"}, set()),
        ({"search": "jane", "tags": "vip", "has_email": "true"}, {"Jane"}),
        ({"search": "jane", "tags": "beta"}, set()),
    ],
)
def test_filters_select(cast: Client, params: dict[str, Any], found: set[str]) -> None:
    assert names(cast, **params) == found
    assert cast.get("/contacts", **params).json()["meta"]["pagination"]["total"] == len(found)


def test_created_bounds_are_exclusive(api: Client) -> None:
    api.contact(first_name="Jane")
    yesterday, tomorrow = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
    assert names(api, created_after=yesterday.isoformat(), created_before=f"{tomorrow:%Y-%m-%d}") == {"Jane"}
    assert names(api, date_from=tomorrow.isoformat()) == set()
    assert names(api, date_to=f"{yesterday:%Y-%m-%d}") == set()
    assert names(api, updated_after=yesterday.isoformat()) == {"Jane"}


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"has_phone": "maybe"}, "has_phone"),
        ({"created_after": "yesterday"}, "created_after"),
        ({"country_code": "Turkey"}, "country_code"),
        ({"sort": "shoe_size"}, "sort"),
        ({"tags": "a", "tags_match": "some"}, "tags_match"),
    ],
)
def test_bad_parameters_are_refused(api: Client, params: dict[str, Any], field: str) -> None:
    response = api.get("/contacts", **params)
    assert (response.status_code, response.json()["error"]["details"]["field"]) == (422, field)


@pytest.mark.parametrize("cursor", ["", "x", "cur_", "cur_AAAA", "cur_" + "A" * 60, "cur_ä"])
def test_garbage_is_no_cursor(api: Client, cursor: str) -> None:
    response = api.get("/contacts", cursor=cursor)
    if cursor:
        assert (response.status_code, response.json()["error"]["code"]) == (400, "INVALID_CURSOR")
    else:
        assert response.status_code == 200


def test_a_cursor_belongs_to_its_filters_and_workspace(workspace: Workspace) -> None:
    for api in (workspace.api, workspace.test_api):
        for _ in range(3):
            api.contact(lifecycle_stage="lead")
    cursor = workspace.api.get("/contacts", limit=1).json()["meta"]["pagination"]["cursor"]
    assert workspace.api.get("/contacts", limit=2, cursor=cursor).status_code == 200
    assert workspace.api.get("/contacts", limit=1, cursor=cursor, lifecycle_stage="lead").status_code == 400
    assert workspace.test_api.get("/contacts", limit=1, cursor=cursor).status_code == 400


@pytest.mark.parametrize(
    ("query", "status"),
    [("phone=", 422), ("email=", 422), ("external_id=", 200), ("list_id=", 404), ("segment_id=", 404)],
)
def test_an_empty_name_names_nobody(api: Client, query: str, status: int) -> None:
    api.contact()
    response = api.http.get(f"/contacts?{query}")
    assert (response.status_code, response.json().get("data", [])) == (status, [])


@pytest.mark.parametrize("query", ["search=", "tags=", "limit=", "cursor=", "blocked=", "company=", "sort="])
def test_another_empty_parameter_counts_as_absent(api: Client, query: str) -> None:
    ada = api.contact()
    assert api.http.get(f"/contacts?{query}").json()["data"] == [ada]


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "updated_at", "-updated_at", "last_name", "-email"])
@pytest.mark.parametrize("search", ["", "pat"])
def test_a_walk_in_any_order_shows_each_row_once(api: Client, sort: str, search: str) -> None:
    made = [
        api.contact(first_name="Pat", last_name=name, email=f"{n}@example.com" if n % 2 else None, external_id=f"{n}")[
            "id"
        ]
        for n, name in enumerate(["Ôz", "ab", None, "AB", "ab", "zz", None])
    ]
    seen: list[str] = []
    cursor = None
    while True:
        page = api.get("/contacts", sort=sort, limit=2, search=search, **({"cursor": cursor} if cursor else {})).json()
        seen += [contact["id"] for contact in page["data"]]
        assert page["meta"]["pagination"]["total"] == 7
        cursor = page["meta"]["pagination"]["cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)
    if sort == "created_at":
        assert seen == made


def test_totals_by_stage_and_country_follow_changes(api: Client) -> None:
    def total(**params: str) -> tuple[int, bool]:
        pagination = api.get("/contacts", **params).json()["meta"]["pagination"]
        return pagination["total"], pagination["total_is_exact"]

    jane = api.contact(lifecycle_stage="lead", country_code="US")
    api.contact(lifecycle_stage="lead", country_code="TR")
    assert total() == (2, True)
    assert total(lifecycle_stage="lead") == (2, True)
    assert total(lifecycle_stage="lead", country_code="us") == (1, True)
    api.data("PATCH", f"/contacts/{jane['id']}", {"lifecycle_stage": "customer"})
    assert total(lifecycle_stage="lead") == (1, True)
    api.delete(f"/contacts/{jane['id']}")
    assert (total(), total(lifecycle_stage="customer")) == ((1, True), (0, True))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1 << 32),
    limit=st.integers(1, 5),
    query=st.sampled_from([{}, {"search": "sam"}, {"lifecycle_stage": "lead"}, {"sort": "created_at"}]),
    small=st.booleans(),
)
async def test_every_surviving_row_is_shown_once_while_others_write(
    dsn: str,
    server: Server,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    limit: int,
    query: dict[str, Any],
    small: bool,
) -> None:
    """Insert, change and delete between the pages: rows that live through the whole walk appear exactly once."""
    # Both ways of searching must page alike: few matches by bitmap, many by walking buckets.
    for bound, usual in (("_SMALL", 2000), ("_FAR_BEYOND", 3)):
        monkeypatch.setattr(search, bound, usual if small else 0)
    rng = random.Random(seed)  # how many pages there are depends on the instants of the rows too
    caller: Caller = (await make_workspace(dsn, server.url)).caller

    async def add() -> str:
        async with database.transaction(caller) as tx:
            new = NewContact(external_id=secrets.token_hex(8), first_name="Sam", lifecycle_stage="lead")
            return (await service.create(tx, new))[0].id

    survivors = [await add() for _ in range(rng.randint(0, 12))]
    doomed: list[str] = []
    seen: list[str] = []
    cursor = None
    for _ in range(40):
        async with database.reader(caller) as reader:
            page = await listing.list_contacts(reader, ListQuery(limit=limit, cursor=cursor, **query))
        seen += [contact.id for contact in page.items]
        if (cursor := page.cursor) is None:
            break
        match rng.choice(["add", "change", "delete", "nothing"]):
            case "add":
                doomed.append(await add())
            case "change" if survivors:
                async with database.transaction(caller) as tx:
                    id = service.ids.parse("con", rng.choice(survivors))
                    assert id is not None
                    await service.update(tx, id, ContactInput(company=secrets.token_hex(4)))
            case "delete" if survivors:
                gone = survivors.pop(rng.randrange(len(survivors)))
                doomed.append(gone)
                async with database.transaction(caller) as tx:
                    id = service.ids.parse("con", gone)
                    assert id is not None
                    await service.delete(tx, id, soft=rng.random() < 0.5)
            case _:
                await asyncio.sleep(0)
    assert len(seen) == len(set(seen))
    assert set(survivors) <= set(seen)


def test_the_walk_over_buckets_agrees_with_the_bitmap(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A common word by walking buckets newest first gives what the bitmap gives, whole and in pages."""
    from orbit_contacts.features.contacts import buckets

    monkeypatch.setattr(buckets, "ROWS_PER_BUCKET", 3)
    rng = random.Random(7)
    made = [api.contact(first_name=rng.choice(["Sam", "Kim"]))["id"] for _ in range(20)]
    bitmap = api.get("/contacts", search="sam", limit=100).json()["data"]
    for bound in ("_SMALL", "_FAR_BEYOND"):
        monkeypatch.setattr(search, bound, 0)
    walked: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/contacts", search="sam", limit=2, **cursor).json()
        walked += page["data"]
        if not page["meta"]["pagination"]["has_more"]:
            break
        cursor = {"cursor": page["meta"]["pagination"]["cursor"]}
    assert walked == bitmap
    assert [c["id"] for c in bitmap] == [id for id in reversed(made) if id in {c["id"] for c in bitmap}]


@pytest.mark.parametrize(
    ("names", "cap", "total"),
    [
        (["Sam"] * 40, 10, (10, False)),
        (["Sam"] * 12 + ["Kim"] * 28, 10, (10, False)),
        (["Sam", "Kim"] * 20, 30, (20, True)),
    ],
)
def test_a_total_beyond_the_cap_is_told_from_some_buckets_and_any_other_is_counted(
    api: Client, monkeypatch: pytest.MonkeyPatch, names: list[str], cap: int, total: tuple[int, bool]
) -> None:
    from orbit_contacts.features.contacts import buckets

    monkeypatch.setattr(buckets, "ROWS_PER_BUCKET", 1)
    monkeypatch.setattr(listing, "TOTAL_CAP", cap)
    for bound, value in (("_SMALL", 0), ("_FAR_BEYOND", 1000), ("_FEW_BUCKETS", 8)):
        monkeypatch.setattr(search, bound, value)
    made = [(name, api.contact(first_name=name)["id"]) for name in names]
    newest_first = [id for name, id in reversed(made) if name == "Sam"]
    shown = api.get("/contacts", search="sam", limit=5).json()
    pagination = shown["meta"]["pagination"]
    assert (pagination["total"], pagination["total_is_exact"]) == total
    assert [contact["id"] for contact in shown["data"]] == newest_first[:5]
    more = api.get("/contacts", search="sam", limit=5, cursor=pagination["cursor"]).json()
    assert [contact["id"] for contact in more["data"]] == newest_first[5:10]
    assert (more["meta"]["pagination"]["total"], more["meta"]["pagination"]["total_is_exact"]) == total


async def test_where_a_workspace_has_nearly_all_contacts_its_searches_still_find_only_its_own(
    api: Client, dsn: str, server: Server, caller: Caller, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = api.contact(first_name="Sam")["id"]
    foreign = await make_workspace(dsn, server.url)
    foreign.api.contact(first_name="Sam")
    monkeypatch.setattr(share, "_MANY", 1)
    async with database.reader(caller) as reader:
        await reader.connection.execute("ANALYZE contacts")
        for nearly_all, expected in ((1e9, False), (1e-9, True)):
            monkeypatch.setattr(share, "_NEARLY_ALL", nearly_all)
            monkeypatch.setattr(share, "_known", {})
            assert await share.has_nearly_all(reader) is expected
            assert [contact["id"] for contact in api.get("/contacts", search="sam").json()["data"]] == [mine]
