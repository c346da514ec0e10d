"""Blocked contacts, as the API shows them."""

from typing import Annotated

import msgspec
from msgspec import Meta

from orbit_contacts.features.contacts.models import Contact


class BlockInput(msgspec.Struct, kw_only=True):
    reason: Annotated[str, Meta(max_length=500)] | None = None


class BlockedContact(Contact, kw_only=True):
    blocked_by: Annotated[str | None, Meta(description="Who blocked it, e.g. api_key:key_….")]
