"""Bytes no client means to send: each operation refuses them in the one error shape, with a status it documents."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from orbit_contacts.core.operations import JSON, Operation
from orbit_contacts.interfaces.api import OPERATIONS
from tests.conftest import Server, Workspace, make_workspace
from tests.generated.calls import described, own_call
from tests.generated.samples import Owned

DEEP = 100_000

BODIES: dict[str, bytes] = {
    "cut off": b"[",
    "cut off in a field": b'{"name":',
    "no UTF-8": b"\xff\xfe",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "lists nested deep": b"[" * DEEP,
    "objects nested deep": b'{"a":' * DEEP,
    "unknown fields nested deep": b'{"metadata":' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
    "a number no float holds": b'{"a":1e999,"metadata":{"a":1e999},"name":1e999}',
    "not a number": b'{"name":NaN}',
    "half a surrogate": b'{"name":"\\ud800","email":"\\udc00"}',
    "NUL": b'{"name":"\\u0000"}',
    "null": b"null",
    "a number": b"1",
    "a list": b"[]",
    "a field twice": b'{"name":"a","name":1}',
    "a long field": b'{"name":"' + b"x" * 200_000 + b'"}',
    "a long field name": b'{"' + b"x" * 200_000 + b'":1}',
    "all fields null": b"",
}

TEXTS = [
    "\0",
    "\ufffd",
    "../..",
    "%",
    "'",
    "\\",
    "x" * 4000,
    "İ",
    "💥",
    "-1",
    "99999999999999999999",
    "\u202e",
    ",",
    " ",
]


@pytest.fixture(scope="module")
def owner(dsn: str, server: Server) -> Workspace:
    return asyncio.run(make_workspace(dsn, server.url))


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.body or o.accepts != (JSON,)], ids=lambda o: o.id)
def test_bodies(operation: Operation, owner: Workspace) -> None:
    call = own_call(operation, Owned(owner.api))
    fields = operation.body.__struct_fields__ if operation.body else ()
    for what, body in (BODIES | {"all fields null": json.dumps(dict.fromkeys(fields)).encode()}).items():
        for kind in operation.accepts:
            answer = call._replace(body=body).by(owner.api, **{"Content-Type": kind})
            check(operation, f"{what} as {kind}", answer)


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.path_types], ids=lambda o: o.id)
def test_paths(operation: Operation, owner: Workspace) -> None:
    call = own_call(operation, Owned(owner.api))
    hostile = [quote(text, safe="") for text in TEXTS if text != " "] + ["%ff", "con_" + "z" * 26, "x" * 31]
    for name, prefix in operation.prefixes:
        for text in hostile:
            values = dict.fromkeys(operation.path_types, "con_01jd3w9k2e8a7v5n0q4r6t8y1z") | {name: text}
            path = operation.path.format(**values)
            answer = call._replace(path=path).by(owner.api)
            check(operation, path[:200], answer)
            if prefix:
                assert answer.status_code == 404


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.query], ids=lambda o: o.id)
def test_queries(operation: Operation, owner: Workspace) -> None:
    call = own_call(operation, Owned(owner.api))
    for parameter in described(operation)["parameters"]:
        if parameter["in"] == "query":
            for text in [*TEXTS, ""]:
                answer = call._replace(query=call.query | {parameter["name"]: text}).by(owner.api)
                check(operation, f"{parameter['name']}={text[:50]!r}", answer)
    for query in ("%ff=%fe", "a=%zz", "&&=&", "limit=1&" * 300):
        answer = call._replace(path=f"{call.path}?{query}", query={}).by(owner.api)
        check(operation, query[:50], answer)


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.method != "GET"], ids=lambda o: o.id)
@pytest.mark.parametrize("key", ["", "x" * 256, "ключ"])
def test_idempotency_keys(operation: Operation, owner: Workspace, key: str) -> None:
    call = own_call(operation, Owned(owner.api))
    answer = call.by(owner.api, **{"Idempotency-Key": key.encode()})
    check(operation, repr(key), answer)
    assert answer.status_code == 422


def check(operation: Operation, what: str, answer: httpx.Response) -> None:
    documented: dict[str, Any] = described(operation)["responses"]
    assert str(answer.status_code) in documented, f"{what}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code < 500, f"{what}: {answer.text[:300]}"
    if answer.is_error:
        error = answer.json()["error"]
        assert error["status"] == answer.status_code
        assert error["message"]
        assert {"field", "value"} <= error["details"].keys(), f"{what}: {answer.text[:300]}"
