"""The contact list: filters, search, order, cursor and total."""

import time
from typing import LiteralString, NamedTuple
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core.database import Reader
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.core.pagination import Page, decode_cursor, limit_of, page_of
from orbit_contacts.core.where import Where
from orbit_contacts.features.contacts import filters, queries, search, share, total_queries
from orbit_contacts.features.contacts.models import Contact, ListQuery
from orbit_contacts.features.contacts.rules import Identifier
from orbit_contacts.features.contacts.text import SearchQuery, search_words

TOTAL_CAP = 10_000
_TOTAL_SECONDS = 10.0
_SLOW_SECONDS = 0.015
_NAME = "contacts"


class _Order(NamedTuple):
    """What a `sort` means: the expression, its index order, and how a bound value is typed."""

    expression: LiteralString
    typed: LiteralString


_ORDERS = {
    "created_at": _Order("c.id", "::uuid"),
    "updated_at": _Order("c.updated_at", "::timestamptz"),
    "last_name": _Order("coalesce(lower(c.last_name), U&'\\FFFF')", "::text"),
    "email": _Order("coalesce(c.email, U&'\\FFFF')", "::text"),
}


async def list_contacts(reader: Reader, query: ListQuery) -> Page[Contact]:
    """One page of live contacts and the total of all that match."""
    limit = limit_of(query)
    order, descending = _order_of(query.sort)
    where = filters.live(reader)
    asked = await filters.apply(reader, query, where)
    words = search_words(query.search or "")
    for identifier in (words.phone, words.email):
        if identifier is not None:
            # A whole number or address is an equality, unless nobody holds it: then it is only text.
            asked_now = filters.whole_identifier(identifier)
            if await queries.holders(reader, [asked_now]):
                asked.append(asked_now)
                words = search_words("")
                break
    if asked and not await _restrict(reader, asked, where):
        return Page([], total=0)
    if words.words and order.expression == "c.id" and descending:
        return await _search(reader, query, where, words, limit)
    search.match(words, where)
    rows, cursor = await _walk(reader, query, where, order, descending, limit)
    if rows and "total" in rows[0]:
        total, exact = rows[0]["total"], True
    else:
        total, exact = await _total(reader, query, where)
    return Page(queries.contacts_of(rows), cursor, total, exact)


def _order_of(sort: str | None) -> tuple[_Order, bool]:
    name = sort or "-created_at"
    order = _ORDERS.get(name.removeprefix("-"))
    if order is None:
        raise InvalidRequest(
            "Contacts cannot be sorted by this.",
            field="sort",
            value=name[:64],
            expected="created_at, updated_at, last_name or email, with - for descending",
        )
    return order, name.startswith("-")


async def _restrict(reader: Reader, asked: list[Identifier], where: Where) -> bool:
    """Keep the contacts that hold all the identifiers asked for; False when there is none."""
    found = await queries.holders(reader, asked)
    ids = {row["contact_id"] for row in found}
    if len(found) < len({(i.kind, i.key) for i in asked}) or len(ids) != 1:
        return False
    filters.only(where, list(ids))
    return True


async def _search(reader: Reader, query: ListQuery, where: Where, words: SearchQuery, limit: int) -> Page[Contact]:
    after = decode_cursor(reader, _NAME, query, tuple[int, UUID])
    if not await share.has_nearly_all(reader):
        where.add("c.workspace_id = " + where.bind(reader.caller.workspace_id))
    started = time.monotonic()
    async with reader.ad_hoc() as ad_hoc:
        expected = await search.estimate_matches(ad_hoc, words, where)
        search.match(words, where)
        if after is None:
            found, matches = await search.first_page(ad_hoc, where, limit + 1, expected, TOTAL_CAP)
            total, exact = _remember(reader, query, matches, started)
        else:
            found = await search.next_page(ad_hoc, where, after, limit + 1, expected)
            total, exact = _remembered(reader, query) or _remember(
                reader, query, await search.count(ad_hoc, where, expected, TOTAL_CAP), started
            )
    rows, cursor = page_of(reader, _NAME, query, found, limit, lambda row: (row["bucket"], row["id"]))
    return Page(queries.contacts_of(rows), cursor, total, exact)


async def _walk(
    reader: Reader, query: ListQuery, where: Where, order: _Order, descending: bool, limit: int
) -> tuple[list[Record], str | None]:
    """Keyset order on an index; the id decides between equals. Without a filter each row tells the `total` too."""
    by_id = order.expression == "c.id"
    plain = _is_plain(query)
    bounded = where.copy()
    comparison: LiteralString = " < " if descending else " > "
    direction: LiteralString = " DESC" if descending else " ASC"
    if by_id:
        after_id = decode_cursor(reader, _NAME, query, tuple[UUID])
        if after_id is not None:
            bounded.add("c.id" + comparison + bounded.bind(after_id[0]))
        ordering: LiteralString = " ORDER BY c.id" + direction
    else:
        after = decode_cursor(reader, _NAME, query, tuple[int | str, UUID])
        if after is not None:
            value = bounded.bind(after[0]) + order.typed
            bounded.add(
                "(" + order.expression + ", c.id)" + comparison + "(" + value + ", " + bounded.bind(after[1]) + ")"
            )
        ordering = " ORDER BY " + order.expression + direction + ", c.id" + direction
    columns = queries.COLUMNS
    if not by_id:
        columns += ", " + order.expression + " AS sort_key"
    if plain:
        columns += ", " + total_queries.live_total(bounded.bind(reader.caller.cells)) + " AS total"
    statement = (
        "SELECT " + columns + " FROM contacts c WHERE " + bounded.text + ordering + " LIMIT " + bounded.bind(limit + 1)
    )
    if plain:
        found = await reader.fetch_all(statement, *bounded.args)
    else:
        async with reader.ad_hoc() as ad_hoc:
            found = await ad_hoc.fetch_all(statement, *bounded.args)
    return page_of(
        reader,
        _NAME,
        query,
        found,
        limit,
        lambda row: (row["id"],) if by_id else (row["sort_key"], row["id"]),
    )


def _is_plain(query: ListQuery) -> bool:
    """No filter at all: one plan fits every call."""
    return query == ListQuery(cursor=query.cursor, limit=query.limit, sort=query.sort)


async def _total(reader: Reader, query: ListQuery, where: Where) -> tuple[int, bool]:
    """Exact from the counters when only stage and country are asked; else counted up to the cap."""
    counted = ListQuery(
        cursor=query.cursor,
        limit=query.limit,
        sort=query.sort,
        lifecycle_stage=query.lifecycle_stage,
        country_code=query.country_code,
    )
    if query == counted:
        country = query.country_code.upper() if query.country_code else None
        return await total_queries.count_live(reader, query.lifecycle_stage, country), True
    return await _capped_total(reader, query, where)


async def _capped_total(reader: Reader, query: ListQuery, where: Where) -> tuple[int, bool]:
    """Counted until 10,000."""
    if (known := _remembered(reader, query)) is not None:
        return known
    started = time.monotonic()
    async with reader.ad_hoc() as ad_hoc:
        return _remember(reader, query, await search.count(ad_hoc, where, 0, TOTAL_CAP), started)


class _Total(NamedTuple):
    until: float
    total: int
    exact: bool


_totals: dict[tuple[str, int, bytes], _Total] = {}


def _remembered(reader: Reader, query: ListQuery) -> tuple[int, bool] | None:
    """A total that was slow to count is shown for ten seconds, so that a walk through the pages counts once."""
    known = _totals.get(_key_of(reader, query))
    return None if known is None or known.until < time.monotonic() else (known.total, known.exact)


def _remember(reader: Reader, query: ListQuery, count: int, started: float) -> tuple[int, bool]:
    """The total to show for a count of `TOTAL_CAP + 1` at most, which was begun at `started`."""
    total = _Total(started + _TOTAL_SECONDS, min(count, TOTAL_CAP), count <= TOTAL_CAP)
    if time.monotonic() - started > _SLOW_SECONDS:
        if len(_totals) > 10_000:
            _totals.clear()
        _totals[_key_of(reader, query)] = total
    return total.total, total.exact


def _key_of(reader: Reader, query: ListQuery) -> tuple[str, int, bytes]:
    bare = msgspec.structs.replace(query, cursor=None, limit=None, sort=None)
    return reader.database_name, reader.caller.workspace_id, msgspec.json.encode(bare)
