"""What a row changes on a contact that is there: nothing is erased, tags are united, maps are merged. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from orbit_contacts.features.contacts import rules
from orbit_contacts.features.contacts.queries import FIELDS, MAPS
from orbit_contacts.features.imports.models import ImportOptions

_SCALARS = frozenset(FIELDS) - {*MAPS, "tags"}


class Merged(NamedTuple):
    """The contact's fields as they will be, and what that changes: `{field: {old, new}}`. Of a map both hold the
    changed keys only, and `old` not those that were absent; tags are the whole sets."""

    fields: dict[str, Any]
    changes: dict[str, dict[str, Any]]


def merge(stored: Mapping[str, Any], given: Mapping[str, Any], options: ImportOptions, held: frozenset[str]) -> Merged:
    """`stored` has every field, its maps decoded; `held` are kinds of identifiers in the row that the contact holds
    already under another spelling or as a further one: they stay as they are.

    Raises `InvalidRequest` for a contact that would hold too much."""
    fields = dict(stored)
    changes: dict[str, dict[str, Any]] = {}
    for name, value in given.items():
        if name not in _SCALARS:
            continue
        old = stored[name]
        if value == old or value is None or name in held or not _may_set(name, old, options):
            continue
        fields[name] = value
        changes[name] = {"old": old, "new": value}
    if "phone" in changes and "phone_extension" not in given and stored["phone_extension"] is not None:
        # An extension belongs to its number.
        fields["phone_extension"] = None
        changes["phone_extension"] = {"old": stored["phone_extension"], "new": None}
    if "phone_extension" in changes and "phone" in given and fields["phone"] != given["phone"]:
        fields["phone_extension"] = stored["phone_extension"]
        del changes["phone_extension"]
    if given.get("tags"):
        _unite_tags(stored, given, options, fields, changes)
    for name in MAPS:
        if given.get(name):
            _merge_map(name, stored, given, options, fields, changes)
    return Merged(fields, changes)


def _may_set(field: str, old: Any, options: ImportOptions) -> bool:
    rule = options.collisions.get(field)
    if rule is None and "." in field:
        rule = options.collisions.get(field.partition(".")[0])
    rule = rule or options.collision
    return rule == "overwrite" or (rule == "only_if_blank" and old in (None, "", []))


def _unite_tags(
    stored: Mapping[str, Any],
    given: Mapping[str, Any],
    options: ImportOptions,
    fields: dict[str, Any],
    changes: dict[str, dict[str, Any]],
) -> None:
    old: list[str] = stored["tags"]
    if given["tags"] == old:
        return
    rule = options.collisions.get("tags", "overwrite")
    if rule == "never" or (rule == "only_if_blank" and old):
        return
    united = list(dict.fromkeys([*old, *given["tags"]]))
    if len(united) > len(old):
        fields["tags"] = rules.tidy_tags(united)
        changes["tags"] = {"old": old, "new": united}


def _merge_map(
    name: str,
    stored: Mapping[str, Any],
    given: Mapping[str, Any],
    options: ImportOptions,
    fields: dict[str, Any],
    changes: dict[str, dict[str, Any]],
) -> None:
    before: dict[str, Any] = stored[name]
    new = {
        key: value
        for key, value in given[name].items()
        if value not in (None, "")
        and not (key in before and same(before[key], value))
        and _may_set(f"{name}.{key}", before.get(key), options)
    }
    if new:
        merged = before | new
        fields[name] = rules.merge_metadata({}, merged) if name == "metadata" else merged
        changes[name] = {"old": {key: before[key] for key in new if key in before}, "new": new}


def same(one: Any, other: Any) -> bool:
    """The same JSON; 1, 1.0 and true are not, though Python takes them for equal."""
    return one == other and msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")
