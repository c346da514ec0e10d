"""The contact list, whose whole state is its address, and adding a contact."""

from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from orbit_contacts.core import ids
from orbit_contacts.core.database import Reader
from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.pagination import Page, PageQuery
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.contacts import listing
from orbit_contacts.features.contacts import service as contact_service
from orbit_contacts.features.contacts.facets import facets
from orbit_contacts.features.contacts.models import Contact, ListQuery, NewContact
from orbit_contacts.features.custom_fields import service as custom_fields
from orbit_contacts.features.lists import service as list_service
from orbit_contacts.features.tags import service as tag_service
from orbit_contacts.interfaces.console import saved_views
from orbit_contacts.interfaces.console.pages.address import COLUMNS, CUSTOM, DEFAULT_SIZE, SORTABLE, Address
from orbit_contacts.interfaces.console.pages.contact import text_of
from orbit_contacts.interfaces.console.pages.saved_views import address_of
from orbit_contacts.interfaces.console.visit import Views, Visit
from orbit_contacts.interfaces.demo.load import load

views = Views()

PAGE_SIZES = (25, 50, 100, 200)
SORTS = {
    "-created_at": "Newest first",
    "created_at": "Oldest first",
    "-updated_at": "Last changed",
    "updated_at": "Longest unchanged",
    "last_name": "Last name",
    "-last_name": "Last name, Z to A",
    "email": "E-mail",
    "-email": "E-mail, Z to A",
}
CHANNELS = ("sms", "whatsapp", "email", "voice", "rcs", "viber")
_SAMPLE = 250


@views.get("/", None)
async def start(visit: Visit) -> Response:
    return visit.go("/contacts")


@views.get("/contacts", "contacts:read")
async def contacts(visit: Visit) -> Response:
    address = Address(visit.request.query_params.multi_items())
    page: Page[Contact] = Page([], total=0)
    refusal = None
    async with visit.reader() as reader:
        known_views = await saved_views.of_caller(reader)
        opens_with = next((view for view in known_views if view.is_default), None)
        if address.is_bare and opens_with is not None:
            return visit.go(f"/contacts?{address_of(opens_with)}")
        try:
            query = address.query()
            page = await listing.list_contacts(reader, query)
        except Refusal as error:
            refusal, query = error, ListQuery(limit=DEFAULT_SIZE)
        marks = await _marks(reader, page.items) if "consent" in address.shown else {}
        counts = await facets(reader)
        lists = (await list_service.list_lists(reader, PageQuery(limit=200))).items
        columns = await _columns(visit, reader)
    size = query.limit or DEFAULT_SIZE
    origin = f"{visit.request.url.scheme}://{visit.request.url.netloc}{visit.base.removesuffix('/console')}"
    return visit.page(
        "contacts/page.html",
        headers=_history(visit, address),
        status=200 if refusal is None else refusal.status,
        address=address,
        query=query,
        contacts=page,
        marks=marks,
        facets=counts,
        lists=lists,
        refusal=refusal,
        sorts=SORTS,
        sortable=SORTABLE,
        sizes=PAGE_SIZES,
        next_page=address.next_page(page.cursor, len(page.items)) if page.cursor else None,
        page_before=address.page_before(size),
        columns=columns,
        shown=[name for name in address.shown if name in columns],
        custom=_custom(address.shown, page.items),
        views=known_views,
        address_of=address_of,
        view=next((view for view in known_views if view.id == address.view), None),
        curl=address.as_curl(origin, size),
        python=address.as_python(origin, size),
        values={},
        tags=sorted({tag for contact in page.items for tag in contact.tags}),
    )


def _history(visit: Visit, address: Address) -> dict[str, str]:
    """The address htmx shows. Typing replaces it, so that Back does not spell the words backwards; a chip adds one."""
    if not visit.request.headers.get("hx-request"):
        return {}
    typed = "search" in visit.request.headers.get("hx-source", "")
    canonical = address.canonical()
    url = f"{visit.base}/contacts" + (f"?{canonical}" if canonical else "")
    return {"HX-Replace-Url" if typed else "HX-Push-Url": url}


async def _columns(visit: Visit, reader: Reader) -> dict[str, str]:
    """Every column there is, with its name."""
    columns = {name: visit.t(label) for name, label in COLUMNS.items()}
    if visit.can("custom_fields:read"):
        known = (await custom_fields.list_fields(reader, PageQuery(limit=200))).items
        columns |= {CUSTOM + field.key: field.label for field in known}
    return columns


def _custom(shown: tuple[str, ...], contacts: list[Contact]) -> dict[str, dict[str, str]]:
    """The values of custom fields that are shown, by contact and column."""
    keys = [name.removeprefix(CUSTOM) for name in shown if name.startswith(CUSTOM)]
    if not keys:
        return {}
    stored = {contact.id: msgspec.json.decode(contact.custom_fields, type=dict[str, Any]) for contact in contacts}
    return {
        id: {CUSTOM + key: text_of(values[key]) for key in keys if values.get(key) is not None}
        for id, values in stored.items()
    }


async def _marks(reader: Reader, contacts: list[Contact]) -> dict[str, dict[str, str]]:
    """Each contact's consent by channel."""
    found = [id for id in map(_uuid, contacts) if id is not None]
    consents = await consent.states(reader, found) if found else {}
    return {c.id: {channel: _consent_of(consents, c, channel) for channel in CHANNELS} for c in contacts}


def _uuid(contact: Contact) -> UUID | None:
    return ids.parse("con", contact.id)


def _consent_of(consents: dict[UUID, consent.ContactConsent], contact: Contact, channel: str) -> str:
    id = _uuid(contact)
    known = consents.get(id) if id is not None else None
    return known.channels[channel].status if known is not None else "unknown"


@views.get("/contacts/new", "contacts:write")
async def new_contact(visit: Visit) -> Response:
    return visit.page("contacts/new.html", values=dict(visit.request.query_params), refusal=None)


@views.post("/contacts/new", "contacts:write")
async def create_contact(visit: Visit) -> Response:
    names = ("first_name", "last_name", "email", "phone", "company", "country_code", "lifecycle_stage", "external_id")
    values = {name: visit.field(name) for name in (*names, "tags")}
    given: dict[str, Any] = {name: values[name] for name in names if values[name]}
    tags = [tag.strip() for tag in values["tags"].split(",") if tag.strip()]
    new = NewContact(**given, tags=tags or UNSET)
    try:
        async with visit.transaction() as tx:
            contact, _ = await contact_service.create(tx, new, source="console")
    except Refusal as refusal:
        return visit.page("contacts/new.html", refusal.status, values=values, refusal=refusal)
    return visit.go(f"/contacts/{contact.id}", visit.t("The contact was added."))


@views.post("/sample-data", "contacts:write")
async def load_sample_data(visit: Visit) -> Response:
    """Invented people for an empty workspace; the service refuses one that is in use."""
    await load(visit.database, visit.caller, _SAMPLE, events_per_contact=12, consent=True)
    return visit.go("/contacts", visit.t("{n} invented people were added.", n=_SAMPLE))


@views.post("/contacts/{id}/tags", "contacts:write")
async def add_tags(visit: Visit) -> Response:
    id = visit.id("con")
    tags = [tag.strip() for tag in visit.field("tags").split(",") if tag.strip()]
    async with visit.transaction() as tx:
        await tag_service.add(tx, id, tags)
    return visit.go(f"/contacts/{ids.contact_text(id)}")


@views.post("/contacts/{id}/tags/remove", "contacts:write")
async def remove_tag(visit: Visit) -> Response:
    id = visit.id("con")
    async with visit.transaction() as tx:
        await tag_service.remove(tx, id, visit.field("tag"))
    return visit.go(f"/contacts/{ids.contact_text(id)}")
