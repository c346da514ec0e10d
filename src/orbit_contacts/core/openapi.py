"""The OpenAPI 3.1 document, from the same declarations that bind the operations."""

import inspect
from collections.abc import Sequence
from typing import Any, get_type_hints

import msgspec

from orbit_contacts.core import errors, ids
from orbit_contacts.core.operations import JSON, Operation

_ALWAYS: tuple[type[errors.Refusal], ...] = (
    errors.Unauthorized,
    errors.InvalidApiKey,
    errors.ExpiredToken,
    errors.InsufficientPermissions,
    errors.IpNotAllowed,
    errors.RateLimited,
    errors.InternalError,
    errors.ServiceUnavailable,
)
_WRITES: tuple[type[errors.Refusal], ...] = (
    errors.IdempotencyKeyReused,
    errors.IdempotencyInProgress,
    errors.PayloadTooLarge,
)
_WAITING = (errors.RateLimited, errors.ServiceUnavailable, errors.IdempotencyInProgress)
_BODY: tuple[type[errors.Refusal], ...] = (
    errors.MalformedBody,
    errors.InvalidRequest,
    errors.MissingField,
    errors.UnsupportedMediaType,
)

_META = {
    "type": "object",
    "required": ["request_id", "timestamp"],
    "properties": {
        "request_id": {"type": "string", "examples": ["req_000c2f…"]},
        "timestamp": {"type": "string", "format": "date-time"},
    },
}
_PAGINATION = {
    "type": "object",
    "required": ["cursor", "has_more", "total", "total_is_exact"],
    "properties": {
        "cursor": {"type": ["string", "null"], "description": "Send as `cursor` for the next page."},
        "has_more": {"type": "boolean"},
        "total": {"type": ["integer", "null"], "description": "Rows that match on all pages."},
        "total_is_exact": {
            "type": "boolean",
            "description": "False where a cap ended the counting, or none began.",
        },
    },
}
_ERROR = {
    "type": "object",
    "required": ["error", "meta"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "status", "details"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "status": {"type": "integer"},
                "details": {
                    "type": "object",
                    "description": "`field`, `value` and `expected` of the first fault.",
                },
            },
        },
        "meta": {
            "allOf": [
                {"$ref": "#/components/schemas/Meta"},
                {"type": "object", "properties": {"docs_url": {"type": "string"}}},
            ]
        },
    },
}

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Repeating a request with the same key replays its answer for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}

_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The `ETag` of the state that is to be changed; 412 when it is another by now.",
    "schema": {"type": "string"},
}

_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "The request's own id if it sent a usable one, else a new one.",
        "schema": {"type": "string"},
    },
    "X-RateLimit-Limit": {
        "description": "Calls of this operation a minute and key.",
        "schema": {"type": "integer"},
    },
    "X-RateLimit-Remaining": {"description": "What is left of them.", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {
        "description": "When the minute ends, in seconds since 1970.",
        "schema": {"type": "integer"},
    },
    "X-Orbit-Env": {"description": "`sandbox` on answers to test keys.", "schema": {"const": "sandbox"}},
    "Idempotent-Replayed": {
        "description": "`true` where a repeated request is told its first answer again.",
        "schema": {"const": "true"},
    },
    "ETag": {"description": "Names this state of the contact; send it as `If-Match`.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}
_ON_ALL = ("X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def document(operations: Sequence[Operation], *, version: str, server: str = "/api/v1") -> dict[str, Any]:
    """The whole document as plain data; stable order, so that its snapshot can be reviewed."""
    types = _types(operations)
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(map(_key, types), schemas, strict=True))
    refused: dict[str, dict[str, Any]] = {}
    paths: dict[str, dict[str, Any]] = {}
    for operation in sorted(operations, key=lambda o: (o.path, o.method)):
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schema_of, refused)
    components |= {"Meta": _META, "Pagination": _PAGINATION, "Error": _ERROR}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Orbit Contacts",
            "version": version,
            "description": "Contacts, consent, lists, segments, imports and timelines for customer communication.\n\n"
            "Every answer is `{data, meta}`, every refusal `{error, meta}`. Paths work with and without a trailing "
            "slash, below `/api/v1` and `/v1`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server}],
        "security": [{"ApiKey": []}, {"Bearer": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": dict(sorted(refused.items())),
            "parameters": {"IdempotencyKey": _IDEMPOTENCY_KEY, "IfMatch": _IF_MATCH},
            "headers": _HEADERS,
            "securitySchemes": {
                "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "Bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key or a dashboard token.",
                },
                "Token": {"type": "apiKey", "in": "query", "name": "token", "description": "An API key."},
            },
        },
    }


def _types(operations: Sequence[Operation]) -> list[Any]:
    found: dict[str, Any] = {}
    for operation in operations:
        for hint in (operation.body, operation.reads, None if operation.is_stream else operation.result):
            if hint is not None and hint is not type(None):
                found.setdefault(_key(hint), hint)
    return list(found.values())


def _key(hint: Any) -> str:
    return f"{getattr(hint, '__module__', '')}.{hint!r}"


def _operation(operation: Operation, schema_of: dict[str, Any], refused: dict[str, dict[str, Any]]) -> dict[str, Any]:
    text = inspect.getdoc(operation.handler) or ""
    summary, _, description = text.partition("\n\n")
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": " ".join(summary.split()).rstrip("."),
    }
    if description:
        described["description"] = description
    if parameters := _parameters(operation):
        described["parameters"] = parameters
    if operation.body is not None:
        schema = schema_of[_key(operation.body)]
        described["requestBody"] = {
            "required": False,
            "content": {kind: {"schema": schema} for kind in operation.accepts},
        }
    elif operation.accepts != (JSON,) or operation.reads is not None:
        content: dict[str, Any] = {
            kind: {"schema": {"type": "string", "format": "binary"}} for kind in operation.accepts
        }
        if operation.reads is not None:
            content[JSON] = {"schema": schema_of[_key(operation.reads)]}
        described["requestBody"] = {"required": True, "content": content}
    described["responses"] = _responses(operation, schema_of, refused)
    if operation.scope is None:
        described["security"] = []
    else:
        described["x-required-scope"] = operation.scope
    if operation.token_in_query:
        described["security"] = [{"ApiKey": []}, {"Bearer": []}, {"Token": []}]
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    for name, hint in operation.path_types.items():
        schema: dict[str, Any] = {"type": "string"}
        if prefix := ids.PREFIXES.get(hint):
            schema |= {
                "pattern": f"^{prefix}_[0-9a-z]{{26}}$",
                "examples": [f"{prefix}_01jd3w9k2e8a7v5n0q4r6t8y1z"],
            }
        parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
    if operation.query is not None:
        hints = get_type_hints(operation.query, include_extras=True)
        for field in msgspec.structs.fields(operation.query):
            (schema,), _ = msgspec.json.schema_components(
                [hints[field.name]], ref_template="#/components/schemas/{name}"
            )
            schema = _without_null(dict(schema))
            parameter: dict[str, Any] = {"name": field.encode_name, "in": "query", "schema": schema}
            if description := schema.pop("description", None):
                parameter["description"] = description
            if field.name in operation.query_lists:
                parameter |= {"style": "form", "explode": False}
            parameters.append(parameter)
    if operation.method not in ("GET", "HEAD"):
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
        if errors.PreconditionFailed in operation.refuses:
            parameters.append({"$ref": "#/components/parameters/IfMatch"})
    return parameters


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is absent or has its type; JSON's null has no spelling there."""
    options = [option for option in schema.pop("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        schema |= options[0]
    elif options:
        schema["anyOf"] = options
    schema.pop("default", None)
    return schema


def _responses(operation: Operation, schema_of: dict[str, Any], refused: dict[str, dict[str, Any]]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status in (operation.status, *operation.also):
        headers = [*_ON_ALL, "X-Orbit-Env"]
        if operation.method != "GET":
            headers.append("Idempotent-Replayed")
        if operation.etag:
            headers.append("ETag")
        answer = _success(operation, status, schema_of)
        responses[str(status)] = {"description": answer.pop("description"), "headers": _headers(headers)} | answer
    by_status: dict[int, list[type[errors.Refusal]]] = {}
    for refusal in _refusals(operation):
        by_status.setdefault(refusal.status, []).append(refusal)
    for status, refusals in sorted(by_status.items()):
        name = _share(refused, status, refusals)
        responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return responses


def _headers(names: Sequence[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _share(refused: dict[str, dict[str, Any]], status: int, refusals: list[type[errors.Refusal]]) -> str:
    """The name under which the answer to these refusals stands among the components, once for all operations."""
    codes = sorted({refusal.code for refusal in refusals})
    lines = sorted({f"- `{refusal.code}`: {refusal.summary}" for refusal in refusals})
    schema = {
        "allOf": [
            {"$ref": "#/components/schemas/Error"},
            {"type": "object", "properties": {"error": {"properties": {"code": {"enum": codes}}}}},
        ]
    }
    waits = any(refusal in _WAITING for refusal in refusals)
    response = {
        "description": "\n".join(lines),
        "headers": _headers([*_ON_ALL, "Retry-After"] if waits else _ON_ALL),
        "content": {JSON: {"schema": schema}},
    }
    name = ".".join((str(status), *codes))
    # The same codes may have other meanings elsewhere.
    while refused.setdefault(name, response) != response:
        name += "-"
    return name


def _refusals(operation: Operation) -> list[type[errors.Refusal]]:
    found: list[type[errors.Refusal]] = [*operation.refuses, *_ALWAYS]
    if operation.method != "GET":
        found += _WRITES
    if operation.body is not None or operation.reads is not None or operation.accepts != (JSON,):
        found += _BODY
    if operation.query is not None or operation.method != "GET":
        found.append(errors.InvalidRequest)
    if operation.query is not None and "cursor" in {f.name for f in msgspec.structs.fields(operation.query)}:
        found.append(errors.InvalidCursor)
    if operation.path_types:
        found.append(errors.NotFound)
    return list(dict.fromkeys(found))


def _success(operation: Operation, status: int, schema_of: dict[str, Any]) -> dict[str, Any]:
    if operation.result is type(None):
        return {"description": "Done; the body is empty."}
    if operation.is_stream:
        return {
            "description": "The file.",
            "content": {kind: {"schema": {} if kind == JSON else {"type": "string"}} for kind in operation.produces},
        }
    data = schema_of[_key(operation.result)]
    meta: dict[str, Any] = {"$ref": "#/components/schemas/Meta"}
    if operation.is_list:
        data = {"type": "array", "items": data}
    if operation.is_page:
        pagination = {
            "type": "object",
            "properties": {"pagination": {"$ref": "#/components/schemas/Pagination"}},
        }
        meta = {"allOf": [meta, pagination]}
    schema = {"type": "object", "required": ["data", "meta"], "properties": {"data": data, "meta": meta}}
    name = {200: "OK.", 201: "Created.", 202: "Accepted; the work goes on."}.get(status, "Success.")
    files = {kind: {"schema": {"type": "string"}} for kind in operation.produces if kind != JSON}
    return {"description": name, "content": {JSON: {"schema": schema}} | (files if status == 200 else {})}
