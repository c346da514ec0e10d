"""Which encoding a text is in: certain with a BOM, nearly with UTF-8, a ranked guess with a code page.

Bytes alone cannot tell Windows-1254 from Windows-1250 from Windows-1252, so a guess comes with its
candidates and a sample of each for a person to choose from.
"""

import codecs
import re
import unicodedata

import msgspec
from charset_normalizer import from_bytes

from orbit_contacts.core.errors import InvalidRequest

SAMPLE_BYTES = 16 * 1024  # of text handed to the guess
SHOWN_CHARACTERS = 200
LIKELIEST = 6

# Code pages worth trying, the usual first: the order breaks ties.
_CODE_PAGES = (
    *("cp1252", "cp1254", "cp1250", "cp1251", "cp1253", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"),
    *("iso8859_2", "iso8859_15", "koi8_r", "koi8_u", "mac_roman"),
    *("cp437", "cp850", "cp852", "cp857", "cp866"),
)
_MULTIBYTE = ("cp932", "gb18030", "big5", "euc_kr", "euc_jp", "iso2022_jp")
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
KNOWN = ("utf-8", *_WIDE, *_CODE_PAGES, *_MULTIBYTE, "latin-1", "iso8859-9", "iso8859-5")
"""What a file can be read as, by Python's names."""
_NAMES = {"cp949": "euc_kr", "shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030"}

# Letters that names and towns of each page's languages are full of. Reading a text in the wrong page
# turns them into letters that nobody uses there, or into signs in the middle of a word.
_USUAL = {
    "cp1252": "éèêëàáâãäåæçíïîñóôõöøúùûüßœÉÈÀÁÂÃÄÅÆÇÍÑÓÔÕÖØÚÜ",
    "cp1254": "şŞıİğĞçÇöÖüÜâî",
    "cp1250": "ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽäöüßÄÖÜőűŐŰăâîşţĂÂÎŞŢđĐ",
    "cp1257": "āčēģīķļņšūžĀČĒĢĪĶĻŅŠŪŽąęėįųĄĘĖĮŲõäöüÕÄÖÜ",
    "cp1258": "ăâđêôơưĂÂĐÊÔƠƯ",
    "iso8859_15": "éèêëàáâãäåæçíïîñóôõöøúùûüßœÉÈÀÁÂÃÄÅÆÇÍÑÓÔÕÖØÚÜ€",
}
_USUAL["mac_roman"] = _USUAL["cp437"] = _USUAL["cp850"] = _USUAL["cp1252"]
_USUAL["cp852"] = _USUAL["iso8859_2"] = _USUAL["cp1250"]
_USUAL["cp857"] = _USUAL["cp1254"]
_HARMLESS = set("‘’“”„–—…€£°·«»©®™´№ \xa0")


class EncodingCandidate(msgspec.Struct, frozen=True):
    """An encoding, how likely it is (0 to 1), and lines of the file read with it."""

    name: str
    confidence: float
    sample: str


def guess_encodings(data: bytes, evidence: bytes = b"") -> list[EncodingCandidate]:
    """The candidates, likeliest first, never empty. `data` is the beginning of the file; `evidence` are
    whole lines with non-ASCII bytes from anywhere in it."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            return [_candidate(name, 1.0, data[len(bom) :])]
    wide = _utf16_without_bom(data)
    if wide:
        return [_candidate(wide, 0.9, data)]
    telling = b"\n".join(line for line in re.split(rb"[\r\n]+", data) if not line.isascii())
    telling = (telling + b"\n" + evidence)[: 4 * SAMPLE_BYTES]
    if not telling.strip():
        escaped = b"\x1b$" in data or b"\x1b(J" in data
        return [_candidate("iso2022_jp", 0.9, data)] if escaped else [_candidate("utf-8", 1.0, data)]
    share = _utf8_share(telling)
    if share >= 0.5:
        return [_candidate("utf-8", round(0.5 + share / 2, 2), telling), *_code_pages(telling)[:3]]
    return _code_pages(telling)


def known_encoding(name: str) -> str:
    """The canonical name of an encoding somebody chose, or a refusal."""
    try:
        python_name = codecs.lookup(name).name
    except (LookupError, ValueError):
        python_name = name
    python_name = _NAMES.get(python_name, python_name)
    for known in (*KNOWN, "ascii"):
        if codecs.lookup(known).name == python_name:
            return "utf-8" if known == "ascii" else known
    raise InvalidRequest(
        f"The encoding {name!r} is not known.", field="encoding", value=name, expected="utf-8, cp1252, …"
    )


def strip_bom(data: bytes) -> bytes:
    """The data without the mark that tells its encoding."""
    return next((data[len(bom) :] for bom, _ in _BOMS if data.startswith(bom)), data)


_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def _utf16_without_bom(data: bytes) -> str | None:
    """Delimiters, digits and line ends are ASCII in any language, and put their NULs on one side."""
    data = data[: len(data) & ~1]
    even, odd = data[0::2].count(0), data[1::2].count(0)
    if max(even, odd) < max(2, len(data) // 50) or min(even, odd) * 10 > max(even, odd):
        return None
    name = "utf-16-le" if odd > even else "utf-16-be"
    text = data.decode(name, errors="replace")
    return name if text.count("\ufffd") * 20 <= len(text) else None


def _utf8_share(telling: bytes) -> float:
    """The share of telling lines that are UTF-8. What other encodings write is almost never so."""
    lines = [line for line in telling.split(b"\n")[:2000] if not line.isascii()]
    good = 0
    for line in lines:
        try:
            line.decode()
        except UnicodeDecodeError:
            continue
        good += 1
    return good / len(lines) if lines else 0.0


def _code_pages(telling: bytes) -> list[EncodingCandidate]:
    sample = telling[:SAMPLE_BYTES]
    scores: dict[str, float] = {}
    for name in _CODE_PAGES:
        text = sample.decode(name, errors="replace")
        scores[name] = _plausibility(text, _USUAL.get(name)) - _CODE_PAGES.index(name) / 1000
    for match in from_bytes(sample, cp_isolation=list(_MULTIBYTE), enable_fallback=False):
        name = _NAMES.get(match.encoding, match.encoding)
        text = sample.decode(name, errors="replace")
        scores[name] = _plausibility(text, None) + match.coherence / 10 - match.chaos / 2
    ranked = sorted(scores.items(), key=lambda each: -each[1])[:LIKELIEST]
    return [_candidate(name, round(min(max(score, 0.05), 1.0) * 0.9, 2), telling) for name, score in ranked] or [
        _candidate("cp1252", 0.1, telling)
    ]


def _plausibility(text: str, usual: str | None) -> float:
    """Mean over the non-ASCII characters: 1 for a letter its language uses, less for others, below 0 for
    signs inside words and for what cannot be read."""
    total, count = 0.0, 0
    previous = ""
    for character in text:
        if character > "\x7f":
            count += 1
            total += _weight(character, previous, usual)
        previous = character
    return total / count if count else 0.0


def _weight(character: str, previous: str, usual: str | None) -> float:
    if character == "\ufffd":
        return -3.0
    if character in _HARMLESS:
        return 0.6
    category = unicodedata.category(character)
    if category in ("Lo", "Mn", "Mc"):  # scripts without case, and their vowel signs
        if category == "Mn" and not previous.isalpha():
            return -0.5  # a vowel sign with nothing to stand on
        return 0.2 if ord(character) >= 0xFF00 and previous <= "\x7f" else _foreign(character, previous)
    if category not in ("Ll", "Lu", "Lm"):
        return -1.0 if previous.isalpha() else -0.5
    if category == "Lu" and previous.islower():
        return -0.5  # iV: a capital inside a word
    if ord(character) >= 0x370:
        return _foreign(character, previous)
    if usual is None or character not in usual:
        return 0.3 if usual is not None else 0.7
    return 0.7 if previous > "\x7f" and previous.isalpha() else 1.0  # few accents stand side by side


def _foreign(character: str, previous: str) -> float:
    """Weight of a letter outside the Latin alphabet."""
    if previous.isalpha() and previous < "\u0370":
        return -0.5  # Renйe: two scripts in one word
    starts_word = not previous.isalpha()
    return 0.6 if starts_word and character.islower() else 0.9


def _candidate(name: str, confidence: float, data: bytes) -> EncodingCandidate:
    text = data[: 8 * SHOWN_CHARACTERS].decode(name, errors="replace")
    return EncodingCandidate(name, confidence, text[:SHOWN_CHARACTERS].strip("\ufeff\ufffd\r\n"))
