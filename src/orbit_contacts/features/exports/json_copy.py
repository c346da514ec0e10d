"""The lines of an NDJSON or JSON export as PostgreSQL writes them: for each contact the document `writers` gives."""

from collections.abc import Mapping, Sequence
from typing import LiteralString

from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.exports import public_ids
from orbit_contacts.features.exports.csv_copy import INSTANT, INSTANTS, TEXTS

BEFORE_ID = len('{"id":"')


def _member(name: LiteralString, value: LiteralString) -> LiteralString:
    """Two arguments of `concat`."""
    return "'{comma}\"" + name + "\":', " + value


def _text(name: LiteralString) -> LiteralString:
    return "coalesce(to_json(c." + name + ")::text, 'null')"


def _instant(name: LiteralString) -> LiteralString:
    return "coalesce('\"' || " + INSTANT.replace("{at}", "c." + name) + " || '\"', 'null')"


_MEMBERS: dict[str, LiteralString] = {
    **{name: _member(name, _text(name)) for name in TEXTS},
    **{name: _member(name, _instant(name)) for name in INSTANTS},
    "id": _member("id", "'\"', " + public_ids.ANYWHERE + ", '\"'"),
    "tags": _member("tags", "CASE WHEN c.tags = '{}' THEN '[]' ELSE to_json(c.tags)::text END"),
    "metadata": _member("metadata", "c.metadata"),
    "custom_fields": _member("custom_fields", "c.custom_fields"),
    "blocked": _member("blocked", "CASE WHEN c.blocked_at IS NULL THEN 'false' ELSE 'true' END"),
    "dnc": _member("dnc", "CASE WHEN c.dnc THEN 'true' ELSE 'false' END"),
    **{"preferences." + channel: _member(channel, "'\"', {status}, '\"'") for channel in CHANNELS},
}


def can_write(names: Sequence[str]) -> bool:
    """Whether every value has its expression."""
    return all(name in _MEMBERS for name in names)


def document(names: Sequence[str], statuses: Mapping[str, LiteralString]) -> LiteralString:
    """The document of a contact as one text without an end of line; `statuses`: the expression of each channel's
    consent. Consent stands where its first channel is asked for, and an id that comes first has room."""
    asked = dict.fromkeys(names)
    first: dict[str, LiteralString] = (
        {"id": _member("id", "'\"', " + public_ids.WITH_ROOM + ", '\"'")} if names[0] == "id" else {}
    )
    channels = [name.removeprefix("preferences.") for name in asked if name.startswith("preferences.")]
    statements: list[LiteralString] = [_MEMBERS["preferences." + c].replace("{status}", statuses[c]) for c in channels]
    members: list[LiteralString] = []
    for name in asked:
        if not name.startswith("preferences."):
            members.append(first.get(name, _MEMBERS[name]))
        elif statements:
            members.append(_member("preferences", _object(statements)))
            statements = []
    return _object(members)


def _object(members: list[LiteralString]) -> LiteralString:
    joined: LiteralString = ", ".join(members).replace("{comma}", "", 1).replace("{comma}", ",")
    return "concat('{', " + joined + ", '}')"
