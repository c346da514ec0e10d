"""Calls made from the declarations: for each operation one that its caller is allowed, and the places of its ids."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

import httpx

from orbit_contacts.core.operations import JSON, Operation
from orbit_contacts.interfaces.api import document
from tests.conftest import Client
from tests.generated.samples import Owned, gathered

MAX_DEPTH = 6

# Prefixes that fields name already, of things that no operation makes yet.
UNMADE: frozenset[str] = frozenset()


class Place(NamedTuple):
    """Where an operation takes an id: `where` is path, query or body; `at` the way to it, 0 for an item of a list."""

    where: str
    at: tuple[str | int, ...]
    prefix: str

    def __str__(self) -> str:
        return f"{self.where}:{'.'.join(map(str, self.at))}"

    @property
    def in_a_list(self) -> bool:
        return 0 in self.at


class Call(NamedTuple):
    """One request, complete but for the credential."""

    method: str
    path: str
    query: dict[str, Any]
    body: Any
    headers: dict[str, str]

    def by(self, api: Client, **headers: Any) -> httpx.Response:
        """Make the call; `headers` come on top, and a body of text or bytes is sent as it is."""
        options = {"params": self.query} if self.query else {}
        options["headers"] = self.headers | headers
        if isinstance(self.body, str | bytes):
            return api.request(self.method, self.path, content=self.body, **options)
        return api.request(self.method, self.path, self.body, **options)

    def everything(self) -> str:
        """All that is sent, to find out whether an answer only repeats it."""
        return f"{self.path} {self.query} {self.body}"


@cache
def described(operation: Operation) -> dict[str, Any]:
    """The operation in the OpenAPI document, its parameters and responses without references."""
    found = _document()["paths"][operation.path][operation.method.lower()]
    parameters = [resolved(parameter) for parameter in found.get("parameters", [])]
    responses = {status: resolved(response) for status, response in found["responses"].items()}
    return found | {"parameters": parameters, "responses": responses}


@cache
def _document() -> dict[str, Any]:
    return document()


def body_schema(operation: Operation) -> dict[str, Any] | None:
    content = described(operation).get("requestBody", {}).get("content", {})
    return content.get(JSON, {}).get("schema")


def resolved(schema: Any) -> Any:
    """The schema behind `$ref`; of alternatives the first that is not null."""
    while isinstance(schema, Mapping):
        if "$ref" in schema:
            found = _document()
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        elif options := schema.get("anyOf") or schema.get("oneOf"):
            schema = next(option for option in options if option.get("type") != "null")
        else:
            break
    return schema


def minimal(schema: Any, depth: int = 0) -> Any:
    """The smallest value of a schema: only what is required."""
    schema = resolved(schema)
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return None
    if options := schema.get("enum") or schema.get("examples"):
        return options[0]
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(name for name in kind if name != "null")
    match kind:
        case "object":
            known = schema.get("properties", {})
            return {name: minimal(known.get(name, {}), depth + 1) for name in schema.get("required", [])}
        case "array":
            return [minimal(schema.get("items", {}), depth + 1)] * schema.get("minItems", 0)
        case "string":
            return "x" * max(schema.get("minLength", 1), 1)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case _:
            return None


def places(operation: Operation) -> list[Place]:
    """Every place of an id; a field that looks like one and is not known makes the test fail."""
    found = [Place("path", (name,), prefix) for name, prefix in operation.prefixes if prefix]
    for parameter in described(operation).get("parameters", []):
        name = parameter["name"]
        if parameter["in"] == "query" and (prefix := prefix_of(operation, name)):
            found.append(Place("query", (name,), prefix))
    found += [Place("body", at, prefix) for at, prefix in _in_schema(operation, body_schema(operation), ())]
    return [place for place in found if place.prefix not in UNMADE]


def _in_schema(
    operation: Operation, schema: Any, way: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    schema = resolved(schema)
    if not isinstance(schema, Mapping) or len(way) > MAX_DEPTH:
        return
    if schema.get("items"):
        yield from _in_schema(operation, schema["items"], (*way, 0))
    for name, inner in schema.get("properties", {}).items():
        if prefix := prefix_of(operation, name):
            is_list = "items" in (resolved(inner) or {})
            yield (*way, name, 0) if is_list else (*way, name), prefix
        else:
            yield from _in_schema(operation, inner, (*way, name))


def prefix_of(operation: Operation, name: str) -> str | None:
    """The prefix of the ids a field holds, None when it holds something else."""
    if name not in ("id", "ids") and not name.endswith(("_id", "_ids")):
        return None
    known = gathered().fields
    key = next((key for key in (f"{operation.id}.{name}", name) if key in known), None)
    assert key, (
        f"{operation.id}: what does `{name}` hold? Say it in `fields` of the feature's samples: "
        "the prefix of its ids, or None when they are not ours"
    )
    return known[key]


def own_call(operation: Operation, own: Owned) -> Call:
    """A call that its owner is allowed, on things of their own."""
    samples = gathered()
    values: dict[str, str] = {}
    for name, prefix in operation.prefixes:
        if prefix is None:
            give = samples.paths.get((operation.id, name))
            assert give, f"{operation.id}: give `paths` a value of {{{name}}} in the feature's samples"
            values[name] = give(own)
        else:
            assert prefix in samples.makers, f"{operation.id}: give `makers` a way to make a `{prefix}_…`"
            values[name] = own[prefix]
    query = samples.queries[operation.id](own) if operation.id in samples.queries else {}
    body: Any = None
    if operation.id in samples.bodies:
        body = samples.bodies[operation.id](own)
    elif (schema := body_schema(operation)) is not None:
        body = minimal(schema)
        for place in places(operation):
            if place.where == "body" and holds(body, place.at):
                body = _set(body, place.at, own[place.prefix], schema)
    return Call(
        operation.method,
        operation.path.format(**values),
        query,
        body,
        dict(samples.headers.get(operation.id, {})),
    )


def holds(value: Any, at: tuple[str | int, ...]) -> bool:
    """Whether a body has something at a place."""
    for step in at:
        in_object = isinstance(value, Mapping) and step in value
        in_list = isinstance(value, list) and isinstance(step, int) and len(value) > step
        if not (in_object or in_list):
            return False
        value = value[step]
    return True


def prepared_call(operation: Operation, own: Owned) -> Call:
    """`own_call`, after what must happen before it."""
    call = own_call(operation, own)
    if prepare := gathered().before.get(operation.id):
        prepare(own.api, own)
    return call


def with_ids(operation: Operation, call: Call, places: Sequence[Place], ids: Mapping[str, str]) -> Call:
    """The call with `ids` (by prefix) at some of its places."""
    path, query, body = call.path, dict(call.query), deepcopy(call.body)
    for place in places:
        if place.where == "path":
            segments = path.split("/")
            segments[operation.path.split("/").index(f"{{{place.at[0]}}}")] = ids[place.prefix]
            path = "/".join(segments)
        elif place.where == "query":
            query[str(place.at[0])] = ids[place.prefix]
        else:
            body = _set(body, place.at, ids[place.prefix], body_schema(operation))
    return call._replace(path=path, query=query, body=body)


def _set(value: Any, at: tuple[str | int, ...], id: str, schema: Any) -> Any:
    if not at:
        return id
    schema = resolved(schema) or {}
    step, rest = at[0], at[1:]
    if isinstance(step, int):
        items: list[Any] = value if isinstance(value, list) and value else [minimal(schema.get("items", {}))]
        return [_set(items[0], rest, id, schema.get("items", {})), *items[1:]]
    holder: dict[str, Any] = dict(value) if isinstance(value, Mapping) else minimal(schema) or {}
    inner_schema = schema.get("properties", {}).get(step, {})
    holder[step] = _set(holder.get(step), rest, id, inner_schema)
    return holder
