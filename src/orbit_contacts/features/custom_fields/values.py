"""Values of custom fields: what each type accepts, and how it is stored. Pure.

Stored are JSON values that compare as their type does: numbers, booleans, texts; dates as `2026-03-08` and instants as
`2026-03-08T12:00:00Z`, whose alphabetical order is the order in time; phones in E.164, e-mails in lower case.
"""

import math
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from orbit_contacts.core.clock import format_instant, parse_instant
from orbit_contacts.core.errors import InvalidRequest, Refusal
from orbit_contacts.features.contacts.emails import parse_email
from orbit_contacts.features.contacts.phones import parse_phone
from orbit_contacts.features.custom_fields.models import Definition

MAX_TEXT = 5000
MAX_URL = 2048
# Integers beyond this are rounded by every reader that holds numbers as doubles, JavaScript's included.
MAX_NUMBER = 2**53

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


class _Unfit(Exception):
    """The value is not of the type; the argument says what is."""


def parse(definition: Definition, value: Any, region: str | None = None) -> Any:
    """The stored form of a value that came as JSON; None for null and blank text, which remove the value.

    `region` (ISO 3166-1) is for national phone numbers. Raises `InvalidRequest` naming `custom_fields.<key>`.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return _PARSERS[definition.type](value, definition, region)
    except _Unfit as unfit:
        raise _refusal(definition, value, str(unfit)) from None


def from_text(definition: Definition, text: str, region: str | None = None) -> Any:
    """The stored form of a value that came as text, from a cell of a file.

    Booleans are true/false, yes/no or 1/0; several choices are separated by semicolons.
    """
    text = text.strip()
    value: Any = text
    if definition.type == "number":
        value = _number_in(text)
    elif definition.type == "boolean":
        value = True if text.lower() in _TRUE else False if text.lower() in _FALSE else text
    elif definition.type == "multi_select" and text:
        value = [part.strip() for part in text.split(";") if part.strip()]
    return parse(definition, value, region)


def _number_in(text: str) -> Any:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _refusal(definition: Definition, value: Any, expected: str) -> InvalidRequest:
    field = f"custom_fields.{definition.key}"
    shown = value if isinstance(value, bool | int | float) and abs(value) <= MAX_NUMBER else str(value)[:100]
    return InvalidRequest(f"`{field}` is not of its type.", field=field, value=shown, expected=expected)


def _text(value: Any, definition: Definition, region: str | None) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise _Unfit(f"text of at most {MAX_TEXT} characters")
    return value


def _number(value: Any, definition: Definition, region: str | None) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_NUMBER:
        raise _Unfit("a number from -2^53 to 2^53")
    return int(value) if math.floor(value) == value else value


def _boolean(value: Any, definition: Definition, region: str | None) -> bool:
    if not isinstance(value, bool):
        raise _Unfit("true or false")
    return value


def _date(value: Any, definition: Definition, region: str | None) -> str:
    try:
        if not isinstance(value, str) or len(value.strip()) != len("2026-03-08"):
            raise ValueError
        return date.fromisoformat(value.strip()).isoformat()
    except ValueError:
        raise _Unfit("a date such as 2026-03-08") from None


def _datetime(value: Any, definition: Definition, region: str | None) -> str:
    try:
        if not isinstance(value, str):
            raise _Unfit("")
        return format_instant(parse_instant(value, ""))
    except (Refusal, _Unfit):
        raise _Unfit("an RFC 3339 date-time such as 2026-03-08T12:00:00Z") from None


def _select(value: Any, definition: Definition, region: str | None) -> str:
    if not isinstance(value, str) or value not in definition.options:
        raise _Unfit(f"one of: {_choices(definition)}")
    return value


def _choices(definition: Definition) -> str:
    shown = ", ".join(definition.options[:20])
    return shown if len(definition.options) <= 20 else f"{shown}, …"


def _multi_select(value: Any, definition: Definition, region: str | None) -> list[str] | None:
    if not isinstance(value, list):
        raise _Unfit(f"a list of: {_choices(definition)}")
    items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
    return list(dict.fromkeys(_select(item, definition, region) for item in items)) or None


def _url(value: Any, definition: Definition, region: str | None) -> str:
    text = value.strip() if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or len(text) > MAX_URL or any(character.isspace() for character in text):
        raise _Unfit(f"an http or https address of at most {MAX_URL} characters")
    return text


def _email(value: Any, definition: Definition, region: str | None) -> str:
    try:
        if not isinstance(value, str):
            raise _Unfit("")
        return parse_email(value)
    except (Refusal, _Unfit):
        raise _Unfit("an e-mail address such as jane@example.com") from None


def _phone(value: Any, definition: Definition, region: str | None) -> str:
    try:
        if not isinstance(value, str):
            raise _Unfit("")
        return parse_phone(value, region).e164
    except (Refusal, _Unfit):
        raise _Unfit("a phone number in E.164 form, or a national one of a contact with a country_code") from None


_PARSERS: dict[str, Callable[[Any, Definition, str | None], Any]] = {
    "text": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "select": _select,
    "multi_select": _multi_select,
    "url": _url,
    "email": _email,
    "phone": _phone,
}
