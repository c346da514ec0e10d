"""Names of countries, from pycountry's translations and from common use, for reading imported files.

Built on first use: 6 MB with pycountry, 100 ms. For the processes that import files.
"""

import gettext
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unicodedata import category

from orbit_contacts.features.contacts.folding import fold

_LANGUAGES = (
    *(
        "ar",
        "bg",
        "ca",
        "cs",
        "da",
        "de",
        "el",
        "es",
        "et",
        "fa",
        "fi",
        "fr",
        "he",
        "hi",
        "hr",
        "hu",
        "id",
        "it",
    ),
    *(
        "ja",
        "ko",
        "lt",
        "lv",
        "ms",
        "nb",
        "nl",
        "pl",
        "pt",
        "pt_BR",
        "ro",
        "ru",
        "sk",
        "sl",
        "sr",
        "sv",
        "th",
        "tr",
    ),
    *("uk", "vi", "zh_CN", "zh_TW"),
)

# What people write where ISO's name is another, and the translations do not have it.
_IN_COMMON_USE = {
    "AE": "UAE, Emirates, ОАЭ, Emiratos Árabes, Émirats, Vereinigte Arabische Emirate, الإمارات",
    "AT": "Oesterreich",
    "BA": "Bosnia, Bosnien",
    "BQ": "Caribbean Netherlands",
    "BY": "Biélorussie, Weißrussland, Bielorrússia, Bielorrusia",
    "CD": "DR Congo, DRC, Congo Kinshasa, Democratic Republic of Congo, RDC, République démocratique du Congo, Zaire",
    "CG": "Congo Brazzaville, Republic of Congo, République du Congo",
    "CH": "Schweiz, Suisse, Svizzera, Svizra",
    "CI": "Ivory Coast, Cote dIvoire, Elfenbeinküste",
    "CN": "PRC, Mainland China, Tiongkok, 中国, 中國",
    "CV": "Cape Verde",
    "CZ": "Czech Republic, Česko, Tchéquie, Tschechien",
    "DE": "BRD, Deutschland",
    "DO": "Dominicana, Rep Dominicana",
    "ES": "España",
    "FK": "Falkland Islands, Falklands, Malvinas",
    "FM": "Micronesia, Mikronesien",
    "FO": "Färöer",
    "GB": "UK, United Kingdom, Great Britain, Britain, England, Scotland, Wales, Northern Ireland, "
    "Großbritannien, Grande-Bretagne, Angleterre, Gran Bretaña, Reino Unido, Inglaterra, Regno "
    "Unito, Inghilterra, Groot-Brittannië, Великобритания, Англия, イギリス, 英国, 英國, 영국, "
    "Iso-Britannia, Storbritannien",
    "GR": "EL, Hellas",
    "HK": "Hong Kong SAR, Hong Kong SAR China",
    "IR": "Iran, Irã, إيران",
    "JP": "Nihon, Nippon, Nhật Bản",
    "KG": "Kirghizstan",
    "KN": "St Kitts",
    "KP": "North Korea, Nordkorea, Corée du Nord, Corea del Norte, Corea del Nord, DPRK, КНДР, 북한",
    "KR": "South Korea, Korea, Südkorea, Corée du Sud, Corea del Sur, Corea del Sud, Coreia do Sul, 한국, 대한민국",
    "LA": "Laos",
    "MD": "Moldova, Moldavia, Moldau",
    "MF": "Saint Martin",
    "MK": "Macedonia, FYROM, Mazedonien",
    "MM": "Burma, Birma, Birmanie",
    "MO": "Macau, Macao, Macao SAR",
    "NL": "Holland, The Netherlands, Hollande, Holanda, Niederlande",
    "PS": "Palestine, Palestinian Territories, Palästina, Palestina",
    "RE": "Reunion, La Réunion",
    "RU": "Russia, Russland, Russie, Rusia, Rússia, Rosja, Ryssland, Rusko, Rusya, Россия, РФ, "
    "Росія, Venäjä, ロシア, 俄罗斯, 俄羅斯, 러시아, روسيا",
    "SH": "Saint Helena, St Helena",
    "ST": "São Tomé",
    "SX": "Sint Maarten",
    "SY": "Syria, Syrie, Siria, Syrien",
    "SZ": "Swaziland, Eswatini",
    "TL": "East Timor, Osttimor",
    "TR": "Turkey, Türkiye, Türkei, تركيا",
    "TT": "Trinidad",
    "TW": "Taiwan, ROC, 台灣, 台湾, 대만",
    "TZ": "Tanzania",
    "UA": "Ukraina",
    "US": "USA, United States, United States of America, America, Vereinigte Staaten, Amerika, "
    "États-Unis, EEUU, EE UU, Estados Unidos, EUA, Stati Uniti, США, 美国, 美國, 米国, アメリカ, 미국, Hoa "
    "Kỳ, Mỹ, ABD",
    "VA": "Vatican, Vatican City, Vatikan, Vatikanstadt, Città del Vaticano, Ciudad del Vaticano",
    "VE": "Venezuela",
    "VG": "British Virgin Islands, BVI",
    "VI": "US Virgin Islands, USVI",
    "VN": "Vietnam, Viet Nam",
    "XK": "Kosovo, Kosova, XKX, Косово",
    "ZA": "RSA, South Africa",
}


def name_key(name: str) -> str:
    """A name without what spellings differ in: case, accents, punctuation, `&` or `and`, `St.` or `Saint`."""
    folded = fold(name).replace("&", " and ").removeprefix("the ")
    words = "".join(character if category(character)[0] in "LMN" else " " for character in folded).split()
    joined: list[str] = []
    initials = False
    for word in words:
        # U.S.A., E.E.U.U.
        if initials and len(word) == 1:
            joined[-1] += word
        else:
            joined.append("saint" if word == "st" else word)
        initials = len(word) == 1
    return " ".join(joined)


@cache
def names_of_countries() -> dict[str, str]:
    """`name_key` of a name or of an alpha-3 code -> alpha-2. Names of more than one country are left out."""
    import pycountry

    countries: dict[str, str] = {}
    translated: dict[str, str | None] = {}
    for country, name, certain in _names_in_pycountry(pycountry.LOCALES_DIR):
        key = name_key(name)
        if certain:
            countries[key] = country
        elif translated.setdefault(key, country) != country:
            translated[key] = None
    for country, names in _IN_COMMON_USE.items():
        for name in names.split(","):
            countries.setdefault(name_key(name), country)
    for key, country in translated.items():
        if key and country:
            countries.setdefault(key, country)
    return countries


def _names_in_pycountry(locales: str) -> Iterator[tuple[str, str, bool]]:
    """(alpha-2, name or alpha-3 code, whether it stands above translations) for every country."""
    import pycountry

    originals: list[tuple[str, str]] = []
    for country in pycountry.countries:
        record: dict[str, str] = dict(country)
        yield record["alpha_2"], record["alpha_3"], True
        names = {record["name"], record.get("common_name", record["name"])}
        originals += [(record["alpha_2"], name) for name in sorted(names)]
        for name in sorted(names | {record.get("official_name", record["name"])}):
            yield record["alpha_2"], name, True
    for language in _LANGUAGES:
        # Opened here rather than by gettext.translation, which would keep every catalogue for good.
        path = Path(locales, language, "LC_MESSAGES", "iso3166-1.mo")
        if not path.exists():
            continue
        with path.open("rb") as catalogue:
            translate = gettext.GNUTranslations(catalogue).gettext
        for code, name in originals:
            yield code, translate(name), False
