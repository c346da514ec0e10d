"""What becomes of a survivor's fields when contacts are merged into it, and when that is undone. Pure.

Fields are those of `contacts.queries.FIELDS` as stored, with `metadata` and `custom_fields` as maps, and the block.
"""

from collections.abc import Sequence
from typing import Any

from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.contacts.queries import MAPS
from orbit_contacts.features.contacts.rules import MAX_TAGS, merge_metadata
from orbit_contacts.features.custom_fields.service import check_size
from orbit_contacts.features.merging.models import Fields

SCALARS = (
    "email",
    "external_id",
    "first_name",
    "last_name",
    "display_name",
    "company",
    "country_code",
    "timezone",
    "language",
    "lifecycle_stage",
)
# What only makes sense together; the first of each group says whether there is one.
BLOCK = ("blocked_at", "block_reason", "blocked_by")
GROUPS = (("phone", "phone_extension"), BLOCK)

EDITED = "changed since the merge"


def merged(survivor: Fields, sources: Sequence[Fields]) -> Fields:
    """The survivor's own values, its gaps filled from the sources in order, tags and maps united, a block kept.

    Raises `InvalidRequest` when there is more than one contact may hold.
    """
    fields = dict(survivor)
    for source in sources:
        for group in (*((name,) for name in SCALARS), *GROUPS):
            if fields[group[0]] is None:
                fields |= {name: source[name] for name in group}
        fields["tags"] = list(dict.fromkeys([*fields["tags"], *source["tags"]]))
        for name in MAPS:
            fields[name] = source[name] | fields[name]
    _check(fields, survivor)
    return fields


def _check(fields: Fields, survivor: Fields) -> None:
    if len(fields["tags"]) > MAX_TAGS:
        raise InvalidRequest(
            "Together the contacts have too many tags.",
            field="tags",
            value=len(fields["tags"]),
            expected=f"at most {MAX_TAGS}",
        )
    if fields["metadata"] != survivor["metadata"]:
        merge_metadata({}, fields["metadata"])
    if fields["custom_fields"] != survivor["custom_fields"]:
        check_size(fields["custom_fields"])


def unmerged(before: Fields, after: Fields, current: Fields) -> tuple[Fields, list[str]]:
    """Undo in `current` what the merge changed from `before` to `after`; and the names of what was edited since.

    With `current == after` it gives `before`.
    """
    fields, edited = dict(current), list[str]()
    for group in (*((name,) for name in SCALARS), *GROUPS):
        if all(after[name] == before[name] for name in group):
            continue
        if all(current[name] == after[name] for name in group):
            fields |= {name: before[name] for name in group}
        else:
            edited.append(group[0])
    won = set(after["tags"]).difference(before["tags"])
    fields["tags"] = [tag for tag in current["tags"] if tag not in won]
    for name in MAPS:
        fields[name], left = _unmerged_map(before[name], after[name], current[name])
        edited += [f"{name}.{key}" for key in left]
    return fields, edited


def _unmerged_map(
    before: dict[str, Any], after: dict[str, Any], current: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    won = after.keys() - before.keys()
    edited = [key for key in sorted(won) if key in current and current[key] != after[key]]
    return {key: value for key, value in current.items() if key not in won or key in edited}, edited
