"""Every operation that writes does its work once for a key, and gives the same answer again."""

import asyncio

import pytest

from orbit_contacts.core.database import Transaction, Unbound
from orbit_contacts.core.operations import Operation
from orbit_contacts.interfaces.api import OPERATIONS
from tests.conftest import Server, Workspace, make_workspace
from tests.generated.calls import prepared_call
from tests.generated.samples import Owned, word

WRITES = [
    operation
    for operation in OPERATIONS
    if operation.method != "GET" and issubclass(operation.session, Transaction | Unbound) and not operation.is_stream
]


@pytest.fixture(scope="module")
def owner(dsn: str, server: Server) -> Workspace:
    return asyncio.run(make_workspace(dsn, server.url))


@pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.id)
def test_a_repeated_key_gives_the_same_answer(operation: Operation, owner: Workspace) -> None:
    call = prepared_call(operation, Owned(owner.api))
    key = {"Idempotency-Key": word()}
    first = call.by(owner.api, **key)
    assert first.is_success, first.text
    again = call.by(owner.api, **key)
    assert again.status_code == first.status_code
    if "no-store" in first.headers.get("cache-control", ""):
        assert again.json()["data"] == first.json()["data"] | {"key": None}  # a secret is told once
    else:
        assert again.content == first.content
    assert (first.headers.get("idempotent-replayed"), again.headers.get("idempotent-replayed")) == (None, "true")
    other = call._replace(query=call.query | {"another": "request"}).by(owner.api, **key)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
