"""Rows of a sheet as they are put together cell by cell."""

import re
from typing import NamedTuple

from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.imports.readers.rows import Fault

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class SheetRow(NamedTuple):
    """A row by its number in the sheet."""

    number: int
    cells: list[str]
    fault: Fault | None

    def with_cell(self, column: int, text: str, max_columns: int) -> "SheetRow":
        """The row with one more cell; text beyond the last column that is read makes the row faulty."""
        if not text:
            return self
        if column >= max_columns:
            message = f"There is text in column {column + 1}; at most {max_columns} columns are read."
            return self._replace(fault=Fault("too_many_cells", message))
        cells = self.cells
        missing = column - len(cells)
        if missing >= 0:
            if missing:
                cells.extend([""] * missing)
            cells.append(text)
        else:
            cells[column] = text
        return self


def no_such_sheet(sheet: str, names: list[str]) -> InvalidRequest:
    """The refusal for a sheet that the workbook does not have."""
    known = ", ".join(names[:20]) or "none"
    return InvalidRequest(f"There is no sheet {sheet!r}.", field="sheet", value=sheet, expected=f"one of: {known}")


def clipped(parts: list[str], most: int) -> str:
    """The parts of a text joined, cut just above the bound so that the bound is seen to be passed."""
    text = "".join(parts)
    return text if len(text) <= most else text[: most + 1]


def unescape(text: str) -> str:
    """`_x000D_` and its like, by which XLSX writes what XML cannot hold."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text
