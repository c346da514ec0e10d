"""Segments: made, shown, changed, deleted; their counts and members."""

from typing import Any

import pytest

from tests.conftest import Client, Workspace

SEED = {"country_code": "US", "lifecycle_stage": "lead", "tags": {"$contains": "enterprise"}}


def refusal(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def segment(api: Client, rules: Any = None, name: str = "Leads") -> dict[str, Any]:
    return api.data("POST", "/contacts/segments", {"name": name, **({} if rules is None else {"rules": rules})})


def members(api: Client, segment: dict[str, Any]) -> list[str]:
    return [contact["id"] for contact in api.data("GET", f"/contacts/segments/{segment['id']}/contacts")]


def test_create_answers_201_with_rules_count_and_words(api: Client) -> None:
    jane = api.contact(country_code="US", lifecycle_stage="lead", tags=["beta", "enterprise"])
    api.contact(country_code="US", lifecycle_stage="lead", tags=["Enterprise"])
    api.contact(country_code="TR", lifecycle_stage="lead", tags=["enterprise"])
    response = api.post("/contacts/segments", {"name": " US Enterprise Leads ", "rules": SEED})
    assert response.status_code == 201
    made = response.json()["data"]
    assert made["id"].startswith("seg_")
    assert made["name"] == "US Enterprise Leads"
    assert list(made["rules"].items()) == list(SEED.items())
    assert (made["contact_count"], made["contact_count_is_exact"], made["contact_count_basis"]) == (1, True, "exact")
    assert made["words"] == "country is US and lifecycle stage is lead and tags contain enterprise"
    assert members(api, made) == [jane["id"]]
    shown = api.data("GET", f"/contacts/segments/{made['id']}")
    assert shown | {"as_of": ""} == made | {"as_of": ""}


@pytest.mark.parametrize("body", [{}, {"rules": {}}, {"rules": None}])
def test_without_rules_every_live_contact_matches(api: Client, body: dict[str, Any]) -> None:
    api.contact()
    gone = api.contact()
    api.data("DELETE", f"/contacts/{gone['id']}?soft=true")
    made = api.data("POST", "/contacts/segments", {"name": "All", **body})
    assert (made["contact_count"], made["rules"], made["words"]) == (1, {}, "every contact")
    assert len(members(api, made)) == 1


def test_the_count_follows_every_change_at_once(api: Client) -> None:
    made = segment(api, {"tags": "vip"})
    counts = []
    contact = api.contact(tags=["vip"])
    for change in ({"tags": []}, {"tags": ["vip"]}):
        counts.append(api.data("GET", f"/contacts/segments/{made['id']}")["contact_count"])
        api.data("PUT", f"/contacts/{contact['id']}", change)
    api.data("DELETE", f"/contacts/{contact['id']}")
    counts.append(api.data("GET", f"/contacts/segments/{made['id']}")["contact_count"])
    assert counts == [1, 0, 0]


@pytest.mark.parametrize("taken", ["Leads", "LEADS", " leads "])
def test_a_name_is_unique_whatever_the_case(workspace: Workspace, taken: str) -> None:
    segment(workspace.api)
    other = segment(workspace.api, name="Other")
    create = workspace.api.post("/contacts/segments", {"name": taken})
    rename = workspace.api.put(f"/contacts/segments/{other['id']}", {"name": taken})
    assert refusal(create) == refusal(rename) == (409, "SEGMENT_NAME_TAKEN")
    assert segment(workspace.test_api)["contact_count"] == 0


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "MISSING_REQUIRED_FIELD", "name"),
        ({"name": " "}, "VALIDATION_ERROR", "name"),
        ({"name": "x" * 121}, "VALIDATION_ERROR", "name"),
        ({"name": "a", "rules": []}, "VALIDATION_ERROR", "rules"),
        ({"name": "a", "rules": "country_code"}, "VALIDATION_ERROR", "rules"),
    ],
)
def test_a_body_that_cannot_be_used_is_refused(api: Client, body: Any, code: str, field: str) -> None:
    response = api.post("/contacts/segments", body)
    assert refusal(response) == (422, code)
    assert response.json()["error"]["details"]["field"] == field


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_change_replaces_what_was_sent(api: Client, method: str) -> None:
    api.contact(lifecycle_stage="lead")
    made = segment(api, {"lifecycle_stage": "lead"})
    renamed = api.data(method, f"/contacts/segments/{made['id']}", {"name": "Prospects"})
    assert (renamed["name"], renamed["rules"], renamed["contact_count"]) == (
        "Prospects",
        {"lifecycle_stage": "lead"},
        1,
    )
    turned = api.data(method, f"/contacts/segments/{made['id']}", {"rules": {"lifecycle_stage": {"$ne": "lead"}}})
    assert (turned["name"], turned["contact_count"]) == ("Prospects", 0)
    emptied = api.data(method, f"/contacts/segments/{made['id']}", {"rules": None})
    assert (emptied["rules"], emptied["contact_count"]) == ({}, 1)


def test_a_refused_change_changes_nothing(api: Client) -> None:
    made = segment(api, {"lifecycle_stage": "lead"})
    response = api.put(f"/contacts/segments/{made['id']}", {"name": "New", "rules": {"stage": "lead"}})
    assert refusal(response) == (422, "INVALID_SEGMENT_RULES")
    assert api.data("GET", f"/contacts/segments/{made['id']}")["name"] == "Leads"


def test_delete_leaves_the_contacts(api: Client) -> None:
    contact = api.contact(tags=["vip"])
    made = segment(api, {"tags": "vip"})
    response = api.delete(f"/contacts/segments/{made['id']}")
    assert (response.status_code, response.content) == (204, b"")
    assert refusal(api.get(f"/contacts/segments/{made['id']}")) == (404, "NOT_FOUND")
    assert refusal(api.delete(f"/contacts/segments/{made['id']}")) == (404, "NOT_FOUND")
    assert api.data("GET", f"/contacts/{contact['id']}")["tags"] == ["vip"]


def test_segments_are_listed_newest_first_in_pages(api: Client) -> None:
    names = [segment(api, name=f"Segment {n}")["name"] for n in range(3)]
    first = api.get("/contacts/segments", limit=2).json()
    pagination = first["meta"]["pagination"]
    assert [s["name"] for s in first["data"]] == names[:0:-1]
    assert (pagination["has_more"], pagination["total"]) == (True, 3)
    rest = api.get("/contacts/segments", limit=2, cursor=pagination["cursor"]).json()
    assert [s["name"] for s in rest["data"]] == names[:1]
    assert rest["meta"]["pagination"]["cursor"] is None


@pytest.mark.parametrize("route", ["contacts", "members"])
def test_members_come_newest_first_in_pages_with_their_total(api: Client, route: str) -> None:
    ids = [api.contact(tags=["vip"])["id"] for _ in range(5)]
    api.contact()
    made = segment(api, {"tags": "vip"})
    seen, cursor = [], {}
    for _ in range(3):
        page = api.get(f"/contacts/segments/{made['id']}/{route}", limit=2, **cursor).json()
        seen += [contact["id"] for contact in page["data"]]
        cursor = {"cursor": page["meta"]["pagination"]["cursor"]}
        assert page["meta"]["pagination"]["total"] == 5
    assert seen == ids[::-1]
    assert cursor == {"cursor": None}


def test_the_contact_list_takes_a_segment_as_filter(api: Client) -> None:
    jane = api.contact(first_name="Jane", tags=["vip"], country_code="US")
    api.contact(first_name="John", tags=["vip"], country_code="TR")
    api.contact(first_name="Jane", country_code="US")
    made = segment(api, {"$or": [{"tags": "vip"}, {"event": {"type": "order.placed"}}]})
    for more in ({"country_code": "US"}, {"search": "jane"}):
        found = api.get("/contacts", segment_id=made["id"], **more).json()
        assert [c["id"] for c in found["data"]] == [jane["id"]]
        assert found["meta"]["pagination"]["total"] == 1


@pytest.mark.parametrize("id", ["seg_00000000000000000000000000", "seg_x", "con_00000000000000000000000000"])
def test_what_is_not_there_is_not_found(api: Client, id: str) -> None:
    contact = api.contact()["id"]
    responses = [
        api.get(f"/contacts/segments/{id}"),
        api.put(f"/contacts/segments/{id}", {"name": "x"}),
        api.get(f"/contacts/segments/{id}/contacts"),
        api.get(f"/contacts/segments/{id}/explain/{contact}"),
        api.get("/contacts", segment_id=id),
    ]
    assert {refusal(response) for response in responses} == {(404, "NOT_FOUND")}


def test_another_workspace_sees_nothing(workspace: Workspace) -> None:
    made = segment(workspace.api, {"tags": "vip"})
    contact = workspace.api.contact(tags=["vip"])
    other = workspace.test_api
    assert refusal(other.get(f"/contacts/segments/{made['id']}")) == (404, "NOT_FOUND")
    assert refusal(other.get(f"/contacts/segments/{made['id']}/members")) == (404, "NOT_FOUND")
    assert refusal(other.post("/contacts/segments/preview", {"rules": {"segment": made["id"]}}))[0] == 422
    own = segment(other, {"tags": "vip"})
    assert own["contact_count"] == 0
    assert refusal(other.get(f"/contacts/segments/{own['id']}/explain/{contact['id']}")) == (404, "NOT_FOUND")


def test_preview_counts_and_shows_without_storing(api: Client) -> None:
    ids = [api.contact(metadata={"plan": "pro"})["id"] for _ in range(3)]
    api.contact(metadata={"plan": "free"})
    body = {"rules": {"metadata.plan": "pro"}, "sample_size": 2}
    preview = api.data("POST", "/contacts/segments/preview", body)
    assert (preview["contact_count"], preview["contact_count_is_exact"], preview["words"]) == (3, True, "plan is pro")
    assert [c["id"] for c in preview["sample"]] == ids[:0:-1]
    assert preview["as_of"].endswith("Z")
    assert api.data("GET", "/contacts/segments") == []
    assert api.data("POST", "/contacts/segments/preview", body | {"sample_size": 0})["contact_count"] == 3
    assert api.data("POST", "/contacts/segments/preview")["contact_count"] == 4
    assert refusal(api.post("/contacts/segments/preview", {"sample_size": 101})) == (422, "VALIDATION_ERROR")
