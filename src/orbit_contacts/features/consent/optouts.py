"""`GET /contacts/optouts`: contacts that are opted out of at least one channel, newest opt-out first."""

from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.database import Reader
from orbit_contacts.core.pagination import Page, decode_cursor, limit_of, page_of
from orbit_contacts.core.where import Where
from orbit_contacts.features.consent.channels import check_channel
from orbit_contacts.features.consent.models import OptedOutContact, OptOutsQuery
from orbit_contacts.features.contacts import filters, search
from orbit_contacts.features.contacts import queries as contact_queries
from orbit_contacts.features.contacts.text import search_words

_NAME = "optouts"
_TOTAL_CAP = 10_000


async def list_opt_outs(reader: Reader, query: OptOutsQuery) -> Page[OptedOutContact]:
    """One page and the total, counted up to 10,000; searched as the contact list is."""
    limit = limit_of(query)
    after = decode_cursor(reader, _NAME, query, tuple[int, UUID])
    where = filters.live(reader)
    cells = reader.caller.cells
    # As in the contact list: one cell compared by `=` lets the index give the order.
    where.add(
        "o.cell_id = " + where.bind(cells[0]) if len(cells) == 1 else "o.cell_id = ANY(" + where.bind(cells) + ")"
    )
    where.add("o.opted_out_at IS NOT NULL")
    if query.channel is not None:
        where.add("o.opted_out @> ARRAY[" + where.bind(check_channel(query.channel)) + "::text]")
    await _search(reader, query.search or "", where)
    # Planned for its values: a rare channel or word is found by its index, a common one by walking the newest.
    async with reader.ad_hoc() as ad_hoc:
        rows = await _page(ad_hoc, where, after, limit + 1)
        total = await _total(ad_hoc, where)
    shown, cursor = page_of(reader, _NAME, query, rows, limit, lambda row: (row["opted_out_at"], row["id"]))
    return Page([_shown(row) for row in shown], cursor, min(total, _TOTAL_CAP), total <= _TOTAL_CAP)


async def _search(reader: Reader, text: str, where: Where) -> None:
    """A whole number or address is an equality, unless nobody holds it; other words are looked for in the text."""
    words = search_words(text)
    for identifier in (words.phone, words.email):
        if identifier is not None:
            held_by = await contact_queries.holders(reader, [filters.whole_identifier(identifier)])
            if held_by:
                filters.only(where, [row["contact_id"] for row in held_by])
                return
    if words.words:
        where.add("c.workspace_id = " + where.bind(reader.caller.workspace_id))
        search.match(words, where)


async def _page(reader: Reader, where: Where, after: tuple[int, UUID] | None, limit: int) -> list[Record]:
    bounded = where.copy()
    if after is not None:
        bounded.add("(o.opted_out_at, o.contact_id) < (" + bounded.bind(after[0]) + ", " + bounded.bind(after[1]) + ")")
    return await reader.fetch_all(
        "SELECT " + contact_queries.COLUMNS + ", o.opted_out, o.opted_out_at FROM consent_states o"
        " JOIN contacts c ON c.cell_id = o.cell_id AND c.id = o.contact_id WHERE "
        + bounded.text
        + " ORDER BY o.opted_out_at DESC, o.contact_id DESC LIMIT "
        + bounded.bind(limit),
        *bounded.args,
    )


async def _total(reader: Reader, where: Where) -> int:
    capped = where.copy()
    return await reader.fetch_value(
        "SELECT count(*) FROM (SELECT FROM consent_states o"
        " JOIN contacts c ON c.cell_id = o.cell_id AND c.id = o.contact_id WHERE "
        + capped.text
        + " LIMIT "
        + capped.bind(_TOTAL_CAP + 1)
        + ") AS counted",
        *capped.args,
    )


def _shown(row: Record) -> OptedOutContact:
    contact = msgspec.structs.asdict(contact_queries.contact_of(row))
    return OptedOutContact(
        **contact, opted_out_channels=row["opted_out"], opted_out_at=format_instant(row["opted_out_at"])
    )
