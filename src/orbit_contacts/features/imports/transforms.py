"""From the cells of a row to the fields of a contact, by the mapping that a person confirmed.

Text is cleaned and put where it belongs; whether a phone number or an address is a good one is for the
contact's own rules to say. A cell that is certainly not what was meant is a fault of its row.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from orbit_contacts.core.csv_values import decode_value, split_tags
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.contacts.places import country_from_name
from orbit_contacts.features.imports.cell_text import LostDigitsError, clean_code, clean_text, whole_number
from orbit_contacts.features.imports.contact_fields import READ_ONLY_FIELDS, is_export, is_field
from orbit_contacts.features.imports.dates import DateOrder, parse_date, parse_moment
from orbit_contacts.features.imports.readers.rows import Fault
from orbit_contacts.features.imports.truth import read_truth

CountryLookup = Callable[[str], str | None]
"""A country's name, in any language it knows, or code, to its ISO 3166-1 alpha-2 code."""

REMEMBERED_COUNTRIES = 2_000

Put = Callable[[dict[str, Any], str], None]

# What an export of this product holds and nobody has to tidy; a spreadsheet may have spoilt the phone numbers.
_AS_IT_IS = frozenset(
    "phone_extension email external_id first_name last_name display_name company country_code timezone language "
    "lifecycle_stage".split()
)


class ColumnMapping(msgspec.Struct, frozen=True, kw_only=True):
    """What to do with one column. `column` is its position from 0."""

    column: int
    field: str
    split_name: Literal["first_last", "last_first"] | None = None  # display_name only: also fill the two names
    date_order: DateOrder = "day_first"  # where 03/04/2024 leaves a choice
    as_date: bool = False  # metadata: write a date as ISO 8601


class RowTransform:
    """Calls of `apply` turn cells into the input of a contact: plain JSON values by field."""

    def __init__(
        self,
        header: Sequence[str],
        mapping: Sequence[ColumnMapping],
        *,
        own: bool,
        country_from_name: CountryLookup = country_from_name,
    ) -> None:
        """`own` is `Table.guarded`: values of metadata were written by this product and keep their types.

        Raises `InvalidRequest` for a mapping to a column or field that does not exist, or to one field
        from several columns."""
        check_mapping(header, mapping)
        self._country_from_name = country_from_name
        self._countries: dict[str, str] = {}
        self._own = own
        self._exact = own and is_export(header)
        self._steps = [(each.column, header[each.column], self._put(each)) for each in mapping if _is_read(each)]

    def apply(self, cells: Sequence[str]) -> tuple[dict[str, Any], Fault | None]:
        """The contact's input, and the first fault. A blank cell leaves its field out: it never erases."""
        contact: dict[str, Any] = {}
        fault: Fault | None = None
        for column, header, put in self._steps:
            cell = cells[column]
            if cell:
                try:
                    put(contact, cell)
                except LostDigitsError as lost:
                    fault = fault or Fault("lost_digits", str(lost), header)
                except ValueError as error:
                    fault = fault or Fault("bad_value", str(error), header)
        return contact, fault

    def _put(self, mapping: ColumnMapping) -> Put:
        field = mapping.field
        prefix, _, key = field.partition(".")
        if self._exact and prefix in _AS_IT_IS and not mapping.split_name:
            return _put_as_it_is(field)
        if field == "tags":
            return _put_own_tags if self._exact else _put_tags
        if field == "country_code":
            return self._put_country
        if field == "display_name" and mapping.split_name:
            return _put_split_name(mapping.split_name)
        if field in ("phone", "external_id", "phone_extension"):
            return _put_number(field)
        if field in ("email", "language", "timezone", "lifecycle_stage"):
            return _put_code(field)
        if prefix in ("metadata", "custom_fields"):
            return self._put_key(prefix, key, mapping)
        if prefix == "preferences":
            return _put_preference(key)
        if prefix == "consent":
            return _put_consent(key, mapping.date_order)
        return _put_text(field)

    def _put_country(self, contact: dict[str, Any], cell: str) -> None:
        code = self._countries.get(cell)
        if code is None:
            text = clean_code(cell)
            code = (self._country_from_name(text) or text) if text else ""
            if len(self._countries) < REMEMBERED_COUNTRIES:
                self._countries[cell] = code
        if code:
            contact["country_code"] = code

    def _put_key(self, prefix: str, key: str, mapping: ColumnMapping) -> Put:
        def put(contact: dict[str, Any], cell: str) -> None:
            value: Any = decode_value(cell) if self._own else clean_text(cell)
            if value in ("", None):
                return
            if mapping.as_date:
                value = parse_date(str(value), mapping.date_order).isoformat()
            if key:
                contact.setdefault(prefix, {})[key] = value
            elif isinstance(value, dict):  # the whole object in one column, as JSON
                contact.setdefault(prefix, {}).update(value)
            else:
                raise ValueError(f"A JSON object was expected, not {cell[:60]!r}.")

        return put


def check_mapping(header: Sequence[str], mapping: Sequence[ColumnMapping]) -> None:
    """Refuse a mapping that cannot be meant."""
    seen: set[str] = set()
    for each in mapping:
        if not 0 <= each.column < len(header):
            expected = f"a column from 0 to {len(header) - 1}"
            raise InvalidRequest("There is no such column.", field="mapping", value=each.column, expected=expected)
        if not is_field(each.field):
            raise InvalidRequest(
                f"A contact has no field {each.field!r}.",
                field="mapping",
                value=each.field,
                expected="a contact field, metadata.<key>, custom_fields.<key> or preferences.<channel>",
            )
        if each.field in seen and each.field != "tags":
            raise InvalidRequest(
                f"Two columns are mapped to {each.field}.",
                field="mapping",
                value=each.field,
                expected="one column for each field",
            )
        seen.add(each.field)


def split_name(name: str, order: Literal["first_last", "last_first"]) -> tuple[str, str]:
    """A whole name as first and last name: at the comma of `Lovelace, Ada`, else at the last
    blank (`first_last`: Ada King | Lovelace) or the first (`last_first`: 山田 | 太郎). One word is a
    first name."""
    last, comma, first = name.partition(",")
    if comma and first.strip() and last.strip():
        return first.strip(), last.strip()
    words = name.split()
    if len(words) < 2:
        return name.strip(), ""
    if order == "last_first":
        return " ".join(words[1:]), words[0]
    return " ".join(words[:-1]), words[-1]


def google_labels(tags: list[str]) -> list[str]:
    """Google writes `* myContacts ::: Friends`; its own groups (with an asterisk) are nobody's tags."""
    return [
        label
        for tag in tags
        for label in (part.strip() for part in tag.split(":::"))
        if label and not label.startswith("* ")
    ]


def _is_read(mapping: ColumnMapping) -> bool:
    return mapping.field not in READ_ONLY_FIELDS


def _put_as_it_is(field: str) -> Put:
    def put(contact: dict[str, Any], cell: str) -> None:
        contact[field] = cell

    return put


def _put_own_tags(contact: dict[str, Any], cell: str) -> None:
    contact["tags"] = split_tags(cell)


def _put_text(field: str) -> Put:
    def put(contact: dict[str, Any], cell: str) -> None:
        text = clean_text(cell)
        if text:
            contact[field] = text

    return put


def _put_code(field: str) -> Put:
    def put(contact: dict[str, Any], cell: str) -> None:
        text = clean_code(cell)
        if text:
            contact[field] = text

    return put


def _put_number(field: str) -> Put:
    def put(contact: dict[str, Any], cell: str) -> None:
        text = whole_number(clean_code(cell))
        if field == "phone":
            text = text.partition(" ::: ")[0]  # Google puts a label's second number behind the first
        if text:
            contact[field] = text

    return put


def _put_tags(contact: dict[str, Any], cell: str) -> None:
    tags = split_tags(cell)
    if ":::" in cell or "*" in cell:
        tags = google_labels(tags)
    tags = [text for tag in tags if (text := clean_text(tag))]
    if tags:
        contact["tags"] = list(dict.fromkeys([*contact.get("tags", ()), *tags]))


def _put_split_name(order: Literal["first_last", "last_first"]) -> Put:
    def put(contact: dict[str, Any], cell: str) -> None:
        name = clean_text(cell)
        if name:
            contact["display_name"] = name
            first, last = split_name(name, order)
            for field, part in (("first_name", first), ("last_name", last)):
                if part:
                    contact.setdefault(field, part)

    return put


def _put_preference(channel: str) -> Put:
    def put(contact: dict[str, Any], cell: str) -> None:
        state = clean_code(cell).lower()
        if state in ("", "unknown"):
            return
        if state not in ("opted_in", "opted_out"):
            state = "opted_in" if read_truth(state) else "opted_out"
        contact.setdefault("preferences", {})[channel] = state

    return put


def _put_consent(key: str, order: DateOrder) -> Put:
    """`consent.email.opted_out` takes a truth value or the time of it; a proof is a time or text."""

    def put(contact: dict[str, Any], cell: str) -> None:
        text = clean_code(cell)
        if not text:
            return
        value: Any = text
        if key.endswith("time"):
            value = parse_moment(text, order)
        elif not key.startswith("proof."):
            try:
                value = read_truth(text)
            except ValueError:
                value = parse_moment(text, order)
        contact.setdefault("consent", {})[key] = value

    return put
