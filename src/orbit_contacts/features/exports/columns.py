"""The columns of an export: every field of a contact, and its consent by channel."""

from collections.abc import Sequence
from typing import Any

import msgspec

from orbit_contacts.core.csv_values import encode_value, join_tags
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.contacts.models import Contact

FIELDS = tuple(field.name for field in msgspec.structs.fields(Contact) if field.name != "deleted_at")
COLUMNS = (*FIELDS, *(f"preferences.{channel}" for channel in CHANNELS))


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """The columns asked for; `metadata.<key>`, `custom_fields.<key>` and `preferences.<channel>` name single values."""
    for name in names:
        prefix, dot, key = name.partition(".")
        single = bool(dot and key) and prefix in ("metadata", "custom_fields")
        if name not in COLUMNS and not single:
            raise InvalidRequest("There is no such field.", field="fields", value=name[:100], expected=list(COLUMNS))
    return tuple(names) or COLUMNS


def value_of(name: str, contact: Contact, preferences: dict[str, str]) -> Any:
    """The value of a column as plain data."""
    prefix, dot, key = name.partition(".")
    if not dot:
        value = getattr(contact, name)
        return msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
    if prefix == "preferences":
        return preferences[key]
    return msgspec.json.decode(getattr(contact, prefix)).get(key)


def cell_of(name: str, value: Any) -> str:
    """The value as text of a table; what the import reads back as the same value."""
    if value is None:
        return ""
    if name == "tags":
        return join_tags(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and "." not in name:
        return value
    if name.startswith("preferences."):
        return str(value)
    if value == {}:
        return ""
    return encode_value(value) if "." in name else msgspec.json.encode(value).decode()
