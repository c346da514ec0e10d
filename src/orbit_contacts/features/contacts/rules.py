"""What a contact may hold: input to stored values, all faults of a call at once. Pure."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from orbit_contacts.core.errors import InvalidRequest, MissingField, Refusal
from orbit_contacts.core.faults import all_faults
from orbit_contacts.features.contacts.emails import email_key, parse_email
from orbit_contacts.features.contacts.models import ContactInput
from orbit_contacts.features.contacts.phones import parse_phone, phone_key
from orbit_contacts.features.contacts.places import parse_country, parse_language, parse_timezone

MAX_TAGS = 100
MAX_TAG_LENGTH = 64
MAX_METADATA_KEYS = 100
MAX_METADATA_KEY_LENGTH = 64
MAX_METADATA_BYTES = 64 * 1024

_EXTENSION = re.compile("[0-9]{0,20}")

IDENTIFIERS = ("phone", "email", "external_id")

_LENGTHS = {
    "first_name": 100,
    "last_name": 100,
    "display_name": 200,
    "company": 200,
    "lifecycle_stage": 64,
    "external_id": 255,
}
_ALIASES = {"display_name": "name", "company": "organization"}
_PLACES = {"country_code": parse_country, "timezone": parse_timezone, "language": parse_language}


class Identifier(NamedTuple):
    """Who a contact is known as; `key` is what must be unique, `value` what was stored."""

    kind: str
    key: str
    value: str


def normalise(given: ContactInput, default_region: str | None) -> dict[str, Any]:
    """The fields that were sent, as they are stored. `metadata` holds the changes only.

    Raises the first fault, with all of them in `details.errors`.
    """
    fields: dict[str, Any] = {}
    faults: list[Refusal] = []
    for name, limit in _LENGTHS.items():
        value = getattr(given, name)
        if value is UNSET and name in _ALIASES:
            value = getattr(given, _ALIASES[name])
        if value is not UNSET:
            fields[name] = _text(name, value, limit, faults)
    for name, parse in _PLACES.items():
        value = getattr(given, name)
        if value is not UNSET:
            fields[name] = _parsed(parse, value, name, faults)
    if given.email is not UNSET:
        fields["email"] = _parsed(parse_email, given.email, "email", faults)
    if given.phone is not UNSET:
        region = fields.get("country_code") or default_region
        fields["phone"], fields["phone_extension"] = _phone(given.phone, region, faults)
    if given.phone_extension is not UNSET:
        extension = _extension(given.phone_extension, faults)
        if extension is not None or given.phone is UNSET:
            fields["phone_extension"] = extension
    if given.tags is not UNSET:
        try:
            fields["tags"] = tidy_tags(given.tags or [])
        except Refusal as fault:
            faults.append(fault)
    _metadata(given, fields, faults)
    if given.custom_fields is not UNSET:
        fields["custom_fields"] = given.custom_fields
    if faults:
        raise all_faults(faults)
    return fields


def _text(name: str, value: str | None, limit: int, faults: list[Refusal]) -> str | None:
    text = (value or "").strip()
    if len(text) > limit:
        faults.append(
            InvalidRequest(
                f"`{name}` is too long.", field=name, value=text[:100], expected=f"at most {limit} characters"
            )
        )
    return text or None


def _parsed(parse: Any, value: str | None, name: str, faults: list[Refusal]) -> str | None:
    if value is None or not value.strip():
        return None
    try:
        return parse(value, name)
    except Refusal as fault:
        faults.append(fault)
        return None


def _phone(value: Any, region: str | None, faults: list[Refusal]) -> tuple[str | None, str | None]:
    if value is None or not value.strip():
        return None, None
    try:
        phone = parse_phone(value, region)
    except Refusal as fault:
        faults.append(fault)
        return None, None
    return phone.e164, phone.extension


def _extension(value: str | None, faults: list[Refusal]) -> str | None:
    text = (value or "").strip()
    if not _EXTENSION.fullmatch(text):
        faults.append(
            InvalidRequest(
                "The extension cannot be used.", field="phone_extension", value=text[:100], expected="1-20 digits"
            )
        )
    return text or None


def require_phone_of_extension(fields: dict[str, Any]) -> None:
    if fields.get("phone_extension") and not fields.get("phone"):
        raise InvalidRequest(
            "An extension needs a phone number.",
            field="phone_extension",
            value=fields["phone_extension"],
            expected="an extension of `phone`",
        )


def tidy_tags(tags: list[str]) -> list[str]:
    """Trimmed, unique, in the order given."""
    return list(_tidy(tuple(tags)))


# The rows of a file have the same few.
@lru_cache(512)
def _tidy(tags: tuple[str, ...]) -> tuple[str, ...]:
    tidy = tuple(dict.fromkeys(check_tag(tag) for tag in tags))
    if len(tidy) > MAX_TAGS:
        raise InvalidRequest(
            "A contact has too many tags.", field="tags", value=len(tidy), expected=f"at most {MAX_TAGS}"
        )
    return tidy


def check_tag(tag: str) -> str:
    tag = tag.strip()
    if not 1 <= len(tag) <= MAX_TAG_LENGTH or "," in tag:
        raise InvalidRequest(
            "A tag cannot be used.",
            field="tags",
            value=tag[:100],
            expected=f"1-{MAX_TAG_LENGTH} characters, no comma",
        )
    return tag


def _metadata(given: ContactInput, fields: dict[str, Any], faults: list[Refusal]) -> None:
    maps = [value for value in (given.attributes, given.custom_attributes, given.metadata) if value is not UNSET]
    if not maps:
        return
    if given.metadata is None:
        fields["metadata"] = None
        return
    merged: dict[str, Any] = {}
    for given_map in maps:
        merged |= given_map or {}
    for key in merged:
        if not 1 <= len(key) <= MAX_METADATA_KEY_LENGTH:
            faults.append(
                InvalidRequest(
                    "A metadata key cannot be used.",
                    field="metadata",
                    value=key[:100],
                    expected=f"keys of 1-{MAX_METADATA_KEY_LENGTH} characters",
                )
            )
            return
    fields["metadata"] = merged


def merge_metadata(stored: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Any]:
    """Shallow merge; null deletes a key, null for the whole map empties it."""
    if changes is None:
        return {}
    merged = {key: value for key, value in (stored | changes).items() if value is not None}
    if len(merged) > MAX_METADATA_KEYS:
        raise InvalidRequest(
            "The metadata has too many keys.",
            field="metadata",
            value=len(merged),
            expected=f"at most {MAX_METADATA_KEYS} keys",
        )
    if (size := len(msgspec.json.encode(merged))) > MAX_METADATA_BYTES:
        raise InvalidRequest(
            "The metadata is too large.",
            field="metadata",
            value=size,
            expected=f"at most {MAX_METADATA_BYTES} bytes of JSON",
        )
    return merged


def identifiers(fields: dict[str, Any]) -> list[Identifier]:
    """The identifiers among stored fields, sorted, so that two transactions claim them in one order."""
    found: list[Identifier] = []
    if phone := fields.get("phone"):
        # An extension is a way to reach the line, not another line: it takes no part in identity.
        found.append(Identifier("phone", phone_key(phone), phone))
    if email := fields.get("email"):
        found.append(Identifier("email", email_key(email), email))
    if external_id := fields.get("external_id"):
        found.append(Identifier("external_id", external_id, external_id))
    return sorted(found)


def keep_spelling(stored: dict[str, Any], given: dict[str, Any]) -> None:
    """Take out of `given` the phone that is the stored one in other digits; an extension that it brings stays."""
    if (phone := given.get("phone")) and stored["phone"] and phone_key(phone) == phone_key(stored["phone"]):
        given["phone"] = stored["phone"]
        if given.get("phone_extension") is None:
            given.pop("phone_extension", None)


def require_identifier(fields: dict[str, Any]) -> None:
    if not any(fields.get(kind) for kind in IDENTIFIERS):
        raise MissingField(
            "A contact needs a phone, an e-mail or an external id.",
            field="phone",
            value=None,
            expected="at least one of phone, email, external_id",
        )
