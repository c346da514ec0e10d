"""Bulk actions, as the API takes and shows them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from orbit_contacts.core.errors import Refusal

Action = Literal[
    "add_tags",
    "remove_tags",
    "set_lifecycle_stage",
    "update",
    "add_to_list",
    "remove_from_list",
    "block",
    "unblock",
    "opt_in",
    "opt_out",
    "delete",
    "restore",
]


class TooManyContacts(Refusal):
    code, status, summary = "VALIDATION_ERROR", 422, "The filter matches more contacts than may be changed unseen."


class NotUndoable(Refusal):
    code, status, summary = "CONFLICT", 409, "The bulk action cannot be taken back."


class NewBulkAction(msgspec.Struct, kw_only=True):
    """Exactly one of `contact_ids` and `filter` says whom it concerns."""

    action: Action
    contact_ids: Annotated[list[str] | UnsetType, Meta(description="1-1,000 contacts.")] = UNSET
    ids: Annotated[list[str] | UnsetType, Meta(description="Alias of `contact_ids`.")] = UNSET
    filter: Annotated[
        dict[str, Any] | UnsetType,
        Meta(description="Filters of the contact list, or segment rules; `{}` is everybody."),
    ] = UNSET
    expected_count: Annotated[
        int | None,
        Meta(
            description="Needed when a filter matches more than 10,000: the number you saw; refused if it is another."
        ),
    ] = None
    params: Annotated[
        dict[str, Any],
        Meta(
            description="`tags`, `lifecycle_stage`, `fields`, `list_id`, `channels` or `reason`, as the action needs."
        ),
    ] = {}


class ItemError(msgspec.Struct, kw_only=True):
    contact_id: str
    code: str
    message: str


class BulkAction(msgspec.Struct, kw_only=True):
    id: str
    action: str
    status: Annotated[str, Meta(description="queued, processing, completed, cancelled or undone.")]
    requested: Annotated[int, Meta(description="How many contacts it is bound to, fixed when it was asked.")]
    succeeded: int
    failed: int
    skipped: Annotated[int, Meta(description="Contacts that were so already.")]
    errors: Annotated[list[ItemError], Meta(description="The first 100 failures.")]
    undoable: bool
    created_at: str
    completed_at: str | None


class Undone(msgspec.Struct, kw_only=True):
    id: str
    status: str
    undone: int
    kept: Annotated[list[ItemError], Meta(description="Contacts left as they are, with the reason.")]


class BulkDelete(msgspec.Struct, kw_only=True):
    contact_ids: Annotated[list[str] | UnsetType, Meta(description="1-1,000 contacts.")] = UNSET
    ids: Annotated[list[str] | UnsetType, Meta(description="Alias of `contact_ids`.")] = UNSET


class BulkDeleted(msgspec.Struct, kw_only=True):
    requested: int
    deleted: int
    not_found: list[str]
