"""Every page but the sign-in; a file is one subject."""

from orbit_contacts.interfaces.console.pages import (
    bulk,
    contact,
    contact_forms,
    contacts,
    duplicates,
    exports,
    imports,
    lists,
    model,
    palette,
    preferences,
    profile,
    reaching,
    saved_views,
    segment_builder,
    segments,
    sending,
    settings,
    status,
)
from orbit_contacts.interfaces.console.visit import View

_SUBJECTS = (contacts, saved_views, bulk, contact_forms, contact, profile, segment_builder, segments)
_BESIDE = (lists, exports, reaching, settings, status, palette, preferences)
_TASKS = (imports, duplicates, sending, model)

VIEWS: list[View] = [view for module in (*_SUBJECTS, *_TASKS, *_BESIDE) for view in module.views.all]
