"""Makes CSV cells harmless in a spreadsheet, and undoes it exactly.

A spreadsheet runs a cell that begins like a formula (CWE-1236). Every CSV this product writes
passes each cell through `guard`; every CSV that it wrote and reads again passes through `unguard`.
"""

import re
from collections.abc import Iterable

# The contract, section 25: `=`, `@`, tab or CR at the start, or `+`/`-` not followed by digits only,
# so that a plain E.164 number stays as it is. The apostrophes in front make the guard invertible:
# a cell that was `'=1` by itself gets one more, and loses exactly that one when it comes back.
_DANGEROUS = re.compile(r"'*(?:[=@\t\r]|[+-](?![0-9]+\Z))")


def guard(cell: str) -> str:
    """The cell with an apostrophe in front if a spreadsheet would take it for a formula."""
    return "'" + cell if _DANGEROUS.match(cell) else cell


def unguard(cell: str) -> str:
    """The cell that `guard` was given: `unguard(guard(cell)) == cell` for every string."""
    return cell[1:] if cell.startswith("'") and _DANGEROUS.match(cell) else cell


def guard_all(cells: Iterable[str]) -> list[str]:
    """`guard` for a row; the test of the first character keeps the usual cell cheap."""
    return [guard(cell) if cell and cell[0] in "'=@\t\r+-" else cell for cell in cells]


def unguard_all(cells: Iterable[str]) -> list[str]:
    """`unguard` for a row."""
    return [unguard(cell) if cell and cell[0] == "'" else cell for cell in cells]
