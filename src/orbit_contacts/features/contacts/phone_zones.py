"""In which time zones a phone number's area lies.

The library first works out what type a number is (40 us). Where that cannot matter it is not asked: a calling code
whose whole country keeps one clock, and an area code of North America. Both are tables of the library's own data.
"""

from functools import cache

from orbit_contacts.features.contacts.renumbering import phone_key

_NORTH_AMERICA = "1"
_AREA_CODE = 4  # digits, calling code included


def phone_timezones(e164: str) -> tuple[str, ...]:
    """IANA time zones in which the number's area lies, most often one; empty if the number does not tell."""
    table = _sure_zones()
    for length in (_AREA_CODE,) if e164[1:2] == _NORTH_AMERICA else (1, 2, 3):
        if (zones := table.get(e164[1 : 1 + length])) is not None:
            return zones
    return _zones_by_library(e164)


@cache
def _sure_zones() -> dict[str, tuple[str, ...]]:
    """The zones of calling codes with a single zone, and of North America's area codes."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
    from phonenumbers.timezone import UNKNOWN_TIMEZONE
    from phonenumbers.tzdata import TIMEZONE_DATA

    codes = {str(code) for code in COUNTRY_CODE_TO_REGION_CODE}
    found: dict[str, set[str]] = {}
    table: dict[str, tuple[str, ...]] = {}
    for prefix, zones in TIMEZONE_DATA.items():
        # No calling code begins another.
        code = next(prefix[:length] for length in (1, 2, 3) if prefix[:length] in codes)
        found.setdefault(code, set()).update(zones)
        if code == _NORTH_AMERICA and len(prefix) == _AREA_CODE:
            table[prefix] = tuple(zones)
    for code, zones in found.items():
        if len(zones) == 1 and UNKNOWN_TIMEZONE not in zones:
            table[code] = tuple(zones)
    return table


def _zones_by_library(e164: str) -> tuple[str, ...]:
    from phonenumbers import NumberParseException, parse
    from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

    for spelling in (e164, phone_key(e164)):
        try:
            zones = time_zones_for_number(parse(spelling))
        except NumberParseException:
            continue
        if known := tuple(zone for zone in zones if zone != UNKNOWN_TIMEZONE):
            return known
    return ()
