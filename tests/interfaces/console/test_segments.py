"""The builder: a form that is a rule, and a rule that is a form again."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.interfaces.console.pages.segment_draft import Draft, Group, Line, from_rules, press, to_rules
from orbit_contacts.interfaces.console.pages.segments import READY_MADE
from tests.conftest import Client
from tests.interfaces.console.conftest import Visitor

words = st.text("abcdef ", min_size=1, max_size=8).map(str.strip).filter(bool)
lines = st.builds(
    Line, st.sampled_from(["company", "first_name", "tags"]), st.sampled_from(["$eq", "$contains"]), words
)
groups = st.builds(Group, st.sampled_from(["all", "any"]), st.lists(lines, min_size=1, max_size=3))
drafts = st.builds(Draft, st.sampled_from(["all", "any"]), st.lists(groups, min_size=1, max_size=3))


@given(drafts)
def test_a_draft_comes_back_from_its_rules(draft: Draft) -> None:
    assert from_rules(to_rules(draft)) == draft


@pytest.mark.parametrize("rules", [{"event": {"type": "order.placed"}}, {"$not": {"tags": "a"}}, {"$nor": []}])
def test_rules_beyond_the_form_are_left_to_json(rules: dict[str, object]) -> None:
    assert from_rules(rules) is None


@given(drafts, st.text("adremovgup-:0123456789", max_size=14))
def test_no_button_breaks_a_draft(draft: Draft, button: str) -> None:
    press(draft, button)
    assert all(group.lines for group in draft.groups)


def test_a_segment_is_built_counted_and_stored(api: Client, visitor: Visitor) -> None:
    for country in ("DE", "DE", "FR"):
        api.contact(country_code=country)
    form = {"name": "Germans", "m": "all", "g0.m": "any", "g0.r0.field": "country_code", "g0.r0.op": "$eq"}
    preview = visitor.post("/segments/draft", **form, **{"g0.r0.value": "DE"}, do="preview").text
    assert re.search(r'class="big">2</b>', preview)
    stored = visitor.post("/segments/draft", **form, **{"g0.r0.value": "DE"}, do="save")
    assert re.search(r"/console/segments/seg_\w+$", str(stored.url))
    assert api.data("GET", "/contacts/segments")[0]["contact_count"] == 2


def test_a_rule_that_cannot_be_is_told_beside_the_form(visitor: Visitor) -> None:
    form = {"name": "X", "g0.r0.field": "created_at", "g0.r0.op": "$within_days", "g0.r0.value": "soon"}
    page = visitor.post("/segments/draft", **form, do="preview")
    assert 'role="alert"' in page.text
    assert 'value="soon"' in page.text


@pytest.mark.parametrize("name", READY_MADE)
def test_the_ready_made_rules_are_rules(visitor: Visitor, name: str) -> None:
    page = visitor.http.get("/segments/new", params={"from": name})
    assert page.status_code == 200
    assert 'role="alert"' not in page.text
