"""Notes, as the API takes and shows them."""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

Text: TypeAlias = Annotated[str | UnsetType, Meta(description="1-10,000 characters.")]
Alias: TypeAlias = Annotated[str | UnsetType, Meta(description="Alias of `body`, which wins.")]


class Author(msgspec.Struct, kw_only=True):
    """Who wrote a note: the key or the person whose call it was."""

    id: str
    type: Annotated[str, Meta(description="api_key, user or system.")]
    name: str


class Note(msgspec.Struct, kw_only=True):
    id: Annotated[str, Meta(examples=["note_01jd3w9k2e8a7v5n0q4r6t8y1z"])]
    contact_id: str
    body: str
    author: Author
    pinned: bool
    created_at: str
    updated_at: str


class NoteChange(msgspec.Struct, kw_only=True):
    """What is sent changes."""

    body: Text = UNSET
    content: Alias = UNSET
    text: Alias = UNSET
    note: Alias = UNSET
    pinned: bool | UnsetType = UNSET


class NewNote(NoteChange, kw_only=True):
    """`body` is needed, by this or another of its names."""
