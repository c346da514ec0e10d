"""The fields that a column can be mapped to, and how this product's own files name their columns."""

from collections.abc import Sequence

from orbit_contacts.features.consent.channels import CHANNELS

CONTACT_FIELDS = (
    "id",
    "phone",
    "phone_extension",
    "email",
    "first_name",
    "last_name",
    "display_name",
    "company",
    "country_code",
    "timezone",
    "language",
    "lifecycle_stage",
    "tags",
    "metadata",
    "custom_fields",
    "external_id",
    "blocked",
    "blocked_at",
    "block_reason",
    "dnc",
    "source",
    "created_at",
    "updated_at",
    "deleted_at",
)
"""Every field of the contact object (contract, section 10); a column of that name holds that field."""

READ_ONLY_FIELDS = frozenset(
    ("id", "blocked", "blocked_at", "block_reason", "dnc", "source", "created_at", "updated_at", "deleted_at")
)
"""Fields that an export shows and an import never sets: no file loosens a state or rewrites history."""

CONSENT_FIELDS = (
    "consent.email.opted_in",
    "consent.email.opted_out",
    "consent.email.bounced",
    "consent.sms.opted_in",
    "consent.sms.opted_out",
    "consent.all.opted_out",
    "consent.proof.time",
    "consent.proof.ip",
    "consent.proof.confirmed_time",
    "consent.proof.confirmed_ip",
    "consent.proof.reason",
)
"""What other products' exports know about consent: a truth value or the time of it, and the proof."""

_PREFIXES = ("metadata.", "custom_fields.", "preferences.")
_SHAPELY = frozenset(("metadata", "custom_fields"))


def is_field(name: str) -> bool:
    """True if a column may be mapped to this."""
    if name in CONTACT_FIELDS or name in CONSENT_FIELDS:
        return True
    prefix, dot, key = name.partition(".")
    if prefix == "preferences":
        return key in CHANNELS
    return bool(dot and key) and prefix in _SHAPELY


REPORT_COLUMNS = ("row_number", "error_code", "error_message", "error_field")
"""The columns that `skipped.csv` has before the original ones; a reader that finds them ignores them."""


def is_report(header: Sequence[str]) -> bool:
    """True for a `skipped.csv`."""
    return tuple(header[: len(REPORT_COLUMNS)]) == REPORT_COLUMNS


def is_own_header(header: Sequence[str]) -> bool:
    """True for a file that this product exported, or that is written just like one: every column is
    named as a field, among them one that identifies a contact."""
    return bool({"id", "phone", "email", "external_id"} & set(header)) and all(
        name in CONTACT_FIELDS or name.startswith(_PREFIXES) for name in header
    )


def is_export(header: Sequence[str]) -> bool:
    """True for a file with the columns that only an export of this product has: its cells mean what they say."""
    return is_own_header(header) and {"id", "created_at", "updated_at"} <= set(header)
