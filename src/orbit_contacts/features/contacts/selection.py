"""All contacts that a list query means, for work on many of them: exports and bulk actions."""

from collections.abc import Sequence
from uuid import UUID

from orbit_contacts.core.database import Reader
from orbit_contacts.core.where import Where
from orbit_contacts.features.contacts import filters, queries, search
from orbit_contacts.features.contacts.models import ListQuery
from orbit_contacts.features.contacts.text import search_words


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
