import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.core.csv_safety import guard, guard_all, unguard, unguard_all
from orbit_contacts.core.csv_values import decode_value, encode_value, join_tags, split_tags

CELLS = st.text(st.sampled_from("'=@\t\r\n+-129 aß") | st.characters(exclude_categories=["Cs"]), max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from(["7", "true", "null", "00123", '"', "{}", " 1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    "cell", ["=1+1", "@SUM(A1)", "\tx", "\rx", "+1 415", "+", "-", "-1-1", "+1415a", "+١٢", "-2+3", "+1415\n"]
)
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(cell: str) -> None:
    assert guard(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "Ada", "+14155550101", "-5", "'tis", "'Okina", "a=b", " =1", "1+1", "'+5"])
def test_a_harmless_cell_stays_as_it_is(cell: str) -> None:
    assert guard(cell) == cell


@given(CELLS)
def test_the_guard_is_undone_exactly(cell: str) -> None:
    assert unguard(guard(cell)) == cell


@given(CELLS)
def test_a_guarded_cell_is_harmless(cell: str) -> None:
    guarded = guard(cell)
    plain_number = guarded[1:].isdigit() and guarded[1:].isascii()
    assert guarded[:1] not in ("=", "@", "\t", "\r")
    assert guarded[:1] not in ("+", "-") or plain_number


@given(st.lists(CELLS, max_size=5))
def test_a_row_is_guarded_cell_by_cell(cells: list[str]) -> None:
    assert guard_all(cells) == [guard(cell) for cell in cells]
    assert unguard_all(cells) == [unguard(cell) for cell in cells]


@given(st.lists(TEXTS | st.sampled_from(["a, b", 'say "hi"', " x ", "a;b", ""]), max_size=4))
def test_joined_tags_are_split_into_the_same(tags: list[str]) -> None:
    assert split_tags(join_tags(tags)) == tags


def test_tags_of_other_programs_are_split() -> None:
    assert split_tags("vip; Berlin ,,old|new\nx") == ["vip", "Berlin", "old", "new", "x"]
    assert split_tags('"VIP","Blog, weekly"') == ["VIP", "Blog, weekly"]
    assert split_tags('5" tall, "open') == ['5" tall', '"open']


@given(JSON)
def test_a_value_keeps_its_type(value: object) -> None:
    assert decode_value(encode_value(value)) == value


def test_text_that_cannot_be_mistaken_stays_plain() -> None:
    assert [encode_value(value) for value in ("Ada", "00123", 123, "123", None, True)] == [
        *("Ada", "00123", "123", '"123"', "", "true")
    ]


@given(CELLS)
def test_any_cell_can_be_decoded(cell: str) -> None:
    decode_value(cell)
    split_tags(cell)
