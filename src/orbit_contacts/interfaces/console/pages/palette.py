"""Going anywhere by name: pages of the console and contacts that match."""

from starlette.responses import Response

from orbit_contacts.features.contacts import listing
from orbit_contacts.features.contacts.models import Contact, ListQuery
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()

PAGES = {
    "/contacts": "Contacts",
    "/contacts/new": "New contact",
    "/segments": "Segments",
    "/lists": "Lists",
    "/opt-outs": "Opt-outs",
    "/blocked": "Blocked",
    "/suppressions": "Suppression list",
    "/duplicates": "Duplicates",
    "/sending": "Frequency caps",
    "/sending/quiet-hours": "Quiet hours",
    "/model": "Model card",
    "/imports": "Imports",
    "/exports": "Exports",
    "/bulk": "Bulk actions",
    "/settings": "Settings",
    "/settings/keys": "API keys",
    "/settings/fields": "Custom fields",
    "/settings/retention": "Retention",
    "/settings/audit": "Audit log",
    "/status": "Status",
}


@views.get("/palette", "contacts:read")
async def show(visit: Visit) -> Response:
    words = visit.request.query_params.get("q", "").strip()[:200]
    pages = {path: visit.t(name) for path, name in PAGES.items()}
    found = {path: name for path, name in pages.items() if words.casefold() in name.casefold()}
    people: list[Contact] = []
    if len(words) >= 2:
        async with visit.reader() as reader:
            people = (await listing.list_contacts(reader, ListQuery(search=words, limit=6))).items
    return visit.page("palette/page.html", words=words, pages=found, people=people)
