"""Bytes that are not of a file's encoding, carried through decoding so that only their row suffers.

Such a byte becomes the lone surrogate U+DC00 + byte, which no strict decoder ever yields.
"""

import codecs
import re

MARK_BAD = "orbit.mark_bad"
BAD_CHARACTER = re.compile("[\ud800-\udfff]")


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in bad), error.end


codecs.register_error(MARK_BAD, _mark)


def show_bad(text: str) -> str:
    """The text with each bad byte shown as Windows-1252 reads it: by far the most usual stranger in a
    UTF-8 file. A byte that means nothing there becomes U+FFFD, and NUL the symbol for it, so that the text
    can be stored and sent in any case."""
    return BAD_CHARACTER.sub(lambda found: _as_windows_1252(ord(found[0])), text).replace("\0", "\u2400")


def describe_bad(text: str) -> str:
    """The first few bad bytes of a text, for a message: `byte 0xE9 (character 4)`."""
    found = [
        f"byte 0x{ord(hit[0]) - 0xDC00:02X} (character {hit.start() + 1})"
        if 0xDC00 <= ord(hit[0]) <= 0xDCFF
        else f"half a surrogate pair (character {hit.start() + 1})"
        for hit in BAD_CHARACTER.finditer(text[:100_000])
    ]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(found[:3]) + more + ", not of the file's encoding"


def _as_windows_1252(code: int) -> str:
    if not 0xDC00 <= code <= 0xDCFF:
        return "\ufffd"
    text = bytes([code - 0xDC00]).decode("cp1252", errors="replace")
    return text if text.isprintable() else "\ufffd"
