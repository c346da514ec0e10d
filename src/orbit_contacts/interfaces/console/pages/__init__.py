"""Every page but the sign-in; a file is one subject."""

from orbit_contacts.interfaces.console.pages import (
    bulk,
    contact,
    contact_forms,
    contacts,
    lists,
    palette,
    preferences,
    reaching,
    settings,
    status,
)
from orbit_contacts.interfaces.console.visit import View

VIEWS: list[View] = [
    view
    for module in (contacts, bulk, contact_forms, contact, lists, reaching, settings, status, palette, preferences)
    for view in module.views.all
]
