"""All contacts that a list query means, for work on many of them: exports and bulk actions."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from orbit_contacts.core.database import Reader
from orbit_contacts.core.decoding import list_fields
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.core.where import Where
from orbit_contacts.features.contacts import filters, queries, search
from orbit_contacts.features.contacts.models import ListQuery
from orbit_contacts.features.contacts.text import search_words

_LISTS = list_fields(ListQuery)
_FILTERS = {field.name for field in msgspec.structs.fields(ListQuery)} - {"cursor", "limit", "sort"}


def is_filter(given: dict[str, Any]) -> bool:
    """Whether every name is one of a filter of the contact list."""
    return given.keys() <= _FILTERS


def filter_of(given: dict[str, Any], field: str = "filter") -> ListQuery:
    """The list query a filter object means; names that are no filter are refused, lest a typo mean everybody."""
    unknown = given.keys() - _FILTERS
    if unknown:
        name = sorted(unknown)[0]
        raise InvalidRequest(
            f"`{name[:64]}` is no filter.", field=f"{field}.{name[:64]}", value=None, expected=sorted(_FILTERS)
        )
    values = {
        name: [part for part in value.split(",") if part] if name in _LISTS and isinstance(value, str) else value
        for name, value in given.items()
    }
    try:
        return msgspec.convert(values, ListQuery, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error), field=field, value=None, expected="filters of the contact list") from None


async def where_of(reader: Reader, query: ListQuery) -> Where | None:
    """The condition on live contacts `c` behind the filters and search of `query`; None when it means nobody."""
    where = filters.live(reader)
    asked = await filters.apply(reader, query, where)
    if asked:
        found = await queries.holders(reader, asked)
        holders = {row["contact_id"] for row in found}
        if len(found) < len({(identifier.kind, identifier.key) for identifier in asked}) or len(holders) != 1:
            return None
        filters.only(where, list(holders))
    search.match(search_words(query.search or ""), where)
    return where


async def ids_of(reader: Reader, where: Where, limit: int, after: UUID | None = None) -> Sequence[UUID]:
    """At most `limit` ids that satisfy a condition, oldest first, beyond `after`."""
    bounded = where.copy()
    if after is not None:
        bounded.add("c.id > " + bounded.bind(after))
    places = bounded.bind(limit)
    async with reader.ad_hoc() as ad_hoc:
        rows = await ad_hoc.fetch_all(
            "SELECT c.id FROM contacts c WHERE " + bounded.text + " ORDER BY c.id LIMIT " + places, *bounded.args
        )
    return [row["id"] for row in rows]
