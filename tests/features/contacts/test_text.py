"""Folding, the searchable text of a contact, and the words of a query."""

import re
import sys
from unicodedata import category, normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orbit_contacts.features.contacts.text import (
    SearchQuery,
    SearchWord,
    fold,
    matches,
    search_text,
    search_words,
)

JANE = search_text("Jane", "Doe", "Jane D.", "Smith & Co", "jane_doe@example.com", "+14155551234")
JORG = search_text("Jörg", "Müller", None, "Straßenbau 100%", "jorg@müller.example", "+4930901820")

texts = st.text(max_size=20) | st.text("aäÄßſİIıi\u0307ΣσςǅŉﬁøŁЁй’O'-ｶﾞは゛김각ᄀ한글ـمُ日\u0301 ", max_size=12)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Jane DOE", "jane doe"),
        ("Éloïse Ñuñez Čapek", "eloise nunez capek"),
        ("e\u0301", "e"),
        ("İstanbul ISPARTA ılık", "istanbul isparta ilik"),
        ("Straße STRASSE ẞ", "strasse strasse ss"),
        ("Øystein Łukasz Đorđe", "oystein lukasz dorde"),
        ("Æther Œuvre Þór Guðrún", "aether oeuvre thor gudrun"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευσ"),
        ("Ｊａｎｅ １２３", "jane 123"),
        ("ﬁn", "fin"),
        ("مُحَمَّد", "محمد"),
        ("محـــمد", "محمد"),
        ("علی", "علي"),
        ("٠١٢٣", "0123"),
        ("Алёна", "алена"),
        ("O’Brien", "o'brien"),
        ("Jean–Luc", "jean-luc"),
        ("김철수", "김철수"),
        ("は ば ぱ ｶﾞ", "は ば ぱ ガ"),
        ("नमस्ते", "नमस्ते"),
        ("ไทยแลนด์", "ไทยแลนด์"),
        ("ja\u200bne\x00\ufeff", "jane"),
        ("a\tb\u00a0c\u2028d", "a b c d"),
        ("\ud800x", "x"),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_folding_of_every_character_is_stable_and_blind_to_case() -> None:
    for code_point in range(sys.maxunicode + 1):
        character = chr(code_point)
        # Most of Unicode is unassigned, ideographs or Hangul: those are sampled.
        if category(character) in ("Cn", "Co", "Cs", "Lo") and code_point % 7:
            continue
        folded = fold(character)
        assert fold(folded) == folded
        if category(character) in ("Lu", "Ll", "Lt", "Mn"):
            assert fold(character.upper()) == fold(character.lower()) == fold(character.title()) == folded


def test_no_letter_folds_to_nothing() -> None:
    emptied = {
        character
        for code_point in range(0x20000)
        if category(character := chr(code_point))[0] == "L" and not fold(character).strip()
    }
    # Tatweel stretches a word and is no letter to a reader; the others are Arabic vowel signs drawn alone.
    assert "ـ" in emptied
    assert all(
        set(normalize("NFKD", c)) <= set(" ـ\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0670") for c in emptied
    )


@settings(max_examples=400, deadline=None)
@given(texts)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@settings(max_examples=400, deadline=None)
@given(texts)
def test_folding_is_blind_to_case_and_normal_form(text: str) -> None:
    folded = fold(text)
    assert fold(text.upper()) == folded
    assert fold(text.lower()) == folded
    assert fold(normalize("NFC", text)) == folded
    assert fold(normalize("NFD", text)) == folded


@given(st.text(st.characters(max_codepoint=126, min_codepoint=32)))
def test_ascii_folds_the_same_beside_other_letters(text: str) -> None:
    assert fold(f"{text}é") == f"{fold(text)}e"


def test_search_text_holds_folded_words_bare_digits_and_the_whole_address() -> None:
    assert JANE == " jane doe jane d. smith & co jane_doe@example.com 14155551234"
    assert search_text(None, None, None, None, None, "+14155551234") == " 14155551234"
    assert search_text("  Ann \t Marie ", None, None, None, None, None) == " ann marie"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("jane", [SearchWord("%jane%")]),
        ("JÖRG Müller", [SearchWord("%jorg%"), SearchWord("%muller%")]),
        ("ju", [SearchWord("% ju%")]),
        ("j", [SearchWord("% j%")]),
        ("100%", [SearchWord(r"%100\%%")]),
        ("a_b", [SearchWord(r"%a\_b%")]),
        ("a\\b", [SearchWord(r"%a\\b%")]),
        ("&", [SearchWord(None, " &")]),
        ("...", [SearchWord(None, "...")]),
        ("%", [SearchWord(None, " %")]),
        ("", []),
        (" \t\x00 ", []),
        ("ja\x00ne", [SearchWord("%jane%")]),
        ("@example.com", [SearchWord("%xam%ple%", "@example.com")]),
        ("jane@", [SearchWord("%jane@%")]),
        ("jane_doe@exam", [SearchWord(r"%jan%e\_d%oe@%", "jane_doe@exam")]),
        ("a@exam", [SearchWord("%a@exam%")]),
        ("+1415", [SearchWord("% 1415%")]),
        ("1415", [SearchWord("%1415%")]),
        ("555-1234", [SearchWord("%5551234%")]),
        ("42", [SearchWord("% 42%")]),
        ("3m", [SearchWord("% 3m%")]),
        ("jane 415", [SearchWord("%jane%"), SearchWord("%415%")]),
        ("415 555", [SearchWord("%415%"), SearchWord("%555%")]),
        ("555 1234", [SearchWord("%5551234%")]),
        ("(415) 555", [SearchWord("%415555%")]),
        (
            "jane (415) 555-1234 doe",
            [SearchWord("%jane%"), SearchWord("%155%551%234%", "4155551234"), SearchWord("%doe%")],
        ),
        ("415 - 555 - 1234", [SearchWord("%155%551%234%", "4155551234")]),
        (
            "1 415 555 1234",
            [SearchWord("% 1%"), SearchWord("%415%"), SearchWord("%555%"), SearchWord("%1234%")],
        ),
        ("030 901820", [SearchWord("%901%820%", "30901820")]),
        ("+1 415 555 +44 20 7946", [SearchWord("% 14%155%", " 1415555"), SearchWord("% 44%207%946%", " 44207946")]),
        ("555-1234 x77", [SearchWord("%5551234%")]),
        ("555 12 x77", [SearchWord("%555%"), SearchWord("% 12%"), SearchWord("%x77%")]),
        ("＋４９ ３０", [SearchWord("% 4930%")]),
        ("maria.garcia", [SearchWord("%mar%ia.%gar%cia%", "maria.garcia")]),
        ("maria.garcia@exam", [SearchWord("%ari%a.g%arc%ia@%", "maria.garcia@exam")]),
    ],
)
def test_words_of_a_query(query: str, words: list[SearchWord]) -> None:
    assert list(search_words(query).words) == words


@pytest.mark.parametrize(
    ("query", "phone"),
    [
        ("+1 (415) 555-1234", "+14155551234"),
        ("+14155551234", "+14155551234"),
        ("001 415 555 1234", "+14155551234"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("+1 (415) 555-1234 x77", "+14155551234"),
        ("+14155551234;ext=77", "+14155551234"),
        ("+1 415 555", None),
        ("415 555 1234", None),
        ("jane +14155551234", None),
    ],
)
def test_query_that_is_one_complete_number_offers_it(query: str, phone: str | None) -> None:
    found = search_words(query)
    assert found.phone == phone
    if phone:
        assert [word.recheck for word in found.words] == [f" {phone[1:]}"]


@pytest.mark.parametrize(
    ("query", "email"),
    [
        ("Jane_Doe@Example.com", "jane_doe@example.com"),
        ("jorg@XN--MLLER-KVA.example", "jorg@müller.example"),
        ("jane@", None),
        ("jane jane@example.com", None),
    ],
)
def test_query_that_is_one_complete_address_offers_it(query: str, email: str | None) -> None:
    assert search_words(query).email == email


@pytest.mark.parametrize(
    ("query", "contact", "found"),
    [
        ("", JANE, True),
        ("JANE", JANE, True),
        ("doe jane", JANE, True),
        ("ane", JANE, True),
        ("ne", JANE, False),
        ("ja", JANE, True),
        ("smith & co", JANE, True),
        ("smith # co", JANE, False),
        ("jane_doe", JANE, True),
        ("jane%doe", JANE, False),
        ("jane_doe@example.com", JANE, True),
        ("jane_doe@example.org", JANE, False),
        ("+1 (415) 555-1234", JANE, True),
        ("555-1234", JANE, True),
        ("(415) 555-1234 Ext. 77", JANE, True),
        ("jane 415 555 1234 #9", JANE, True),
        ("(415) 555", JANE, True),
        ("jane 415", JANE, True),
        ("+415", JANE, False),
        ("jorg muller", JORG, True),
        ("Jörg MÜLLER", JORG, True),
        ("strassenbau", JORG, True),
        ("100%", JORG, True),
        ("jorg@xn--mller-kva.example", JORG, True),
        ("030 901820", JORG, True),
        ("jorg jane", JORG, False),
    ],
)
def test_search_finds(query: str, contact: str, found: bool) -> None:
    assert matches(contact, search_words(query)) is found


def like(text: str, pattern: str) -> bool:
    """SQL's LIKE with the default escape, written down from its definition."""
    tokens = re.findall(r"\\(.)|(%)|(_)|(.)", pattern, flags=re.DOTALL)
    expression = "".join(
        ".*" if many else "." if one else re.escape(escaped or plain) for escaped, many, one, plain in tokens
    )
    return re.fullmatch(expression, text, flags=re.DOTALL) is not None


def sql_would_match(text: str, query: SearchQuery) -> bool:
    return all(
        (word.index_pattern is None or like(text, word.index_pattern))
        and (word.recheck is None or text.find(word.recheck) >= 0)
        for word in query.words
    )


fragments = st.text(r"ab%_\@.+-( 019ÄåI", max_size=10)


@settings(max_examples=500, deadline=None)
@given(fragments, fragments, fragments)
def test_evaluator_agrees_with_like(first_name: str, company: str, query: str) -> None:
    text = search_text(first_name, None, None, company, "a_b@a.example", "+14155551234")
    assert matches(text, search_words(query)) == sql_would_match(text, search_words(query))


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=250) | st.text("+0123456789()-./ @a", max_size=60))
def test_any_query_is_read_within_bounds(text: str) -> None:
    query = search_words(text)
    assert len(query.words) <= 10
    for word in query.words:
        assert word.index_pattern is not None or word.recheck
        assert "\x00" not in (word.index_pattern or "") + (word.recheck or "")


@settings(max_examples=300, deadline=None)
@given(st.text(min_size=1, max_size=20).filter(lambda name: not re.search(r"[\d@]", fold(name))))
def test_each_name_is_found_by_itself(name: str) -> None:
    assert matches(search_text(name, "Doe", None, None, None, None), search_words(name))


def test_no_more_than_two_hundred_characters_are_read() -> None:
    assert search_words("x" * 500).words == (SearchWord("%" + "xxx%" * 10, "x" * 200),)
