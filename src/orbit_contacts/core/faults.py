"""What a decoder refused, said as every refusal is: the field, the value it got, what was expected.

msgspec stops at the first fault, names no key of a map and no value of an enumeration. The rest is found by asking
it again with less, and by following the path of the fault through the type.
"""

import re
from collections.abc import Callable
from typing import Any, TypeAlias, cast

import msgspec
from msgspec import inspect

from orbit_contacts.core.errors import InvalidRequest, MissingField, Refusal

Decode: TypeAlias = Callable[[dict[str, Any]], Any]
Path: TypeAlias = list[str]

MAX_FAULTS = 20
_ANY_KEY = "..."
_MAX_KEYS_TRIED = 100

_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`(?: - at `\$(?P<path>.*)`)?$")
# The words of JSON for those of Python, between the backticks of what a decoder says.
_WORDS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
# A query string or a setting is text: its words, and not that null would do as well or that a text came.
_TEXT_WORDS = _WORDS | {"bool": "true or false"}
_QUOTED = re.compile("`[^`]*`")
_WORD = re.compile("[a-z]+")
_PLACED = re.compile(r"(?P<what>.*?)(?: - at `(?P<key>key in )?\$(?P<path>.*)`)?$", re.DOTALL)


def faults_of(
    error: msgspec.ValidationError,
    document: dict[str, Any],
    type: Any,
    decode: Decode,
    *,
    all: bool = True,
    is_query: bool = False,
) -> Refusal:
    """One refusal for the faults of a document, or without `all` for the first.

    `decode` reads a document as the request was read, and raises what msgspec raises; `error` is what it raised for
    the whole. Of a query, all values are texts.
    """
    if not all:
        return _explain(error, document, type, None, is_query)[0]
    faults: list[Refusal] = []
    rest = dict(document)
    while len(faults) < MAX_FAULTS:
        fault, top = _explain(error, rest, type, decode, is_query)
        if isinstance(fault, MissingField) and top not in rest:
            break  # and all that are missing are told below
        faults.append(fault)
        if top not in rest:
            break
        del rest[top]
        try:
            decode(rest)
        except msgspec.ValidationError as next_error:
            error = next_error
        else:
            break
    faults += [_missing(name) for name in _required(type) if name not in document]
    return all_faults(faults or [_explain(error, document, type, decode, is_query)[0]])


def all_faults(faults: list[Refusal]) -> Refusal:
    """One refusal for several faults: `details` describes the first, `details.errors` lists all."""
    first = faults[0]
    if len(faults) > 1:
        first.details["errors"] = [
            {"code": fault.code, "message": fault.message, **fault.details} for fault in faults[:MAX_FAULTS]
        ]
    return first


def shown(value: Any) -> str:
    """At most 100 characters of what was sent, a list or an object as JSON."""
    if isinstance(value, str):
        return value[:100]
    return (value if isinstance(value, bytes) else msgspec.json.encode(value)).decode("utf-8", "replace")[:100]


def kind_of(value: Any) -> str:
    """What JSON calls a value of this kind."""
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return "object" if isinstance(value, dict) else "array"
    return _WORDS[type(value).__name__]


def _required(type: Any) -> list[str]:
    info = inspect.type_info(type)
    if not isinstance(info, inspect.StructType):
        return []
    return [field.encode_name for field in info.fields if field.required]


def _missing(field: str) -> MissingField:
    return MissingField(f"`{field}` is required.", field=field, value=None, expected="a value")


def _explain(
    error: msgspec.ValidationError, document: dict[str, Any], type: Any, decode: Decode | None, is_query: bool
) -> tuple[Refusal, str]:
    """One fault, and the field of the document in which it lies."""
    text = str(error)
    if missing := _MISSING.match(text):
        path = _resolved(_path(missing["path"] or ""), document, text, decode)
        field = ".".join([*path, missing["field"]])
        return _missing(field), path[0] if path else missing["field"]
    placed = _PLACED.match(text)
    what, raw_path = (placed["what"], _path(placed["path"] or "")) if placed else (text, Path())
    path = _resolved(raw_path, document, text, decode)
    field = ".".join(path) or "body"
    if what.startswith("Expected "):
        what = in_words(what, is_query)
    expected: Any = what.removeprefix("Expected ").partition(", got")[0].replace("`", "")
    if what.startswith("Invalid enum value"):
        options = _options(type, raw_path)
        expected = options or "another value"
    refusal = InvalidRequest(f"`{field}`: {what}.", field=field, value=_value_at(document, path), expected=expected)
    return refusal, path[0] if path else ""


def in_words(what: str, is_text: bool) -> str:
    """What a decoder expected, in the words of JSON; `is_text`: of a value that could only come as text."""
    words = _TEXT_WORDS if is_text else _WORDS
    if is_text:
        what = what.partition(", got `str`")[0].replace(" | null`", "`")
    return _QUOTED.sub(lambda quoted: _WORD.sub(lambda word: words.get(word[0], word[0]), quoted[0]), what)


def _path(text: str) -> Path:
    """`.windows[...].start` and `.tags[0]`, as the names and places on the way."""
    return [part.rstrip("]") for part in re.split(r"\.(?!\.|\])|\[", text) if part]


def _resolved(path: Path, document: Any, text: str, decode: Decode | None) -> Path:
    """The path with the keys of maps in place of `...`: the first key that alone brings the same fault."""
    path = list(path)
    for place, part in enumerate(path):
        if decode is None:
            break
        if part != _ANY_KEY:
            continue
        entries = _at(document, path[:place])
        if not isinstance(entries, dict):
            break
        for key, value in list(cast("dict[str, Any]", entries).items())[:_MAX_KEYS_TRIED]:
            try:
                decode(_replaced(document, path[:place], {key: value}))
            except msgspec.ValidationError as error:
                if str(error) == text:
                    path[place] = key
                    break
    return path


def _replaced(document: Any, path: Path, value: Any) -> Any:
    """A copy of the document with another value at the path."""
    if not path:
        return value
    if isinstance(document, list):
        items = list(cast("list[Any]", document))
        items[int(path[0])] = _replaced(items[int(path[0])], path[1:], value)
        return items
    return {**document, path[0]: _replaced(document[path[0]], path[1:], value)}


def _at(document: Any, path: Path) -> Any:
    """The value at a path; None where there is no such way."""
    for part in path:
        if isinstance(document, dict):
            document = cast("dict[str, Any]", document).get(part)
        elif isinstance(document, list) and part.isdigit() and int(part) < len(cast("list[Any]", document)):
            document = cast("list[Any]", document)[int(part)]
        else:
            return None
    return document


def _value_at(document: Any, path: Path) -> Any:
    value = _at(document, path)
    return value if isinstance(value, int | float | bool | None) else shown(value)


def _options(type: Any, path: Path) -> list[Any]:
    """The values of the enumerations that a type has at a path."""
    places: list[inspect.Type] = [inspect.type_info(type)]
    for part in path:
        places = [inside for place in places for inside in _inside(place, part)]
    found: list[Any] = []
    for place in places:
        for option in _alternatives(place):
            if isinstance(option, inspect.LiteralType):
                found += [value for value in option.values if value is not None]
            elif isinstance(option, inspect.EnumType):
                found += [member.value for member in option.cls]
    return found


def _inside(place: inspect.Type, part: str) -> list[inspect.Type]:
    found: list[inspect.Type] = []
    for option in _alternatives(place):
        if isinstance(option, inspect.StructType):
            found += [field.type for field in option.fields if field.encode_name == part]
        elif isinstance(option, inspect.DictType):
            found.append(option.value_type)
        elif isinstance(option, inspect.ListType):
            found.append(option.item_type)
    return found


def _alternatives(place: inspect.Type) -> list[inspect.Type]:
    if isinstance(place, inspect.Metadata):
        return _alternatives(place.type)
    if isinstance(place, inspect.UnionType):
        return [option for each in place.types for option in _alternatives(each)]
    return [place]
