"""How a delimited text is written: delimiter, quote character, header or not, Excel's `sep=` line."""

import csv
import io
import re
from collections import Counter

import msgspec

from orbit_contacts.features.imports.contact_fields import is_own_header, is_report
from orbit_contacts.features.imports.readers.bad_bytes import BAD_CHARACTER

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 200

_SEP_LINE = re.compile(r'"?sep=(.)"?[ \t,;|]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
_SINGLE_QUOTED = re.compile(r"(?:^|[,;\t|])'[^'\r\n]*'(?=[,;\t|]|$)", re.MULTILINE)
_DATA_LIKE = re.compile(
    r"""[^@\s]+@[^@\s]+\.[^@\s]+          # an e-mail address
      | [+(]?\d[\d\s().+/:-]{6,}          # a phone number, a date, a time
    """,
    re.VERBOSE,
)


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """How to split the text into cells."""

    delimiter: str = ","
    quote: str = '"'
    skip_space: bool = False  # blanks between a delimiter and a quote are not text
    has_header: bool = True
    preamble_lines: int = 0  # lines before the header that are no record (`sep=;`)


def guess_dialect(text: str, delimiter: str | None = None) -> Dialect:
    """The dialect of the beginning of a file. `delimiter` is what the name or type of the file tells."""
    text = BAD_CHARACTER.sub("?", text.lstrip("\ufeff"))
    own = _own_dialect(text[: text.find("\n") + 1] or text)
    if own:
        return own
    preamble = 0
    told = _SEP_LINE.match(text)
    if told and told[1] in DELIMITERS:
        delimiter, preamble, text = told[1], 1, text[told.end() :]
    lines = list(io.StringIO(text, newline=""))
    if len(lines) > 1 and not lines[-1].endswith(("\n", "\r")):
        lines.pop()  # cut in the middle
    lines = lines[:SAMPLE_LINES]
    quote = "'" if _prefers_single_quotes("".join(lines)) else '"'
    delimiter = delimiter or max(DELIMITERS, key=lambda each: _consistency(lines, each, quote))
    skip_space = _has_spaced_quotes(lines, delimiter, quote)
    rows = _split(lines, delimiter, quote, skip_space)
    return Dialect(
        delimiter=delimiter,
        quote=quote,
        skip_space=skip_space,
        has_header=_first_is_header(rows),
        preamble_lines=preamble,
    )


def _own_dialect(line: str) -> Dialect | None:
    """The dialect of a file that this product wrote: its header leaves nothing to guess."""
    for delimiter in DELIMITERS:
        for names in _split([line], delimiter, '"', False):
            if is_report(names) or is_own_header(names):
                return Dialect(delimiter=delimiter)
    return None


def _prefers_single_quotes(text: str) -> bool:
    """True when cells are wrapped in apostrophes: several times, and the usual quote never opens one."""
    opens = re.search(r'(?:^|[,;\t|])"', text, re.MULTILINE)
    return not opens and len(_SINGLE_QUOTED.findall(text)) >= 3


def _consistency(lines: list[str], delimiter: str, quote: str) -> tuple[float, int]:
    """How evenly a delimiter cuts the lines: the share of rows of the usual width, then that width."""
    widths = Counter(len(row) for row in _split(lines, delimiter, quote, False) if row)
    if not widths:
        return 0.0, 0
    width, count = max(widths.items(), key=lambda each: (each[1] * (each[0] > 1), each[0]))
    if width < 2:
        return 0.0, 0
    share = count / widths.total()
    header_share = 0.25 if lines and lines[0].count(delimiter) == width - 1 else 0.0
    return round(share + header_share, 1), width


def _has_spaced_quotes(lines: list[str], delimiter: str, quote: str) -> bool:
    """`a, "b, c"`: a blank before the opening quote, and reading it as one makes the rows more even."""
    if delimiter + " " + quote not in "".join(lines):
        return False
    spread = [len(Counter(map(len, _split(lines, delimiter, quote, skip)))) for skip in (False, True)]
    return spread[1] <= spread[0]


def _split(lines: list[str], delimiter: str, quote: str, skip_space: bool) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter, quotechar=quote, skipinitialspace=skip_space):
            rows.append(row)
    except csv.Error:
        pass  # a cell beyond the module's bound: the rows before it are sample enough
    return rows


def _first_is_header(rows: list[list[str]]) -> bool:
    """A header has names, and names are neither addresses, phone numbers nor dates. Without any row to tell
    otherwise the first one is taken for the header, as every exporter writes one."""
    first = next((row for row in rows if any(cell.strip() for cell in row)), None)
    if first is None:
        return True
    filled = [cell.strip().lstrip("'") for cell in first if cell.strip()]
    return not any(_DATA_LIKE.fullmatch(cell) for cell in filled)
