"""The contact list's address: its whole state, so that a link opens the same list anywhere. Pure."""

import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.contacts.models import ListQuery

DEFAULT_SIZE = 50
EVERYTHING = "all"
"""As `view`: all contacts, whatever view the list opens with."""

# What the list can show besides the name, and what it shows unless told otherwise.
COLUMNS = {
    "phone": "Phone",
    "email": "E-mail",
    "company": "Company",
    "stage": "Stage",
    "country": "Country",
    "tags": "Tags",
    "consent": "Consent",
    "language": "Language",
    "timezone": "Time zone",
    "source": "Source",
    "external_id": "Your id",
    "updated_at": "Changed",
    "created_at": "Created",
}
USUAL = ("phone", "email", "stage", "country", "tags", "consent", "created_at")
CUSTOM = "custom."

# By which column the list can be sorted, and the field it is.
SORTABLE = {"name": "last_name", "email": "email", "updated_at": "updated_at", "created_at": "created_at"}

_TRAIL = 20
_NAMES = {field.name for field in msgspec.structs.fields(ListQuery)}


class Address:
    """Filters, order, columns, saved view and place. `trail` are the cursors of the pages before, for going back."""

    def __init__(self, params: list[tuple[str, str]]) -> None:
        self.given = {name: value.strip() for name, value in params if value.strip() and name != "column"}
        self.trail = [cursor for cursor in self.given.pop("trail", "").split(".") if cursor]
        at = self.given.pop("at", "0")
        self.at = int(at) if at.isdecimal() and len(at) < 12 else 0
        self.view = self.given.pop("view", "")
        listed = self.given.pop("columns", "").split(",")
        chosen = [value for name, value in params if name == "column"] or listed
        self.columns = tuple(
            name for name in dict.fromkeys(chosen) if name in COLUMNS or (name.startswith(CUSTOM) and len(name) < 100)
        )

    @property
    def is_bare(self) -> bool:
        return not (self.given or self.view or self.columns)

    @property
    def shown(self) -> tuple[str, ...]:
        return self.columns or USUAL

    def query(self) -> ListQuery:
        """The service's query; names and values it does not know are refused."""
        if unknown := self.given.keys() - _NAMES:
            name = sorted(unknown)[0][:64]
            raise InvalidRequest(f"`{name}` is no filter.", field=name, value=None, expected=sorted(_NAMES))
        values: dict[str, Any] = dict(self.given)
        if "tags" in values:
            values["tags"] = [tag.strip() for tag in values["tags"].split(",") if tag.strip()]
        values.setdefault("limit", DEFAULT_SIZE)
        try:
            return msgspec.convert(values, ListQuery, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidRequest(str(error), field="filter", value=None, expected="filters of the list") from None

    @property
    def filters(self) -> dict[str, str]:
        return {name: value for name, value in self.given.items() if name not in ("cursor", "limit", "sort")}

    def _written(self, values: Mapping[str, str | None]) -> str:
        own = {"columns": ",".join(self.columns), "view": self.view}
        return urlencode({name: value for name, value in {**values, **own}.items() if value}, safe=",")

    def _first_page(self) -> dict[str, str | None]:
        return {name: value for name, value in self.given.items() if name != "cursor"}

    def having(self, **changes: str | None) -> str:
        """The address of the first page with other filters; None takes one away."""
        return "?" + self._written(self._first_page() | changes)

    def kept(self) -> str:
        """What a saved view keeps: filters, order, page size and columns."""
        kept = self._first_page() | {"columns": ",".join(self.columns)}
        return urlencode({name: value for name, value in kept.items() if value}, safe=",")

    def next_page(self, cursor: str, shown: int) -> str:
        trail = [*self.trail, self.given.get("cursor", "first")][-_TRAIL:]
        place: dict[str, str | None] = {"cursor": cursor, "trail": ".".join(trail), "at": str(self.at + shown)}
        return "?" + self._written(self._first_page() | place)

    def page_before(self, size: int) -> str | None:
        if "cursor" not in self.given:
            return None
        if not self.trail or self.trail[-1] == "first":
            return self.having()
        place = {"cursor": self.trail[-1], "trail": ".".join(self.trail[:-1]), "at": str(max(0, self.at - size))}
        return "?" + self._written(dict(self.given) | place)

    def canonical(self) -> str:
        place = {"trail": ".".join(self.trail), "at": str(self.at)} if "cursor" in self.given else {}
        return self._written({**self.given, **place})

    def sorted_by(self, column: str, current: str) -> tuple[str, str]:
        """The address that sorts by a column, the other way round if it is sorted by it, and its `aria-sort`."""
        field = SORTABLE[column]
        newest_first = field.endswith("_at")
        if current == field:
            return self.having(sort=f"-{field}"), "ascending"
        if current == f"-{field}":
            return self.having(sort=field), "descending"
        return self.having(sort=f"-{field}" if newest_first else field), "none"

    def as_curl(self, origin: str, size: int) -> str:
        """The same list from the API, as a command of a shell."""
        url = f"{origin}/api/v1/contacts?{urlencode(self._first_page() | {'limit': str(size)})}"
        return f'curl {shlex.quote(url)} -H "X-API-Key: $ORBIT_API_KEY"'

    def as_python(self, origin: str, size: int) -> str:
        """The same list from the API, every page of it, in Python."""
        params = self._first_page() | {"limit": str(size)}
        return f"""\
import os
import requests

url = {origin + "/api/v1/contacts"!r}
headers = {{"X-API-Key": os.environ["ORBIT_API_KEY"]}}
params = {params!r}
while True:
    page = requests.get(url, params=params, headers=headers, timeout=30).json()
    for contact in page["data"]:
        print(contact["id"], contact["display_name"])
    if not (cursor := page["meta"]["pagination"]["cursor"]):
        break
    params["cursor"] = cursor
"""
