"""Titles and summaries of events, made when they are read from their type and data. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

MAX_SUMMARY = 160
MAX_TITLE = 200

CHANNEL_NAMES = {
    "email": "E-mail",
    "fax": "Fax",
    "instagram": "Instagram message",
    "line": "LINE message",
    "messenger": "Messenger message",
    "push": "Push message",
    "rcs": "RCS message",
    "sms": "SMS",
    "telegram": "Telegram message",
    "viber": "Viber message",
    "voice": "Voice message",
    "whatsapp": "WhatsApp message",
}

# Of our own and the commonest types; `{message}` is the name of what the channel carries. Others are made from
# their own words: `page.viewed` reads "Page viewed".
TITLES = {
    "message.created": "{message} created",
    "message.sent": "{message} sent",
    "message.delivered": "{message} delivered",
    "message.failed": "{message} failed",
    "message.read": "{message} read",
    "message.opened": "{message} opened",
    "message.clicked": "Link in {message} clicked",
    "message.replied": "{message} answered",
    "message.received": "{message} received",
    "note.created": "Note added",
    "contact.created": "Contact created",
    "contact.updated": "Contact updated",
    "contact.deleted": "Contact deleted",
    "contact.restored": "Contact restored",
    "contact.merged": "Contacts merged",
    "contact.unmerged": "Merge undone",
    "contact.opted_in": "Opted in",
    "contact.opted_out": "Opted out",
    "contact.blocked": "Contact blocked",
    "contact.unblocked": "Contact unblocked",
}


def title_of(type: str, channel: str | None, given: str | None) -> str:
    """The title the sender gave, else one from the table, else the words of the type."""
    if given:
        return given
    template = TITLES.get(type)
    if template is None:
        return type.replace(".", " ").replace("_", " ").capitalize()
    name = CHANNEL_NAMES.get(channel or "", "Message")
    # In the middle of a title only proper names and abbreviations keep their capital.
    if not template.startswith("{"):
        name = name.lower() if name in ("Message", "E-mail", "Fax", "Push message", "Voice message") else name
    return template.format(message=name)


def summary_of(type: str, channel: str | None, data: Mapping[str, Any]) -> str | None:
    """One line of what an event says; None when its title says it all."""
    told = _SUMMARIES.get(type) or _FAMILIES.get(type.partition(".")[0]) or _of_facts
    text = told(channel, data)
    return _shortened(text) if text else None


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_SUMMARY else line[: MAX_SUMMARY - 1].rstrip() + "…"


def _of_text(channel: str | None, data: Mapping[str, Any]) -> str | None:
    return _first(data, "subject", "text", "body", "content", "preview", "template", "error", "reason", "url")


def _of_failure(channel: str | None, data: Mapping[str, Any]) -> str | None:
    return _first(data, "error", "reason", "code") or _of_text(channel, data)


def _of_click(channel: str | None, data: Mapping[str, Any]) -> str | None:
    return _first(data, "url", "link") or _of_text(channel, data)


def _of_call(channel: str | None, data: Mapping[str, Any]) -> str | None:
    seconds = data.get("duration_seconds")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < 10**7:
        minutes, rest = divmod(int(seconds), 60)
        return f"{minutes}:{rest:02} minutes" if minutes else f"{rest} seconds"
    return _first(data, "outcome", "disposition", "reason", "notes")


def _of_ticket(channel: str | None, data: Mapping[str, Any]) -> str | None:
    return _first(data, "subject", "title", "status", "resolution")


def _of_order(channel: str | None, data: Mapping[str, Any]) -> str | None:
    value = data.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return _of_facts(channel, data)
    amount = f"{value:,.2f}" if isinstance(value, float) else str(value)
    return " ".join(part for part in (amount, _first(data, "currency")) if part)


def _of_changes(channel: str | None, data: Mapping[str, Any]) -> str | None:
    changes = data.get("changes")
    if not isinstance(changes, dict) or not changes:
        return None
    names: dict[str, Any] = {str(name): change for name, change in changes.items()}  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
    return "Changed " + ", ".join(_change(name, change) for name, change in names.items())


def _change(name: str, change: Any) -> str:
    """The stage is told with what it was and became; other fields by name, for what they hold may be private."""
    if name != "lifecycle_stage" or not isinstance(change, dict):
        return name
    old, new = change.get("old"), change.get("new")  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType]
    return f"{name} ({old or 'none'} to {new or 'none'})"


def _of_consent(channel: str | None, data: Mapping[str, Any]) -> str | None:
    where = channel or _first(data, "channel", "scope")
    by = _first(data, "source", "keyword")
    return " ".join(part for part in (where, f"by {by}" if by else None) if part) or None


def _of_source(channel: str | None, data: Mapping[str, Any]) -> str | None:
    source = _first(data, "source")
    return f"By {source}" if source else None


def _of_mode(channel: str | None, data: Mapping[str, Any]) -> str | None:
    return {"soft": "Restorable for 30 days", "erased": "Erased for good"}.get(str(data.get("mode")))


def _of_reason(channel: str | None, data: Mapping[str, Any]) -> str | None:
    return _first(data, "reason")


def _of_facts(channel: str | None, data: Mapping[str, Any]) -> str | None:
    """The first plain values of an event of somebody else's making."""
    facts = [
        f"{name}: {value}"
        for name, value in list(data.items())[:12]
        if isinstance(value, str | int | float) and value != "" and name not in ("folder", "source")
    ]
    return ", ".join(facts[:3]) or None


def _first(data: Mapping[str, Any], *names: str) -> str | None:
    return next((data[name] for name in names if isinstance(data.get(name), str) and data[name].strip()), None)


_Told = Callable[[str | None, Mapping[str, Any]], str | None]

_SUMMARIES: dict[str, _Told] = {
    "message.failed": _of_failure,
    "message.clicked": _of_click,
    "contact.updated": _of_changes,
    "contact.created": _of_source,
    "contact.deleted": _of_mode,
    "contact.blocked": _of_reason,
    "contact.opted_in": _of_consent,
    "contact.opted_out": _of_consent,
}
_FAMILIES: dict[str, _Told] = {
    "message": _of_text,
    "call": _of_call,
    "ticket": _of_ticket,
    "order": _of_order,
    "note": _of_text,
    "consent": _of_consent,
}
