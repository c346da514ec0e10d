"""What a rule may say, and how a wrong one is refused: where, what was found, what was expected."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orbit_contacts.features.segments import rules
from orbit_contacts.features.segments.faults import InvalidSegmentRules
from orbit_contacts.features.segments.fields import FIELDS, Kind, split_path
from orbit_contacts.features.segments.operators import OPERATORS
from orbit_contacts.features.segments.tree import AllOf, Condition, Happened, Times, Unreadable
from tests.features.segments.generated import DEFINITIONS
from tests.features.segments.generated import rules as generated_rules


def read(rule: Any) -> AllOf:
    return rules.read(rule, DEFINITIONS, "US")


def refused(rule: Any) -> dict[str, Any]:
    with pytest.raises(InvalidSegmentRules) as caught:
        read(rule)
    assert caught.value.code == "INVALID_SEGMENT_RULES"
    assert caught.value.status == 422
    return caught.value.details


def nested(levels: int, operator: str = "$not") -> dict[str, Any]:
    rule: dict[str, Any] = {"tags": "vip"}
    for _ in range(levels):
        rule = {operator: rule if operator == "$not" else [rule]}
    return rule


@pytest.mark.parametrize(
    ("rule", "path", "value", "expected"),
    [
        ({"contry_code": "US"}, "rules.contry_code", "contry_code", "did you mean `country_code`?"),
        ({"zzz": 5}, "rules.zzz", "zzz", "metadata.<path>"),
        ({"metadata": {"a": 1}}, "rules.metadata", "metadata", "a field of a contact"),
        ({"metadata..a": 1}, "rules.metadata..a", "metadata..a", "a path of 1-5 keys"),
        ({"custom_fields.nope": 1}, "rules.custom_fields.nope", "custom_fields.nope", "a custom field you defined"),
        ({"preferences.fixie": True}, "rules.preferences.fixie", "preferences.fixie", "whatsapp"),
        ({"preferences.sms": "yes"}, "rules.preferences.sms", "yes", "opted_in, opted_out or unknown"),
        ({"tags": {"$containz": "a"}}, "rules.tags.$containz", "$containz", "$contains"),
        ({"tags": {"$gt": 1}}, "rules.tags.$gt", "$gt", "an operator for `tags` (array of texts)"),
        ({"first_name": {"$gte": "a"}}, "rules.first_name.$gte", "$gte", "$starts_with"),
        ({"first_name": 5}, "rules.first_name", 5, "a text"),
        ({"first_name": None}, "rules.first_name", None, '{"$exists": false}'),
        ({"first_name": {}}, "rules.first_name", "{}", "at least one operator"),
        ({"first_name": {"$contains": ""}}, "rules.first_name.$contains", "", "a text of 1-1000 characters"),
        ({"country_code": "UK"}, "rules.country_code", "UK", "ISO 3166-1"),
        ({"country_code": ["US", "XY"]}, "rules.country_code[1]", "XY", "ISO 3166-1"),
        ({"email": "jane"}, "rules.email", "jane", "jane@example.com"),
        ({"phone": "12"}, "rules.phone", "12", "+14155551234"),
        ({"blocked": "true"}, "rules.blocked", "true", "true or false"),
        ({"created_at": "soon"}, "rules.created_at", "soon", "2026-03-08"),
        ({"created_at": {"$gt": 5}}, "rules.created_at.$gt", 5, "a date"),
        ({"created_at": {"$within_days": "7"}}, "rules.created_at.$within_days", "7", "a number of days"),
        ({"created_at": {"$within_days": -1}}, "rules.created_at.$within_days", -1, "0-36500"),
        ({"created_at": {"$within_days": True}}, "rules.created_at.$within_days", True, "a number of days"),
        ({"metadata.a": {"$gt": "x"}}, "rules.metadata.a.$gt", "x", "a date"),
        ({"metadata.a": {"$eq": {"b": 1}}}, "rules.metadata.a.$eq", '{"b":1}', "a text, a number, true or false"),
        ({"metadata.a": {"$in": []}}, "rules.metadata.a.$in", "[]", "an array of 1-1000 values"),
        ({"metadata.a": {"$in": [1, None]}}, "rules.metadata.a.$in[1]", None, "$exists"),
        ({"metadata.a": 10**31}, "rules.metadata.a", 10**31, "a number"),
        ({"custom_fields.seats": "5"}, "rules.custom_fields.seats", "5", "a number"),
        ({"lists": "lst_1"}, "rules.lists", "lst_1", "an id `lst_…`"),
        ({"segment": 5}, "rules.segment", 5, "an id `seg_…`"),
        ({"segments": {"$exists": True}}, "rules.segments.$exists", "$exists", "an operator for `segments`"),
        ({"tags": {"$exists": "no"}}, "rules.tags.$exists", "no", "true or false"),
        ({"$and": {"tags": "a"}}, "rules.$and", '{"tags":"a"}', "an array of one or more rules"),
        ({"$or": []}, "rules.$or", "[]", "an array of one or more rules"),
        ({"$not": [{"tags": "a"}]}, "rules.$not", '[{"tags":"a"}]', "an object"),
        ({"$or": [{"tags": "a"}, {"tagz": 1}]}, "rules.$or[1].tagz", "tagz", "did you mean `tags`?"),
        ({"$xor": []}, "rules.$xor", "$xor", "did you mean `$or`?"),
        ([], "rules", "[]", "an object"),
        ({"event": "message.opened"}, "rules.event", "message.opened", "an object with at least `type`"),
        ({"event": {}}, "rules.event.type", None, "an event type"),
        ({"event": {"type": "Opened!"}}, "rules.event.type", "Opened!", "lower-case words"),
        ({"event": {"type": "a", "days": 3}}, "rules.event.days", "days", "within_days"),
        ({"event": {"type": "a", "count": -1}}, "rules.event.count", -1, "a whole number"),
        ({"event": {"type": "a", "count": {"$gte": 1.5}}}, "rules.event.count.$gte", 1.5, "a whole number"),
        ({"event": {"type": "a", "count": {"$lt": 0}}}, "rules.event.count", '{"$lt":0}', "a number of times"),
        ({"event": {"type": "a", "count": {"$in": [1]}}}, "rules.event.count.$in", "$in", "$gte"),
        ({"event": {"type": "a", "where": {"x": None}}}, "rules.event.where.x.$eq", None, "$exists"),
        ({"event": {"type": "a", "channel": []}}, "rules.event.channel", "[]", "whatsapp"),
        ({"event": {"type": "a", "channel": "mail"}}, "rules.event.channel", "mail", "email"),
        ({"event": {"type": "a", "direction": "in"}}, "rules.event.direction", "in", "inbound, outbound"),
    ],
)
def test_a_wrong_rule_says_where_and_what(rule: Any, path: str, value: Any, expected: str) -> None:
    details = refused(rule)
    assert details["field"] == "rules"
    assert (details["path"], details["value"]) == (path, value)
    assert expected in details["expected"]


def test_every_fault_is_reported() -> None:
    details = refused({"a": 1, "$or": [{"b": 2}], "tags": {"$gt": 3}})
    assert [fault["path"] for fault in details["errors"]] == ["rules.a", "rules.$or[0].b", "rules.tags.$gt"]


@pytest.mark.parametrize("operator", ["$and", "$or", "$nor", "$not"])
def test_logic_nests_five_deep_and_no_deeper(operator: str) -> None:
    read(nested(5, operator))
    assert "at most 5" in refused(nested(6, operator))["expected"]


def test_a_rule_has_a_hundred_conditions_and_no_more() -> None:
    read({"$or": [{"tags": str(n)} for n in range(100)]})
    assert refused({"$or": [{"tags": str(n)} for n in range(101)]})["value"] == 101
    within_events = {"event": {"type": "a", "where": {f"k{n}": n for n in range(99)}}}
    read(within_events)
    assert refused({**within_events, "tags": "a"})["value"] == 101


def test_bare_values_are_equality_and_bare_arrays_membership() -> None:
    tree = read({"company": "Acme", "language": ["tr", "EN"], "tags": "vip"})
    asked = [(child.operator.name, child.operand) for child in tree.children if isinstance(child, Condition)]
    assert asked == [("$eq", "Acme"), ("$in", ("tr", "en")), ("$eq", "vip")]


@pytest.mark.parametrize(
    ("rule", "operand"),
    [
        ({"email": "JANE@Example.com"}, "jane@example.com"),
        ({"country_code": "us"}, "US"),
        ({"phone": "(415) 555-2671"}, "+14155552671"),
        ({"custom_fields.mail": "JANE@Example.com"}, "jane@example.com"),
        ({"preferences.sms": True}, "opted_in"),
        ({"preferences.sms": False}, "opted_out"),
        ({"created_at": "2026-03-08"}, 1_772_928_000_000_000),
        ({"created_at": "2026-03-08T03:00:00+03:00"}, 1_772_928_000_000_000),
    ],
)
def test_values_take_the_form_in_which_they_are_stored(rule: Any, operand: Any) -> None:
    (condition,) = read(rule).children
    assert isinstance(condition, Condition)
    assert condition.operand == operand


@pytest.mark.parametrize(
    ("count", "times"),
    [
        (3, Times(3, 3)),
        (0, Times(0, 0)),
        ({"$gte": 3}, Times(3, None)),
        ({"$gt": 3, "$lte": 5}, Times(4, 5)),
        ({"$lt": 3}, Times(0, 2)),
        ({"$ne": 2}, Times(0, None, (2,))),
    ],
)
def test_counts_become_intervals(count: Any, times: Times) -> None:
    (happened,) = read({"event": {"type": "a", "count": count}}).children
    assert isinstance(happened, Happened)
    assert happened.times == times


def test_a_dot_in_a_key_is_escaped() -> None:
    assert split_path("a.b") == ("a", "b")
    assert split_path(r"a\.b") == ("a.b",)
    assert split_path(r"a\\.b") == ("a\\", "b")
    assert split_path("a\\") is None


def test_a_stored_condition_on_a_custom_field_that_is_gone_holds_for_nobody() -> None:
    rule = {"custom_fields.size": "XL", "tags": "vip"}
    tree = rules.read_stored(rule, {}, None)
    assert tree.children[0] == Unreadable("custom_fields.size", "rules.custom_fields.size")
    assert isinstance(tree.children[1], Condition)
    changed = rules.read_stored(rule, {"size": "number"}, None)
    assert isinstance(changed.children[0], Unreadable)


def test_every_kind_of_field_takes_equality_and_presence() -> None:
    for field in FIELDS.values():
        assert field.kind in OPERATORS["$eq"].takes
        assert field.kind is Kind.SEGMENTS or field.kind in OPERATORS["$exists"].takes


# Anything JSON can hold, with the language's own words in it.
_words = st.sampled_from([*OPERATORS, "$and", "$or", "$nor", "$not", "event", "type", "count", "where", *FIELDS])
_keys = st.one_of(
    _words, st.sampled_from(["metadata.a", "custom_fields.seats", "preferences.sms"]), st.text(max_size=5)
)
_json = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_keys, inner, max_size=3)),
    max_leaves=15,
)


@settings(max_examples=500, deadline=None)
@given(_json)
def test_any_json_is_read_or_refused(rule: Any) -> None:
    with suppress(InvalidSegmentRules):
        read(rule)
    rules.read_stored(rule, DEFINITIONS, None)


@settings(max_examples=100, deadline=None)
@given(generated_rules)
def test_what_is_accepted_is_read_the_same_when_stored(rule: Any) -> None:
    assert rules.read_stored(rule, DEFINITIONS, "US") == read(rule)
