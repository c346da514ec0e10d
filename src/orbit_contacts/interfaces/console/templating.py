"""Jinja2, with everything escaped and nothing inline."""

from pathlib import Path
from typing import Any, cast
from zlib import crc32

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_FOLDER = Path(__file__).parent / "templates"
_KNOWN_STAGES = frozenset({"lead", "customer", "trial", "churned"})

environment = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def render(template: str, **values: Any) -> str:
    return environment.get_template(template).render(**values)


def initials(name: str) -> str:
    """Two letters for the round picture: the first ones of the first and the last word."""
    words = [word for word in name.split() if word[0].isalnum()]
    letters = [words[0][0], words[-1][0]] if len(words) > 1 else [words[0][0]] if words else ["?"]
    return "".join(letters).upper()


def hue(text: str) -> int:
    """One of eight colours, always the same for the same text."""
    return crc32(text.encode()) % 8


def stage_class(stage: str) -> str:
    return stage if stage in _KNOWN_STAGES else "other"


def name_of(contact: Any) -> str:
    """What a contact is called: its name, else what reaches it, else its id."""
    full = " ".join(filter(None, (contact.first_name, contact.last_name)))
    for text in (contact.display_name, full, contact.company, contact.email, contact.phone, contact.external_id):
        if text:
            return text
    return contact.id


_filters = cast("dict[str, Any]", environment.filters)
_filters |= {"initials": initials, "hue": hue, "stage_class": stage_class, "name_of": name_of}
