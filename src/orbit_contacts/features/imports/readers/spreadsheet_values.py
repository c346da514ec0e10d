"""Numbers, dates and truth values of spreadsheets as the text a person sees in the cell."""

import re
from datetime import datetime, timedelta
from enum import Enum

LONGEST_EXACT = 15  # significant digits that a spreadsheet keeps

_EPOCH_1900 = datetime(1899, 12, 30)
_EPOCH_1904 = datetime(1904, 1, 1)
_NOT_CODE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_DATE_LETTERS = re.compile(r"[ymdhs]", re.IGNORECASE)
_PLUS = re.compile(r'(?:\\?\+|"\+")[0# ]+')
_BUILT_IN_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))


class NumberFormat(Enum):
    """The number formats that change which text is meant."""

    PLAIN = "plain"
    DATE = "date"
    PLUS = "plus"  # a phone number whose + is only in the format


def number_format(format_id: int, code: str | None) -> tuple[NumberFormat, int]:
    """What a format code makes of a number, and the digits it pads to (`00000` for postal codes)."""
    if code is None:
        return (NumberFormat.DATE if format_id in _BUILT_IN_DATES else NumberFormat.PLAIN), 0
    if re.fullmatch("0+", code):
        return NumberFormat.PLAIN, len(code)
    if _PLUS.fullmatch(code):
        return NumberFormat.PLUS, 0
    bare = _NOT_CODE.sub("", code.split(";")[0])
    is_date = bool(_DATE_LETTERS.search(bare)) and "general" not in bare.lower()
    return (NumberFormat.DATE if is_date else NumberFormat.PLAIN), 0


def number_text(raw: str, kind: NumberFormat, padding: int, date_1904: bool = False) -> str:
    """A stored number as text: `14155551234.0` is `14155551234`, 45000 formatted as a date is
    `2023-03-15`. From 16 digits on a spreadsheet has lost digits, and scientific notation says so."""
    try:
        value = float(raw)
    except ValueError:
        return raw
    if kind is NumberFormat.DATE:
        return date_text(value, date_1904) or raw
    text = _plain(value)
    if padding and text.isdigit():
        return text.zfill(padding)
    return "+" + text if kind is NumberFormat.PLUS and text.isdigit() else text


def date_text(serial: float, date_1904: bool = False) -> str | None:
    """A serial day number as ISO 8601: a date, a time (below 1), or both; None when it is none."""
    if not 0 <= serial < 2_958_466:  # the year 10000
        return None
    # 1900 had no 29 February, spreadsheets have: before March 1900 their serials are one short.
    epoch_1900 = _EPOCH_1900 if serial >= 60 else _EPOCH_1900 + timedelta(days=1)
    epoch = _EPOCH_1904 if date_1904 else epoch_1900
    try:
        moment = epoch + timedelta(seconds=round(serial * 86_400))
    except OverflowError:
        return None
    if serial < 1:
        return moment.strftime("%H:%M:%S")
    if moment.hour == moment.minute == moment.second == 0:
        return moment.date().isoformat()
    return moment.isoformat()


def _plain(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return ""
    if value == int(value):
        whole = int(value)
        if len(str(abs(whole))) <= LONGEST_EXACT:
            return str(whole)
        return f"{value:.{LONGEST_EXACT - 1}E}"
    return f"{value:.{LONGEST_EXACT}g}"
