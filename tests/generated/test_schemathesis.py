"""Calls generated from the whole document, well- and ill-formed: no 5xx, no answer the document does not name.

Each operation gets boundary cases (every constraint of its schema just kept and just broken) and random ones, half of
them on things that exist. All are the same in every run. `ORBIT_TEST_EXAMPLES=10` makes ten times as many.
"""

import os
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from orbit_contacts.core.operations import Operation
from orbit_contacts.interfaces.api import OPERATIONS, document
from tests.conftest import Workspace
from tests.generated.calls import holds, places
from tests.generated.samples import Owned, gathered

FACTOR = int(os.environ.get("ORBIT_TEST_EXAMPLES", "1"))
BOUNDARY = 24 * FACTOR
RANDOM = {GenerationMode.POSITIVE: 8 * FACTOR, GenerationMode.NEGATIVE: 4 * FACTOR}

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

# Files of types that the generator has no form for go out as the bytes they are.
FILES = {kind for operation in OPERATIONS for kind in operation.accepts if kind.startswith("application/vnd.")}
schemathesis.serializer.alias(sorted(FILES), "application/octet-stream")


@cache
def schema() -> Any:
    return schemathesis.openapi.from_dict(document(), config=SchemathesisConfig())


def generated(operation: Operation) -> Iterator[Case[Any]]:
    """The cases of one operation, in an order that depends on nothing else."""
    described = schema()[operation.path][operation.method]
    boundary = [
        case
        for case in schema().iter_coverage_cases(
            described, generation_modes=list(GenerationMode), generation_config=schema().config.generation
        )
        if case.method == operation.method
    ]
    random.Random(operation.id).shuffle(boundary)
    yield from boundary[:BOUNDARY]
    for mode, number in RANDOM.items():
        yield from drawn(described, mode, number)


def drawn(described: Any, mode: GenerationMode, number: int) -> list[Case[Any]]:
    cases: list[Case[Any]] = []

    @settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described.as_strategy(mode))
    def draw(case: Case[Any]) -> None:
        cases.append(case)

    draw()
    return cases


def on_what_exists(operation: Operation, case: Case[Any], own: Owned) -> None:
    """Name things of the caller's own in the case: random ids would only ever find nothing."""
    for place in places(operation):
        if place.where == "path":
            case.path_parameters[str(place.at[0])] = own[place.prefix]
        elif place.where == "query" and place.at[0] in case.query:
            case.query[str(place.at[0])] = own[place.prefix]
        elif place.where == "body" and holds(case.body, place.at):
            case.body = with_id(case.body, place.at, own[place.prefix])


def with_id(value: Any, at: tuple[str | int, ...], id: str) -> Any:
    if not at:
        return id
    copy = value.copy()
    copy[at[0]] = with_id(value[at[0]], at[1:], id)
    return copy


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_generated_calls_are_answered_as_documented(operation: Operation, workspace: Workspace) -> None:
    own = Owned(workspace.api)
    session = requests.Session()
    session.headers["X-API-Key"] = workspace.key
    for number, case in enumerate(generated(operation)):
        if number % 2:
            on_what_exists(operation, case, own)
        headers = {"X-API-Key": workspace.key, **gathered().headers.get(operation.id, {})}
        response = case.call_and_validate(
            base_url=f"{workspace.api.url}/api/v1", session=session, headers=headers, checks=CHECKS
        )
        if response.status_code == 204:
            for _, prefix in operation.prefixes:
                own.forget(prefix or "")
