"""vCard 2.1, 3.0 and 4.0 as rows with the columns of a contact.

Read by hand, as a stream: `vobject` wants the whole file, and stops at the first line it dislikes. Here a
card that is broken is a faulty row, and the next `BEGIN:VCARD` starts afresh.
"""

import quopri
import re
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from orbit_contacts.core.csv_values import join_tags
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.imports.readers.bad_bytes import MARK_BAD
from orbit_contacts.features.imports.readers.encoding import known_encoding
from orbit_contacts.features.imports.readers.lines import read_lines
from orbit_contacts.features.imports.readers.rows import (
    Fault,
    ReadLimits,
    Row,
    RowShaper,
    Table,
    nothing_to_read,
    too_large,
)
from orbit_contacts.features.imports.readers.sources import Source

MORE_PHONES = tuple(f"metadata.phone_{number}" for number in range(2, 6))
MORE_EMAILS = tuple(f"metadata.email_{number}" for number in range(2, 6))
VCARD_COLUMNS = (
    "external_id",
    "phone",
    "phone_extension",
    "email",
    "first_name",
    "last_name",
    "display_name",
    "company",
    "country_code",
    "timezone",
    "language",
    "tags",
    "metadata.middle_name",
    "metadata.name_prefix",
    "metadata.name_suffix",
    "metadata.nickname",
    "metadata.title",
    "metadata.department",
    "metadata.birthday",
    "metadata.address",
    "metadata.website",
    "metadata.notes",
    *MORE_PHONES,
    *MORE_EMAILS,
)
"""One column for each thing a card is read for; further numbers and addresses go to the metadata."""

_HEAD = re.compile(rb"(?:[\w-]+\.)?([A-Za-z][\w-]*)((?:;(?:[^\":;]|\"[^\"]*\")*)*):", re.ASCII)
_HEAD_BYTES = 2_000
MAX_PROPERTIES = 5_000
_PARAMETER = re.compile(r';([^=;:"]*)(?:=((?:[^;"]|"[^"]*")*))?')
_ESCAPE_OR = {separator: re.compile(rf"\\.|{separator}", re.DOTALL) for separator in ";,"}
_PICTURES = frozenset(("PHOTO", "LOGO", "SOUND", "KEY"))
_SIMPLE = {
    "UID": "external_id",
    "FN": "display_name",
    "TZ": "timezone",
    "LANG": "language",
    "NICKNAME": "metadata.nickname",
    "TITLE": "metadata.title",
    "BDAY": "metadata.birthday",
    "URL": "metadata.website",
    "NOTE": "metadata.notes",
}
_NAME_PARTS = (
    "last_name",
    "first_name",
    "metadata.middle_name",
    "metadata.name_prefix",
    "metadata.name_suffix",
)


class _Property(NamedTuple):
    name: str
    parameters: dict[str, list[str]]
    value: str


def read_vcards(source: Source, encoding: str, limits: ReadLimits) -> Table:
    """Open a file of cards. Rows are numbered by card, from 1. Raises `Refusal` if there is no card."""
    rows = _rows(source, encoding, limits)
    first = next(rows, None)
    if first is None:
        raise nothing_to_read("There is no card in the file.")
    return Table(list(VCARD_COLUMNS), chain([first], rows))


def _rows(source: Source, encoding: str, limits: ReadLimits) -> Iterator[Row]:
    shaper = RowShaper(list(VCARD_COLUMNS), limits)
    number = 0
    for lines, fault in _cards(source, limits):
        number += 1
        if number > limits.max_rows:
            raise too_large("cards", number, limits.max_rows)
        cells, found = _cells([_property(line, encoding) for line in lines])
        row = shaper.shape(number, cells, fault or found)
        yield row or Row(number, cells, Fault("empty_card", "The card has nothing that can be imported."))
    if source.damage:
        yield Row(number + 1, [""] * len(VCARD_COLUMNS), Fault("damaged_file", source.damage))


def _cards(source: Source, limits: ReadLimits) -> Iterator[tuple[list[bytes], Fault | None]]:
    """The unfolded lines of each card, and what is wrong with its frame."""
    card: _Card | None = None
    for line in read_lines(source, limits.record_bytes):
        word = line.data[:30].strip().upper()
        if word == b"BEGIN:VCARD":
            if card is not None and card.opens_agent():
                continue
            if card is not None:
                yield card.unfolded(), Fault("unfinished_card", "The card has no END:VCARD before the next BEGIN.")
            card = _Card()
        elif card is None:
            continue  # between cards
        elif word == b"END:VCARD":
            if card.in_agent:
                card.in_agent = False
                continue
            fault = Fault(
                "card_too_large", f"The card is larger than {limits.record_bytes:,} bytes or has too many lines."
            )
            yield card.unfolded(), fault if card.size > limits.record_bytes else None
            card = None
        else:
            card.size += len(line.data) + line.cut
            if card.size <= limits.record_bytes and not card.in_agent:
                card.add(line.data)
                if card.has_too_many():
                    card.size += limits.record_bytes
    if card is not None:
        yield card.unfolded(), Fault("unfinished_card", "The file ends before the card does.")


class _Card:
    """A card while it is read: its properties as the pieces of their folded lines."""

    def __init__(self) -> None:
        self.size = 0
        self.in_agent = False  # inside the card of somebody's assistant, which is not read
        self._properties: list[list[bytes]] = []
        self._soft_breaks = self._picture = False

    def opens_agent(self) -> bool:
        """True, once, when the card that begins is the value of `AGENT:`."""
        if self.in_agent or not self._properties or self._properties[-1][0].strip().upper() != b"AGENT:":
            return False
        self._properties.append([b""])
        self.in_agent = True
        return True

    def add(self, line: bytes) -> None:
        """One more line: a folded one, one after a soft break, one that is no property (a note with bare
        line breaks, a picture that is not indented), or the next property."""
        last = self._properties[-1] if self._properties else None
        head = _HEAD.match(line[:_HEAD_BYTES])
        if last and self._soft_breaks and last[-1].endswith(b"="):
            last[-1] = last[-1][:-1]
            last.append(line)
        elif last and line[:1] in (b" ", b"\t"):
            last.append(line[1:] if not self._picture else b"")
        elif last and not head and line.strip() and last[0]:
            last.append(b"\\n" + line if not self._picture else b"")
        else:
            self._picture = bool(head) and head[1].decode().upper() in _PICTURES
            self._soft_breaks = bool(head) and b"QUOTED-PRINTABLE" in head[2].upper()
            self._properties.append([line if not self._picture else b""])

    def has_too_many(self) -> bool:
        """True for a card with more properties than anybody has."""
        return len(self._properties) > MAX_PROPERTIES

    def unfolded(self) -> list[bytes]:
        """The properties, each on one line."""
        return [b"".join(pieces) for pieces in self._properties]


def _property(line: bytes, encoding: str) -> _Property:
    head = _HEAD.match(line[:_HEAD_BYTES])
    if head is None:
        return _Property("", {}, "")
    parameters = _parameters(head[2].decode("ascii", errors="replace"))
    value = line[head.end() :]
    if "QUOTED-PRINTABLE" in parameters.get("ENCODING", ()):
        value = quopri.decodestring(value)
    for charset in parameters.get("CHARSET", ()):
        encoding = _codec(charset) or encoding
    try:
        text = value.decode(encoding)
    except UnicodeDecodeError:
        text = value.decode(encoding, errors=MARK_BAD)
    return _Property(head[1].decode().upper(), parameters, text)


def _parameters(text: str) -> dict[str, list[str]]:
    """`;TYPE=home,pref;CHARSET=UTF-8` as lists of upper-case values; 2.1 leaves out the names of types."""
    parameters: dict[str, list[str]] = {}
    for name, value in _PARAMETER.findall(text):
        name = name.strip().upper()
        values = [each.strip().strip('"').upper() for each in value.replace('"', "").split(",")]
        if not value:
            name, values = ("ENCODING" if name == "QUOTED-PRINTABLE" else "TYPE"), [name]
        parameters.setdefault(name, []).extend(values)
    return parameters


def _codec(charset: str) -> str | None:
    try:
        return known_encoding(charset)
    except InvalidRequest:
        return None


def _cells(properties: list[_Property]) -> tuple[list[str], Fault | None]:
    values: dict[str, str] = {}
    phones: list[tuple[int, str, str]] = []
    emails: list[tuple[int, str]] = []
    tags: list[str] = []
    fault: Fault | None = None
    for name, parameters, value in properties:
        field = _SIMPLE.get(name)
        if field:
            values.setdefault(field, _unescape(value.strip()))
        elif name == "N":
            for part, text in zip(_NAME_PARTS, _parts(value, ";"), strict=False):
                values.setdefault(part, " ".join(_parts(text, ",")).strip())
        elif name == "TEL":
            number, extension = _phone(value)
            phones.append((_rank(parameters), number, extension))
        elif name == "EMAIL":
            emails.append((_rank(parameters), _unescape(value.strip()).removeprefix("mailto:")))
        elif name == "ORG":
            for part, text in zip(("company", "metadata.department"), _parts(value, ";"), strict=False):
                values.setdefault(part, _unescape(text.strip()))
        elif name == "ADR":
            parts = [_unescape(part.strip()) for part in _parts(value, ";")]
            values.setdefault("metadata.address", ", ".join(part for part in parts if part))
            values.setdefault("country_code", parts[6] if len(parts) > 6 else "")
        elif name == "CATEGORIES":
            tags.extend(_unescape(tag.strip()) for tag in _parts(value, ",") if tag.strip())
        elif name in ("KIND", "X-ADDRESSBOOKSERVER-KIND") and value.strip().lower() == "group":
            fault = Fault("not_a_person", "The card is a group of contacts, not a contact.")
    phones.sort(key=lambda each: each[0])
    emails.sort(key=lambda each: each[0])
    if phones:
        values["phone_extension"] = phones[0][2]
    _spread(values, ("phone", *MORE_PHONES), [number for _, number, _ in phones if number])
    _spread(values, ("email", *MORE_EMAILS), [address for _, address in emails if address])
    values["tags"] = join_tags(dict.fromkeys(tags))
    return [values.get(column, "") for column in VCARD_COLUMNS], fault


def _rank(parameters: dict[str, list[str]]) -> int:
    """0 for the preferred one, then mobile numbers, the rest in their order, fax and pager at the end."""
    types = parameters.get("TYPE", [])
    if "PREF" in types or "PREF" in parameters:
        return 0
    if "CELL" in types:
        return 1
    return 3 if {"FAX", "PAGER"} & set(types) else 2


def _phone(value: str) -> tuple[str, str]:
    """A number and its extension; 4.0 writes `tel:+1-415-555-1234;ext=12`."""
    text = _unescape(value.strip())
    if not text.lower().startswith("tel:"):
        return text, ""
    number, *parameters = text[4:].split(";")
    extension = next((each[4:] for each in parameters if each.lower().startswith("ext=")), "")
    return number, extension


def _spread(values: dict[str, str], columns: tuple[str, ...], found: list[str]) -> None:
    """One value to a column; the last column takes all that are left."""
    found = list(dict.fromkeys(found))
    last = len(columns) - 1
    for index, column in enumerate(columns[:last]):
        values[column] = found[index] if index < len(found) else ""
    values[columns[last]] = "; ".join(found[last:])


def _parts(value: str, separator: str) -> list[str]:
    """The components of a value, still escaped, split where the separator is not."""
    if "\\" not in value:
        return value.split(separator)
    parts: list[str] = []
    start = 0
    for found in _ESCAPE_OR[separator].finditer(value):
        if found[0] == separator:
            parts.append(value[start : found.start()])
            start = found.end()
    return [*parts, value[start:]]


def _unescape(value: str) -> str:
    return re.sub(r"(?s)\\(.)", _escaped, value) if "\\" in value else value


def _escaped(found: re.Match[str]) -> str:
    return "\n" if found[1] in "nN" else found[1]
