"""Run by path, alone in a process: an XLS file to lines of JSON, `[row number, [cells]]`.

Arguments: file, bytes of memory, seconds of CPU, characters a cell, columns, and the sheet's name, if any; an
empty name, which no sheet has, asks for the names.
It imports nothing of the product, so that it starts fast and inherits no state.
"""

import json
import sys
from datetime import date, datetime, time, timedelta


def main(path: str, memory: str, seconds: str, characters: str, columns: str, sheet: str | None = None) -> None:
    """Write the rows, or one object: `{"error": [reason]}` or `{"sheets": names}` for an unknown sheet."""
    _bound(int(memory), int(seconds))
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    try:
        workbook = CalamineWorkbook.from_filelike(open(path, "rb"))  # noqa: SIM115  read to the end
    except Exception as error:
        print(json.dumps({"error": [str(error)[:300]]}))
        return
    names = [
        each.name
        for each in workbook.sheets_metadata
        if each.typ is SheetTypeEnum.WorkSheet and each.visible is SheetVisibleEnum.Visible
    ] or workbook.sheet_names
    if sheet is not None and sheet not in workbook.sheet_names:
        print(json.dumps({"sheets": names}))
        return
    most, found = int(columns) + 1, False
    for name in [sheet] if sheet is not None else names:
        opened = workbook.get_sheet_by_name(name)
        top, left = opened.start or (0, 0)
        for number, values in enumerate(opened.iter_rows(), top + 1):
            cells = [""] * left + [_text(value)[: int(characters) + 1] for value in values]
            if any(cells):
                found = True
                while not cells[-1]:
                    cells.pop()
                print(json.dumps([number, cells[:most]]))
        if found:
            return


def _bound(memory: int, seconds: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such bounds; the process is apart all the same
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        whole = int(value) if value == value and abs(value) != float("inf") and value == int(value) else None
        if whole is None:
            return f"{value:.15g}"
        return str(whole) if len(str(abs(whole))) <= 15 else f"{value:.14E}"
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)


if __name__ == "__main__":
    main(*sys.argv[1:])
