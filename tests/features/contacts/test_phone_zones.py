"""Time zones of phone numbers: the table says what the library says, wherever the library knows better than nothing."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

from orbit_contacts.features.contacts.phone_zones import phone_timezones


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+14155551234", ("America/Los_Angeles",)),
        ("+14413701234", ("Atlantic/Bermuda",)),
        ("+905321234567", ("Europe/Istanbul",)),
        ("+442079460018", ("Europe/London",)),
        ("+5215512345678", phone_timezones("+525512345678")),
        ("+80012345678", ()),
        ("nonsense", ()),
        ("+", ()),
    ],
)
def test_time_zones_of_a_number(number: str, zones: tuple[str, ...]) -> None:
    assert phone_timezones(number) == zones


def test_a_number_without_a_place_may_lie_in_any_zone_of_its_code() -> None:
    assert len(phone_timezones("+18002345678")) > 10
    assert len(phone_timezones("+447400123456")) > 1


EXAMPLES = [
    phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in range(11)
    if (number := phonenumbers.example_number_for_type(region, kind)) is not None
]


@given(st.sampled_from(EXAMPLES), st.text("0123456789", min_size=4, max_size=4), st.booleans())
def test_the_table_agrees_with_the_library(example: str, ending: str, other_end: bool) -> None:
    number = example[:-4] + ending if other_end else example
    by_library = set(time_zones_for_number(phonenumbers.parse(number))) - {UNKNOWN_TIMEZONE}
    ours = set(phone_timezones(number))
    if number.startswith("+1"):
        # Mobile numbers of the islands: the library gives all of North America, their area code gives one zone.
        assert ours <= by_library or not by_library
    elif by_library:
        assert ours == by_library
