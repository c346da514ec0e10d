"""The fields of a survivor, there and back: for any contacts and any edits in between."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.features.contacts.queries import FIELDS
from orbit_contacts.features.merging.rules import BLOCK, MAPS, merged, unmerged

WORD = st.sampled_from(["a", "b", "c"])
OPTIONAL = st.none() | WORD
MAP = st.dictionaries(WORD, st.integers(0, 2) | st.lists(st.integers(0, 1)), max_size=3)


@st.composite
def contacts(draw: st.DrawFn) -> dict[str, Any]:
    fields: dict[str, Any] = {name: draw(OPTIONAL) for name in FIELDS}
    fields["tags"] = draw(st.lists(WORD, unique=True))
    for name in MAPS:
        fields[name] = draw(MAP)
    blocked = draw(st.booleans())
    fields |= {name: draw(st.integers(1, 3)) if blocked else None for name in BLOCK}
    if fields["phone"] is None:
        fields["phone_extension"] = None
    return fields


SOURCES = st.lists(contacts(), min_size=1, max_size=3)


@given(contacts(), SOURCES)
def test_what_the_survivor_had_it_keeps_and_nothing_of_a_source_is_lost(
    survivor: dict[str, Any], sources: list[dict[str, Any]]
) -> None:
    fields = merged(survivor, sources)
    for name in FIELDS:
        if name in MAPS:
            assert survivor[name].items() <= fields[name].items()
            assert fields[name].keys() == set().union(survivor[name], *(source[name] for source in sources))
        elif name == "tags":
            assert fields["tags"][: len(survivor["tags"])] == survivor["tags"]
            assert set(fields["tags"]) == set(survivor["tags"]).union(*(source["tags"] for source in sources))
        elif name != "phone_extension":
            given = [contact[name] for contact in (survivor, *sources) if contact[name] is not None]
            assert fields[name] == (given[0] if given else None)
    assert (fields["blocked_at"] is None) == all(contact["blocked_at"] is None for contact in (survivor, *sources))
    whose = next((contact for contact in (survivor, *sources) if contact["phone"] is not None), survivor)
    assert (fields["phone"], fields["phone_extension"]) == (whose["phone"], whose["phone_extension"])


@given(contacts(), SOURCES)
def test_undoing_at_once_gives_what_there_was(survivor: dict[str, Any], sources: list[dict[str, Any]]) -> None:
    after = merged(survivor, sources)
    assert unmerged(survivor, after, after) == (survivor, [])


@given(contacts(), SOURCES, contacts())
def test_what_was_edited_since_stays_and_what_stays_of_the_merge_is_told(
    survivor: dict[str, Any], sources: list[dict[str, Any]], current: dict[str, Any]
) -> None:
    after = merged(survivor, sources)
    fields, edited = unmerged(survivor, after, current)
    for name in FIELDS:
        if name in MAPS:
            for key, value in fields[name].items():
                assert value == current[name][key]
                won_by_merge = key in after[name] and key not in survivor[name]
                assert not won_by_merge or f"{name}.{key}" in edited
            untouched = current[name].keys() - (after[name].keys() - survivor[name].keys())
            assert untouched <= fields[name].keys()
        elif name == "tags":
            won = set(after["tags"]) - set(survivor["tags"])
            assert fields["tags"] == [tag for tag in current["tags"] if tag not in won]
        elif name not in ("phone", "phone_extension"):
            assert fields[name] in (current[name], survivor[name])
            if fields[name] != current[name]:
                assert current[name] == after[name]
            elif after[name] != survivor[name] and current[name] != survivor[name]:
                assert name in edited
