"""What spreadsheets and keyboards leave in a cell besides the text that was meant."""

import re

# Zero-width and direction marks. The joiners U+200C and U+200D are letters' business in Persian and in
# emoji, so they go only at the ends of a text, or everywhere where no such letter can be meant.
_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u00ad"
_INVISIBLE_ANYWHERE = re.compile(f"[{_INVISIBLE}]")
_MARKS = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_ENDS = _INVISIBLE + " \t\r\n\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u202f\u205f\u3000\x1a"
_WIDE_SPACES = re.compile("[\u00a0\u2000-\u2009\u202f\u205f\u3000]")

# The usual cell, which needs none of this: most of the time goes into finding that out.
_PLAIN_TEXT = re.compile(r"[A-Za-z0-9(](?:[ -~]*[!-~])?")
_PLAIN_CODE = re.compile(r"[A-Za-z0-9+][!-~]{4,}")  # longer than `null`

_FORMULA_TEXT = re.compile(r'="((?:[^"]|"")*)"')
_TEXT_MARK = re.compile(r"'(?=[=+\-@\t\r0-9(])")
_SCIENTIFIC = re.compile(r"([+-]?)(\d)(?:[.,](\d+))?[eE]\+?(\d{1,3})")
_NOTHING = frozenset({"#n/a", "#null!", "#ref!", "#value!", "#name?", "#div/0!", "#num!", "null", "\\n"})


class LostDigitsError(ValueError):
    """A spreadsheet rounded a long number; the digits it dropped are nowhere in the file."""


def clean_text(cell: str) -> str:
    """Free text: blanks and marks at the ends, a formula that only holds text (`="00123"`), and the
    apostrophe by which a spreadsheet marks text go; direction marks and wide blanks inside do too."""
    if cell.isalpha() or _PLAIN_TEXT.fullmatch(cell):
        return cell
    text = _unwrapped(cell.strip(_ENDS))
    if not text.isascii():
        text = _WIDE_SPACES.sub(" ", _MARKS.sub("", text))
    return text.strip(_ENDS)


def clean_code(cell: str) -> str:
    """A phone number, an e-mail address, a code, an id: no invisible character anywhere, no text mark,
    and nothing at all for a spreadsheet's error value (`#N/A`) or a database's NULL."""
    if _PLAIN_CODE.fullmatch(cell):
        return cell
    text = cell if cell.isascii() else _WIDE_SPACES.sub(" ", _INVISIBLE_ANYWHERE.sub("", cell))
    text = _unwrapped(text.strip(_ENDS)).removeprefix("'").strip(_ENDS)
    return "" if text.lower() in _NOTHING else text


def clean_header(cell: str) -> str:
    """A column's name as people read it: one line, no marks around it."""
    return " ".join(clean_text(cell).split())


def whole_number(text: str) -> str:
    """The digits of a number that a spreadsheet wrote in scientific notation, when all are there:
    `1.4155551234E+10` is `14155551234`. Raises `LostDigitsError` for `1.41556E+10`; other text comes back."""
    found = _SCIENTIFIC.fullmatch(text) if "E" in text or "e" in text else None
    if not found:
        return text
    sign, first, decimals, exponent = found[1], found[2], found[3] or "", int(found[4])
    if not 6 <= exponent <= 30:
        return text
    if len(decimals) < exponent:
        raise LostDigitsError(
            f"A spreadsheet shortened this number to {text}: only {1 + len(decimals)} of its {exponent + 1} "
            "digits are left. Format the column as text in the spreadsheet and export it again."
        )
    return text if decimals[exponent:].strip("0") else sign + first + decimals[:exponent]


def _unwrapped(text: str) -> str:
    formula = _FORMULA_TEXT.fullmatch(text)
    if formula:
        return formula[1].replace('""', '"')
    return _TEXT_MARK.sub("", text, count=1) if text.startswith("'") and _TEXT_MARK.match(text) else text
