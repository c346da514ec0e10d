"""Stored rules and what they name: read into trees, found by id, called by name."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.database import Reader
from orbit_contacts.core.errors import NotFound
from orbit_contacts.features.contacts import share
from orbit_contacts.features.custom_fields import queries as custom_fields
from orbit_contacts.features.segments import queries, rules
from orbit_contacts.features.segments.counts import Members
from orbit_contacts.features.segments.faults import is_array, is_object
from orbit_contacts.features.segments.references import MAX_CHAIN
from orbit_contacts.features.segments.tree import AllOf, Rule, Unreadable, lists_named, segments_named

_PREFIX = "custom_fields."


async def found(reader: Reader, id: UUID) -> Record:
    """A stored segment. Raises `NotFound`."""
    row = await queries.find(reader, id)
    if row is None:
        raise not_found(ids.text("seg", id))
    return row


def not_found(text: str, field: str = "id") -> NotFound:
    return NotFound(f"There is no segment `{text}`.", field=field, value=text, expected="the id of a segment")


def document_of(row: Record) -> Any:
    return msgspec.json.decode(row["rules"])


async def definitions(reader: Reader, documents: Iterable[Any]) -> dict[str, str]:
    """The types of the custom fields that these rules may mean, by key."""
    keys = {key for document in documents for key in _custom_keys(document)}
    if not keys:
        return {}
    return {row["key"]: row["type"] for row in await custom_fields.find_by_keys(reader, sorted(keys))}


def _custom_keys(document: Any) -> Iterable[str]:
    if is_object(document):
        for name, value in document.items():
            if name.startswith(_PREFIX):
                yield name.removeprefix(_PREFIX)
            yield from _custom_keys(value)
    elif is_array(document):
        for item in document:
            yield from _custom_keys(item)


async def tree_of(reader: Reader, row: Record) -> AllOf:
    """The rule of one stored segment, its references unresolved."""
    document = document_of(row)
    return rules.read_stored(document, await definitions(reader, [document]), reader.caller.default_region)


async def members_of(reader: Reader, rule: AllOf) -> Members:
    """The rule with those of every segment it names, directly or through others."""
    known: dict[UUID, Rule] = {}
    wanted = segments_named(rule)
    for _ in range(MAX_CHAIN + 1):
        wanted = [id for id in wanted if id not in known]
        if not wanted:
            break
        rows = await queries.find_many(reader, wanted)
        documents = {row["id"]: document_of(row) for row in rows}
        types = await definitions(reader, documents.values())
        for id in wanted:
            text = ids.text("seg", id)
            document = documents.get(id)
            known[id] = (
                Unreadable(text, "rules")
                if document is None
                else rules.read_stored(document, types, reader.caller.default_region)
            )
        wanted = [named for id in documents for named in segments_named(known[id])]
    return Members(rule, known, await share.has_nearly_all(reader))


async def names_in(reader: Reader, trees: Sequence[Rule]) -> dict[UUID, str]:
    """What the lists and segments that rules name are called."""
    lists = {id for tree in trees for id in lists_named(tree)}
    segments = {id for tree in trees for id in segments_named(tree)}
    names: dict[UUID, str] = {}
    if lists:
        names |= await queries.list_names(reader, sorted(lists))
    if segments:
        names |= await queries.segment_names(reader, sorted(segments))
    return names
