"""One key for every spelling of one line, across national renumberings.

Networks and old address books still spell numbers by plans which the country has left: WhatsApp reports
Brazilian mobiles without their ninth digit and Mexican ones with a `1`, Argentine SMS comes without the
`9` that calls need. Each rule below maps the other spellings of a line to one form, and is here only if
the mapping cannot name a second line that is in service:

* Argentina: mobiles are `+54 9 area number` for calls and `+54 area number` for SMS; the ten national
  digits are assigned once, to a fixed or a mobile line.
* Benin, 30 November 2024: `01` before every eight-digit number.
* Brazil, 2012 to 2016: `9` before eight-digit mobiles, which began with 6 to 9. Fixed lines begin with 2
  to 5 and kept eight digits; the trunked-radio lines which kept theirs (7…) were switched off on 31 March
  2018.
* Colombia, 1 September 2021: `60` before the area digit of a fixed line.
* Côte d'Ivoire, 31 January 2021: two digits of the operator before every eight-digit number, told by the
  second digit of a mobile and the third of a fixed line.
* Mexico, 3 August 2019: the `1` between `+52` and a mobile number is gone.
* Vietnam, 15 September 2018: four-digit mobile prefixes (0162…) became three-digit ones (032…).

An Italian leading zero is part of the number and is no variant. Trunk prefixes (0, 8, 044, 15) exist only
in nationally written numbers and are resolved by parsing.
"""

import re
from collections.abc import Callable

_BRAZILIAN_MOBILE = re.compile(r"(\+55[1-9][1-9])([6-9][0-9]{7})")
_MEXICAN_MOBILE = re.compile(r"\+521([2-9][0-9]{9})")
_ARGENTINE_MOBILE = re.compile(r"\+549([1-9][0-9]{9})")
_BENINESE = re.compile(r"\+229([2-9][0-9]{7})")
_COLOMBIAN_FIXED = re.compile(r"\+57([1245678][2-9][0-9]{6})")
_IVORIAN = re.compile(r"\+225([0-9]{8})")
_IVORIAN_MOBILE = (
    (re.compile("0[1-3]|[457][0-3]"), "01"),  # Moov
    (re.compile("[0456789][456]"), "05"),  # MTN
    (re.compile("[0456789][789]"), "07"),  # Orange
)
_IVORIAN_FIXED = (
    (re.compile("[23][0-9]0"), "25"),  # MTN
    (re.compile("2[0-9]8"), "21"),  # Moov
    (re.compile("[23][0-9]"), "27"),  # Orange
)
_VIETNAMESE_MOBILE = re.compile(r"\+84(1[2689][0-9])([0-9]{7})")
_VIETNAMESE_CHANGES = (
    "120:70 121:79 122:77 126:76 128:78 "  # MobiFone
    "123:83 124:84 125:85 127:81 129:82 "  # VinaPhone
    "162:32 163:33 164:34 165:35 166:36 167:37 168:38 169:39 "  # Viettel
    "186:56 188:58 199:59"  # Vietnamobile, Gmobile
)
_VIETNAMESE_PREFIXES: dict[str, str] = {
    old: new for old, _, new in (change.partition(":") for change in _VIETNAMESE_CHANGES.split())
}


def phone_key(e164: str) -> str:
    """The key under which a line is found, whichever variant of its number was written.

    Two spellings of one line have the same key; `phone_key(phone_key(x)) == phone_key(x)`. It has the
    form of an E.164 number but is for comparison only: it may not be dialled, is never shown, and does
    not replace the number that is stored.
    """
    rule = _RULES.get(e164[1:3]) or _RULES.get(e164[1:4])
    return rule(e164) if rule else e164


def _argentina(e164: str) -> str:
    mobile = _ARGENTINE_MOBILE.fullmatch(e164)
    return f"+54{mobile[1]}" if mobile else e164


def _benin(e164: str) -> str:
    old = _BENINESE.fullmatch(e164)
    return f"+22901{old[1]}" if old else e164


def _brazil(e164: str) -> str:
    old = _BRAZILIAN_MOBILE.fullmatch(e164)
    return f"{old[1]}9{old[2]}" if old else e164


def _colombia(e164: str) -> str:
    old = _COLOMBIAN_FIXED.fullmatch(e164)
    return f"+5760{old[1]}" if old else e164


def _cote_d_ivoire(e164: str) -> str:
    old = _IVORIAN.fullmatch(e164)
    if old:
        for begins, operator in (*_IVORIAN_FIXED, *_IVORIAN_MOBILE):
            if begins.match(old[1]):
                return f"+225{operator}{old[1]}"
    return e164


def _mexico(e164: str) -> str:
    old = _MEXICAN_MOBILE.fullmatch(e164)
    return f"+52{old[1]}" if old else e164


def _vietnam(e164: str) -> str:
    old = _VIETNAMESE_MOBILE.fullmatch(e164)
    prefix = _VIETNAMESE_PREFIXES.get(old[1]) if old else None
    return f"+84{prefix}{old[2]}" if old and prefix else e164


# By calling code.
_RULES: dict[str, Callable[[str], str]] = {
    "52": _mexico,
    "54": _argentina,
    "55": _brazil,
    "57": _colombia,
    "84": _vietnam,
    "225": _cote_d_ivoire,
    "229": _benin,
}
