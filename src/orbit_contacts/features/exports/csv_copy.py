"""The cells of a CSV export as PostgreSQL writes them: expressions that give what `tables` and `writers` give."""

from collections.abc import Mapping, Sequence
from typing import LiteralString

from orbit_contacts.features.exports import public_ids

# What begins with a letter is no formula, and most cells do; nor is a phone number, all digits behind its
# sign. NULL is the empty cell, which COPY leaves unquoted.
_GUARDED: LiteralString = """CASE WHEN {cell} COLLATE "C" >= 'A' THEN {cell}
    WHEN {cell} ~ '^''*([=@\\t\\r]|[+-](?![0-9]+$))' THEN '''' || {cell} ELSE nullif({cell}, '') END"""
# Python's `\\s`, which does not depend on a locale.
_BLANK: LiteralString = r"\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_SEPARATORS: LiteralString = ',;|"'
_JOINED: LiteralString = (
    "SELECT string_agg(CASE WHEN tag ~ '^$|[" + _SEPARATORS + r"\r\n]|^[" + _BLANK + "]|[" + _BLANK + "]$'"
    """ THEN '"' || replace(tag, '"', '""') || '"' ELSE tag END, ',' ORDER BY place) AS tags
    FROM unnest(c.tags) WITH ORDINALITY AS each (tag, place)"""
)
_TAGS: LiteralString = (
    """CASE WHEN c.tags = '{}' THEN NULL
    WHEN c.tags[1] COLLATE "C" >= 'A' AND '' <> ALL (c.tags) AND array_to_string(c.tags, '') !~ '["""
    + _SEPARATORS
    + _BLANK
    + "]' THEN array_to_string(c.tags, ',') ELSE (SELECT "
    + _GUARDED.replace("{cell}", "joined.tags")
    + " FROM ("
    + _JOINED
    + ") AS joined) END"
)
INSTANT: LiteralString = """to_char({at}, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""  # sessions are in UTC
TEXTS: tuple[LiteralString, ...] = (
    *("phone", "phone_extension", "email", "first_name", "last_name", "display_name", "company", "country_code"),
    *("timezone", "language", "lifecycle_stage", "external_id", "block_reason", "source"),
)
INSTANTS: tuple[LiteralString, ...] = ("created_at", "updated_at", "blocked_at")

_EXPRESSIONS: dict[str, LiteralString] = {
    **{name: _GUARDED.replace("{cell}", "c." + name) for name in TEXTS},
    "phone": "CASE WHEN c.phone ~ '^[+][0-9]+$' THEN c.phone ELSE " + _GUARDED.replace("{cell}", "c.phone") + " END",
    **{name: INSTANT.replace("{at}", "c." + name) for name in INSTANTS},
    "id": public_ids.ANYWHERE,
    "tags": _TAGS,
    "metadata": "nullif(c.metadata::text, '{}')",
    "custom_fields": "nullif(c.custom_fields::text, '{}')",
    "blocked": "CASE WHEN c.blocked_at IS NULL THEN 'false' ELSE 'true' END",
    "dnc": "CASE WHEN c.dnc THEN 'true' ELSE 'false' END",
}


def can_write(names: Sequence[str]) -> bool:
    """Whether every column has its expression. A line of one empty cell is written `""`, which COPY does not."""
    return len(names) > 1 and all(name in _EXPRESSIONS or name.startswith("preferences.") for name in names)


def cells(names: Sequence[str], statuses: Mapping[str, LiteralString]) -> LiteralString:
    """The columns of a line; `statuses`: the expression of each channel's consent. An id that comes first has room."""
    rest: list[LiteralString] = [
        _EXPRESSIONS.get(name) or statuses[name.removeprefix("preferences.")] for name in names
    ]
    return ", ".join([public_ids.WITH_ROOM, *rest[1:]] if names[0] == "id" else rest)


def with_crlf(lines: bytes, rows: int) -> bytes:
    """The lines ended as RFC 4180 has it; COPY ends them with LF. What is between quotes is left alone."""
    if lines.count(b"\n") == rows:
        return lines.replace(b"\n", b"\r\n")
    # Every second part is outside of quotes: a doubled quote ends one quoted part and begins the next.
    parts = lines.split(b'"')
    parts[::2] = [part.replace(b"\n", b"\r\n") for part in parts[::2]]
    return b'"'.join(parts)
