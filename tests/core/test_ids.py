"""Public ids: their text, one by one and for a page at once."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.core import ids

ANY = st.integers(0, 2**128 - 1).map(lambda n: UUID(int=n))


@given(ANY)
def test_the_text_of_an_id_is_read_back(id: UUID) -> None:
    assert ids.parse("con", ids.text("con", id)) == id


@pytest.mark.parametrize("prefix", ["con", "note", "cf"])
@given(some=st.lists(ANY, max_size=3))
def test_a_page_of_ids_reads_like_each_of_them(prefix: str, some: list[UUID]) -> None:
    extremes = [UUID(int=0), UUID(int=2**128 - 1), UUID(int=2**64 - 1), UUID(int=2**64)]
    for page in (some, [*some, *extremes * 20]):
        assert ids.texts(prefix, page) == [ids.text(prefix, id) for id in page]
