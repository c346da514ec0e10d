"""The values of one compiled rule, each bound once, and its boundaries: workspace, cells, window. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.where import Where
from orbit_contacts.features.segments.tree import Rule


class Window(NamedTuple):
    """Contacts with `first <= id < end`; None: no end."""

    first: UUID
    end: UUID | None


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose contacts, at which instant, and the rules of the segments that a rule names.

    `has_nearly_all`: the indexes that lead with the workspace need not be asked for it (`contacts.share`).
    """

    workspace_id: int
    cells: tuple[int, ...]
    now: Instant
    segments: Mapping[UUID, Rule]
    window: Window | None = None
    has_nearly_all: bool = False


class Binder:
    def __init__(self, where: Where, scope: Scope) -> None:
        self._where = where
        self.scope = scope
        # Set by conditions that the contacts' GIN indexes can serve: those lead with the workspace.
        self.wants_workspace = False
        # Set by parts that are worked out over all contacts before the first one is found.
        self.works_ahead = False
        self._places: dict[Any, LiteralString] = {}

    def bind(self, value: Any, cast: LiteralString) -> LiteralString:
        """The place of a value, with its type: `$3::text`. Equal values share one place."""
        # 1, 1.0 and True are equal to Python and different documents to PostgreSQL.
        key = (cast, repr(value))
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = self._where.bind(value) + "::" + cast
        return place

    def cell(self, alias: LiteralString) -> LiteralString:
        """`alias` lies in the caller's cells; one cell is compared by `=`, which keeps an index's order."""
        cells = self.scope.cells
        if len(cells) == 1:
            return alias + ".cell_id = " + self.bind(cells[0], "bigint")
        return alias + ".cell_id = ANY(" + self.bind(list(cells), "bigint[]") + ")"

    def workspace(self, alias: LiteralString) -> LiteralString:
        return alias + ".workspace_id = " + self.bind(self.scope.workspace_id, "bigint")

    def window(self, column: LiteralString) -> LiteralString:
        """` AND …` that keeps the ids of the window."""
        window = self.scope.window
        if window is None:
            return ""
        text = " AND " + column + " >= " + self.bind(window.first, "uuid")
        return text if window.end is None else text + " AND " + column + " < " + self.bind(window.end, "uuid")
