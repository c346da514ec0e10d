"""Nobody reaches another's things: every operation, asked with another workspace's ids, answers as if they never were.

Operations, the places of their ids, and the tables to watch are discovered; a new operation is covered by itself.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import asyncpg
import pytest

from orbit_contacts.core import ids
from orbit_contacts.core.clock import now
from orbit_contacts.core.operations import Operation
from orbit_contacts.interfaces.api import OPERATIONS
from tests.conftest import Client, Server, Workspace, make_workspace
from tests.generated.calls import UNMADE, Call, Place, own_call, places, prepared_call, with_ids
from tests.generated.samples import Owned, gathered


class Rows:
    """Fingerprints of every row of a workspace, by table."""

    def __init__(self, dsn: str, workspace: int) -> None:
        self._workspace = workspace
        self._loop = asyncio.new_event_loop()
        self._connection = self._loop.run_until_complete(asyncpg.connect(dsn))
        self._statement: str = self._ask(_STATEMENT)[0][0]

    def now(self) -> dict[str, tuple[int, str]]:
        return {name: (count, hash) for name, count, hash in self._ask(self._statement, self._workspace)}

    def _ask(self, statement: str, *arguments: Any) -> list[Any]:
        return self._loop.run_until_complete(self._connection.fetch(statement, *arguments))

    def close(self) -> None:
        self._loop.run_until_complete(self._connection.close())
        self._loop.close()


# The statement that reads every table with a workspace_id, made from the catalogue.
_STATEMENT = """
SELECT string_agg(format(
    'SELECT %L AS name, count(*) AS rows, md5(coalesce(string_agg(md5(t::text), '''' ORDER BY md5(t::text)), '''')) '
    'AS hash FROM %s t WHERE workspace_id = $1', c.oid::regclass, c.oid::regclass), ' UNION ALL ')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
"""


class Owner(NamedTuple):
    """A workspace with one thing of each kind, which nobody else may see or touch."""

    workspace: Workspace
    own: Owned
    secrets: list[str]
    """What must not be read by others: the ids of its things, and how its contact can be reached."""
    rows: Rows
    """Of the live workspace, where its things are."""


@pytest.fixture(scope="module")
def owner(dsn: str, server: Server) -> Iterator[Owner]:
    workspace = asyncio.run(make_workspace(dsn, server.url))
    own = Owned(workspace.api)
    for prefix in own:
        assert own[prefix].startswith(f"{prefix}_")
    contact = workspace.api.data("GET", f"/contacts/{own['con']}")
    secrets = [*own.values(), contact["email"], contact["external_id"]]
    rows = Rows(dsn, workspace.id)
    assert {name for name, (count, _) in rows.now().items() if count} >= {"contacts", "contact_identifiers", "events"}
    yield Owner(workspace, own, secrets, rows)
    rows.close()


@pytest.fixture(scope="module")
def stranger(dsn: str, server: Server) -> Workspace:
    return asyncio.run(make_workspace(dsn, server.url))


def test_nothing_is_called_unmade_that_has_a_path() -> None:
    assert not UNMADE & {prefix for operation in OPERATIONS for _, prefix in operation.prefixes}
    assert not UNMADE & gathered().makers.keys()


class Case(NamedTuple):
    operation: Operation
    places: tuple[Place, ...]
    number: int = -1

    def __str__(self) -> str:
        rest = f"foreign:{self.number}" if self.number >= 0 else " ".join(map(str, self.places))
        return f"{self.operation.id} {rest}"


def cases() -> list[Case]:
    """Each place of an id alone, all of a path together, and the bodies a feature adds."""
    found: list[Case] = []
    for operation in OPERATIONS:
        all_places = places(operation)
        found += [Case(operation, (place,)) for place in all_places]
        in_path = tuple(place for place in all_places if place.where == "path")
        if len(in_path) > 1:
            found.append(Case(operation, in_path))
        found += [Case(operation, (), number) for number in range(len(gathered().foreign.get(operation.id, ())))]
    return found


def call_with(case: Case, own: Owned, named: Mapping[str, str]) -> Call:
    call = own_call(case.operation, own)
    if case.number >= 0:
        return call._replace(body=gathered().foreign[case.operation.id][case.number](own, named))
    return with_ids(case.operation, call, case.places, named)


class Invented(dict[str, str]):
    """Ids of things that never were."""

    def __missing__(self, prefix: str) -> str:
        self[prefix] = ids.text(prefix, ids.mint(now()))
        return self[prefix]


_VARYING = re.compile(r"\b[a-z]+_[0-9a-z]{26}\b|\b[0-9a-f]{16}\b|\b\d{4}-\d\d-\d\dT[\d:.]+Z|\bdv_[a-zA-Z0-9_…]+")


def but_for_ids(answer: Any) -> tuple[int, str]:
    """Status and body without what differs between any two calls: ids, times, invented words."""
    text = answer.text.partition('"meta":{"request_id"')[0]
    return answer.status_code, _VARYING.sub("…", text)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_foreign_id_is_as_good_as_none(case: Case, owner: Owner, stranger: Workspace) -> None:
    check(case, owner, stranger.api)


@pytest.mark.parametrize(
    "case",
    [case for case in cases() if not {place.prefix for place in case.places} & gathered().organization_wide],
    ids=str,
)
def test_a_test_key_reaches_nothing_live(case: Case, owner: Owner) -> None:
    check(case, owner, owner.workspace.test_api)


def check(case: Case, owner: Owner, api: Client) -> None:
    own = Owned(api)
    unknown = call_with(case, own, Invented()).by(api)
    attack = call_with(case, own, owner.own)
    before = owner.rows.now()
    answer = attack.by(api)
    assert changed(before, owner.rows.now()) == {}
    named = attack.everything()
    assert [secret for secret in owner.secrets if secret in answer.text and secret not in named] == []
    assert but_for_ids(answer) == but_for_ids(unknown)
    if any(place.where == "path" for place in case.places):
        assert answer.status_code == 404, answer.text
    elif {place.where for place in case.places} == {"query"} and answer.status_code == 200:
        assert answer.json()["data"] == []
    elif answer.status_code != 404:
        foreign = [id for id in owner.own.values() if id in named]
        is_told = answer.status_code in (200, 202, 422) and all(id in answer.text for id in foreign)
        assert is_told, f"neither 404 nor told that there is no such thing: {answer.status_code} {answer.text[:500]}"


def changed(before: dict[str, tuple[int, str]], after: dict[str, tuple[int, str]]) -> dict[str, Any]:
    return {table: (before[table], after[table]) for table in before if before[table] != after[table]}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_what_a_stranger_does_at_home_shows_and_changes_nothing(
    operation: Operation, owner: Owner, workspace: Workspace
) -> None:
    call = prepared_call(operation, Owned(workspace.api))
    before = owner.rows.now()
    answer = call.by(workspace.api)
    assert changed(before, owner.rows.now()) == {}
    assert [secret for secret in owner.secrets if secret in answer.text] == []
