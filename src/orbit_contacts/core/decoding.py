"""Path, query and body into typed Structs; every fault names its field, the value it got and what was expected."""

from codecs import BOM_UTF8
from collections.abc import Iterable
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec

from orbit_contacts.core.errors import InvalidRequest, MalformedBody, Refusal, UnsupportedMediaType
from orbit_contacts.core.faults import faults_of, kind_of, shown

T = TypeVar("T")

# A larger body is told its first fault only: finding the others reads it again for each.
_THOROUGH_BYTES = 64 * 1024

_ESCAPE = "\\u0000"


def list_fields(struct: type[msgspec.Struct]) -> frozenset[str]:
    """Names of the fields that hold lists: in a query they may be repeated or comma-separated."""
    hints = get_type_hints(struct)
    return frozenset(
        name
        for name, hint in hints.items()
        if get_origin(hint) is list or any(get_origin(option) is list for option in get_args(hint))
    )


def decode_query(raw: bytes, struct: type[T], lists: frozenset[str]) -> T:
    """A query string; unknown names are ignored, empty values count as absent, the last repetition wins.

    Empty values of the names in the Struct's `blank_counts` are values: there absent means something else.
    """
    values: dict[str, Any] = {}
    blank_counts: frozenset[str] = getattr(struct, "blank_counts", frozenset())
    if raw:
        try:
            pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=200, errors="strict")
        except ValueError:
            raise InvalidRequest(
                "The query string cannot be read.",
                field="query",
                value=raw[:100].decode("latin-1"),
                expected="at most 200 percent-encoded UTF-8 pairs",
            ) from None
        for name, value in pairs:
            if not value and name not in blank_counts:
                continue
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
        raise faults_of(
            error, values, struct, lambda rest: msgspec.convert(rest, struct, strict=False), is_query=True
        ) from None


def decode_body(raw: bytes, decoder: msgspec.json.Decoder[T], content_is_json: bool) -> T:
    """A JSON object; an empty body counts as `{}`, and a byte order mark before it does not count."""
    try:
        if b"\\u0000" in raw and (nul := _place_of_nul(msgspec.json.decode(raw))):
            field, text = ".".join(nul[0]) or "body", nul[1]
            raise InvalidRequest(
                f"`{field}` holds a NUL character.", field=field, value=shown(text), expected="text without NUL"
            )
        return decoder.decode(raw or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if raw.startswith(BOM_UTF8) and not raw.startswith(BOM_UTF8, len(BOM_UTF8)):
            return decode_body(raw.removeprefix(BOM_UTF8), decoder, content_is_json)
        raise _body_fault(error, raw or b"{}", decoder, content_is_json) from None


def _body_fault(error: Exception, raw: bytes, decoder: msgspec.json.Decoder[Any], content_is_json: bool) -> Refusal:
    """The decoder stops at its first doubt, which may be a field of a text that is no JSON further on."""
    try:
        document = msgspec.json.decode(raw)
    except msgspec.ValidationError:
        return InvalidRequest(
            "A number of the body is beyond what a float can hold.",
            field="body",
            value=shown(raw),
            expected="numbers from -1.8e308 to 1.8e308",
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as malformed:
        if not content_is_json:
            return UnsupportedMediaType(field="Content-Type", value="not JSON", expected="application/json")
        return MalformedBody(
            f"The body is not valid JSON: {malformed}", field="body", value=shown(raw), expected="a JSON object"
        )
    if not isinstance(document, dict):
        return MalformedBody(field="body", value=kind_of(document), expected="a JSON object")
    if not isinstance(error, msgspec.ValidationError):
        return MalformedBody(
            f"The body cannot be read: {error}", field="body", value=shown(raw), expected="less nesting"
        )
    return faults_of(
        error,
        cast("dict[str, Any]", document),
        decoder.type,
        lambda rest: decoder.decode(msgspec.json.encode(rest)),
        all=len(raw) <= _THOROUGH_BYTES,
    )


def _place_of_nul(value: Any) -> tuple[list[str], str] | None:
    """The path to the first text with a NUL, and the text, both with its escape in place of it."""
    if isinstance(value, str):
        return ([], value.replace("\0", _ESCAPE)) if "\0" in value else None
    entries: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value).items()
    elif isinstance(value, list):
        entries = enumerate(cast("list[Any]", value))
    for key, child in entries:
        name = str(key)
        if "\0" in name:
            name = name.replace("\0", _ESCAPE)
            return [name[:64]], name
        if inside := _place_of_nul(child):
            return [name, *inside[0]], inside[1]
    return None
