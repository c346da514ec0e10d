"""E-mail addresses: what is read and refused, identity, and that the short way agrees with the library."""

import email_validator
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orbit_contacts.core.errors import InvalidEmail
from orbit_contacts.features.contacts.emails import email_key, parse_email


def by_library(text: str) -> str | None:
    """The address as the library normalises it, lower-cased, with special-use domains allowed."""
    special, email_validator.SPECIAL_USE_DOMAIN_NAMES = email_validator.SPECIAL_USE_DOMAIN_NAMES, []
    try:
        return email_validator.validate_email(text, check_deliverability=False).normalized.lower()
    except email_validator.EmailNotValidError:
        return None
    finally:
        email_validator.SPECIAL_USE_DOMAIN_NAMES = special


def read(text: str) -> str | None:
    try:
        return parse_email(text)
    except InvalidEmail:
        return None


labels = st.text("abcXYZ019-", min_size=1, max_size=6) | st.sampled_from(
    ["xn--mller-kva", "xn--", "XN--80AK6AA92E", "ab--cd", "a" * 63, "b" * 64, "com", "12"]
)
ascii_addresses = st.builds(
    lambda local, domain: f"{local}@{'.'.join(domain)}",
    st.text("abcXYZ09.!#$%&'*+/=?^_`{|}~-", min_size=0, max_size=70),
    st.lists(labels, min_size=0, max_size=5),
)
any_addresses = st.builds(
    lambda local, domain: f"{local}@{'.'.join(domain)}",
    st.text('aZ.äÄßİıÉe\u0301日Σς\u200b"( ', min_size=0, max_size=12),
    st.lists(st.text("aZ0-äÄßé日ا。ς\u200d", min_size=0, max_size=6) | labels, min_size=0, max_size=4),
)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("jane@example.com", "jane@example.com"),
        ("  Jane.DOE+news@Example.COM \n", "jane.doe+news@example.com"),
        ("\u200bjane@example.com\ufeff", "jane@example.com"),
        ("o'brien@example.ie", "o'brien@example.ie"),
        ("anna@müller.example", "anna@müller.example"),
        ("anna@MÜLLER.example", "anna@müller.example"),
        ("anna@xn--mller-kva.example", "anna@müller.example"),
        ("anna@mu\u0308ller.example", "anna@müller.example"),
        ("JÖRG@example.de", "jörg@example.de"),
        ("a@日本。jp", "a@日本.jp"),
        ("jane@example.test", "jane@example.test"),
        ("root@nas.local", "root@nas.local"),
        ("jane@mail.localhost", "jane@mail.localhost"),
        ("Ops@Ärzte.invalid", "ops@ärzte.invalid"),
    ],
)
def test_an_address_is_read_into_one_form(written: str, address: str) -> None:
    assert parse_email(written) == address


@pytest.mark.parametrize(
    "written",
    [
        "",
        "jane",
        "@example.com",
        "jane@",
        "jane@localhost",
        "jane@example.1",
        "jane..doe@example.com",
        ".jane@example.com",
        "jane@-example.com",
        "jane@exa mple.com",
        "jane@example..com",
        "jane@ab--cd.com",
        "jane@xn--zzzzzz--.com",
        "jane＠example.com",
        "ja\x00ne@example.com",
        '"jane doe"@example.com',
        "jane@[192.0.2.1]",
        "Jane <jane@example.com>",
        "jane@example.com, joe@example.com",
        "a" * 243 + "@example.com",
        "İ" * 81 + "@example.com",
    ],
)
def test_text_that_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(InvalidEmail):
        parse_email(written)


def test_refusal_names_field_value_and_expectation() -> None:
    with pytest.raises(InvalidEmail, match="must have an @-sign") as refused:
        parse_email("jane", field="contacts[3].email")
    assert refused.value.details == {
        "field": "contacts[3].email",
        "value": "jane",
        "expected": "an address such as jane@example.com",
    }


def test_longest_address_is_accepted() -> None:
    address = "a" * 242 + "@example.com"
    assert len(parse_email(address)) == 254


@settings(max_examples=600, deadline=None)
@given(ascii_addresses)
@example("a@" + "b" * 63 + ".com")
@example("a@" + "b" * 64 + ".com")
@example("a" * 242 + "@example.com")
@example("a" * 243 + "@example.com")
@example("a@b.c-d")
@example("a@b.c-")
@example("a@b.1c")
@example("a@b.c1")
def test_reading_agrees_with_the_library(text: str) -> None:
    assert read(text) == by_library(text)


@settings(max_examples=500, deadline=None)
@given(any_addresses | st.text(max_size=30))
@example("\ud800@example.com")
def test_any_text_is_read_or_refused_and_the_result_reads_as_itself(text: str) -> None:
    address = read(text)
    if address is not None:
        assert parse_email(address) == address
        assert address == address.lower()
        assert email_key(email_key(address)) == email_key(address)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anna@müller.example", "anna@xn--mller-kva.example"),
        ("Anna@Example.COM", "anna@example.com"),
        ("JÖRG@example.de", "jo\u0308rg@EXAMPLE.de"),
        ("ΟΔΥΣΣΕΥΣ@example.gr", "οδυσσευς@example.gr"),
    ],
)
def test_spellings_of_one_mailbox_have_one_key(one: str, other: str) -> None:
    assert email_key(parse_email(one)) == email_key(parse_email(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("jane.doe@example.com", "janedoe@example.com"),
        ("jane+a@example.com", "jane@example.com"),
        ("anna@strasse.example", "anna@straße.example"),
        ("jose@example.com", "josé@example.com"),
    ],
)
def test_different_mailboxes_keep_different_keys(one: str, other: str) -> None:
    assert email_key(parse_email(one)) != email_key(parse_email(other))


@settings(max_examples=300, deadline=None)
@given(any_addresses)
def test_key_is_blind_to_case_of_the_local_part(text: str) -> None:
    address = read(text)
    # Unicode's case folding keeps the dotless i apart, whose capital is the ordinary I.
    if address is None or "ı" in address:
        return
    local, _, domain = address.rpartition("@")
    assert email_key(f"{local.upper()}@{domain}") == email_key(address)


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_key_of_any_text_exists(text: str) -> None:
    assert isinstance(email_key(text), str)
