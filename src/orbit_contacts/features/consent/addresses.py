"""Addresses as callers write them, and as subjects of the ledger. Pure."""

import re
from typing import NamedTuple
from uuid import UUID

from orbit_contacts.core.errors import MissingField
from orbit_contacts.features.contacts.emails import email_key, parse_email
from orbit_contacts.features.contacts.phones import parse_phone, phone_key

_WHATSAPP_ID = re.compile(r"[1-9][0-9]{6,14}")
_CELL_BITS = 0x3FF << 66


class Address(NamedTuple):
    """`kind` phone, email or external_id; `key` is what is compared, `value` what people read."""

    kind: str
    key: str
    value: str


def subject_of(hash: bytes) -> UUID:
    """The ledger's subject for an address without a contact; it lies in the workspace's first cell."""
    return UUID(int=int.from_bytes(hash, "big") & ~_CELL_BITS)


def read_address(text: str, region: str | None, field: str) -> Address:
    """An e-mail address, a phone number, or (without `region`) the digits of a WhatsApp id; the type is detected."""
    text = text.strip()
    if not text:
        raise MissingField(
            f"`{field}` is empty.", field=field, value=text, expected="an e-mail address or phone number"
        )
    if "@" in text:
        email = parse_email(text, field)
        return Address("email", email_key(email), email)
    if _WHATSAPP_ID.fullmatch(text) and region is None:
        text = f"+{text}"
    phone = parse_phone(text, region, field)
    return Address("phone", phone_key(phone.e164), phone.e164)
