"""The contact list, whose whole state is its address, and adding a contact."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from orbit_contacts.core import ids
from orbit_contacts.core.errors import InvalidRequest, Refusal
from orbit_contacts.core.pagination import Page, PageQuery
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.contacts import listing
from orbit_contacts.features.contacts import service as contact_service
from orbit_contacts.features.contacts.facets import facets
from orbit_contacts.features.contacts.models import Contact, ListQuery, NewContact
from orbit_contacts.features.lists import service as list_service
from orbit_contacts.features.tags import service as tag_service
from orbit_contacts.interfaces.console.visit import Views, Visit
from orbit_contacts.interfaces.demo.load import load

views = Views()

PAGE_SIZES = (25, 50, 100, 200)
DEFAULT_SIZE = 50
SORTS = {
    "-created_at": "Newest first",
    "created_at": "Oldest first",
    "-updated_at": "Last changed",
    "last_name": "Last name",
    "email": "E-mail",
}
CHANNELS = ("sms", "whatsapp", "email", "voice", "rcs", "viber")
_TRAIL = 20
_NAMES = {field.name for field in msgspec.structs.fields(ListQuery)}
_SAMPLE = 250


class Address:
    """The list's address: filters, order, place. `trail` are the cursors of the pages before, for going back."""

    def __init__(self, params: list[tuple[str, str]]) -> None:
        self.given = {name: value.strip() for name, value in params if value.strip()}
        self.trail = [cursor for cursor in self.given.pop("trail", "").split(".") if cursor]
        at = self.given.pop("at", "0")
        self.at = int(at) if at.isdecimal() and len(at) < 12 else 0

    def query(self) -> ListQuery:
        """The service's query; names and values it does not know are refused."""
        if unknown := self.given.keys() - _NAMES:
            name = sorted(unknown)[0][:64]
            raise InvalidRequest(f"`{name}` is no filter.", field=name, value=None, expected=sorted(_NAMES))
        values: dict[str, Any] = dict(self.given)
        if "tags" in values:
            values["tags"] = [tag.strip() for tag in values["tags"].split(",") if tag.strip()]
        values.setdefault("limit", DEFAULT_SIZE)
        try:
            return msgspec.convert(values, ListQuery, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidRequest(str(error), field="filter", value=None, expected="filters of the list") from None

    @property
    def filters(self) -> dict[str, str]:
        return {name: value for name, value in self.given.items() if name not in ("cursor", "limit", "sort")}

    def having(self, **changes: str | None) -> str:
        """The address of the first page with other filters; None takes one away."""
        kept = {name: value for name, value in self.given.items() if name != "cursor"} | changes
        return "?" + urlencode({name: value for name, value in kept.items() if value})

    def next_page(self, cursor: str, shown: int) -> str:
        trail = [*self.trail, self.given.get("cursor", "first")][-_TRAIL:]
        place = {"cursor": cursor, "trail": ".".join(trail), "at": str(self.at + shown)}
        return "?" + urlencode({name: value for name, value in self.given.items() if name != "cursor"} | place)

    def page_before(self, size: int) -> str | None:
        if "cursor" not in self.given:
            return None
        if not self.trail or self.trail[-1] == "first":
            return self.having()
        place = {"cursor": self.trail[-1], "trail": ".".join(self.trail[:-1]), "at": str(max(0, self.at - size))}
        return "?" + urlencode(self.given | place)

    def canonical(self) -> str:
        place = {"trail": ".".join(self.trail), "at": str(self.at)} if "cursor" in self.given else {}
        return urlencode({**self.given, **place})


@views.get("/", None)
async def start(visit: Visit) -> Response:
    return visit.go("/contacts")


@views.get("/contacts", "contacts:read")
async def contacts(visit: Visit) -> Response:
    address = Address(visit.request.query_params.multi_items())
    page: Page[Contact] = Page([], total=0)
    refusal = None
    async with visit.reader() as reader:
        try:
            query = address.query()
            page = await listing.list_contacts(reader, query)
        except Refusal as error:
            refusal, query = error, ListQuery(limit=DEFAULT_SIZE)
        contact_ids = [id for id in map(_uuid, page.items) if id is not None]
        consents = await consent.states(reader, contact_ids) if contact_ids else {}
        counts = await facets(reader)
        lists = (await list_service.list_lists(reader, PageQuery(limit=200))).items
    marks = {
        contact.id: {channel: _consent_of(consents, contact, channel) for channel in CHANNELS} for contact in page.items
    }
    size = query.limit or DEFAULT_SIZE
    headers: dict[str, str] = {}
    if visit.request.headers.get("hx-request"):
        # Typing replaces the address, so that Back does not spell the words backwards; a chip adds one.
        typed = "search" in visit.request.headers.get("hx-source", "")
        canonical = address.canonical()
        url = f"{visit.base}/contacts" + (f"?{canonical}" if canonical else "")
        headers["HX-Replace-Url" if typed else "HX-Push-Url"] = url
    return visit.page(
        "contacts/page.html",
        headers=headers,
        status=200 if refusal is None else refusal.status,
        address=address,
        query=query,
        contacts=page,
        marks=marks,
        facets=counts,
        lists=lists,
        refusal=refusal,
        sorts=SORTS,
        sizes=PAGE_SIZES,
        next_page=address.next_page(page.cursor, len(page.items)) if page.cursor else None,
        page_before=address.page_before(size),
        origin=f"{visit.request.url.scheme}://{visit.request.url.netloc}{visit.base.removesuffix('/console')}",
        values={},
        tags=sorted({tag for contact in page.items for tag in contact.tags}),
    )


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
