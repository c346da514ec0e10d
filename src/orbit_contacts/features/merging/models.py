"""Merges, as the API takes and shows them."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.pagination import PageQuery
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


class DuplicatesQuery(PageQuery, kw_only=True):
    contact_id: Annotated[str | None, Meta(description="Only pairs with this contact.")] = None
    min_score: Annotated[float | None, Meta(description="0.5 to 1; 0.5 when absent.")] = None


class DuplicateReason(msgspec.Struct, kw_only=True):
    code: Annotated[
        str,
        Meta(
            description="same_name, similar_name, same_company, same_mailbox, same_email_domain, same_phone_ending, "
            "same_external_id; against: different_name, different_company, different_country."
        ),
    ]
    detail: str
    weight: Annotated[float, Meta(description="Above 0 speaks for one person, below 0 against.")]


class DuplicatePair(msgspec.Struct, kw_only=True):
    """Two contacts that may be one person."""

    contact: Annotated[
        Contact, Meta(description="The older of the two: the one to merge into, if nothing else decides.")
    ]
    duplicate: Contact
    score: Annotated[float, Meta(description="0.5 to 1.")]
    reasons: list[DuplicateReason]
    found_at: str


class Dismissal(msgspec.Struct, kw_only=True):
    contact_ids: Annotated[list[str], Meta(description="Two contacts.", min_length=2, max_length=2)]
    dismissed: Annotated[bool, Meta(description="false takes a dismissal back.")] = True


class CompareContacts(msgspec.Struct):
    """The job that compares the contacts that a call left over."""


Fields = dict[str, Any]
