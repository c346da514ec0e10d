"""Folding: text without the differences that people ignore when they search.

Gone are case, accents, full-width and other compatibility forms, ligatures, vowel signs of Arabic and
Hebrew, invisible characters. Letters that differ by more than an accent but are commonly typed as their
base are folded too (ø, ł, ß; the four Turkish i's are one). Letters stay letters: marks that make another
letter or syllable (Indic vowels, Thai tones, Japanese は/ば/ぱ) are kept, and the result is composed again,
so Hangul stays in syllables.
"""

from unicodedata import category, decimal, normalize

# Applied after case folding and canonical decomposition. Only non-ASCII characters may stand here: ASCII
# text takes the short way through `fold`.
_REPLACED = {
    **str.maketrans("ıȷøłđðħŧŋĸ", "ijolddhtnk"),
    **str.maketrans({"æ": "ae", "œ": "oe", "þ": "th"}),
    # One letter to people, several to Arabic, Persian and Urdu keyboards.
    **str.maketrans("ىیکةہھٱ", "ييكههها", "ـ"),
    **dict.fromkeys(map(ord, "’‘‛ʼʻʹ′´ʾʿ"), "'"),
    **dict.fromkeys(map(ord, "‐‑‒–—―−"), "-"),
}
_ACCENTS = tuple(
    range(first, last + 1)
    for first, last in (
        (0x0300, 0x036F),  # Latin, Greek, Cyrillic
        (0x0483, 0x0487),  # Cyrillic
        (0x0591, 0x05C7),  # Hebrew points
        (0x0610, 0x061A),  # Arabic
        (0x064B, 0x065F),
        (0x0670, 0x0670),
        (0x06D6, 0x06ED),
        (0x0730, 0x074A),  # Syriac
        (0x08CA, 0x08FF),  # Arabic
        (0x1AB0, 0x1AFF),
        (0x1DC0, 0x1DFF),
        (0x20D0, 0x20FF),  # for symbols
        (0xFE00, 0xFE0F),  # variation selectors
        (0xFE20, 0xFE2F),
        (0xE0100, 0xE01EF),  # variation selectors
    )
)


def fold(text: str) -> str:
    """`text` as search compares it. Idempotent, and the same for any letter case and any Unicode normal
    form.

    Control characters that are not white space, format characters and lone surrogates vanish; every white
    space becomes a blank, every decimal digit an ASCII one.
    """
    if text.isascii() and text.isprintable():
        return text.lower()
    return normalize("NFC", normalize("NFD", text).translate(_folded))


class _FoldedCodePoints(dict[int, str]):
    """Code point -> its folding, filled as texts bring them. Bounded: real text uses a few thousand."""

    def __missing__(self, code_point: int) -> str:
        folded = _fold_character(chr(code_point))
        if len(self) < 20_000:
            self[code_point] = folded
        return folded


_folded = _FoldedCodePoints()


def _fold_character(character: str) -> str:
    # Casing and compatibility forms uncover each other: a mathematical capital decomposes to a capital.
    for _ in range(3):
        canonical = normalize("NFD", character.casefold())
        character = normalize("NFKD", canonical.translate(_REPLACED))
    return "".join(_plain(part) for part in character)


def _plain(character: str) -> str:
    kind = category(character)
    if kind[0] == "M":
        return "" if any(ord(character) in block for block in _ACCENTS) else character
    if kind[0] == "Z" or (kind == "Cc" and character.isspace()):
        return " "
    if kind in ("Cc", "Cf", "Cs"):
        return ""
    if kind == "Nd":
        return str(decimal(character))
    return character
