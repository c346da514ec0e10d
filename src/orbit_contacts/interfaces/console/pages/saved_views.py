"""Keeping the address of the contact list under a name."""

from urllib.parse import parse_qsl

from starlette.responses import Response

from orbit_contacts.core import ids
from orbit_contacts.interfaces.console import saved_views
from orbit_contacts.interfaces.console.pages.address import EVERYTHING, Address
from orbit_contacts.interfaces.console.saved_views import PREFIX, SavedView
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()


def address_of(view: SavedView) -> str:
    """The query that opens a saved view."""
    return f"{view.address}&view={view.id}" if view.address else f"view={view.id}"


@views.post("/contacts/views", "contacts:read")
async def save(visit: Visit) -> Response:
    """Keep the address the form was sent from."""
    address = Address(parse_qsl(visit.field("address"))).kept()
    async with visit.transaction() as tx:
        id = await saved_views.save(tx, visit.field("name"), address, shared=bool(visit.field("shared")))
        if visit.field("default"):
            await saved_views.open_with(tx, id)
    return visit.go(_to(address, ids.text(PREFIX, id)), visit.t("The view was saved."))


@views.post("/contacts/views/{id}", "contacts:read")
async def change(visit: Visit) -> Response:
    id = visit.id(PREFIX)
    given = Address(parse_qsl(visit.field("address")))
    address, view = given.kept(), ids.text(PREFIX, id)
    async with visit.transaction() as tx:
        match visit.field("do"):
            case "replace":
                await saved_views.replace(tx, id, address)
                said = "The view was changed."
            case "default":
                await saved_views.open_with(tx, id)
                said = "Contacts open with this view from now on."
            case "no-default":
                await saved_views.open_with(tx, None)
                said = "Contacts open with everybody from now on."
            case _:
                await saved_views.delete(tx, id)
                said, address, view = "The view was deleted; contacts are not affected.", "", EVERYTHING
    return visit.go(_to(address, view), visit.t(said))


def _to(address: str, view: str) -> str:
    return "/contacts?" + "&".join(part for part in (address, f"view={view}") if part)
