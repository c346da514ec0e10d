"""Custom fields: their definitions, and one value."""

from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from orbit_contacts.core.errors import Refusal

Type: TypeAlias = Literal[
    "text", "number", "boolean", "date", "datetime", "select", "multi_select", "url", "email", "phone"
]
WITH_OPTIONS = ("select", "multi_select")


class CustomFieldKeyTaken(Refusal):
    code, status = "CUSTOM_FIELD_KEY_TAKEN", 409
    summary = "Another custom field has this key, or had it and its values are still being removed."


class CustomField(msgspec.Struct, kw_only=True):
    id: Annotated[str, Meta(examples=["cf_01jd3w9k2e8a7v5n0q4r6t8y1z"])]
    key: str
    type: Type
    label: str
    description: str | None
    options: Annotated[list[str], Meta(description="The choices of select and multi_select; else empty.")]
    position: Annotated[int, Meta(description="Place among the fields, from 1.")]
    created_at: str
    updated_at: str


class NewCustomField(msgspec.Struct, kw_only=True):
    key: Annotated[str, Meta(description="`^[a-z][a-z0-9_]{0,63}$`; cannot be changed later.")]
    type: Annotated[Type, Meta(description="Cannot be changed later.")]
    label: Annotated[str | None, Meta(description="1-100 characters; the key when absent.")] = None
    description: Annotated[str | None, Meta(description="At most 1,000 characters.")] = None
    options: Annotated[list[str], Meta(description="1-200 choices, needed by select and multi_select.")] = []


class CustomFieldChange(msgspec.Struct, kw_only=True):
    """What is sent changes; `key` and `type` may be repeated, not changed."""

    label: Annotated[str | UnsetType, Meta(description="1-100 characters.")] = UNSET
    description: Annotated[str | None | UnsetType, Meta(description="null clears it.")] = UNSET
    options: Annotated[
        list[str] | UnsetType,
        Meta(description="Replaces the choices. Values chosen before stay as they are, new ones must be among these."),
    ] = UNSET
    key: str | UnsetType = UNSET
    type: str | UnsetType = UNSET


class Order(msgspec.Struct, kw_only=True):
    ids: Annotated[
        list[str],
        Meta(description="Fields in their new order; those not named follow in their present order.", min_length=1),
    ]


class NewValue(msgspec.Struct, kw_only=True):
    contact_id: str
    key: str
    value: Annotated[Any, Meta(description="As the field's type demands; null removes the value.")]


class Value(msgspec.Struct, kw_only=True):
    contact_id: str
    key: str
    value: Annotated[Any, Meta(description="As it is stored.")]


class Definition(msgspec.Struct, frozen=True):
    """What reading and comparing values needs to know of a field."""

    key: str
    type: Type
    options: tuple[str, ...] = ()


class RemoveValues(msgspec.Struct):
    """The job that removes the values of a deleted field."""

    id: UUID
    key: str
