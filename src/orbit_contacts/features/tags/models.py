"""Tags of a contact, as the API shows them."""

import msgspec


class TagsInput(msgspec.Struct, kw_only=True):
    tags: list[str]


class Tags(msgspec.Struct, kw_only=True):
    id: str
    tags: list[str]
