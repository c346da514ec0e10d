"""What the rules mean for contacts made through the API: lists, consent, custom fields, behaviour, other segments."""

from typing import Any

import pytest

from tests.conftest import Client


def preview(api: Client, rules: Any) -> list[str]:
    """Names of the contacts that meet a rule, oldest first."""
    found = api.data("POST", "/contacts/segments/preview", {"rules": rules})
    assert found["contact_count"] == len(found["sample"])
    return [contact["first_name"] for contact in reversed(found["sample"])]


def refused_at(api: Client, method: str, path: str, body: Any) -> str:
    response = api.request(method, path, body)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "INVALID_SEGMENT_RULES")
    return response.json()["error"]["details"]["path"]


@pytest.fixture
def cast(api: Client) -> dict[str, str]:
    """Jane, John and Şule: who is who is in each test."""
    return {name: api.contact(first_name=name)["id"] for name in ("Jane", "John", "Şule")}


def test_lists(api: Client, cast: dict[str, str]) -> None:
    vip, news = (api.data("POST", "/contacts/lists", {"name": name})["id"] for name in ("VIP", "News"))
    api.data("POST", f"/contacts/lists/{vip}/members", {"contact_ids": [cast["Jane"], cast["John"]]})
    api.data("POST", f"/contacts/lists/{news}/members", {"contact_ids": [cast["John"]]})
    assert preview(api, {"lists": vip}) == ["Jane", "John"]
    assert preview(api, {"lists": {"$contains_all": [vip, news]}}) == ["John"]
    assert preview(api, {"lists": {"$not_contains": news}}) == ["Jane", "Şule"]
    assert preview(api, {"lists": {"$exists": False}}) == ["Şule"]
    assert preview(api, {"$or": [{"lists": news}, {"first_name": {"$contains": "ŞU"}}]}) == ["John", "Şule"]


def test_a_removed_list_has_no_members_and_cannot_be_named_again(api: Client, cast: dict[str, str]) -> None:
    vip = api.data("POST", "/contacts/lists", {"name": "VIP"})["id"]
    api.data("POST", f"/contacts/lists/{vip}/members", {"contact_ids": list(cast.values())})
    made = api.data("POST", "/contacts/segments", {"name": "VIP", "rules": {"lists": [vip]}})
    assert made["contact_count"] == 3
    api.data("DELETE", f"/contacts/lists/{vip}")
    assert api.data("GET", f"/contacts/segments/{made['id']}")["contact_count"] == 0
    body = {"rules": {"tags": "a", "$or": [{"lists": {"$in": [vip]}}]}}
    assert refused_at(api, "POST", "/contacts/segments/preview", body) == "rules.$or[0].lists.$in"


def test_consent(api: Client, cast: dict[str, str]) -> None:
    api.data("PUT", f"/contacts/{cast['Jane']}/preferences", {"preferences": {"email": True, "sms": False}})
    api.data("PUT", f"/contacts/{cast['John']}/preferences", {"preferences": {"email": False}})
    assert preview(api, {"preferences.email": "opted_in"}) == ["Jane"]
    assert preview(api, {"preferences.email": {"$ne": "opted_out"}}) == ["Jane", "Şule"]
    assert preview(api, {"preferences.email": "unknown"}) == ["Şule"]
    assert preview(api, {"preferences.email": {"$exists": True}}) == ["Jane", "John"]
    assert preview(api, {"preferences.sms": False}) == ["Jane"]


def test_custom_fields(api: Client, cast: dict[str, str]) -> None:
    api.data("POST", "/custom-fields", {"key": "seats", "type": "number"})
    renewal = api.data("POST", "/custom-fields", {"key": "renewal", "type": "date"})["id"]
    api.data("PATCH", f"/contacts/{cast['Jane']}", {"custom_fields": {"seats": 5, "renewal": "2026-03-08"}})
    api.data("PATCH", f"/contacts/{cast['John']}", {"custom_fields": {"seats": 50}})
    assert preview(api, {"custom_fields.seats": {"$gte": 5, "$lt": 50}}) == ["Jane"]
    assert preview(api, {"custom_fields.seats": {"$ne": 5}}) == ["John", "Şule"]
    assert preview(api, {"custom_fields.renewal": {"$lt": "2026-03-09"}}) == ["Jane"]
    made = api.data(
        "POST", "/contacts/segments", {"name": "Due", "rules": {"custom_fields.renewal": {"$exists": True}}}
    )
    assert made["contact_count"] == 1
    api.data("DELETE", f"/custom-fields/{renewal}")
    gone = api.data("GET", f"/contacts/segments/{made['id']}")
    assert gone["contact_count"] == 0
    assert "can no longer be read" in gone["words"]


def test_behaviour(api: Client, cast: dict[str, str]) -> None:
    opened = {"type": "message.opened", "channel": "email", "data": {"campaign": "spring"}}
    for name, times in (("Jane", 3), ("John", 1)):
        for n in range(times):
            event = opened | {"event_id": str(n), "data": {"campaign": "spring", "n": n}}
            api.data("POST", f"/contacts/{cast[name]}/events", event)
    asked = {"type": "message.opened", "channel": "email", "within_days": 30}
    assert preview(api, {"event": asked}) == ["Jane", "John"]
    assert preview(api, {"event": {**asked, "count": {"$gte": 3}}}) == ["Jane"]
    assert preview(api, {"event": {**asked, "count": {"$lt": 3}}}) == ["John", "Şule"]
    assert preview(api, {"event": {**asked, "count": 0}}) == ["Şule"]
    assert preview(api, {"$not": {"event": asked}}) == ["Şule"]
    assert preview(api, {"$not": {"event": {**asked, "count": {"$gte": 3}}}}) == ["John", "Şule"]
    assert preview(api, {"event": {**asked, "channel": "sms"}}) == []
    assert preview(api, {"event": {**asked, "where": {"campaign": "spring", "n": {"$gte": 2}}}}) == ["Jane"]
    assert preview(api, {"last_activity_at": {"$within_days": 1}}) == ["Jane", "John"]
    assert preview(api, {"last_activity_at": {"$exists": False}}) == ["Şule"]


def test_other_segments(api: Client, cast: dict[str, str]) -> None:
    api.data("POST", f"/contacts/{cast['Jane']}/tags", {"tags": ["vip"]})
    vip = api.data("POST", "/contacts/segments", {"name": "VIP", "rules": {"tags": "vip"}})["id"]
    rest = api.data("POST", "/contacts/segments", {"name": "Rest", "rules": {"segment": {"$ne": vip}}})
    assert (rest["contact_count"], rest["words"]) == (2, "is not in the segment VIP")
    assert preview(api, {"segments": {"$contains_all": [vip]}}) == ["Jane"]
    assert preview(api, {"segments": {"$contains_any": [vip, rest["id"]]}}) == ["Jane", "John", "Şule"]
    api.data("PUT", f"/contacts/segments/{vip}", {"rules": {"first_name": "John"}})
    assert preview(api, {"segment": rest["id"]}) == ["Jane", "Şule"]


def test_a_segment_cannot_depend_on_itself(api: Client) -> None:
    ids = [api.data("POST", "/contacts/segments", {"name": "0"})["id"]]
    for n in range(1, 3):
        body = {"name": str(n), "rules": {"segment": ids[-1]}}
        ids.append(api.data("POST", "/contacts/segments", body)["id"])
    for named in ids:
        change = {"rules": {"$and": [{"segment": named}]}}
        assert refused_at(api, "PUT", f"/contacts/segments/{ids[0]}", change) == "rules.$and[0].segment"


def test_segments_name_each_other_at_most_five_in_a_row(api: Client) -> None:
    ids = [api.data("POST", "/contacts/segments", {"name": "0"})["id"]]
    for n in range(1, 6):
        body = {"name": str(n), "rules": {"segment": ids[-1]}}
        ids.append(api.data("POST", "/contacts/segments", body)["id"])
    too_long = {"name": "6", "rules": {"segment": ids[-1]}}
    assert refused_at(api, "POST", "/contacts/segments", too_long) == "rules.segment"
    base = api.data("POST", "/contacts/segments", {"name": "base"})["id"]
    assert refused_at(api, "PUT", f"/contacts/segments/{ids[0]}", {"rules": {"segment": base}}) == "rules.segment"


def test_a_segment_that_another_names_cannot_be_deleted(api: Client) -> None:
    used = api.data("POST", "/contacts/segments", {"name": "Used"})["id"]
    user = api.data("POST", "/contacts/segments", {"name": "User", "rules": {"$not": {"segment": used}}})
    response = api.delete(f"/contacts/segments/{used}")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "CONFLICT")
    assert response.json()["error"]["details"]["used_by"] == {"id": user["id"], "name": "User"}
    api.data("PUT", f"/contacts/segments/{user['id']}", {"rules": {}})
    assert api.delete(f"/contacts/segments/{used}").status_code == 204


def test_too_many_values_with_those_of_named_segments_are_refused(api: Client) -> None:
    def wide(prefix: str) -> dict[str, Any]:
        # Each condition binds a key and a text of its own.
        return {"$or": [{f"metadata.{prefix}{n}": {"$starts_with": f"{n}{prefix}"}} for n in range(100)]}

    ids = [api.data("POST", "/contacts/segments", {"name": p, "rules": wide(p)})["id"] for p in "abc"]
    assert refused_at(api, "POST", "/contacts/segments/preview", {"rules": {"segments": {"$in": ids}}}) == "rules"
    inner = api.data("POST", "/contacts/segments", {"name": "inner"})["id"]
    api.data("POST", "/contacts/segments", {"name": "outer", "rules": {"segments": {"$in": [*ids[:2], inner]}}})
    assert refused_at(api, "PUT", f"/contacts/segments/{inner}", {"rules": wide("d")}) == "rules"


def test_metadata_is_compared_by_type(api: Client) -> None:
    for name, plan in (("number", 5), ("text", "5"), ("true", True), ("array", ["5", 5]), ("object", {"5": 5})):
        api.contact(first_name=name, metadata={"plan": plan})
    assert preview(api, {"metadata.plan": 5}) == ["number"]
    assert preview(api, {"metadata.plan": "5"}) == ["text"]
    assert preview(api, {"metadata.plan": True}) == ["true"]
    assert preview(api, {"metadata.plan": {"$gte": 1}}) == ["number"]
    assert preview(api, {"metadata.plan": {"$contains": "5"}}) == ["text", "array"]
    assert preview(api, {"metadata.plan": {"$contains_all": [5, "5"]}}) == ["array"]
    assert preview(api, {"metadata.plan.5": 5}) == ["object"]


@pytest.mark.parametrize("written", ["İSTANBUL", "istanbul", "ISTANBUL", "ıstanbul"])
def test_turkish_letters_in_any_case(api: Client, written: str) -> None:
    api.contact(company="İstanbul Çay", first_name="tea")
    assert preview(api, {"company": {"$contains": written}}) == ["tea"]
    assert preview(api, {"company": {"$starts_with": f"{written} ça"}}) == ["tea"]
    assert preview(api, {"company": {"$ends_with": "ÇAY"}}) == ["tea"]
    assert preview(api, {"company": "istanbul Çay"}) == []
