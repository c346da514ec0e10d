"""Why someone belongs to a segment or not."""

from typing import Any

from tests.conftest import Client


def explain(api: Client, rules: Any, contact: str) -> dict[str, Any]:
    made = api.data("POST", "/contacts/segments", {"name": "Explained", "rules": rules})
    explained = api.data("GET", f"/contacts/segments/{made['id']}/explain/{contact}")
    assert (explained["segment_id"], explained["contact_id"]) == (made["id"], contact)
    assert explained["matches"] == explained["tree"]["passed"] == bool(made["contact_count"])
    assert explained["words"] == made["words"]
    return explained["tree"]


def test_each_condition_tells_what_it_found(api: Client) -> None:
    jane = api.contact(country_code="US", tags=["vip"], metadata={"score": 4.5})
    tree = explain(
        api, {"country_code": "us", "tags": {"$contains": "beta"}, "metadata.score": {"$gte": 5}}, jane["id"]
    )
    assert (tree["kind"], tree["passed"], tree["path"]) == ("all", False, "rules")
    country, tags, score = tree["children"]
    assert country == {
        "kind": "condition",
        "passed": True,
        "words": "country is US",
        "path": "rules.country_code",
        "field": "country_code",
        "operator": "$eq",
        "expected": "US",
        "actual": "US",
    }
    assert (tags["passed"], tags["actual"], tags["path"]) == (False, ["vip"], "rules.tags.$contains")
    assert (score["passed"], score["expected"], score["actual"]) == (False, 5, 4.5)


def test_a_missing_value_is_absent(api: Client) -> None:
    jane = api.contact()
    tree = explain(api, {"company": {"$ne": "Acme"}, "metadata.plan": {"$exists": False}}, jane["id"])
    assert tree["passed"]
    assert ["actual" in child for child in tree["children"]] == [False, False]


def test_logic_behaviour_lists_consent_and_segments_are_told(api: Client) -> None:
    jane = api.contact(first_name="Jane", lifecycle_stage="lead")
    news = api.data("POST", "/contacts/lists", {"name": "News"})["id"]
    api.data("POST", f"/contacts/lists/{news}/members", {"contact_ids": [jane["id"]]})
    api.data("PUT", f"/contacts/{jane['id']}/preferences", {"preferences": {"sms": False}})
    leads = api.data("POST", "/contacts/segments", {"name": "Leads", "rules": {"lifecycle_stage": "lead"}})["id"]
    rules = {
        "$or": [
            {"event": {"type": "message.opened", "count": {"$gte": 2}}},
            {"$not": {"preferences.sms": "opted_out"}},
            {"lists": news, "segment": leads, "created_at": {"$within_days": 1}},
        ]
    }
    tree = explain(api, rules, jane["id"])
    (either,) = tree["children"]
    opened, sms, rest = either["children"]
    assert (either["kind"], opened["kind"], sms["kind"], rest["kind"]) == ("any", "all", "all", "all")
    assert opened["children"][0] | {"words": ""} == {
        "kind": "event",
        "passed": False,
        "words": "",
        "path": "rules.$or[0].event",
        "actual": 0,
    }
    assert (sms["children"][0]["kind"], sms["children"][0]["passed"]) == ("not", False)
    assert sms["children"][0]["children"][0]["children"][0]["actual"] == "opted_out"
    lists, segment, created = rest["children"]
    assert (lists["passed"], lists["actual"], lists["words"]) == (True, [news], "is in the list News")
    assert segment["children"][0]["kind"] == "segment"
    assert segment["children"][0]["children"][0]["children"][0]["actual"] == "lead"
    assert (created["expected"], created["actual"]) == (1, jane["created_at"])


def test_a_contact_that_is_gone_is_not_found(api: Client) -> None:
    made = api.data("POST", "/contacts/segments", {"name": "All"})
    gone = api.contact()["id"]
    api.data("DELETE", f"/contacts/{gone}?soft=true")
    response = api.get(f"/contacts/segments/{made['id']}/explain/{gone}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")
