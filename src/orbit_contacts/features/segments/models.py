"""Segments, previews and explanations, as callers send and get them."""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from orbit_contacts.core.errors import Conflict, Refusal
from orbit_contacts.features.contacts.models import Contact

Basis: TypeAlias = Literal["exact", "at_least", "estimated"]

_RULES = "Fields, `$and`, `$or`, `$nor`, `$not` and `event`, all of which hold; `{}` is every contact. See the guide."

Rules: TypeAlias = Annotated[
    dict[str, Any] | None | UnsetType,
    Meta(
        description=_RULES,
        examples=[{"country_code": "US", "lifecycle_stage": "lead", "tags": {"$contains": "enterprise"}}],
    ),
]
_Count: TypeAlias = Annotated[int, Meta(description="Live contacts that meet the rules.")]
_IsExact: TypeAlias = Annotated[bool, Meta(description="Whether `contact_count` is the number at `as_of`.")]
_Basis: TypeAlias = Annotated[
    Basis,
    Meta(description="`exact`; `at_least` when a preview stopped counting; `estimated` from a sample of contacts."),
]
_Words: TypeAlias = Annotated[str, Meta(description="The rules in plain words.")]
_AsOf: TypeAlias = Annotated[str, Meta(description="When `contact_count` was counted.")]


class SegmentNameTaken(Refusal):
    code, status, summary = "SEGMENT_NAME_TAKEN", 409, "Another segment has this name, in whichever case."


class SegmentInUse(Conflict):
    summary = "Another segment names this one in its rules."


class Segment(msgspec.Struct, kw_only=True):
    id: Annotated[str, Meta(examples=["seg_01jd3w9k2e8a7v5n0q4r6t8y1z"])]
    name: str
    rules: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
    words: _Words
    contact_count: _Count
    contact_count_is_exact: _IsExact
    contact_count_basis: _Basis
    as_of: _AsOf
    created_at: str
    updated_at: str


class NewSegment(msgspec.Struct, kw_only=True):
    name: Annotated[str, Meta(description="1-120 characters, unique without regard to case.")]
    rules: Rules = UNSET


class SegmentChange(msgspec.Struct, kw_only=True):
    """What is sent changes; `rules` are replaced as a whole."""

    name: Annotated[str | UnsetType, Meta(description="1-120 characters, unique without regard to case.")] = UNSET
    rules: Rules = UNSET


class PreviewRequest(msgspec.Struct, kw_only=True):
    rules: Rules = UNSET
    sample_size: Annotated[int, Meta(description="Contacts to show, 0-100.", ge=0, le=100)] = 25


class Preview(msgspec.Struct, kw_only=True):
    contact_count: _Count
    contact_count_is_exact: _IsExact
    contact_count_basis: _Basis
    sample: Annotated[list[Contact], Meta(description="Some of them, newest first.")]
    words: _Words
    as_of: _AsOf


class Explained(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One node of a rule: whether it passed, and for a condition on which value."""

    kind: Literal["all", "any", "not", "condition", "event", "segment", "unreadable"]
    passed: bool
    words: str
    path: Annotated[str, Meta(description="Where it stands, from `rules`.")]
    field: str | None = None
    operator: str | None = None
    expected: Annotated[Any, Meta(description="What is asked, as it is compared.")] = None
    actual: Annotated[Any, Meta(description="What the contact has; absent: nothing. Of an event: how often.")] = None
    children: list["Explained"] = []


class Explanation(msgspec.Struct, kw_only=True):
    segment_id: str
    contact_id: str
    matches: bool
    words: _Words
    tree: Explained
    as_of: Annotated[str, Meta(description="The instant to which days count back.")]
