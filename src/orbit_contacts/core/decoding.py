"""Path, query and body into typed Structs; every fault names its field, the value it got and what was expected."""

import re
from typing import Any, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec

from orbit_contacts.core.errors import InvalidRequest, MalformedBody, MissingField, Refusal, UnsupportedMediaType

T = TypeVar("T")

_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`(?: - at `\$(?P<path>.*)`)?$")
_PLACED = re.compile(r"(?P<what>.*?)(?: - at `(?P<key>key in )?\$(?P<path>.*)`)?$", re.DOTALL)
_MAX_FAULTS = 20


def list_fields(struct: type[msgspec.Struct]) -> frozenset[str]:
    """Names of the fields that hold lists: in a query they may be repeated or comma-separated."""
    hints = get_type_hints(struct)
    return frozenset(
        name
        for name, hint in hints.items()
        if get_origin(hint) is list or any(get_origin(option) is list for option in get_args(hint))
    )


def decode_query(raw: bytes, struct: type[T], lists: frozenset[str]) -> T:
    """A query string; unknown names are ignored, empty values count as absent, the last repetition wins."""
    values: dict[str, Any] = {}
    if raw:
        try:
            pairs = parse_qsl(raw.decode("latin-1"), max_num_fields=200, errors="strict")
        except ValueError:
            raise InvalidRequest(
                "The query string cannot be read.",
                field="query",
                value=raw[:100].decode("latin-1"),
                expected="at most 200 percent-encoded UTF-8 pairs",
            ) from None
        for name, value in pairs:
            if "\0" in value:
                raise InvalidRequest(
                    f"`{name}` holds a NUL character.",
                    field=name,
                    value=value[:100],
                    expected="text without NUL",
                )
            if name in lists:
                values.setdefault(name, []).extend(part for part in value.split(",") if part.strip())
            else:
                values[name] = value
    try:
        return msgspec.convert(values, struct, strict=False)
    except msgspec.ValidationError as error:
        raise _explain(error, values) from None


def decode_body(raw: bytes, decoder: msgspec.json.Decoder[T], content_is_json: bool) -> T:
    """A JSON object; an empty body counts as `{}`."""
    try:
        if b"\\u0000" in raw and _has_nul(msgspec.json.decode(raw)):
            raise InvalidRequest(
                "A text holds a NUL character.", field="body", value="\\u0000", expected="text without NUL"
            )
        return decoder.decode(raw or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _body_fault(error, raw or b"{}", content_is_json) from None


def _body_fault(error: Exception, raw: bytes, content_is_json: bool) -> Refusal:
    """The decoder stops at its first doubt, which may be a field of a text that is no JSON further on."""
    try:
        document = msgspec.json.decode(raw)
    except msgspec.ValidationError as beyond:
        return _explain(beyond, None)  # JSON, with a number no float can hold
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as malformed:
        if not content_is_json:
            return UnsupportedMediaType(field="Content-Type", value="not JSON", expected="application/json")
        return MalformedBody(
            f"The body is not valid JSON: {malformed}", field="body", value=_shown(raw), expected="a JSON object"
        )
    if not isinstance(document, dict):
        return MalformedBody(field="body", value=type(document).__name__, expected="a JSON object")
    if not isinstance(error, msgspec.ValidationError):
        return MalformedBody(
            f"The body cannot be read: {error}", field="body", value=_shown(raw), expected="less nesting"
        )
    return _explain(error, document)


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(k) or _has_nul(v) for k, v in value.items())  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
    if isinstance(value, list):
        return any(_has_nul(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
    return False


def _explain(error: msgspec.ValidationError, document: Any) -> Refusal:
    """msgspec says "Expected `int`, got `str` - at `$.limit`"; say the same as field, value, expectation."""
    text = str(error)
    if missing := _MISSING.match(text):
        path = _path(missing["path"] or "")
        field = ".".join([*path, missing["field"]])
        return MissingField(f"`{field}` is required.", field=field, value=None, expected="a value")
    placed = _PLACED.match(text)
    what, path = (placed["what"], _path(placed["path"] or "")) if placed else (text, [])
    field = ".".join(path) or "body"
    expected = what.removeprefix("Expected ").partition(", got")[0].replace("`", "")
    value = _value_at(document, path)
    return InvalidRequest(f"`{field}`: {what}.", field=field, value=value, expected=expected)


def _path(text: str) -> list[str]:
    return [part for part in re.split(r"[.\[\]]+", text) if part]


def _value_at(document: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(document, dict):
            document = document.get(part)  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType]
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):  # pyright: ignore[reportUnknownArgumentType]
            document = document[int(part)]  # pyright: ignore[reportUnknownVariableType]
        else:
            return None
    return document if isinstance(document, int | float | bool | None) else _shown(document)


def _shown(value: Any) -> str:
    """At most 100 characters of what was sent."""
    text = (
        value
        if isinstance(value, str)
        else value.decode("utf-8", "replace")
        if isinstance(value, bytes)
        else repr(value)
    )
    return text[:100]


def all_faults(faults: list[Refusal]) -> Refusal:
    """One refusal for several faults: `details` describes the first, `details.errors` lists all."""
    first = faults[0]
    if len(faults) > 1:
        first.details["errors"] = [
            {"code": fault.code, "message": fault.message, **fault.details} for fault in faults[:_MAX_FAULTS]
        ]
    return first
