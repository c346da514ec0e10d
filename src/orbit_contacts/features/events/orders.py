"""The data of orders: an amount that can be added up, and its currency. Pure."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.core.faults import shown
from orbit_contacts.features.timeline.stats import VALUE_LIMIT

T = TypeVar("T")

TYPES = frozenset({"order.placed", "order.refunded"})

# The form of ISO 4217, not its list: orders may be older than the list of today.
_CURRENCY = re.compile(r"[A-Za-z]{3}")


class _Order(msgspec.Struct):
    value: Any = None
    currency: Any = None


_read = msgspec.json.Decoder(_Order).decode
_members = msgspec.json.Decoder(dict[str, Raw]).decode


def checked_order(data: bytes, field: str) -> bytes:
    """The data of an order, with its currency in capitals; what is absent or null, or another member, is not looked at.

    Refuses a `value` that is no number or cannot be added up, and a `currency` that is no code; `field` is the member
    of the event in which the data was sent.
    """
    order = _decoded(_read, data, field)
    _check_value(order.value, f"{field}.value")
    if order.currency is None:
        return data
    currency = _code(order.currency, f"{field}.currency")
    if currency == order.currency:
        return data
    # Every other member stays as it was sent.
    return msgspec.json.encode(_decoded(_members, data, field) | {"currency": currency})


def _decoded(decode: Callable[[bytes], T], data: bytes, field: str) -> T:
    try:
        return decode(data)
    except (ValueError, RecursionError):
        raise InvalidRequest(
            f"`{field}` cannot be read.",
            field=field,
            value=shown(data),
            expected="a JSON object in UTF-8, numbers up to 1e308",
        ) from None


def _check_value(value: Any, field: str) -> None:
    if value is None:
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value < VALUE_LIMIT:
        raise InvalidRequest(
            "The value of an order must be a number, 0 or more.",
            field=field,
            value=value if isinstance(value, int | float) else shown(value),
            expected=f"a JSON number from 0 to below {VALUE_LIMIT:.0e}, e.g. 49.9, not a text",
        )


def _code(currency: Any, field: str) -> str:
    code = currency.strip() if isinstance(currency, str) else ""
    if not _CURRENCY.fullmatch(code):
        raise InvalidRequest(
            "This is no code of a currency.",
            field=field,
            value=shown(currency),
            expected="three letters, ISO 4217: EUR, USD",
        )
    return code.upper()
