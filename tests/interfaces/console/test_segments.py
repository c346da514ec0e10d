"""The builder: a form that is a rule, and a rule that is a form again."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.features.segments import rules as segment_rules
from orbit_contacts.features.segments.fields import FIELDS
from orbit_contacts.features.segments.operators import COUNTS
from orbit_contacts.interfaces.console.pages.segment_builder import EVENT_TYPES, READY_MADE
from orbit_contacts.interfaces.console.pages.segment_draft import (
    EVENT,
    Draft,
    Group,
    Line,
    fit,
    from_rules,
    kind_of,
    operators_of,
    press,
    to_rules,
)
from tests.conftest import Client
from tests.interfaces.console.conftest import Visitor

words = st.text("abcdef ", min_size=1, max_size=8).map(str.strip).filter(bool)
plain_lines = st.builds(
    Line, st.sampled_from(["company", "first_name", "tags"]), st.sampled_from(["$eq", "$contains"]), words
)
numbers = st.integers(0, 400).map(str)
behaviours = st.builds(
    Line,
    st.just(EVENT),
    did=st.booleans(),
    type=st.lists(st.sampled_from(EVENT_TYPES), min_size=1, max_size=3, unique=True).map(", ".join),
    channel=st.sampled_from(["", "email", "sms"]),
    count_op=st.sampled_from(list(COUNTS)),
    count=numbers,
    days=st.one_of(st.just(""), numbers),
)
lines = st.one_of(plain_lines, behaviours)
groups = st.builds(Group, st.sampled_from(["all", "any", "none"]), st.lists(lines, min_size=1, max_size=3))
drafts = st.builds(Draft, st.sampled_from(["all", "any", "none"]), st.lists(groups, min_size=1, max_size=3))


@given(drafts)
def test_a_draft_comes_back_from_its_rules(draft: Draft) -> None:
    assert from_rules(to_rules(draft)) == draft


@pytest.mark.parametrize(
    "rules",
    [
        {"event": {"type": "order.placed", "where": {"a": 1}}},
        {"event": {"type": "order.placed", "count": {"$gte": 1, "$lt": 5}}},
        {"$not": {"tags": "a"}},
        {"$and": [{"$or": [{"$and": [{"tags": "a"}]}]}]},
    ],
)
def test_rules_beyond_the_form_are_left_to_json(rules: dict[str, object]) -> None:
    assert from_rules(rules) is None


@given(drafts)
def test_whatever_the_form_holds_is_a_rule_once_it_is_filled_in(draft: Draft) -> None:
    for group in draft.groups:
        for line in group.lines:
            line.days = line.days if line.days != "0" else "1"
            line.count = "1" if (line.count_op, line.count) == ("$lt", "0") else line.count
    segment_rules.read(to_rules(draft), {}, None)


@pytest.mark.parametrize("field", [*FIELDS, "preferences.sms", "metadata.plan", "custom_fields.size"])
def test_a_changed_field_gets_an_operator_it_takes(field: str) -> None:
    draft = Draft(groups=[Group(lines=[Line(field, "$nonsense", "x")])])
    fit(draft, {"size": "number"})
    line = draft.groups[0].lines[0]
    assert line.op in operators_of(kind_of(field, {"size": "number"}))
    assert line.value == ""


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


def test_behaviour_lists_consent_and_other_segments_are_built_by_hand(api: Client, visitor: Visitor) -> None:
    ada = api.contact(first_name="Ada", email="ada@example.com")
    api.contact(first_name="Grace", email="grace@example.com")
    for _ in range(2):
        api.data("POST", f"/contacts/{ada['id']}/events", {"type": "message.opened", "channel": "email"})
    known = api.data("POST", "/contacts/lists", {"name": "Friends"})
    api.data("POST", f"/contacts/lists/{known['id']}/members", {"contact_ids": [ada["id"]]})
    api.data("PUT", f"/contacts/{ada['id']}/preferences", {"preferences": {"email": True}})
    other = api.data("POST", "/contacts/segments", {"name": "Everybody", "rules": {}})
    form = {
        "name": "Close",
        "m": "all",
        "g0.m": "all",
        "g0.r0.field": "event",
        "g0.r0.did": "yes",
        "g0.r0.type": "message.opened",
        "g0.r0.channel": "email",
        "g0.r0.count_op": "$gte",
        "g0.r0.count": "2",
        "g0.r0.days": "30",
        "g0.r1.field": "lists",
        "g0.r1.op": "$eq",
        "g0.r1.value": known["id"],
        "g0.r2.field": "preferences.email",
        "g0.r2.op": "$eq",
        "g0.r2.value": "opted_in",
        "g0.r3.field": "segments",
        "g0.r3.op": "$in",
        "g0.r3.value": other["id"],
        "g1.m": "none",
        "g1.r0.field": "event",
        "g1.r0.did": "yes",
        "g1.r0.type": "ticket.opened",
    }
    page = visitor.post("/segments/draft", **form, do="preview").text
    assert 'role="alert"' not in page
    assert re.search(r'class="big">1</b>', page)
    assert "message.opened on email at least 2 times in the last 30 days" in page
    assert ">Friends<" in page
    visitor.post("/segments/draft", **form, do="save")
    stored = next(s for s in api.data("GET", "/contacts/segments") if s["name"] == "Close")
    again = visitor.get(f"/segments/{stored['id']}/edit").text
    assert 'name="g0.r0.count" value="2"' in again
    assert "edited as JSON" not in again


def test_a_value_in_the_metadata_is_found_by_its_path(api: Client, visitor: Visitor) -> None:
    api.contact(metadata={"plan": {"name": "pro"}})
    form = {"g0.r0.field": "metadata.", "g0.r0.path": "plan.name", "g0.r0.op": "$eq", "g0.r0.value": "pro"}
    page = visitor.post("/segments/draft", name="x", **form, do="preview").text
    assert re.search(r'class="big">1</b>', page)
    assert 'value="plan.name"' in page
