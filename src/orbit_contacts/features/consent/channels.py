"""Channels, suppression scopes, and which addresses each of them reaches. Pure."""

from collections.abc import Iterable

from orbit_contacts.core.errors import InvalidChannel, InvalidRequest

CHANNELS = (
    "email",
    "fax",
    "instagram",
    "line",
    "messenger",
    "push",
    "rcs",
    "sms",
    "viber",
    "voice",
    "whatsapp",
)
SCOPES = ("all", *CHANNELS, "telegram")

# Which kind of address a channel is delivered to; the channels in neither set reach a person by an account we do
# not know, so they count as reached by every identifier.
OF_PHONE = frozenset({"fax", "rcs", "sms", "telegram", "viber", "voice", "whatsapp"})
OF_EMAIL = frozenset({"email"})
OF_PERSON = frozenset(CHANNELS) - OF_PHONE - OF_EMAIL

_ALL = {
    "phone": OF_PHONE | OF_PERSON,
    "email": OF_EMAIL | OF_PERSON,
    "external_id": OF_PHONE | OF_EMAIL | OF_PERSON,
}
_REACHED = {"phone": OF_PHONE | OF_PERSON, "email": OF_EMAIL | OF_PERSON, "external_id": OF_PERSON}
_EACH = {scope: frozenset({scope}) for scope in SCOPES}
_KNOWN = frozenset(CHANNELS)


def covers(kind: str, scope: str) -> frozenset[str]:
    """The channels that a suppression of `scope` closes at an address of `kind` (phone, email, external_id)."""
    return _ALL[kind] if scope == "all" else _EACH[scope]


def reaches(channel: str, kind: str) -> bool:
    """Whether a message on `channel` may go to an address of `kind`."""
    return channel in _REACHED[kind]


def check_channel(channel: str, field: str = "channel") -> str:
    if channel not in _KNOWN:
        raise InvalidChannel(field=field, value=channel[:64], expected=list(CHANNELS))
    return channel


def tidy_channels(channels: Iterable[str], field: str = "channels") -> list[str]:
    """Known channels, each once, sorted; at least one."""
    tidy = sorted({check_channel(channel, field) for channel in channels})
    if not tidy:
        raise InvalidRequest(
            "No channel is named.", field=field, value=[], expected=f"one or more of {', '.join(CHANNELS)}"
        )
    return tidy


def check_scope(scope: str, kind: str) -> str:
    """A suppression scope that means something for this kind of address."""
    if scope not in SCOPES:
        raise InvalidChannel(
            "The suppression scope is not known.", field="scope", value=scope[:64], expected=list(SCOPES)
        )
    if not covers(kind, scope) <= _ALL[kind]:
        fitting = ["all", *sorted(_ALL[kind])]
        raise InvalidRequest(f"`{scope}` does not reach this address.", field="scope", value=scope, expected=fitting)
    return scope


def default_scope(kind: str) -> str:
    """What a suppression means when nobody says: everything for a phone, e-mail for an e-mail address."""
    return "email" if kind == "email" else "all"
