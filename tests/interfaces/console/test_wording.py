"""English and Turkish: no text without a translation, numbers and dates as the reader writes them, either direction."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from orbit_contacts.core.errors import NotFound
from orbit_contacts.interfaces.console import static_files, wording
from orbit_contacts.interfaces.console.wording import LANGUAGES, Wording, catalogue, choose_language, region_of
from tests.conftest import Client
from tests.interfaces.console import words
from tests.interfaces.console.conftest import Visitor

TURKISH = Wording("tr", ZoneInfo("Europe/Istanbul"))
OTHERS = [language for language in LANGUAGES if language != "en"]


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language: str) -> None:
    known = catalogue(language)
    missing = {text: place for text, place in words.everything().items() if text and text not in known}
    assert missing == {}, f"{len(missing)} texts are missing in locales/{language}.po"


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_blanks_of_its_text(language: str) -> None:
    blanks = re.compile(r"\{\w*\}")
    for text, said in catalogue(language).items():
        assert set(blanks.findall(text)) == set(blanks.findall(said)), text


def test_a_text_nobody_translated_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        "{{ t('New words' if x else 'Other words') }} {{ say.count('one', 'many', 2) }}"
    )
    monkeypatch.setattr(words, "TEMPLATES", tmp_path)
    assert words.in_templates().keys() == {"New words", "Other words", "one", "many"}


@pytest.mark.parametrize(
    ("stored", "accepted", "chosen"),
    [
        ("tr", "en", "tr"),
        (None, "tr-TR,tr;q=0.9,en;q=0.8", "tr"),
        (None, "fr, en-GB;q=0.7, tr;q=0.5", "en"),
        ("xx", "tr", "tr"),
        (None, None, "en"),
        ("", ";;,,", "en"),
    ],
)
def test_the_language_is_the_chosen_one_else_the_browsers(
    stored: str | None, accepted: str | None, chosen: str
) -> None:
    assert choose_language(stored, accepted) == chosen


@pytest.mark.parametrize(
    ("accepted", "region"),
    [("de-DE, en-GB;q=0.7", "GB"), ("en", None), (None, None), ("en-Latn-GB", None), ("en-X1, en-us", "US")],
)
def test_the_region_is_that_of_the_language(accepted: str | None, region: str | None) -> None:
    assert region_of("en", accepted) == region


def test_numbers_and_times_are_the_readers() -> None:
    assert TURKISH.number(1234567.5) == "1.234.567,5"
    assert TURKISH.percent(0.374) == "%37"
    assert TURKISH.moment("2026-03-08T22:30:00Z") == "9 Mar 2026 01:30"
    assert TURKISH.day("2024-03-08T12:00:00Z") == "8 Mart 2024 Cuma"
    assert TURKISH.country("DE") == "Almanya"
    assert TURKISH.clock("2026-03-09T22:30:00Z", "America/New_York") == "Pzt 18:30"
    assert Wording("en", ZoneInfo("UTC"), "GB").date("2026-03-08T22:30:00Z") == "8 Mar 2026"
    assert Wording("en", ZoneInfo("UTC"), "QQ").date("2026-03-08T22:30:00Z") == "Mar 8, 2026"
    english = Wording("en", ZoneInfo("UTC"))
    assert english.number(1234567.5) == "1,234,567.5"
    assert english.percent(0.004) == "0.4%"


def test_a_refusal_is_told_by_its_kind_where_its_words_are_unknown() -> None:
    refusal = NotFound("There is no `con_1`.", field="id", value="con_1", expected="a contact")
    assert TURKISH.refusal(refusal) == catalogue("tr")[NotFound.summary]
    assert Wording("en", ZoneInfo("UTC")).refusal(refusal) == "There is no `con_1`."


def test_the_whole_console_turns_turkish_and_back(api: Client, visitor: Visitor) -> None:
    api.contact(first_name="Ada", email="ada@example.com")
    page = visitor.http.get("/contacts", headers={"Accept-Language": "tr"}).text
    assert '<html lang="tr" dir="ltr"' in page
    assert "Kişiler" in page
    visitor.post("/language", language="tr")
    assert "Segmentler" in visitor.get("/segments").text
    visitor.post("/language", language="en")
    assert '<html lang="en"' in visitor.get("/segments").text


def test_reasons_and_sources_are_told_in_the_readers_language(api: Client, visitor: Visitor) -> None:
    contact = api.contact(first_name="Ada", email="ada@example.com")
    api.data("PUT", f"/contacts/{contact['id']}/preferences", {"preferences": {"whatsapp": False}})
    english = visitor.get(f"/contacts/{contact['id']}").text
    assert ">by preferences API</p>" in english
    assert ">by API</p>" in english
    visitor.post("/language", language="tr")
    assert ">kaynak: tercih API&#39;si</p>" in visitor.get(f"/contacts/{contact['id']}").text
    draft = visitor.post("/imports", text="Vorname;email;zzz\nAda;ada@example.com;x\n").text
    assert "Sütunun adı şu anlama geliyor: Ad." in draft
    assert "Sütunun adı alanın adıyla aynı." in draft
    assert "Sütunun ne adı ne de içeriği tanınıyor." in draft


def test_the_style_sheet_names_no_side() -> None:
    """Start and end, never left and right, so that a script from right to left needs no second sheet."""
    style = static_files.STYLE.content.decode()
    physical = (
        r"(?<![\w-])(?:margin-|padding-|border-)?(?:left|right)\s*:|text-align:\s*(?:left|right)|(?<![\w-])width:"
    )
    assert re.findall(physical, re.sub(r"\(max-width: \d+px\)", "", style)) == []
    assert wording.LANGUAGES.keys() == {"en", *OTHERS}
