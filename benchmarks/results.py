"""Figures of rows in and out: each printed as it comes, all of them again as a table."""

from typing import NamedTuple

from rich.console import Console
from rich.table import Table

console = Console(highlight=False, width=130)


class Imported(NamedTuple):
    """Seconds of an import, the highest memory of its process, and created, updated, unchanged, skipped."""

    seconds: float
    megabytes: float
    counts: tuple[int, ...]


class Results:
    def __init__(self) -> None:
        self._table = Table("", "rows/s", "us/row", "of COPY", "target", "MB", "created, updated, unchanged, skipped")

    def add(
        self,
        what: str,
        count: int,
        seconds: float,
        *,
        share: float | None = None,
        target: str = "",
        more: Imported | None = None,
    ) -> None:
        """`share`: of the rate of COPY."""
        megabytes, counts = (f"{more.megabytes:,.0f}", ", ".join(map(str, more.counts))) if more else ("", "")
        rate, each, part = f"{count / seconds:,.0f}", f"{seconds / count * 1e6:.1f}", share and f"{share:.0%}"
        self._table.add_row(what, rate, each, part or "", target, megabytes, counts)
        told = [f"{what}: {count:,} in {seconds:.1f} s, {rate}/s", *([f"{part} of COPY"] if part else [])]
        print(", ".join([*told, *([f"{megabytes} MB, {counts}"] if more else [])]), flush=True)

    def show(self) -> None:
        console.print(self._table)
