"""The contact, as callers send it and as they get it."""

from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.pagination import PageQuery

Optional: TypeAlias = str | None | UnsetType


class ContactAlreadyExists(Refusal):
    code, status, summary = (
        "CONTACT_ALREADY_EXISTS",
        409,
        "Another live contact holds this phone, e-mail or external id.",
    )


class Contact(msgspec.Struct, gc=False):
    """A contact as the API shows it; the order of the fields is the order in which `contact_of` fills them."""

    id: Annotated[str, Meta(examples=["con_01jd3w9k2e8a7v5n0q4r6t8y1z"])]
    phone: Annotated[str | None, Meta(description="E.164.")]
    phone_extension: str | None
    email: str | None
    first_name: str | None
    last_name: str | None
    display_name: str | None
    company: str | None
    country_code: Annotated[str | None, Meta(description="ISO 3166-1 alpha-2.")]
    timezone: Annotated[str | None, Meta(description="IANA name.")]
    language: Annotated[str | None, Meta(description="ISO 639-1.")]
    lifecycle_stage: str | None
    tags: list[str]
    metadata: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
    custom_fields: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
    external_id: str | None
    blocked: bool
    blocked_at: str | None
    block_reason: str | None
    dnc: Annotated[bool, Meta(description="On the do-not-call list through a suppression of its number.")]
    source: Annotated[str, Meta(description="How the contact came in: api, import, sdk, inbound, console.")]
    created_at: str
    updated_at: str
    deleted_at: str | UnsetType = UNSET


class ContactInput(msgspec.Struct, kw_only=True):
    """Fields of a contact to set. Absent leaves alone, null clears; unknown fields are ignored."""

    phone: Annotated[
        Optional,
        Meta(description="Display forms and extensions are accepted; a national number needs `country_code`."),
    ] = UNSET
    phone_extension: Annotated[
        Optional, Meta(description="1-20 digits; wins over an extension written behind `phone`, and goes with it.")
    ] = UNSET
    email: Optional = UNSET
    first_name: Annotated[Optional, Meta(description="At most 100 characters.")] = UNSET
    last_name: Annotated[Optional, Meta(description="At most 100 characters.")] = UNSET
    display_name: Annotated[Optional, Meta(description="At most 200 characters.")] = UNSET
    name: Annotated[Optional, Meta(description="Alias of `display_name`.")] = UNSET
    company: Annotated[Optional, Meta(description="At most 200 characters.")] = UNSET
    organization: Annotated[Optional, Meta(description="Alias of `company`.")] = UNSET
    country_code: Annotated[Optional, Meta(description="ISO 3166-1 alpha-2.")] = UNSET
    timezone: Annotated[Optional, Meta(description="IANA name, e.g. Europe/Istanbul.")] = UNSET
    language: Annotated[Optional, Meta(description="ISO 639-1, e.g. tr.")] = UNSET
    lifecycle_stage: Annotated[
        Optional, Meta(description="lead, customer, churned, or any word of at most 64 characters.")
    ] = UNSET
    external_id: Annotated[Optional, Meta(description="Your own id, at most 255 characters, unique.")] = UNSET
    tags: Annotated[
        list[str] | None | UnsetType,
        Meta(description="Replaces the set of tags; 1-64 characters each, no comma, at most 100."),
    ] = UNSET
    metadata: Annotated[
        dict[str, Any] | None | UnsetType,
        Meta(description="Merged into the stored map; null deletes a key. At most 100 keys, 64 KB."),
    ] = UNSET
    custom_attributes: Annotated[
        dict[str, Any] | None | UnsetType, Meta(description="Alias of `metadata`, which wins on a clash.")
    ] = UNSET
    attributes: Annotated[dict[str, Any] | None | UnsetType, Meta(description="Alias of `metadata`.")] = UNSET
    custom_fields: Annotated[
        dict[str, Any] | None | UnsetType, Meta(description="Typed values by key; see custom fields.")
    ] = UNSET


class NewContact(ContactInput, kw_only=True):
    """At least one of `phone`, `email`, `external_id` is needed."""

    list_ids: Annotated[list[str], Meta(description="Lists to join.", max_length=100)] = []


class ContactSettings(msgspec.Struct, kw_only=True):
    default_country_code: Annotated[
        str | None,
        Meta(description="Country of phone numbers written without one (ISO 3166-1 alpha-2); null for none."),
    ]


class CreateQuery(msgspec.Struct, kw_only=True):
    upsert: Annotated[
        bool, Meta(description="Update the contact that already holds an identifier, instead of 409.")
    ] = False


class DeleteQuery(msgspec.Struct, kw_only=True):
    soft: Annotated[bool, Meta(description="Keep it restorable for 30 days instead of erasing it.")] = False


class ListQuery(PageQuery, kw_only=True):
    # Who asks for the one with the address that a variable holds must not be given everybody when it holds none.
    blank_counts: ClassVar[frozenset[str]] = frozenset({"phone", "email", "external_id", "list_id", "segment_id"})

    search: Annotated[str | None, Meta(description="Every word must occur in name, company, e-mail or phone.")] = None
    lifecycle_stage: str | None = None
    country_code: str | None = None
    tags: Annotated[list[str], Meta(description="Comma-separated; any of them matches.")] = []
    tags_match: Annotated[str | None, Meta(description="`any` (default) or `all`.")] = None
    has_phone: bool | None = None
    has_email: bool | None = None
    created_after: Annotated[str | None, Meta(description="Exclusive; date or date-time.")] = None
    created_before: Annotated[str | None, Meta(description="Exclusive; date or date-time.")] = None
    date_from: Annotated[str | None, Meta(description="Alias of `created_after`.")] = None
    date_to: Annotated[str | None, Meta(description="Alias of `created_before`.")] = None
    updated_after: Annotated[str | None, Meta(description="Exclusive; date or date-time.")] = None
    company: Annotated[str | None, Meta(description="Exact, case-insensitive.")] = None
    language: str | None = None
    blocked: bool | None = None
    external_id: str | None = None
    phone: Annotated[str | None, Meta(description="The contact of this number, in any written form.")] = None
    email: str | None = None
    list_id: Annotated[str | None, Meta(description="Members of this list.")] = None
    segment_id: Annotated[str | None, Meta(description="Members of this segment.")] = None
    sort: Annotated[
        str | None,
        Meta(description="created_at, updated_at, last_name or email; `-` for descending. Default -created_at."),
    ] = None
