"""Reading a suppression list from CSV: whatever columns and encoding it has, into addresses or faults. Pure."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orbit_contacts.core.errors import InvalidRequest, MissingField, Refusal
from orbit_contacts.features.consent.addresses import Address, read_address
from orbit_contacts.features.consent.channels import check_scope, default_scope
from orbit_contacts.features.contacts.emails import parse_email
from orbit_contacts.features.contacts.places import parse_country

MAX_ROWS = 100_000

_COLUMNS = {
    "address": ("address", "identifier", "contact", "recipient"),
    "phone": ("phone", "phone_number", "mobile", "msisdn", "number", "whatsapp", "tel", "telephone"),
    "email": ("email", "e-mail", "email_address", "mail"),
    "scope": ("scope", "channel"),
    "reason": ("reason", "note"),
    "country": ("country", "country_code"),
}
_ADDRESSES = ("address", "phone", "email")
_NAMES = {spelling: column for column, spellings in _COLUMNS.items() for spelling in spellings}


class Entry(NamedTuple):
    """An address to suppress, as a row says it."""

    address: Address
    scope: str
    reason: str | None


class Row(NamedTuple):
    """A row of the file (its first line is 1), and what became of it."""

    number: int
    entries: list[Entry]
    fault: Refusal | None


class File(NamedTuple):
    """The columns that were recognised, by their place, and the rows as they stand in the file."""

    columns: dict[str, int]
    rows: list[tuple[int, list[str]]]


def open_file(content: bytes) -> File:
    """Split a file into rows; it may lack a header when its first column holds addresses."""
    if b"\0" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidRequest("The file is not text.", field="file", value=None, expected="CSV in UTF-8 or UTF-16")
    text = _decode(content)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows = [(lines.line_num, row) for row in lines if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InvalidRequest("The file is not CSV.", field="file", value=str(error)[:100], expected="CSV") from None
    if not rows:
        raise MissingField("The file is empty.", field="file", value=None, expected="a header and rows")
    named = {_NAMES.get(cell.strip().lower().replace(" ", "_"), ""): place for place, cell in enumerate(rows[0][1])}
    named.pop("", None)
    if any(column in named for column in _ADDRESSES):
        columns, rows = named, rows[1:]
    elif any(character.isdigit() or character == "@" for character in rows[0][1][0]):
        columns = {"address": 0}
    else:
        raise MissingField(
            "No column holds addresses.",
            field="file",
            value=rows[0][1][:20],
            expected="a column phone, email or address",
        )
    if len(rows) > MAX_ROWS:
        raise InvalidRequest(
            "The file has too many rows.", field="file", value=len(rows), expected=f"at most {MAX_ROWS}"
        )
    return File(columns, rows)


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Addresses are ASCII but for a few e-mail addresses, and every older spreadsheet writes those like this.
        return content.decode("cp1252", "replace")


def read_rows(
    columns: dict[str, int], rows: Sequence[tuple[int, list[str]]], country: str | None, reason: str | None
) -> list[Row]:
    """What each row asks for; a bad row never fails the file."""
    return [_read_row(columns, number, cells, country, reason) for number, cells in rows]


def _read_row(columns: dict[str, int], number: int, cells: list[str], country: str | None, reason: str | None) -> Row:
    given = {column: cells[place].strip() for column, place in columns.items() if place < len(cells)}
    try:
        region = parse_country(given["country"], "country") if given.get("country") else country
        note = (given.get("reason") or reason or "")[:500] or None
        entries = [
            Entry(address, check_scope((given.get("scope") or default_scope(address.kind)).lower(), address.kind), note)
            for address in _addresses(given, region)
        ]
        if not entries:
            raise MissingField("The row has no address.", field="address", value=None, expected="a phone or an e-mail")
    except Refusal as fault:
        return Row(number, [], fault)
    return Row(number, entries, None)


def _addresses(given: dict[str, str], region: str | None) -> Iterator[Address]:
    for column in _ADDRESSES:
        # Files made for spreadsheets carry an apostrophe before numbers.
        if text := given.get(column, "").lstrip("'"):
            if column == "email":
                parse_email(text)  # or what is wrong with it, not that it is no phone number
            address = read_address(text, region, column)
            if column != "address" and address.kind != column:
                raise InvalidRequest(
                    f"`{column}` holds none.", field=column, value=text[:100], expected=f"a value of {column}"
                )
            yield address
