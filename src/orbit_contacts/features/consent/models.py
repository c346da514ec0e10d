"""Consent, preferences and the suppression list, as callers send them and as they get them."""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.contacts.models import Contact

Status = Annotated[str, Meta(extra_json_schema={"enum": ["opted_in", "opted_out", "unknown"]})]
LawfulBasis: TypeAlias = Literal[
    "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"
]
Channel = Annotated[
    str, Meta(description="email, fax, instagram, line, messenger, push, rcs, sms, viber, voice or whatsapp.")
]
Scope = Annotated[str, Meta(description="A channel, `telegram`, or `all` channels that reach the address.")]


class PreferencesInput(msgspec.Struct, kw_only=True):
    preferences: Annotated[
        dict[str, bool | str | None],
        Meta(
            description="Channel to state: true or `opted_in`, false or `opted_out`; null or `unknown` takes back an "
            "opt-in. Only the channels named here change.",
            examples=[{"sms": True, "whatsapp": True, "email": False}],
        ),
    ]


class ChannelState(msgspec.Struct, kw_only=True):
    status: Status
    source: Annotated[str | None, Meta(description="Where the state comes from; null while unknown.")]
    updated_at: str | None
    consent_record_id: Annotated[str | None, Meta(description="The record that decides.")]


class Preferences(msgspec.Struct, kw_only=True):
    contact_id: str
    preferences: Annotated[dict[str, Status], Meta(description="All 11 channels.")]
    details: dict[str, ChannelState]
    suppressed_scopes: Annotated[
        list[str], Meta(description="Scopes in which an address of the contact is suppressed.")
    ]


class ConsentInput(msgspec.Struct, kw_only=True):
    """Consent given or withdrawn; `contact_id` or `identifier` says whose."""

    channels: Annotated[list[str], Meta(max_length=50, description="One or more of the 11 channels.")]
    opt_in: bool
    contact_id: str | None = None
    identifier: Annotated[str | None, Meta(description="E-mail address, E.164 number or WhatsApp id of a contact.")] = (
        None
    )
    source: Annotated[str, Meta(min_length=1, max_length=64, description="Where it was given, e.g. web_form.")] = (
        "consent_api"
    )
    consent_type: Annotated[str, Meta(min_length=1, max_length=64, description="E.g. marketing, transactional.")] = (
        "messaging"
    )
    lawful_basis: LawfulBasis | None = None
    purpose: Annotated[str, Meta(max_length=500)] | None = None
    consent_text_version: Annotated[str, Meta(max_length=100, description="Version of the text shown.")] | None = None
    consent_proof_url: Annotated[str, Meta(max_length=2048, description="http(s) address of the proof.")] | None = None
    metadata: Annotated[dict[str, Any] | None, Meta(description="At most 16 KB of JSON.")] = None


class ConsentResult(msgspec.Struct, kw_only=True):
    contact_id: str
    consent_record_ids: Annotated[list[str], Meta(description="One for each channel, in the order of `channels`.")]
    channels: list[str]
    opt_in: bool
    source: str
    consent_type: str
    recorded_at: str


class ConsentRecord(msgspec.Struct, kw_only=True):
    """One line of the ledger. `purpose`, `consent_proof_url` and `metadata` are null once the person is erased."""

    id: Annotated[str, Meta(examples=["cr_01jd3w9k2e8a7v5n0q4r6t8y1z"])]
    contact_id: Annotated[str | None, Meta(description="Null for an address that no contact held.")]
    sequence: Annotated[int, Meta(description="Place in the contact's chain, from 1.")]
    status: Annotated[
        str,
        Meta(
            description="`suppressed`: an address of the contact came under a suppression; `released`: it left it.",
            extra_json_schema={"enum": ["opted_in", "opted_out", "unknown", "suppressed", "released", "erased"]},
        ),
    ]
    channel: Annotated[str | None, Meta(description="Null when the record is about `all` channels of an address.")]
    scope: Scope
    source: str
    actor: Annotated[str, Meta(description="Who wrote it, e.g. api_key:key_….")]
    consent_type: str
    lawful_basis: str | None
    purpose: str | None
    consent_text_version: str | None
    consent_proof_url: str | None
    keyword: str | None
    reason: str | None
    metadata: dict[str, Any] | None
    address_kind: str | None
    address_hash: Annotated[str | None, Meta(description="Keyed hash of the address concerned; never the address.")]
    excluded: Annotated[list[str], Meta(description="Channels the scope leaves out.")]
    caused_by: Annotated[str | None, Meta(description="The record this one follows from.")]
    anonymised: Annotated[bool, Meta(description="The words of this record went with the person.")]
    recorded_at: str
    previous_hash: str
    hash: Annotated[str, Meta(description="SHA-256 over the fields and `previous_hash`.")]


class ChannelAt(msgspec.Struct, kw_only=True):
    status: Status
    since: str | None
    source: str | None
    record: Annotated[ConsentRecord | None, Meta(description="Why: the record that decided.")]


class ConsentAt(msgspec.Struct, kw_only=True):
    contact_id: str
    at: str
    channels: dict[str, ChannelAt]
    suppressed_scopes: list[str]


class AtQuery(msgspec.Struct, kw_only=True):
    at: Annotated[str | None, Meta(description="Date or date-time; now when absent.")] = None


class RecordsQuery(PageQuery, kw_only=True):
    identifier: Annotated[str | None, Meta(description="E-mail address or number, of a contact or not.")] = None
    contact_id: Annotated[str | None, Meta(description="A contact, also an erased one.")] = None


class Checkpoint(msgspec.Struct, kw_only=True):
    number: int
    created_at: str
    subjects: Annotated[int, Meta(description="Chains that had grown since the checkpoint before.")]
    previous_hash: str
    hash: str


class OptOutsQuery(PageQuery, kw_only=True):
    channel: Annotated[str | None, Meta(description="Only contacts opted out of this channel.")] = None
    search: Annotated[str | None, Meta(description="Every word must occur in name, company, e-mail or phone.")] = None


class OptedOutContact(Contact, kw_only=True):
    opted_out_channels: list[str]
    opted_out_at: Annotated[str, Meta(description="The newest opt-out of any channel.")]


class SuppressionQuery(PageQuery, kw_only=True):
    scope: str | None = None
    address: Annotated[str | None, Meta(description="E-mail address or number; found also when no longer shown.")] = (
        None
    )


class NewSuppression(msgspec.Struct, kw_only=True):
    address: Annotated[str, Meta(max_length=320, description="E-mail address, E.164 number or WhatsApp id.")]
    scope: Annotated[
        str | None, Meta(description="Default `all` for a phone number, `email` for an e-mail address.")
    ] = None
    reason: Annotated[str, Meta(max_length=500)] | None = None


class SuppressionEntry(msgspec.Struct, kw_only=True):
    id: str
    kind: Annotated[str, Meta(description="phone, email or external_id.")]
    address: Annotated[str | None, Meta(description="Null once the person it belongs to is erased.")]
    scope: Scope
    lifted_channels: Annotated[list[str], Meta(description="Channels of the scope opened since by an opt-in.")]
    source: str
    reason: str | None
    consent_record_id: str
    created_by: str
    created_at: str


class ImportQuery(msgspec.Struct, kw_only=True):
    default_country: Annotated[str | None, Meta(description="ISO 3166-1 alpha-2, for national numbers.")] = None
    default_reason: Annotated[str, Meta(max_length=500)] | None = None
    dry_run: Annotated[bool, Meta(description="Only check and count.")] = False


class ImportFault(msgspec.Struct, kw_only=True):
    row: Annotated[int, Meta(description="Row of the file; its first line is 1.")]
    code: str
    field: str
    message: str


class ImportResult(msgspec.Struct, kw_only=True):
    dry_run: bool
    total: int
    added: int
    already_suppressed: int
    invalid: int
    matched_contacts: Annotated[int, Meta(description="Contacts that hold one of the addresses.")]
    errors: Annotated[list[ImportFault], Meta(description="The first 100.")]


class UnsubscribeLink(msgspec.Struct, kw_only=True):
    url: Annotated[str, Meta(description="For the text of the message: a page with one button.")]
    headers: Annotated[dict[str, str], Meta(description="RFC 8058 headers for the message.")]
