"""Which contact a row means, and what is to be done with it. Pure."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from orbit_contacts.core.ids import contact_text
from orbit_contacts.features.imports.models import ImportOptions
from orbit_contacts.features.imports.preparation import Prepared, Skip

Holders = Mapping[tuple[str, str], UUID]
"""Who holds an identifier, by kind and key."""


class Deleted(NamedTuple):
    """A contact, deleted within the time in which it can be restored."""

    contact_id: UUID
    kind: str
    value: str


def hits(row: Prepared, holders: Holders) -> dict[str, UUID]:
    """The contacts that the row's identifiers belong to, by kind."""
    return {
        identifier.kind: holder
        for identifier in row.identifiers
        if (holder := holders.get((identifier.kind, identifier.key))) is not None
    }


def target(row: Prepared, holders: Holders, options: ImportOptions) -> UUID | Skip | None:
    """The contact to update, None for a new one, or why the row is skipped."""
    found = hits(row, holders)
    if not found and options.mode != "update":
        return None
    if options.dedupe_by == "auto":
        match = next((found[kind] for kind in ("external_id", "phone", "email") if kind in found), None)
    else:
        match = found.get(options.dedupe_by)
    others = {kind: holder for kind, holder in found.items() if holder is not match and holder != match}
    if match is not None and options.mode == "create":
        kind = next(kind for kind, holder in found.items() if holder == match)
        return Skip(row.row, "ALREADY_EXISTS", kind, f"{contact_text(match)} has this {kind}.")
    if match is not None and others:
        kind, other = next(iter(others.items()))
        message = f"The row means {contact_text(match)}, but its {kind} belongs to {contact_text(other)}."
        return Skip(row.row, "AMBIGUOUS_MATCH", kind, message)
    if match is None and options.mode == "update":
        key = "identifiers" if options.dedupe_by == "auto" else options.dedupe_by
        return Skip(row.row, "NOT_FOUND", None, f"There is no contact with this row's {key} to update.")
    if match is None and others:
        kind, other = next(iter(others.items()))
        return Skip(row.row, "ALREADY_EXISTS", kind, f"{contact_text(other)} has this {kind}.")
    return match


def deleted_message(deleted: Deleted) -> str:
    text = contact_text(deleted.contact_id)
    return f"{text} had this {deleted.kind} and was deleted; POST /contacts/{text}/restore brings it back."
