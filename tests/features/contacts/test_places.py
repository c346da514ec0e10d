"""Countries, time zones and languages: codes for the API, names for imports."""

from zoneinfo import ZoneInfo

import pycountry
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.contacts import country_names
from orbit_contacts.features.contacts.places import (
    country_from_name,
    parse_country,
    parse_language,
    parse_timezone,
)


@pytest.mark.parametrize(("written", "code"), [("DE", "DE"), ("de", "DE"), (" Us ", "US"), ("XK", "XK")])
def test_country_codes(written: str, code: str) -> None:
    assert parse_country(written) == code


def test_every_country_of_iso_is_known() -> None:
    for country in pycountry.countries:
        assert parse_country(country.alpha_2.lower()) == country.alpha_2


@pytest.mark.parametrize("written", ["", "UK", "USA", "Germany", "ZZ", "EU", "D", "ﬁ"])
def test_other_countries_are_refused(written: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_country(written, field="default_country_code")
    assert refused.value.details["field"] == "default_country_code"
    assert refused.value.details["value"] == written
    assert "alpha-2" in refused.value.details["expected"]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("en-US", "en"),
        ("pt_BR", "pt"),
        ("zh-Hant-TW", "zh"),
        ("eng", "en"),
        ("deu-AT", "de"),
        ("cmn", "zh"),
        ("nb", "nb"),
        ("iw", "he"),
        ("in", "id"),
    ],
)
def test_language_codes(written: str, code: str) -> None:
    assert parse_language(written) == code


def test_every_two_letter_language_of_iso_is_known() -> None:
    codes = {language.alpha_2 for language in pycountry.languages if hasattr(language, "alpha_2")}
    assert len(codes) > 180
    for code in codes - {"sh"}:
        assert parse_language(code.upper()) == code


@pytest.mark.parametrize("written", ["", "xx", "English", "fil", "x-private", "e", "en--US", "en-", "zzz"])
def test_other_languages_are_refused(written: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_language(written)
    assert refused.value.details["field"] == "language"


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("Asia/Calcutta", "Asia/Calcutta"),
        ("utc", "UTC"),
        ("america/argentina/buenos_aires", "America/Argentina/Buenos_Aires"),
    ],
)
def test_time_zones(written: str, zone: str) -> None:
    assert parse_timezone(written) == zone
    assert ZoneInfo(zone).key == zone


@pytest.mark.parametrize("written", ["", "Berlin", "CET+1", "Factory", "../etc/passwd", "localtime", "+02:00"])
def test_other_time_zones_are_refused(written: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_timezone(written)
    assert refused.value.details["field"] == "timezone"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Germany", "DE"),
        ("GERMANY ", "DE"),
        ("Deutschland", "DE"),
        ("deu", "DE"),
        ("de", "DE"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        ("United States of America", "US"),
        ("EE.UU.", "US"),
        ("UK", "GB"),
        ("England", "GB"),
        ("Großbritannien", "GB"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
        ("TURKIYE", "TR"),
        ("Holland", "NL"),
        ("the Netherlands", "NL"),
        ("Russland", "RU"),
        ("Россия", "RU"),
        ("Côte d’Ivoire", "CI"),
        ("Ivory Coast", "CI"),
        ("Bosnia & Herzegovina", "BA"),
        ("St. Lucia", "LC"),
        ("Österreich", "AT"),
        ("España", "ES"),
        ("日本", "JP"),
        ("中国", "CN"),
        ("대한민국", "KR"),
        ("مصر", "EG"),
        ("Ελλάδα", "GR"),
        ("Brasil", "BR"),
        ("Niger", "NE"),
        ("Nigeria", "NG"),
        ("Kosovo", "XK"),
        ("U.S. Virgin Islands", "VI"),
    ],
)
def test_country_by_name(name: str, code: str) -> None:
    assert country_from_name(name) == code


@pytest.mark.parametrize("name", ["", "Atlantis", "N/A", "-", "Europe", "XX"])
def test_name_of_no_country(name: str) -> None:
    assert country_from_name(name) is None


def test_names_in_common_use_name_no_second_country() -> None:
    for country, names in country_names._IN_COMMON_USE.items():
        for name in names.split(","):
            assert country_from_name(name) == country


def test_every_country_is_found_by_its_names_in_iso() -> None:
    for country in pycountry.countries:
        for name in (country.name, country.alpha_3, getattr(country, "official_name", country.name)):
            assert country_from_name(name) == country.alpha_2


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30) | st.text("abcdeDE-_/ \x00\ud800", max_size=8))
def test_any_text_is_read_or_refused_and_the_result_reads_as_itself(text: str) -> None:
    for parse in (parse_country, parse_language, parse_timezone):
        try:
            code = parse(text)
        except InvalidRequest as refusal:
            refusal.details["value"].encode()
        else:
            assert parse(code) == code
    country = country_from_name(text)
    assert country is None or parse_country(country) == country
