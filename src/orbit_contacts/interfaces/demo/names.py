"""Given names, family names and company names by language, each with its Latin reading for addresses.

The lists are `name_lists/<language>.toml`, most common names first. A word is written `native`, or
`native:reading` where the script has no simple transliteration, or `male/female` where a family name has two
forms; `_` stands for a space inside a word. `letters.toml` reads Cyrillic and Greek letter by letter
(BGN/PCGN and ELOT 743, made simple) and the Latin letters that do not decompose; a list's own `[letters]`
overrule it.
"""

import tomllib
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, NamedTuple, TypeVar

SLOTS = 256
"""Places in a list of names. A common name takes many, so an even draw over places gives uneven names."""

_Entry = TypeVar("_Entry")


class Name(NamedTuple):
    """A name as written and its reading: lower-case a-z, fit for the local part of an address."""

    written: str
    reading: str


class NameList(NamedTuple):
    """One language's names, on `SLOTS` places each; `family[0]` are the male forms, `family[1]` the female.

    Place `i` of `given` is a woman's name when `female[i]`. `companies` are whole names, read as a host
    label.
    """

    language: str
    family_first: bool
    joiner: str
    has_own_script: bool
    given: Sequence[Name]
    female: Sequence[bool]
    family: tuple[Sequence[Name], Sequence[Name]]
    companies: Sequence[Name]


@cache
def name_list(language: str) -> NameList:
    """The list `name_lists/<language>.toml`."""
    data = _toml(f"{language}.toml")
    letters: dict[str, str] = _toml("letters.toml") | data.get("letters", {})
    women = [_name(word, letters) for word in data["female"].split()]
    men = [_name(word, letters) for word in data["male"].split()]
    families = [_both_forms(word, letters) for word in data["family"].split()]
    given = _spread(women, SLOTS // 2) + _spread(men, SLOTS // 2)
    pairs = _spread(families, SLOTS)
    return NameList(
        language=language,
        family_first=data["order"] != "first last",
        joiner="" if data["order"] == "lastfirst" else " ",
        has_own_script=not any("a" <= letter <= "z" for letter in men[0].written.lower()),
        given=given,
        female=[place < SLOTS // 2 for place in range(SLOTS)],
        family=([male for male, _ in pairs], [female for _, female in pairs]),
        companies=_companies(data, letters),
    )


def _toml(file: str) -> dict[str, Any]:
    folder = resources.files("orbit_contacts.interfaces.demo").joinpath("name_lists")
    return tomllib.loads(folder.joinpath(file).read_text(encoding="utf-8"))


def _name(word: str, letters: Mapping[str, str]) -> Name:
    written, _, reading = word.partition(":")
    return Name(written.replace("_", " "), reading or romanised(written, letters))


def _both_forms(word: str, letters: Mapping[str, str]) -> tuple[Name, Name]:
    male, _, female = word.partition("/")
    return _name(male, letters), _name(female or male, letters)


def romanised(text: str, letters: Mapping[str, str]) -> str:
    """The letters a-z of a name, others by their reading in `letters`; '' when nothing can be read."""
    known = "".join(letters.get(letter, letter) for letter in unicodedata.normalize("NFC", text.lower()))
    bare = unicodedata.normalize("NFD", known)
    # A Greek or Cyrillic letter with an accent is found only once the accent is off: hence twice.
    plain = "".join(letters.get(letter, letter) for letter in bare)
    return "".join(letter for letter in plain if "a" <= letter <= "z")


def _spread(names: Sequence[_Entry], places: int) -> list[_Entry]:
    """Give each name at least one place, common (early) ones more: like rank to the power -0.7."""
    weights = [(rank + 3.0) ** -0.7 for rank in range(len(names))]
    scale = (places - len(names)) / sum(weights)
    counts = [1 + int(weight * scale) for weight in weights]
    for rank in range(places - sum(counts)):
        counts[rank] += 1
    return [name for name, count in zip(names, counts, strict=True) for _ in range(count)]


def _companies(data: Mapping[str, Any], letters: Mapping[str, str]) -> list[Name]:
    names: list[Name] = []
    for stem in data["stems"].split():
        for trade in data["trades"].split():
            first, second = _company_word(stem, letters), _company_word(trade, letters)
            written: str = data["company"].format(stem=first.written, trade=second.written)
            names.append(Name(written, f"{first.reading}-{second.reading}"))
    return names


def _company_word(word: str, letters: Mapping[str, str]) -> Name:
    written, _, reading = word.partition(":")
    words = (romanised(part, letters) for part in written.replace("-", "_").split("_"))
    return Name(written.replace("_", " "), reading or "-".join(words))


def occurrences(forms: Sequence[Sequence[str]]) -> tuple[list[list[int]], list[list[int]]]:
    """For each place of each form's list: its reading's count before it, and the reading's most in any list.

    So two places of a list that read alike differ in the first number, which is always less than the second.
    """
    totals: Counter[str] = Counter()
    for readings in forms:
        totals |= Counter(readings)
    before: list[list[int]] = []
    for readings in forms:
        seen: Counter[str] = Counter()
        before.append([])
        for reading in readings:
            before[-1].append(seen[reading])
            seen[reading] += 1
    return before, [[totals[reading] for reading in readings] for readings in forms]
