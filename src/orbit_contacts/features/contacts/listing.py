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
from orbit_contacts.features.contacts import filters, queries, search, total_queries
from orbit_contacts.features.contacts.models import Contact, ListQuery
from orbit_contacts.features.contacts.rules import Identifier
from orbit_contacts.features.contacts.text import SearchQuery, search_words

TOTAL_CAP = 10_000
_TOTAL_SECONDS = 10.0
_SLOW_SECONDS = 0.015
_NAME = "contacts"

_Key = tuple[int | str, UUID]


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
    return Page([queries.contact_of(row) for row in rows], cursor, total, exact)


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
    where.add("c.workspace_id = " + where.bind(reader.caller.workspace_id))
    search.match(words, where)
    async with reader.ad_hoc() as ad_hoc:
        expected = await search.estimate(ad_hoc, where)
        found, matches = await search.page(reader, ad_hoc, where, after, limit + 1, expected)
    rows, cursor = page_of(reader, _NAME, query, found, limit, lambda row: (row["bucket"], row["id"]))
    if after is None and cursor is None:
        total, exact = len(rows), True
    elif matches is not None:
        total, exact = min(matches, TOTAL_CAP), matches <= TOTAL_CAP
    elif _surely_beyond_the_cap(query, words, expected):
        total, exact = TOTAL_CAP, False
    else:
        total, exact = await _capped_total(reader, query, where)
    return Page([queries.contact_of(row) for row in rows], cursor, total, exact)


def _surely_beyond_the_cap(query: ListQuery, words: SearchQuery, expected: int) -> bool:
    """Whether the planner's statistics suffice to know that counting would stop at the cap.

    Of one word they are a sample; of several conditions they are a product of samples, which errs by more.
    """
    one_word = len(words.words) == 1 and query == ListQuery(
        cursor=query.cursor, limit=query.limit, search=query.search, sort=query.sort
    )
    return expected > (1.5 if one_word else 3) * TOTAL_CAP


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


class _Cached(NamedTuple):
    until: float
    total: int
    exact: bool


_totals: dict[tuple[str, int, bytes], _Cached] = {}


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
    """Counted until 10,000; a count that was slow is remembered for ten seconds, so that a walk counts once."""
    bare = msgspec.structs.replace(query, cursor=None, limit=None, sort=None)
    key = (reader.database_name, reader.caller.workspace_id, msgspec.json.encode(bare))
    cached = _totals.get(key)
    if cached is not None and cached.until > time.monotonic():
        return cached.total, cached.exact
    capped = where.copy()
    limit = capped.bind(TOTAL_CAP + 1)
    started = time.monotonic()
    async with reader.ad_hoc() as ad_hoc:
        count = await ad_hoc.fetch_value(
            "SELECT count(*) FROM (SELECT FROM contacts c WHERE " + capped.text + " LIMIT " + limit + ") AS counted",
            *capped.args,
        )
    result = _Cached(started + _TOTAL_SECONDS, min(count, TOTAL_CAP), count <= TOTAL_CAP)
    if time.monotonic() - started > _SLOW_SECONDS:
        if len(_totals) > 10_000:
            _totals.clear()
        _totals[key] = result
    return result.total, result.exact
