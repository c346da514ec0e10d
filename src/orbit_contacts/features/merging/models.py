"""Merges, as the API takes and shows them."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.contacts.models import Contact


class MergeExpired(Refusal):
    code, status, summary = "MERGE_EXPIRED", 409, "The merge is older than 30 days and cannot be undone."


class MergeAlreadyUndone(Refusal):
    code, status, summary = "MERGE_ALREADY_UNDONE", 409, "The merge was undone before."


class MergeRequest(msgspec.Struct, kw_only=True):
    source_ids: Annotated[
        list[str],
        Meta(
            description="Contacts to merge into this one; gaps are filled in this order.", min_length=1, max_length=10
        ),
    ]


class UnmergeRequest(msgspec.Struct, kw_only=True):
    merge_id: Annotated[str | None, Meta(description="The latest merge that is not undone, when absent.")] = None


class Merged(msgspec.Struct, kw_only=True):
    merge_id: Annotated[str, Meta(examples=["mrg_01jd3w9k2e8a7v5n0q4r6t8y1z"])]
    contact_id: str
    merged_contact_ids: list[str]
    undo_until: Annotated[str, Meta(description="Until then `unmerge` brings the sources back.")]
    contact: Contact


class KeptAsIs(msgspec.Struct, kw_only=True):
    """Something that did not go back to how it was before the merge."""

    contact_id: str
    field: Annotated[str, Meta(description="e.g. last_name, metadata.plan, phone.")]
    reason: str


class Unmerged(msgspec.Struct, kw_only=True):
    merge_id: str
    contact: Contact
    restored: list[Contact]
    kept: list[KeptAsIs]


class MergeRecord(msgspec.Struct, kw_only=True):
    merge_id: str
    merged_contact_ids: list[str]
    merged_at: str
    merged_by: Annotated[str, Meta(description="Type and id of the caller.")]
    undone_at: str | None
    undo_until: Annotated[str | None, Meta(description="null when it is undone or too old.")]


class Alias(msgspec.Struct, kw_only=True):
    """An identifier that a contact holds beside its own phone, e-mail and external id."""

    kind: Annotated[str, Meta(description="phone, email or external_id.")]
    value: str
    from_contact_id: str
    added_at: str


Fields = dict[str, Any]
