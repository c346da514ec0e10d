"""Every operation asks for a key, and for the scope it declares; the scope alone is enough."""

import asyncio

import httpx
import pytest

from orbit_contacts.core.access import SCOPES
from orbit_contacts.core.operations import Operation
from orbit_contacts.interfaces.api import OPERATIONS
from tests.conftest import Client, Server, Workspace, make_workspace
from tests.generated.calls import prepared_call
from tests.generated.samples import Owned, gathered

GUARDED = [operation for operation in OPERATIONS if operation.id not in gathered().public]


@pytest.fixture(scope="module")
def owner(dsn: str, server: Server) -> Workspace:
    return asyncio.run(make_workspace(dsn, server.url))


@pytest.fixture(scope="module")
def keys(owner: Workspace) -> dict[str, tuple[Client, Client]]:
    """Scope to a client that has all scopes but this one, and a client that has nothing else."""

    def client(scopes: list[str]) -> Client:
        return Client(
            owner.api.url, owner.api.data("POST", "/settings/api-keys", {"name": "k", "scopes": scopes})["key"]
        )

    return {scope: (client([other for other in SCOPES if other != scope]), client([scope])) for scope in SCOPES}


def test_public_operations_are_those_that_say_why() -> None:
    assert gathered().public.keys() <= {operation.id for operation in OPERATIONS}
    assert {operation.id for operation in OPERATIONS if operation.scope is None} == gathered().public.keys()


@pytest.mark.parametrize("operation", GUARDED, ids=lambda operation: operation.id)
def test_without_a_key_it_is_401(operation: Operation, owner: Workspace) -> None:
    call = prepared_call(operation, Owned(owner.api))
    answer = httpx.request(call.method, f"{owner.api.url}/api/v1{call.path}", params=call.query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("operation", GUARDED, ids=lambda operation: operation.id)
def test_without_its_scope_it_is_403_and_with_it_alone_it_is_done(
    operation: Operation, owner: Workspace, keys: dict[str, tuple[Client, Client]]
) -> None:
    assert operation.scope is not None
    without, alone = keys[operation.scope]
    call = prepared_call(operation, Owned(owner.api))
    answer = call.by(without)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")
    assert answer.json()["error"]["details"]["expected"] == operation.scope
    answer = call.by(alone)
    assert answer.is_success, answer.text
