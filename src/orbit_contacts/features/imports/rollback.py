"""How a contact goes back to what it was before an import, but for what was edited since. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orbit_contacts.features.contacts.rules import IDENTIFIERS
from orbit_contacts.features.imports.upserting import MAPS, same


class Undone(NamedTuple):
    """The fields as they will be, and the names of those that stay because they were edited since."""

    fields: dict[str, Any]
    kept: list[str]


def undo(
    stored: Mapping[str, Any],
    changes: Mapping[str, Mapping[str, Any]],
    tags: Sequence[str],
    taken: frozenset[str] = frozenset(),
) -> Undone:
    """`changes` as the import wrote them down, `tags` those it added; `taken` are fields whose old value belongs to
    another contact by now. A field that no longer holds what the import put there is left alone."""
    fields = dict(stored)
    kept: list[str] = []
    for name, change in changes.items():
        if name in MAPS:
            kept += _undo_map(name, stored, change, fields)
        elif name in taken or stored[name] != change["new"]:
            kept.append(name)
        else:
            fields[name] = change["old"]
    if "phone" in kept and "phone_extension" in changes and "phone_extension" not in kept:
        # An extension belongs to its number.
        fields["phone_extension"] = stored["phone_extension"]
        kept.append("phone_extension")
    if not any(fields[kind] for kind in IDENTIFIERS):
        # What identified it before was taken away since; without what the import brought nobody could find it.
        for kind in IDENTIFIERS:
            if fields[kind] != stored[kind]:
                fields[kind] = stored[kind]
                kept.append(kind)
    added = set(tags)
    fields["tags"] = [tag for tag in stored["tags"] if tag not in added]
    return Undone(fields, kept)


def _undo_map(name: str, stored: Mapping[str, Any], change: Mapping[str, Any], fields: dict[str, Any]) -> list[str]:
    values: dict[str, Any] = dict(stored[name])
    kept: list[str] = []
    for key, new in change["new"].items():
        if key not in values or not same(values[key], new):
            kept.append(f"{name}.{key}")
        elif key in change["old"]:
            values[key] = change["old"][key]
        else:
            del values[key]
    fields[name] = values
    return kept


def differences(stored: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`{field: {old, new}}` of what goes back, for the timeline."""
    return {name: {"old": stored[name], "new": value} for name, value in fields.items() if value != stored[name]}
