"""Values that are more than text, as one CSV cell and back without loss.

Tags are one cell, joined with commas; a tag that holds a separator, a quote, or white space at an end
is quoted the way CSV quotes. A JSON value is itself when it is text that cannot be mistaken for
anything else, and JSON otherwise: `"00123"` stays `00123`, the number 123 becomes `123`, and the text
`123` becomes `"123"`.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

_NOT_JSON = (msgspec.DecodeError, UnicodeEncodeError, RecursionError)
_TAG_NEEDS_QUOTES = re.compile(r'[,;|"\r\n]|^\s|\s$|^\Z')
_TAG_SEPARATOR = re.compile(r'[;|"\r\n]')
_TAG = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*(?=[,;|\r\n]|\Z)|([^,;|\r\n]*))(?:[,;|\r\n]|\Z)')


def join_tags(tags: Iterable[str]) -> str:
    """Tags as one cell: `vip,"Berlin, DE"`; `split_tags` gives the same list back."""
    return ",".join('"' + tag.replace('"', '""') + '"' if _TAG_NEEDS_QUOTES.search(tag) else tag for tag in tags)


def split_tags(cell: str) -> list[str]:
    """The tags of a cell separated by commas, semicolons, bars or line breaks; blank ones are dropped."""
    if not _TAG_SEPARATOR.search(cell):
        return [tag for tag in map(str.strip, cell.split(",")) if tag]
    tags: list[str] = []
    at = 0
    while at < len(cell):
        found = _TAG.match(cell, at)
        if found is None:  # cannot happen: the second alternative matches anything up to a separator
            break
        quoted, plain = found.groups()
        tag = quoted.replace('""', '"') if quoted is not None else plain.strip()
        if tag or quoted is not None:
            tags.append(tag)
        at = found.end() if found.end() > at else at + 1
    return tags


def encode_value(value: Any) -> str:
    """A JSON value as a cell; null is the empty cell."""
    if value is None:
        return ""
    if isinstance(value, str) and value and not _reads_as_json(value):
        return value
    return msgspec.json.encode(value).decode()


def decode_value(cell: str) -> Any:
    """The value that `encode_value` was given."""
    if not cell:
        return None
    try:
        return msgspec.json.decode(cell)
    except _NOT_JSON:
        return cell


def _reads_as_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except _NOT_JSON:
        return False
    return True
