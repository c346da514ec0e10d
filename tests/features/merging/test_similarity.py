"""What makes two contacts look like one person, and what does not."""

import random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.features.merging.similarity import CAPS, THRESHOLD, Person, compare, keys, likeness, name_words


def person(n: int = 0, **fields: str) -> Person:
    return Person(UUID(int=n), *(fields.get(name) for name in Person._fields[1:]))


JANE = {"first_name": "Jane", "last_name": "Doe"}

ALIKE: list[tuple[dict[str, str], dict[str, str], str]] = [
    (JANE | {"phone": "+14155552671"}, {"display_name": "DOE, Jane", "email": "jd@acme.example"}, "same_name"),
    (JANE | {"company": "Acme Inc."}, {"display_name": "Jane Doe", "company": "ACME INC"}, "same_name"),
    (JANE | {"company": "Acme"}, {"display_name": "J. Doe", "company": "acme"}, "similar_name"),
    (
        {"display_name": "Catherine Smith", "email": "c.smith@acme.example"},
        {"display_name": "Katherine Smyth", "email": "k.smyth@acme.example", "company": "x"},
        "similar_name",
    ),
    ({"email": "jane.doe@gmail.com"}, {"email": "janedoe+news@acme.example"}, "same_mailbox"),
    ({"phone": "+905321234567"}, {"phone": "+15321234567"}, "same_phone_ending"),
    ({"external_id": "CRM-001"}, {"external_id": "crm 001"}, "same_external_id"),
    ({"display_name": "Çağlar Şen", "phone": "+905321234567"}, {"display_name": "caglar sen"}, "same_name"),
    (
        {"display_name": "王 小明", "phone": "+8613800138000"},
        {"display_name": "王 小明", "email": "w@acme.example"},
        "same_name",
    ),
]
UNALIKE: list[tuple[dict[str, str], dict[str, str]]] = [
    (JANE | {"email": "jane@acme.example"}, {"display_name": "John Smith", "email": "john@acme.example"}),
    (JANE | {"company": "Acme"}, {"display_name": "Mary Major", "company": "Acme"}),
    (JANE | {"email": "jane@one.example"}, JANE | {"email": "jdoe@two.example"}),
    (JANE | {"phone": "+14155552671"}, {"display_name": "John Roe", "phone": "+90155552671"}),
    ({"email": "info@acme.example"}, {"email": "info@other.example"}),
    ({"email": "a@gmail.com"}, {"email": "b@gmail.com"}),
    ({"first_name": "Jane"}, {"first_name": "Jane"}),
    (JANE | {"company": "Acme"}, {"display_name": "John Day", "company": "Acme"}),
    (JANE | {"company": "Acme"}, JANE | {"company": "Zenith"}),
    ({"external_id": "1"}, {"external_id": "1."}),
    ({}, {}),
]


@pytest.mark.parametrize(("one", "other", "reason"), ALIKE)
def test_alike_contacts_share_a_key_and_score(one: dict[str, str], other: dict[str, str], reason: str) -> None:
    first, second = person(1, **one), person(2, **other)
    score, reasons = compare(first, second)
    assert reason in {found.code for found in reasons}
    assert score >= THRESHOLD, reasons
    assert keys(first, 7).keys() & keys(second, 7).keys() or reason == "similar_name"


@pytest.mark.parametrize(("one", "other"), UNALIKE)
def test_colleagues_namesakes_and_roles_are_not_alike(one: dict[str, str], other: dict[str, str]) -> None:
    score, reasons = compare(person(1, **one), person(2, **other))
    assert score < THRESHOLD, reasons


def test_misspelt_names_of_one_company_share_a_key() -> None:
    catherine = person(1, display_name="Catherine Phillips", company="Acme")
    katharina = person(2, display_name="Katharine Filips", company="ACME")
    assert "near+company" in {keys(catherine, 7)[key] for key in keys(catherine, 7).keys() & keys(katharina, 7).keys()}
    assert compare(catherine, katharina)[0] >= THRESHOLD


def test_keys_of_two_workspaces_never_meet() -> None:
    jane = person(1, **JANE, email="jane.doe@acme.example", phone="+14155552671", external_id="crm-1", company="Acme")
    assert len(keys(jane, 1)) == len(CAPS)
    assert not keys(jane, 1).keys() & keys(jane, 2).keys()


TEXT = st.none() | st.text(max_size=20) | st.sampled_from(["Jane Doe", "J. Doe", "jane@acme.example", "+14155552671"])
PEOPLE = st.builds(Person, st.just(UUID(int=1)), *[TEXT] * 8)


@given(PEOPLE, PEOPLE)
def test_a_score_lies_between_0_and_1_whichever_comes_first(one: Person, other: Person) -> None:
    score, reasons = compare(one, other)
    assert 0 <= score <= 1
    assert compare(other, one)[0] == score
    assert [reason.weight for reason in reasons] == sorted((reason.weight for reason in reasons), reverse=True)
    assert all(-(2**63) <= key < 2**63 for key in keys(one, 1))


@given(st.text(), st.text())
def test_likeness_is_symmetric_and_1_for_the_same_words(one: str, other: str) -> None:
    one, other = (" ".join(name_words(person(display_name=text))) for text in (one, other))
    assert likeness(one, other) == likeness(other, one)
    assert likeness(one, one) == (1.0 if one else 0.0)


FIRST = "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan".split()
LAST = "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez".split()
FIRMS = [f"Firm {n}" for n in range(80)]


def typo(word: str, choose: random.Random) -> str:
    at = choose.randrange(1, len(word))
    return choose.choice([word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:], word.replace("i", "y")])


def test_planted_duplicates_are_found_among_namesakes_and_colleagues() -> None:
    """800 people of 182 names at 80 firms, 100 of them twice: most are proposed, and few who only share their name."""
    choose = random.Random(7)
    people: list[Person] = []
    for n in range(800):
        first, last, firm = choose.choice(FIRST), choose.choice(LAST), choose.choice(FIRMS)
        domain = choose.choice([f"firm{FIRMS.index(firm)}.example", "gmail.com"])
        phone = f"+1{choose.randrange(2_000_000_000, 9_000_000_000)}"
        email = f"{first}.{last}{n}@{domain}".lower()
        fields = {"first_name": first, "last_name": last, "company": firm, "email": email, "phone": phone}
        people.append(person(n, **fields))
    twins: set[frozenset[int]] = set()
    for n in range(100):
        source = people[n]
        assert source.last_name is not None
        copy = source._replace(id=UUID(int=1000 + n), phone=None, last_name=typo(source.last_name, choose))
        kind = n % 3
        if kind == 0:
            copy = copy._replace(email=None, last_name=source.last_name)
        elif kind == 1:
            copy = copy._replace(email=(source.email or "").partition("@")[0] + "@private.example", company=None)
        people.append(copy)
        twins.add(frozenset((n, 1000 + n)))
    holders: dict[tuple[int, str], list[Person]] = {}
    for one in people:
        for key in keys(one, 1).items():
            holders.setdefault(key, []).append(one)
    proposed = {
        frozenset((one.id.int, other.id.int))
        for (_, kind), shared in holders.items()
        if len(shared) <= CAPS[kind]
        for one in shared
        for other in shared
        if one.id != other.id and compare(one, other)[0] >= THRESHOLD
    }
    assert len(proposed & twins) >= 90
    assert len(proposed & twins) / len(proposed) >= 0.7
