"""Every page but the sign-in; a file is one subject."""

from orbit_contacts.interfaces.console.pages import (
    bulk,
    contact,
    contact_forms,
    contacts,
    exports,
    imports,
    lists,
    palette,
    preferences,
    profile,
    reaching,
    saved_views,
    segment_builder,
    segments,
    settings,
    status,
)
from orbit_contacts.interfaces.console.visit import View

_SUBJECTS = (contacts, saved_views, bulk, contact_forms, contact, profile, segment_builder, segments)
_BESIDE = (lists, exports, reaching, imports, settings, status, palette, preferences)

VIEWS: list[View] = [view for module in (*_SUBJECTS, *_BESIDE) for view in module.views.all]
