"""Public ids of contacts in lines that PostgreSQL writes: `core.ids.contact_text`.

Base 32 in SQL costs as much as ten other columns. Where the id begins the line, PostgreSQL writes the bits in base 64,
which it has, with room for the public form, and that is written over them for a page of lines at once.
"""

from binascii import a2b_base64
from typing import Any, LiteralString

import numpy as np
import numpy.typing as npt

from orbit_contacts.core.ids import ALPHABET

# As long as a public id: its prefix, 18 bytes in base 64, and 2 to spare.
WITH_ROOM: LiteralString = "'con_' || encode(uuid_send(c.id) || '\\x0000'::bytea, 'base64') || '..'"
_PREFIX = len("con_")
_BASE_64 = 24
_DIGITS = np.frombuffer(ALPHABET.encode(), np.uint8)
_LF, _QUOTE = ord("\n"), ord('"')

# The expression over `own.bits`. The limit keeps the planner from putting it in each place that names it.
OWN_BITS: LiteralString = " CROSS JOIN LATERAL (SELECT uuid_send(c.id) AS bits LIMIT 1) AS own"
# The byte at which a window of ten bits begins, and how far its two bytes are shifted; the first window is one byte.
_WINDOWS: tuple[tuple[LiteralString, LiteralString], ...] = (
    *(("1", "6"), ("2", "4"), ("3", "2"), ("4", "0"), ("6", "6"), ("7", "4"), ("8", "2"), ("9", "0")),
    *(("11", "6"), ("12", "4"), ("13", "2"), ("14", "0")),
)


def _expression() -> LiteralString:
    """Thirteen times ten bits, each a pair of digits of one long text."""
    pairs: LiteralString = "".join([ALPHABET[n // 32] + ALPHABET[n % 32] for n in range(1024)])
    windows: list[LiteralString] = ["get_byte(own.bits, 0)"]
    for first, shift in _WINDOWS:
        two = "((get_byte(own.bits, {first}) << 8) | get_byte(own.bits, {first} + 1))".replace("{first}", first)
        windows.append("((" + two + " >> " + shift + ") & 1023)")
    digits: list[LiteralString] = ["substring('" + pairs + "'::bytea, 1 + 2 * " + at + ", 2)" for at in windows]
    return "encode('con_'::bytea || " + " || ".join(digits) + ", 'escape')"


ANYWHERE = _expression()


def write_ids(lines: bytes, rows: int, before: int) -> bytes:
    """The lines with every id in its public form; `WITH_ROOM` stands `before` bytes after the beginning of each."""
    written = bytearray(lines)
    text = np.frombuffer(written, np.uint8)
    starts = _starts(text, rows) + (before + _PREFIX)
    encoded = text[starts[:, None] + np.arange(_BASE_64)]
    ids = np.frombuffer(a2b_base64(encoded.tobytes()), np.uint8).reshape(rows, 18)[:, :16].astype(np.uint16)
    digits = np.empty((rows, 26), np.uint8)
    for place in range(26):
        # Five bits each, of 130: the first two are none of the id's 128.
        digits[:, place] = _DIGITS[_five_bits(ids, 5 * place - 2)]
    text[starts[:, None] + np.arange(26)] = digits
    return bytes(written)


def _five_bits(ids: npt.NDArray[np.uint16], first: int) -> npt.NDArray[Any]:
    if first < 0:
        return ids[:, 0] >> 5
    byte, bit = divmod(first, 8)
    two = ids[:, byte] << 8 | (ids[:, byte + 1] if byte < 15 else 0)
    return two >> (11 - bit) & 31


def _starts(text: npt.NDArray[np.uint8], rows: int) -> npt.NDArray[Any]:
    """Where each line begins; an LF between quotes ends none."""
    ends = np.flatnonzero(text == _LF)
    if len(ends) != rows:
        inside = np.cumsum(text == _QUOTE, dtype=np.uint8) & 1
        ends = np.flatnonzero((text == _LF) & (inside == 0))
    starts = np.empty(rows, np.intp)
    starts[:1] = 0
    starts[1:] = ends[:-1] + 1
    return starts
