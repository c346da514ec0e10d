"""XLS (Excel 97-2003), read by `python-calamine` in a process of its own.

The library holds a sheet as a dense grid and aborts its process when memory runs out, and 25 MB of XLS
can name 50 GB of text; so it gets a bound on memory and on time, and what is left of it is a refusal.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TypeAlias

import msgspec

from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.imports.readers.archives import seekable
from orbit_contacts.features.imports.readers.rows import Fault, ReadLimits, unreadable
from orbit_contacts.features.imports.readers.sheet_cells import SheetRow, no_such_sheet
from orbit_contacts.features.imports.readers.sources import CHUNK_BYTES, Readable

MEMORY_BYTES = 768 * 1024 * 1024
CPU_SECONDS = 60

_CHILD = Path(__file__).with_name("xls_process.py")
_Said: TypeAlias = tuple[int, list[str]] | dict[str, list[str]]
_Answer: msgspec.json.Decoder[_Said] = msgspec.json.Decoder(tuple[int, list[str]] | dict[str, list[str]])
EXPECTED = "an undamaged XLS without a password, or the same sheet saved as XLSX or CSV"


class XlsWorkbook:
    """An Excel 97-2003 workbook."""

    def __init__(self, readable: Readable, limits: ReadLimits) -> None:
        self._stream = seekable(readable, limits)
        self._limits = limits

    def names(self) -> list[str]:
        """The sheets that a person sees, in their order."""
        said = [answer for answer in self._answers("") if isinstance(answer, dict)]
        if not said or "sheets" not in said[0]:
            raise _refusal(said[0] if said else {}, None)
        return said[0]["sheets"]

    def rows(self, sheet: str | None) -> Iterator[SheetRow]:
        """The rows that hold anything, of the sheet of that name or of the first visible one with any."""
        for answer in self._answers(sheet or None):
            if isinstance(answer, dict):
                raise _refusal(answer, sheet)
            number, cells = answer
            fault = None
            if len(cells) > self._limits.max_columns:
                message = f"At most {self._limits.max_columns} columns are read."
                fault = Fault("too_many_cells", message)
            yield SheetRow(number, cells, fault)

    def _answers(self, sheet: str | None) -> Iterator[_Said]:
        """What the process says, a line at a time; a refusal if it was stopped."""
        with tempfile.NamedTemporaryFile(suffix=".xls") as copy:
            while data := self._stream.read(CHUNK_BYTES):
                copy.write(data)
            copy.flush()
            limits = [MEMORY_BYTES, CPU_SECONDS, self._limits.cell_characters, self._limits.max_columns]
            command = [
                sys.executable,
                "-I",
                str(_CHILD),
                copy.name,
                *map(str, limits),
                *([] if sheet is None else [sheet]),
            ]
            with subprocess.Popen(  # noqa: S603  our own file, our own arguments
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as process:
                try:
                    yield from _read(process.stdout)
                    code = process.wait()
                finally:
                    process.kill()
        if code:
            raise unreadable("The workbook is damaged or needs too much memory.", f"exit code {code}", EXPECTED)


def _read(output: IO[bytes] | None) -> Iterator[_Said]:
    for line in output or ():
        try:
            yield _Answer.decode(line)
        except msgspec.DecodeError:
            return  # cut off in the middle: the exit code tells


def _refusal(answer: dict[str, list[str]], sheet: str | None) -> Refusal:
    if "sheets" in answer:
        return no_such_sheet(sheet or "", answer["sheets"])
    reason = "".join(answer.get("error", []))
    return unreadable(f"The file cannot be opened: {reason}.", reason, EXPECTED)
