"""The filters of the contact list as conditions on `contacts c`; shared by list, export and bulk actions."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.clock import parse_instant
from orbit_contacts.core.database import Reader
from orbit_contacts.core.errors import InvalidRequest, NotFound
from orbit_contacts.core.where import Where
from orbit_contacts.features.contacts.emails import email_key, parse_email
from orbit_contacts.features.contacts.models import ListQuery
from orbit_contacts.features.contacts.phones import from_query, parse_phone, phone_key
from orbit_contacts.features.contacts.places import parse_country, parse_language
from orbit_contacts.features.contacts.rules import Identifier
from orbit_contacts.features.contacts.text import fold

# Filters that features above own (`list_id`, `segment_id`): they add their condition to the statement.
memberships: dict[str, Callable[[Reader, str, Where], Awaitable[None]]] = {}


def live(reader: Reader) -> Where:
    """Live contacts of the caller's workspace: where every list begins."""
    where = Where()
    cells = reader.caller.cells
    # A single cell compared by `=` lets the index give the order; `= ANY` would sort.
    where.add(
        "c.cell_id = " + where.bind(cells[0]) if len(cells) == 1 else "c.cell_id = ANY(" + where.bind(cells) + ")"
    )
    where.add("c.deleted_at IS NULL")
    return where


async def apply(reader: Reader, query: ListQuery, where: Where) -> list[Identifier]:
    """Add every filter of `query` but the search; identifiers asked for are returned for a look-up."""
    if query.lifecycle_stage is not None:
        where.add("c.lifecycle_stage = " + where.bind(query.lifecycle_stage))
    if query.country_code is not None:
        where.add("c.country_code = " + where.bind(parse_country(query.country_code, "country_code")))
    if query.language is not None:
        where.add("c.language = " + where.bind(parse_language(query.language, "language")))
    _tags(query, where)
    _presence(query, where)
    _times(query, where)
    if query.company is not None:
        company = query.company.strip()
        # The trigram index finds candidates by the folded name; the comparison decides.
        where.add("c.search_text LIKE " + where.bind(f"%{_like(fold(company))}%"))
        where.add("lower(c.company) = lower(" + where.bind(company) + ")")
    for name, value in (("list_id", query.list_id), ("segment_id", query.segment_id)):
        if value is not None:
            if name not in memberships:
                raise NotFound(f"There is no `{value[:64]}`.", field=name, value=value[:64], expected="an id of yours")
            await memberships[name](reader, value, where)
    return _identifiers(reader, query)


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _tags(query: ListQuery, where: Where) -> None:
    tags = [tag.strip() for tag in query.tags if tag.strip()]
    if query.tags_match not in (None, "any", "all"):
        raise InvalidRequest(
            "`tags_match` is unknown.", field="tags_match", value=query.tags_match[:64], expected="any or all"
        )
    if tags:
        where.add(("c.tags @> " if query.tags_match == "all" else "c.tags && ") + where.bind(tags) + "::text[]")


def _presence(query: ListQuery, where: Where) -> None:
    if query.has_phone is not None:
        where.add("c.phone IS NOT NULL" if query.has_phone else "c.phone IS NULL")
    if query.has_email is not None:
        where.add("c.email IS NOT NULL" if query.has_email else "c.email IS NULL")
    if query.blocked is not None:
        where.add("c.blocked_at IS NOT NULL" if query.blocked else "c.blocked_at IS NULL")


def _times(query: ListQuery, where: Where) -> None:
    """Bounds on `created_at` are also bounds on the time-ordered id, which the primary key serves."""
    after, before = query.created_after or query.date_from, query.created_before or query.date_to
    if after is not None:
        instant = parse_instant(after, "created_after")
        where.add("c.created_at > " + where.bind(instant))
        where.add("c.id >= " + where.bind(ids.floor(instant)))
    if before is not None:
        instant = parse_instant(before, "created_before")
        where.add("c.created_at < " + where.bind(instant))
        where.add("c.id < " + where.bind(ids.floor(instant + 1000)))
    if query.updated_after is not None:
        where.add("c.updated_at > " + where.bind(parse_instant(query.updated_after, "updated_after")))


def _identifiers(reader: Reader, query: ListQuery) -> list[Identifier]:
    asked: list[Identifier] = []
    if query.phone is not None:
        phone = parse_phone(from_query(query.phone), query.country_code or reader.caller.default_region)
        asked.append(Identifier("phone", phone_key(phone.e164), phone.e164))
    if query.email is not None:
        email = parse_email(query.email)
        asked.append(Identifier("email", email_key(email), email))
    if query.external_id is not None:
        asked.append(Identifier("external_id", query.external_id.strip(), query.external_id))
    return asked


def only(where: Where, contact_ids: list[UUID]) -> None:
    where.add("c.id = ANY(" + where.bind(contact_ids) + "::uuid[])")


def whole_identifier(text: str) -> Identifier:
    """The identifier behind a whole e-mail address or E.164 number found in a search."""
    if "@" in text:
        return Identifier("email", email_key(text), text)
    return Identifier("phone", phone_key(text), text)
