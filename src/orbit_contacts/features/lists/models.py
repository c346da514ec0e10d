"""Lists and their members, as the API takes and shows them."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from orbit_contacts.core.errors import Refusal


class ListNameTaken(Refusal):
    code, status, summary = "LIST_NAME_TAKEN", 409, "Another list has this name; case makes no difference."


class ContactList(msgspec.Struct, kw_only=True):
    id: Annotated[str, Meta(examples=["lst_01jd3w9k2e8a7v5n0q4r6t8y1z"])]
    name: str
    description: str | None
    member_count: Annotated[int, Meta(description="Live contacts on the list, exact.")]
    created_at: str
    updated_at: str


class ListName(msgspec.Struct, kw_only=True):
    """A list as a contact names it."""

    id: str
    name: str


class NewList(msgspec.Struct, kw_only=True):
    name: Annotated[str, Meta(description="1-120 characters, unique whatever the case.")]
    description: Annotated[str | None, Meta(description="At most 2,000 characters.")] = None


class ListChange(msgspec.Struct, kw_only=True):
    """What is sent changes."""

    name: Annotated[str | UnsetType, Meta(description="1-120 characters, unique whatever the case.")] = UNSET
    description: Annotated[str | None | UnsetType, Meta(description="null clears it.")] = UNSET


class MemberIds(msgspec.Struct, kw_only=True):
    contact_ids: Annotated[list[str], Meta(min_length=1, max_length=1000)]


class Added(msgspec.Struct, kw_only=True):
    added: int
    already_members: int
    not_found: Annotated[list[str], Meta(description="Ids of no live contact; nothing was done for them.")]


class Removed(msgspec.Struct, kw_only=True):
    removed: int
    not_members: int
    not_found: Annotated[list[str], Meta(description="Ids of no live contact; nothing was done for them.")]


class ForgetMembers(msgspec.Struct):
    """The job that removes what is left of a deleted list."""

    list_id: UUID
