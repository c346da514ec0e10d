"""A page of contacts, as rows of plain values or as columns of text."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.csv_safety import guard_all
from orbit_contacts.core.csv_values import join_tags
from orbit_contacts.core.ids import contact_text
from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.consent.service import ContactConsent
from orbit_contacts.features.contacts.queries import contact_of
from orbit_contacts.features.exports.columns import cell_of, value_of

Row = dict[str, Any]

_UNKNOWN: dict[str, str] = dict.fromkeys(CHANNELS, "unknown")
_TEXTS = frozenset(
    "phone phone_extension email first_name last_name display_name company country_code timezone language "
    "lifecycle_stage external_id block_reason source".split()
)
_INSTANTS = frozenset(("created_at", "updated_at", "blocked_at"))


class Contacts(NamedTuple):
    """Records of `contacts.queries.COLUMNS` and what is known of their consent, of which `names` are wanted."""

    names: Sequence[str]
    records: Sequence[Record]
    states: dict[UUID, ContactConsent]

    def rows(self) -> list[Row]:
        return [_row(record, self.names, self.states) for record in self.records]

    def columns(self) -> list[list[str]]:
        """The cells of a CSV file, guarded against formulas, column by column: a million contacts have forty million
        cells, and a loop over one column does the same to each of them."""
        return [_column(self, name) for name in self.names]


def _row(record: Record, names: Sequence[str], states: dict[UUID, ContactConsent]) -> Row:
    contact = contact_of(record)
    state = states.get(record["id"])
    preferences = (
        _UNKNOWN if state is None else {channel: effective.status for channel, effective in state.channels.items()}
    )
    return {name: value_of(name, contact, preferences) for name in names}


def _column(page: Contacts, name: str) -> list[str]:
    records = page.records
    if name in _TEXTS:
        return guard_all([record[name] or "" for record in records])
    if name in _INSTANTS:
        return ["" if (at := record[name]) is None else format_instant(at) for record in records]
    if name.startswith("preferences."):
        return _preferences(page, name.partition(".")[2])
    if (column := _COLUMNS.get(name)) is not None:
        return column(records)
    return guard_all([_single(record, name) for record in records])


def _preferences(page: Contacts, channel: str) -> list[str]:
    states = page.states
    if not states:
        return ["unknown"] * len(page.records)
    return [
        "unknown" if (state := states.get(record["id"])) is None else state.channels[channel].status
        for record in page.records
    ]


def _single(record: Record, name: str) -> str:
    """One value of a map."""
    prefix, _, key = name.partition(".")
    return cell_of(name, msgspec.json.decode(record[prefix]).get(key))


def _maps(name: str) -> Callable[[Sequence[Record]], list[str]]:
    def column(records: Sequence[Record]) -> list[str]:
        # PostgreSQL's own text of it: nothing is decoded, so nothing is rounded.
        return ["" if (text := record[name]) == "{}" else text for record in records]

    return column


@lru_cache(4096)
def _tags(tags: tuple[str, ...]) -> str:
    return join_tags(tags)


_COLUMNS: dict[str, Callable[[Sequence[Record]], list[str]]] = {
    "id": lambda records: [contact_text(record["id"]) for record in records],
    "tags": lambda records: guard_all([_tags(tuple(record["tags"])) for record in records]),
    "metadata": _maps("metadata"),
    "custom_fields": _maps("custom_fields"),
    "blocked": lambda records: ["false" if record["blocked_at"] is None else "true" for record in records],
    "dnc": lambda records: ["true" if record["dnc"] else "false" for record in records],
}
