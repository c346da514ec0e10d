"""The tables behind the people: enough names, numbers that fit each country, domains that nobody shares."""

from collections import Counter
from itertools import pairwise

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat

from orbit_contacts.interfaces.demo.names import SLOTS, name_list, occurrences, romanised
from orbit_contacts.interfaces.demo.populations import SHARED_MAIL, Population, companies, number_blocks, populations

LANGUAGES = sorted({population.names for population in populations()})


def test_there_are_enough_countries() -> None:
    assert len({population.country for population in populations()}) >= 24


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_names_enough_and_all_can_be_read(language: str) -> None:
    names = name_list(language)
    assert len(names.given) == len(names.family[0]) == len(names.family[1]) == SLOTS
    assert len({name.written for name in names.given}) >= 60
    assert len({name.written for name in names.family[0]}) >= 60
    for name in (*names.given, *names.family[0], *names.family[1]):
        assert name.reading.isascii()
        assert name.reading.isalpha()
        assert name.reading.islower()
    assert all(part.isalpha() for company in names.companies for part in company.reading.split("-"))


@pytest.mark.parametrize("population", populations(), ids=lambda p: f"{p.country}-{p.names}")
def test_numbers_are_possible_in_the_country_and_the_ordinary_ones_valid(population: Population) -> None:
    for base, size, is_reserved in list(number_blocks(population))[::17] or [next(number_blocks(population))]:
        for number in {base, base + size // 3, base + size - 1}:
            parsed = phonenumbers.parse(f"+{number}")
            assert phonenumbers.format_number(parsed, PhoneNumberFormat.E164) == f"+{number}"
            assert phonenumbers.is_possible_number(parsed)
            if not is_reserved:
                assert phonenumbers.region_code_for_number(parsed) == population.country


def test_number_blocks_do_not_overlap() -> None:
    blocks = sorted((base, base + size) for population in populations() for base, size, _ in number_blocks(population))
    assert all(end <= base for (_, end), (base, _) in pairwise(blocks))


def test_no_two_populations_share_a_mail_domain() -> None:
    domains = Counter(SHARED_MAIL)
    for index, population in enumerate(populations()):
        domains.update({*population.mail, *(domain for _, domain in companies(index))})
    assert {domain for domain, count in domains.items() if count > 1} <= set()
    assert all(len(companies(index)) >= 2 for index in range(len(populations())))


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("Müller", "muller"),
        ("Grażyna", "grazyna"),
        ("Øyvind", "oyvind"),
        ("İpek", "ipek"),
        ("Đặng", "dang"),
        ("O'Brien", "obrien"),
        ("van den Berg", "vandenberg"),
        ("王", ""),
    ],
)
def test_latin_names_lose_their_marks(text: str, reading: str) -> None:
    assert romanised(text, {"ø": "o", "đ": "d"}) == reading


@pytest.mark.parametrize(
    ("language", "written", "reading"),
    [
        ("ukrainian", "Їжакевич", "izhakevych"),
        ("bulgarian", "Кръстева", "krasteva"),
        ("greek", "Ζωή", "zoi"),
        ("turkish", "Şimşek", "simsek"),
        ("japanese", "佐藤", "sato"),
        ("polish", "Dąbrowska", "dabrowska"),
    ],
)
def test_names_of_a_language_are_read_its_way(language: str, written: str, reading: str) -> None:
    names = name_list(language)
    readings = {name.written: name.reading for name in (*names.given, *names.family[0], *names.family[1])}
    assert readings[written] == reading


def test_occurrences_tell_places_apart_that_read_alike() -> None:
    before, total = occurrences([["li", "wang", "li"], ["li", "li", "li"]])
    assert before == [[0, 0, 1], [0, 1, 2]]
    assert total == [[3, 1, 3], [3, 3, 3]]
