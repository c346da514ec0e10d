"""The populations of the invented world: how many live where, what they are called, and how they are reached.

Addresses: every mail domain ends in a reserved name (RFC 2606: `example.com`, `.org`, `.net`, and all of
`.example`). Numbers: a population's first people get numbers that its regulator keeps for fiction, where it
keeps any (North America 555-01xx; Ofcom 07700 900xxx; ACMA; ARCEP 06 39 98 xxxx; Bundesnetzagentur,
Mitteilung 148/2021; PTS 070-174 06xx). In North America the rest lie in the 555 exchange too, which carries
no subscribers. Elsewhere the rest are well-formed mobile numbers that may belong to somebody: never send to
them.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

from orbit_contacts.interfaces.demo.names import name_list

SHARED_MAIL = {"example.com": 0.7, "example.org": 0.17, "example.net": 0.13}
"""Domains that people of every population use, with their shares."""


class Population(NamedTuple):
    """One country's people who share a language: a line of `populations.csv`.

    `weight` is out of the sum of all weights. `price_level` is about what a dollar's worth costs in
    `currency`; `chat` is the channel preferred there for short messages. `area_codes` are North American;
    `reserved` (for fiction) and `mobile` are blocks of national numbers, an `x` for each free digit. Nobody
    else has the same `mail` domains.
    """

    country: str
    weight: int
    names: str
    languages: Mapping[str, float]
    timezones: Mapping[str, float]
    currency: str
    price_level: float
    chat: str
    mail: Sequence[str]
    calling_code: str
    area_codes: Sequence[str]
    reserved: Sequence[str]
    mobile: Sequence[str]


@cache
def populations() -> Sequence[Population]:
    """All populations, in the order of `populations.csv`."""
    text = resources.files("orbit_contacts.interfaces.demo").joinpath("populations.csv").read_text(encoding="utf-8")
    return [
        Population(
            country=line["country"],
            weight=int(line["weight"]),
            names=line["names"],
            languages=_shares(line["languages"]),
            timezones=_shares(line["timezones"]),
            currency=line["currency"],
            price_level=float(line["price_level"]),
            chat=line["chat"],
            mail=line["mail"].split(),
            calling_code=line["calling_code"],
            area_codes=line["area_codes"].split(),
            reserved=line["reserved"].split(),
            mobile=line["mobile"].split(),
        )
        for line in csv.DictReader(text.splitlines())
    ]


def _shares(text: str) -> dict[str, float]:
    """`en:0.9 es:0.1` as a mapping; a single word has the whole share."""
    return {name: float(share or 1) for name, _, share in (part.partition(":") for part in text.split())}


def number_blocks(population: Population) -> Iterator[tuple[int, int, bool]]:
    """(first number with calling code, how many numbers, whether kept for fiction); those kept come first."""
    reserved = [*population.reserved, *(f"{area}55501xx" for area in population.area_codes)]
    # 555-1xxx and 555-4xxx are left out: 555-1212 is directory assistance, 555-4334 is assigned.
    exchange = [f"{area}555{digit}xxx" for area in population.area_codes for digit in "2356789"]
    for blocks, is_reserved in ((reserved, True), ([*population.mobile, *exchange], False)):
        for block in blocks:
            prefix = block.rstrip("x")
            size = 10 ** (len(block) - len(prefix))
            yield int(population.calling_code + prefix) * size, size, is_reserved


def companies(index: int) -> Sequence[tuple[str, str]]:
    """(company name, its mail domain) of population `index`.

    Populations that share a language divide its companies among them, so that no two share a mail domain.
    """
    language = populations()[index].names
    sharers = [number for number, population in enumerate(populations()) if population.names == language]
    mine = name_list(language).companies[sharers.index(index) :: len(sharers)]
    return [(company.written, f"{company.reading}.example") for company in mine]
