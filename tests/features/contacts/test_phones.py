"""Phone numbers: what is read, what is refused, and that the short way agrees with the library."""

import os
import random
import subprocess
import sys
from functools import cache

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orbit_contacts.core.errors import InvalidPhoneNumber
from orbit_contacts.features.contacts.numbering_plans import numbering_plan
from orbit_contacts.features.contacts.phones import (
    Phone,
    parse_phone,
    phone_key,
    phone_region,
)

E164 = phonenumbers.PhoneNumberFormat.E164
IS_POSSIBLE = phonenumbers.ValidationResult.IS_POSSIBLE


@cache
def example_numbers() -> list[str]:
    """The library's example of each kind of number in each country and calling code."""
    kinds = phonenumbers.PhoneNumberType.values()
    examples = [
        phonenumbers.example_number_for_type(region, kind)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in kinds
    ]
    examples += [
        phonenumbers.example_number_for_non_geo_entity(code)
        for code in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
    ]
    return sorted({phonenumbers.format_number(example, E164) for example in examples if example})


def mutated(number: str, rng: random.Random) -> str:
    """`number` with one digit changed, lost or added, or everything new from one digit on."""
    at = rng.randrange(1, len(number))
    digit = rng.choice("0123456789")
    return rng.choice(
        (
            number[:at] + digit + number[at + 1 :],
            number[:at] + number[at + 1 :],
            number[:at] + digit + number[at:],
            number[:at] + "".join(rng.choice("0123456789") for _ in number[at:]),
        )
    )


def by_library(text: str) -> tuple[str, int] | None:
    """(E.164, why or why not possible), or None where the library cannot read the text."""
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, E164), phonenumbers.is_possible_number_with_reason(number)


numbers = st.one_of(
    st.sampled_from(example_numbers()),
    st.builds(
        lambda number, seed: mutated(number, random.Random(seed)),
        st.sampled_from(example_numbers()),
        st.integers(0, 2**32),
    ),
    st.text("0123456789", min_size=1, max_size=18).map("+{}".format),
)


@pytest.mark.parametrize(
    ("written", "region", "e164", "extension", "country"),
    [
        ("+14155551234", None, "+14155551234", None, "US"),
        ("+1 (415) 555-1234", None, "+14155551234", None, "US"),
        ("(415) 555-1234", "US", "+14155551234", None, "US"),
        ("415.555.1234", "us", "+14155551234", None, "US"),
        ("1-800-FLOWERS", "US", "+18003569377", None, "US"),
        ("+1 416 555 0123", None, "+14165550123", None, "CA"),
        ("+1 (415) 555-1234 x1234", None, "+14155551234", "1234", "US"),
        ("+1 415 555 1234 ext. 12", None, "+14155551234", "12", "US"),
        ("tel:+1-415-555-1234;ext=12", None, "+14155551234", "12", "US"),
        ("tel:020-7946-0018;phone-context=+44", None, "+442079460018", None, "GB"),
        ("020 7946 0018", "gb", "+442079460018", None, "GB"),
        ("+44 (0)20 7946 0018", None, "+442079460018", None, "GB"),
        ("0044 20 7946 0018", None, "+442079460018", None, "GB"),
        ("0044 20 7946 0018", "US", "+442079460018", None, "GB"),
        ("005511987654321", "BR", "+5511987654321", None, "BR"),
        ("＋１４１５５５５１２３４", None, "+14155551234", None, "US"),
        ("+٤٩٣٠١٢٣٤٥٦", None, "+4930123456", None, "DE"),
        ("\u202a+49 30 123456\u202c", None, "+4930123456", None, "DE"),
        ("06 1234 5678", "IT", "+390612345678", None, "IT"),
        ("011 15 2345-6789", "AR", "+5491123456789", None, "AR"),
        ("044 55 1234 5678", "MX", "+525512345678", None, "MX"),
        ("+52 1 55 1234 5678", None, "+5215512345678", None, "MX"),
        ("+800 1234 5678", None, "+80012345678", None, None),
        ("+1 310 1234", None, "+13101234", None, "CA"),
        ("+49 (0)(0)30 123456", None, "+4930123456", None, "DE"),
    ],
)
def test_a_number_as_people_write_it_is_read(
    written: str, region: str | None, e164: str, extension: str | None, country: str | None
) -> None:
    assert parse_phone(written, region) == Phone(e164, extension, country)


@pytest.mark.parametrize("test_number", ["+15555550100", "+447700900123", "+10000000000"])
def test_unassigned_number_of_possible_length_is_accepted(test_number: str) -> None:
    assert parse_phone(test_number, None).e164 == test_number


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("", None),
        ("12", "US"),
        ("+", None),
        ("not a number", "US"),
        ("+12", None),
        ("+999123456789", None),
        ("+1415555123", None),
        ("+1415555123456789", None),
        ("4155551234", None),
        ("4155551234", "XX"),
        ("555-1234", "US"),
        ("+1 415 555\x001234", None),
        ("+1\t415 555 1234", None),
        ("+1" + "4" * 300, None),
        ("+1 415 555 1234" + " " * 100 + "x1", None),
    ],
)
def test_text_that_is_no_number_is_refused(written: str, region: str | None) -> None:
    with pytest.raises(InvalidPhoneNumber):
        parse_phone(written, region)


def test_refusal_names_field_value_and_expectation() -> None:
    with pytest.raises(InvalidPhoneNumber) as refused:
        parse_phone("555-1234", None, field="contacts[3].phone")
    assert refused.value.details == {
        "field": "contacts[3].phone",
        "value": "555-1234",
        "expected": "an international number such as +14155551234; a national number needs a country",
    }


def test_plans_accept_what_the_library_leaves_as_it_is() -> None:
    rng = random.Random(20261121)
    candidates = [*example_numbers(), *(mutated(n, rng) for n in example_numbers() for _ in range(12))]
    accepted = 0
    for number in candidates:
        plan = numbering_plan(number)
        if plan and plan.accepts(number):
            accepted += 1
            assert by_library(number) == (number, IS_POSSIBLE)
    assert accepted > len(example_numbers())


def test_plans_decide_nearly_every_example() -> None:
    undecided = [n for n in example_numbers() if not (plan := numbering_plan(n)) or not plan.accepts(n)]
    assert len(undecided) < 0.01 * len(example_numbers())


@settings(max_examples=400, deadline=None)
@given(numbers)
def test_reading_agrees_with_the_library(number: str) -> None:
    library = by_library(number)
    try:
        e164 = parse_phone(number, None).e164
    except InvalidPhoneNumber:
        assert library is None or library[1] != IS_POSSIBLE
        return
    assert library is not None
    if library[1] == IS_POSSIBLE:
        # A number that still holds a prefix after one parse is parsed until it does not.
        while (again := by_library(library[0])) is not None and again[0] != library[0]:
            library = again
        assert e164 == library[0]
    else:
        assert e164 == number
        assert phone_key(number) != number or phonenumbers.is_valid_number(phonenumbers.parse(number))


@settings(max_examples=300, deadline=None)
@given(numbers, st.lists(st.sampled_from([" ", "-", ".", "(", ")", "/", "[", "]", ""]), min_size=20, max_size=20))
def test_punctuation_does_not_change_the_number(number: str, punctuation: list[str]) -> None:
    written = "+" + "".join(mark + digit for mark, digit in zip(punctuation, number[1:], strict=False))
    try:
        expected = parse_phone(number, None)
    except InvalidPhoneNumber:
        expected = None
    try:
        read = parse_phone(written, None)
    except InvalidPhoneNumber:
        read = None
    assert read == expected


@settings(max_examples=300, deadline=None)
@given(numbers)
def test_country_agrees_with_the_library(number: str) -> None:
    library = by_library(number)
    if library is None or library[0] != number:
        return
    expected = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    assert phone_region(number) == (None if expected == "001" else expected)


@settings(max_examples=500, deadline=None)
@given(
    st.text(max_size=40)
    | st.text("+0123456789 ()-./x#;,ext=０１٣\u200b\x00tel:*~", max_size=40)
    | st.text("0123456789", max_size=20),
    st.none() | st.sampled_from(["US", "de", "MX", "BR", "AR", "IT", "ZZ", "", "\x00"]),
)
def test_any_text_is_read_or_refused_and_the_result_reads_as_itself(text: str, region: str | None) -> None:
    try:
        phone = parse_phone(text, region)
    except InvalidPhoneNumber:
        return
    assert parse_phone(phone.e164, region) == phone._replace(extension=None)
    assert phone.extension is None or phone.extension.isascii()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+551187654321", "+5511987654321"),  # Brazil, mobile
        ("+5215512345678", "+525512345678"),  # Mexico, mobile
        ("+5491123456789", "+541123456789"),  # Argentina, SMS and calls
        ("+22997123456", "+2290197123456"),  # Benin
        ("+22507080910", "+2250707080910"),  # Côte d'Ivoire: Orange, mobile
        ("+22544080910", "+2250544080910"),  # MTN
        ("+22540080910", "+2250140080910"),  # Moov
        ("+22520211234", "+2252720211234"),  # Orange, fixed
        ("+22520011234", "+2252520011234"),  # MTN
        ("+22520811234", "+2252120811234"),  # Moov
        ("+5712281260", "+576012281260"),  # Colombia, fixed
        ("+841623456789", "+84323456789"),  # Vietnam: Viettel
        ("+841203456789", "+84703456789"),  # MobiFone
        ("+841993456789", "+84593456789"),  # Gmobile
    ],
)
def test_spellings_of_one_line_have_one_key(one: str, other: str) -> None:
    assert phone_key(parse_phone(one, None).e164) == phone_key(parse_phone(other, None).e164)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+551123456789", "+5511923456789"),  # a Brazilian fixed line and a mobile
        ("+390669821234", "+39669821234"),  # an Italian leading zero belongs to the number
        ("+525512345678", "+525512345679"),
        ("+841800123456", "+84800123456"),  # Vietnamese service numbers were not renumbered
        ("+573112345678", "+576013112345"),  # a Colombian mobile and a fixed line
    ],
)
def test_different_lines_keep_different_keys(one: str, other: str) -> None:
    assert phone_key(one) != phone_key(other)


@settings(max_examples=500, deadline=None)
@given(numbers)
def test_key_of_a_key_is_itself(number: str) -> None:
    assert phone_key(phone_key(number)) == phone_key(number)


def test_no_two_examples_share_a_key() -> None:
    by_key: dict[str, list[str]] = {}
    for number in example_numbers():
        by_key.setdefault(phone_key(number), []).append(number)
    # The examples of an Argentine fixed line and mobile have the same ten national digits.
    assert [shared for shared in by_key.values() if len(shared) > 1] == [["+541123456789", "+5491123456789"]]


def test_importing_the_module_loads_no_library() -> None:
    program = (
        "import sys, orbit_contacts.features.contacts.text, orbit_contacts.features.contacts.places\n"
        "heavy = {'phonenumbers', 'email_validator', 'idna', 'pycountry', 'langcodes', 'tzdata'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    loaded = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"
