"""The reader's language, time zone and number format: texts from Babel catalogues, the rest from Babel's data."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError, dates, numbers
from babel.messages.pofile import read_po

from orbit_contacts.core.clock import SECOND, now, parse_instant, to_datetime
from orbit_contacts.core.errors import Refusal

LANGUAGES = {"en": "English", "tr": "Türkçe"}
AGES = (("{n}m ago", 60, 3600), ("{n}h ago", 3600, 86_400), ("{n}d ago", 86_400, 2_592_000))
# Where the day of the week stands.
DAY_FIRST = {"en": "EEEE {}", "tr": "{} EEEE"}
_FOLDER = Path(__file__).parent / "locales"


@cache
def catalogue(language: str) -> dict[str, str]:
    """A text to what a reader sees; for English only names that the product's own words write small."""
    path = _FOLDER / f"{language}.po"
    if not path.is_file():
        return {}
    with path.open("rb") as file:
        messages = read_po(file, locale=language)
    return {str(m.id): str(m.string) for m in messages if m.id and m.string and not m.fuzzy}


def choose_language(stored: str | None, accepted: str | None) -> str:
    """The stored choice, else the first language of Accept-Language that we have, else English."""
    if stored in LANGUAGES:
        return stored
    for item in (accepted or "").split(","):
        tag = item.partition(";")[0].strip().lower().partition("-")[0]
        if tag in LANGUAGES:
            return tag
    return "en"


def region_of(language: str, accepted: str | None) -> str | None:
    """The country in which the browser's owner reads this language: `GB` of `en-GB`."""
    for item in (accepted or "")[:200].split(","):
        tag = item.partition(";")[0].strip().split("-")
        if tag[0].lower() == language and len(tag) == 2 and len(tag[1]) == 2 and tag[1].isascii() and tag[1].isalpha():
            return tag[1].upper()
    return None


@lru_cache(1000)
def zone_of(name: str | None) -> ZoneInfo:
    """The zone a browser named; UTC for anything unknown."""
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, OSError):
        return ZoneInfo("UTC")


class Wording:
    """How things are said to one reader."""

    def __init__(self, language: str, zone: ZoneInfo, region: str | None = None) -> None:
        self.language = language
        self.zone = zone
        self.locale = _locale(language, region)
        self._texts = catalogue(language)

    def text(self, english: str, /, **values: Any) -> str:
        """The text in the reader's language, `{names}` filled in."""
        said = self._texts.get(english, english)
        return said.format(**values) if values else said

    def refusal(self, refusal: Refusal) -> str:
        """What was wrong: the message itself, or where it has no translation what refusals of its kind say."""
        return self._texts.get(refusal.message) or self._texts.get(refusal.summary) or refusal.message

    def count(self, one: str, many: str, n: int, *, at_least: bool = False) -> str:
        """`1 contact` or `2,000 contacts`; `at_least` adds a plus sign to a number that was not counted to its end."""
        shown = self.number(n) + ("+" if at_least else "")
        return self.text(one if n == 1 else many, n=shown)

    def consents(self, states: Mapping[str, str]) -> str:
        """`sms opted in, email unknown`"""
        return ", ".join(f"{self.text(channel)} {self.text(status)}" for channel, status in states.items())

    def number(self, n: float) -> str:
        return numbers.format_decimal(n, locale=self.locale)

    def percent(self, share: float) -> str:
        """`37%` or `%37`; below one per cent with a digit after the point."""
        pattern = self.locale.percent_formats[None]
        rounded = round(share, 3 if 0 < share < 0.01 else 2)
        return numbers.format_percent(rounded, pattern, locale=self.locale, decimal_quantization=False)

    def _local(self, iso: str) -> datetime:
        return to_datetime(parse_instant(iso, "time")).astimezone(self.zone)

    def date(self, iso: str | None) -> str:
        return dates.format_date(self._local(iso), "medium", locale=self.locale) if iso else "—"

    def short_date(self, iso: str) -> str:
        """`7 Jul`: the axis of a chart."""
        return dates.format_skeleton("MMMd", self._local(iso), locale=self.locale)

    def day(self, iso: str) -> str:
        """`Friday 20 November`; the year where it is not this one."""
        local = self._local(iso)
        this_year = to_datetime(now()).astimezone(self.zone).year
        pattern = "d MMMM" if local.year == this_year else "d MMMM y"
        return dates.format_date(local, DAY_FIRST.get(self.language, "{} EEEE").format(pattern), locale=self.locale)

    def time(self, iso: str) -> str:
        return dates.format_time(self._local(iso), "HH:mm", locale=self.locale)

    def clock(self, iso: str, zone: str | None) -> str:
        """`Mon 19:15` in another zone than the reader's."""
        there = to_datetime(parse_instant(iso, "time")).astimezone(zone_of(zone))
        return dates.format_datetime(there, "EEE HH:mm", locale=self.locale)

    def moment(self, iso: str | None) -> str:
        """Date and time, to the minute, in the reader's zone."""
        if not iso:
            return "—"
        local = self._local(iso)
        return f"{dates.format_date(local, 'medium', locale=self.locale)} {local:%H:%M}"

    def ago(self, iso: str | None) -> str:
        """`2d ago`; the date after thirty days."""
        if not iso:
            return "—"
        seconds = max(0, (now() - parse_instant(iso, "time")) // SECOND)
        if seconds < 60:
            return self.text("just now")
        for unit, size, limit in AGES:
            if seconds < limit:
                return self.text(unit, n=seconds // size)
        return self.date(iso)

    def country(self, code: str | None) -> str:
        names = cast("Mapping[str, str]", self.locale.territories)
        return names.get(code, code) if code else "—"

    @property
    def direction(self) -> str:
        return self.locale.text_direction


@cache
def _locale(language: str, region: str | None) -> Locale:
    """Babel's data for a language, as it is written in a region where Babel knows that."""
    try:
        return Locale.parse(f"{language}_{region}" if region else language)
    except (UnknownLocaleError, ValueError):
        return Locale.parse(language)
