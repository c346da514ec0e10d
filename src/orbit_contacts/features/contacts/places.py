"""Country, time zone and language of a contact, in the codes the API speaks.

The API takes codes; imports also bring names (`country_from_name`). The two code lists are short and
stand here; the tests hold them against ISO's. Everything larger is read on first use.
"""

import re
from functools import cache
from importlib.resources import files

from orbit_contacts.core.errors import InvalidRequest

# ISO 3166-1 alpha-2, and XK, which the EU, CLDR and phone numbering use for Kosovo.
_COUNTRY_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV
BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES
ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE
IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY
MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU
NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM
SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE
VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
_COUNTRIES = frozenset(_COUNTRY_CODES.split())

# ISO 639-1.
_LANGUAGE_CODES = """
aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz
ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii
ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi
mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw
sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk
ur uz ve vi vo wa wo xh yi yo za zh zu
"""
_LANGUAGES = frozenset(_LANGUAGE_CODES.split())
# Codes that ISO withdrew and software still writes (Java's `iw` and `in`).
_WITHDRAWN_LANGUAGES = {"in": "id", "iw": "he", "ji": "yi", "jw": "jv", "mo": "ro", "sh": "sr"}
_LANGUAGE_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8})*")


def parse_country(text: str, field: str = "country_code") -> str:
    """ISO 3166-1 alpha-2, upper-cased. Raises `InvalidRequest`."""
    if text in _COUNTRIES:
        return text
    code = text.strip().upper()
    if text.isascii() and code in _COUNTRIES:
        return code
    raise _refusal(field, text, "an ISO 3166-1 alpha-2 country code such as DE")


def parse_language(text: str, field: str = "language") -> str:
    """ISO 639-1, lower-cased. A BCP 47 tag is accepted and reduced to its language: `en-US` and `eng`
    give `en`.

    Raises `InvalidRequest`, also for languages without a two-letter code (`fil`).
    """
    if text in _LANGUAGES:
        return text
    tag = _LANGUAGE_TAG.fullmatch(text.strip())
    if tag:
        code = tag[1].lower()
        code = _two_letters(code) if len(code) == 3 else _WITHDRAWN_LANGUAGES.get(code, code)
        if code in _LANGUAGES:
            return code
    raise _refusal(field, text, "an ISO 639-1 language code such as en")


@cache
def _two_letters(code: str) -> str:
    # 9 MB, for the few inputs that spell a language with three letters; at most 26**3 of them.
    from langcodes import standardize_tag

    return standardize_tag(code, macro=True).partition("-")[0]


def parse_timezone(text: str, field: str = "timezone") -> str:
    """A zone of the IANA time zone database in its own spelling, from any letter case; links
    (`Asia/Calcutta`) stay.

    Raises `InvalidRequest`.
    """
    zones = _timezones()
    zone = zones.get(text) or zones.get(text.strip().replace(" ", "_").lower())
    if zone:
        return zone
    raise _refusal(field, text, "an IANA time zone such as Europe/Berlin")


@cache
def _timezones() -> dict[str, str]:
    # The list of the tzdata package, not of the machine, so every server accepts the same.
    names = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    zones = {name.lower(): name for name in names if name != "Factory"}
    zones.update((name, name) for name in list(zones.values()))
    return zones


def country_from_name(text: str) -> str | None:
    """The alpha-2 code of a country as a spreadsheet names it, or None.

    Alpha-2 and alpha-3 codes, names in some forty languages, and names in common use: USA, UK, Holland,
    Russland, Türkiye. Blind to case, accents and punctuation. A name that means two countries gives None.
    """
    code = text.strip().upper()
    if code in _COUNTRIES:
        return code
    from orbit_contacts.features.contacts.country_names import name_key, names_of_countries

    return names_of_countries().get(name_key(text))


def _refusal(field: str, text: str, expected: str) -> InvalidRequest:
    value = text[:100].encode(errors="replace").decode()
    return InvalidRequest(f"{field} is not {expected}.", field=field, value=value, expected=expected)
