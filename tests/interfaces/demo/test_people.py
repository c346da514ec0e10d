"""Invented people: always the same for a seed, never sharing an identifier, and fit for the directory."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from unicodedata import name as name_of

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.contacts.emails import email_key, parse_email
from orbit_contacts.features.contacts.phones import parse_phone, phone_key
from orbit_contacts.features.contacts.places import parse_country, parse_language, parse_timezone
from orbit_contacts.features.contacts.rules import tidy_tags
from orbit_contacts.interfaces.demo.people import Person, people
from orbit_contacts.interfaces.demo.traits import STAGES

SINCE = datetime(2022, 1, 1, tzinfo=UTC)
UNTIL = datetime(2026, 1, 1, tzinfo=UTC)


def crowd(count: int, seed: int = 7, **options: object) -> list[Person]:
    bounds = {"since": SINCE, "until": UNTIL} | options
    return [person for batch in people(seed, count, **bounds) for person in batch]


@pytest.fixture(scope="module")
def town() -> list[Person]:
    return crowd(20_000)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(), count=st.integers(0, 60), batch=st.integers(1, 70), start=st.integers(0, 10**12))
def test_the_batch_size_changes_nobody(seed: int, count: int, batch: int, start: int) -> None:
    assert crowd(count, seed, start=start, batch=batch) == crowd(count, seed, start=start)


def test_batches_are_as_long_as_asked() -> None:
    assert [len(batch) for batch in people(7, 25, since=SINCE, until=UNTIL, batch=10)] == [10, 10, 5]


def test_a_later_run_continues_the_same_people(town: list[Person]) -> None:
    later = crowd(100, start=500)
    assert [p._replace(created_at=SINCE, updated_at=SINCE, blocked_at=None) for p in later] == [
        p._replace(created_at=SINCE, updated_at=SINCE, blocked_at=None) for p in town[500:600]
    ]


def test_another_seed_makes_other_people(town: list[Person]) -> None:
    others = crowd(1000, seed=8)
    assert {p.email for p in others if p.email} != {p.email for p in town[:1000] if p.email}
    assert len({p.phone for p in others} & {p.phone for p in town[:1000]} - {None}) < 500


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_no_two_people_share_an_identifier(share: float) -> None:
    everybody = crowd(70_000, bulk_import_domains=share)
    for identifiers in (
        [phone_key(p.phone) for p in everybody if p.phone],
        [email_key(p.email) for p in everybody if p.email],
        [p.external_id for p in everybody if p.external_id],
    ):
        assert len(identifiers) > 40_000
        assert len(set(identifiers)) == len(identifiers)


def test_identifiers_stay_apart_when_every_pair_of_names_came_round_again() -> None:
    early, late = crowd(3000), crowd(3000, start=9_000_000)
    for field in ("phone", "email", "external_id"):
        values = [getattr(p, field) for p in early + late if getattr(p, field)]
        assert len(set(values)) == len(values)


def test_everybody_can_be_reached_and_some_on_one_way_only(town: list[Person]) -> None:
    assert all(p.phone or p.email for p in town)
    assert 0.85 < sum(p.phone is not None for p in town) / len(town) < 0.92
    assert 0.80 < sum(p.email is not None for p in town) / len(town) < 0.89


def test_who_comes_after_the_last_number_of_a_country_has_an_address() -> None:
    beyond = [p for p in crowd(2000, start=40_000_000) if p.country_code == "US"]
    assert len(beyond) > 200
    assert all(p.phone is None and p.email for p in beyond)


def test_the_directory_would_store_every_field_as_it_is(town: list[Person]) -> None:
    for p in town[:4000]:
        if p.phone:
            assert parse_phone(p.phone, None).e164 == p.phone
        if p.email:
            assert parse_email(p.email) == p.email
        assert parse_country(p.country_code) == p.country_code
        assert parse_timezone(p.timezone) == p.timezone
        assert parse_language(p.language) == p.language
        assert tidy_tags(p.tags) == p.tags
        for text, limit in ((p.first_name, 100), (p.last_name, 100), (p.display_name, 200), (p.company, 200)):
            assert text is None or (text == text.strip() and 0 < len(text) <= limit)


def test_no_address_can_reach_anybody(town: list[Person]) -> None:
    domains = {p.email.partition("@")[2] for p in town if p.email}
    assert len(domains) > 200
    assert all(d.endswith(".example") or d in {"example.com", "example.org", "example.net"} for d in domains)


def test_the_first_numbers_of_a_country_are_kept_for_fiction(town: list[Person]) -> None:
    numbers = {
        code: [p.phone for p in town[:3000] if p.country_code == code and p.phone] for code in ("US", "GB", "FR")
    }
    assert all(number[5:10] == "55501" for number in numbers["US"])
    assert all(number.startswith("+447700900") for number in numbers["GB"])
    assert all(number.startswith("+3363998") for number in numbers["FR"])


def test_times_rise_within_the_bounds_and_follow_working_hours(town: list[Person]) -> None:
    times = [p.created_at for p in town]
    assert all(a <= b for a, b in pairwise(times))
    assert SINCE <= times[0] < SINCE + timedelta(days=7)
    assert UNTIL - timedelta(days=7) < times[-1] < UNTIL
    assert all(p.created_at <= p.updated_at < UNTIL for p in town)
    assert sum(t >= UNTIL - timedelta(days=365) for t in times) > sum(t < SINCE + timedelta(days=365) for t in times)
    by_weekday = Counter(t.weekday() for t in times)
    assert by_weekday[1] > 2 * by_weekday[6]


def test_bulk_imports_hold_the_oldest_and_the_newest_rows() -> None:
    everybody = crowd(10_000, bulk_import_domains=0.2)
    domains = [p.email.partition("@")[2] if p.email else None for p in everybody]
    assert set(domains[:1000]) == {"legacy-import.example"}
    assert set(domains[-1000:]) == {"bulk2023.example"}
    assert not set(domains[1000:-1000]) & {"legacy-import.example", "bulk2023.example"}
    assert {p.source for p in everybody[:1000] + everybody[-1000:]} == {"import"}
    assert everybody[999].created_at - everybody[0].created_at < timedelta(hours=2)
    assert everybody[-1].created_at - everybody[-1000].created_at < timedelta(hours=2)
    assert all(a.created_at <= b.created_at for a, b in pairwise(everybody))


def test_shares_are_those_of_the_tables(town: list[Person]) -> None:
    stages = Counter(p.lifecycle_stage for p in town)
    assert set(stages) == set(STAGES)
    assert all(abs(stages[stage] / len(town) - share) < 0.015 for stage, share in STAGES.items())
    assert 0.025 < sum("vip" in p.tags for p in town) / len(town) < 0.041
    assert 0.05 < sum(p.metadata["score"] > 90 for p in town) / len(town) < 0.08
    assert all((p.metadata["ltv"] > 0) == (p.lifecycle_stage not in {"lead", "trial"}) for p in town)
    assert 0.43 < sum(p.company is not None for p in town) / len(town) < 0.47
    assert 10 < sum(p.blocked for p in town) < 200
    assert all(p.blocked == (p.blocked_at is not None) == (p.block_reason is not None) for p in town)


def test_people_of_many_countries_write_their_names_in_many_scripts(town: list[Person]) -> None:
    assert len({p.country_code for p in town}) >= 24
    letters = {letter for p in town for letter in (p.display_name or "") if letter.isalpha()}
    scripts = {name_of(letter).split()[0] for letter in letters}
    wanted = "LATIN CYRILLIC ARABIC HEBREW GREEK CJK HIRAGANA HANGUL DEVANAGARI THAI"
    assert set(wanted.split()) <= scripts
    assert {"ş", "ı", "ệ", "ñ", "ø", "ř", "ő"} <= letters
    romanised = [p for p in town if p.country_code == "GR" and (p.first_name or "Α").isascii()]
    assert len(romanised) > 20


def test_families_come_first_where_they_do(town: list[Person]) -> None:
    japanese = next(p for p in town if p.country_code == "JP" and p.display_name and not p.display_name.isascii())
    german = next(p for p in town if p.country_code == "DE" and p.display_name)
    assert japanese.display_name == f"{japanese.last_name}{japanese.first_name}"
    assert german.display_name == f"{german.first_name} {german.last_name}"


def test_nobody_shares_a_list_or_a_map_with_another(town: list[Person]) -> None:
    assert len({id(p.tags) for p in town}) == len({id(p.metadata) for p in town}) == len(town)
    assert len({id(p.custom_fields) for p in town}) == len(town)


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("count", {"count": -1}),
        ("start", {"start": -1}),
        ("batch", {"batch": 0}),
        ("bulk_import_domains", {"bulk_import_domains": 1.5}),
        ("bulk_import_domains", {"bulk_import_domains": float("nan")}),
        ("since", {"since": UNTIL}),
        ("until", {"until": datetime(2026, 1, 1)}),
    ],
)
def test_what_cannot_be_is_refused_by_name(field: str, options: dict[str, object]) -> None:
    arguments = {"count": 1, "since": SINCE, "until": UNTIL} | options
    with pytest.raises(InvalidRequest) as refused:
        people(7, **arguments)
    assert refused.value.details["field"] == field
