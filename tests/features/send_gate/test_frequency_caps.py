"""Frequency caps: made and changed, and how full they are for a contact."""

from typing import Any

import pytest

from tests.conftest import Client, Workspace

DAY = 86_400


def cap(api: Client, **fields: Any) -> Any:
    return api.data("POST", "/frequency-caps/", {"name": "cap", "limit": 2, "window_seconds": DAY} | fields)


def send(api: Client, contact: dict[str, Any], channel: str = "sms", **fields: Any) -> Any:
    return api.data("POST", f"/contacts/{contact['id']}/send-check", {"channel": channel, "record": True} | fields)


def test_a_cap_is_created_with_its_defaults(api: Client) -> None:
    response = api.post("/frequency-caps/", {"name": " Daily ", "limit": 3, "window_seconds": DAY})
    made = response.json()["data"]
    assert response.status_code == 201
    assert made["id"].startswith("fcap_")
    assert {
        name: made[name] for name in ("name", "limit", "window_seconds", "channel", "category", "window", "enabled")
    } == {
        "name": "Daily",
        "limit": 3,
        "window_seconds": DAY,
        "channel": None,
        "category": None,
        "window": "rolling",
        "enabled": True,
    }
    assert api.data("GET", f"/frequency-caps/{made['id']}") == made


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"limit": 0}, "VALIDATION_ERROR"),
        ({"limit": "two"}, "VALIDATION_ERROR"),
        ({"limit": 10_001}, "VALIDATION_ERROR"),
        ({"window_seconds": 59}, "VALIDATION_ERROR"),
        ({"window_seconds": 31_536_001}, "VALIDATION_ERROR"),
        ({"window": "weekly"}, "VALIDATION_ERROR"),
        ({"window": "calendar_day", "window_seconds": 3600}, "VALIDATION_ERROR"),
        ({"channel": "pager"}, "INVALID_CHANNEL"),
        ({"name": " "}, "VALIDATION_ERROR"),
        ({"name": None}, "VALIDATION_ERROR"),
        ({"category": ""}, "VALIDATION_ERROR"),
    ],
)
def test_what_is_no_cap_is_refused(api: Client, fields: dict[str, Any], code: str) -> None:
    response = api.post("/frequency-caps", {"name": "cap", "limit": 1, "window_seconds": DAY} | fields)
    assert (response.status_code, response.json()["error"]["code"]) == (422, code)
    made = cap(api)
    response = api.patch(f"/frequency-caps/{made['id']}", fields)
    assert (response.status_code, response.json()["error"]["code"]) == (422, code)
    assert api.data("GET", "/frequency-caps") == [made]


@pytest.mark.parametrize("missing", ["name", "limit", "window_seconds"])
def test_a_missing_field_is_named(api: Client, missing: str) -> None:
    body = {"name": "cap", "limit": 1, "window_seconds": DAY}
    del body[missing]
    error = api.post("/frequency-caps", body).json()["error"]
    assert (error["code"], error["details"]["field"]) == ("MISSING_REQUIRED_FIELD", missing)


def test_a_change_touches_only_what_was_sent(api: Client) -> None:
    made = cap(api, channel="sms", category="marketing")
    changed = api.data("PATCH", f"/frequency-caps/{made['id']}", {"limit": 5, "channel": None, "enabled": False})
    assert changed == made | {"limit": 5, "channel": None, "enabled": False, "updated_at": changed["updated_at"]}


def test_caps_are_listed_newest_first_and_deleted(api: Client) -> None:
    caps = [cap(api, name=str(n), enabled=n != 1) for n in range(3)]
    page = api.get("/frequency-caps", limit=2).json()
    rest = api.get("/frequency-caps", limit=2, cursor=page["meta"]["pagination"]["cursor"]).json()
    assert [*page["data"], *rest["data"]] == caps[::-1]
    assert page["meta"]["pagination"]["total"] == 3
    assert api.data("GET", "/frequency-caps", params={"enabled": "false"}) == [caps[1]]
    assert api.delete(f"/frequency-caps/{caps[0]['id']}").status_code == 204
    assert api.delete(f"/frequency-caps/{caps[0]['id']}").status_code == 404
    assert api.get(f"/frequency-caps/{caps[0]['id']}").status_code == 404
    assert api.patch(f"/frequency-caps/{caps[0]['id']}", {"limit": 1}).status_code == 404


def test_the_caps_of_a_contact_are_the_enabled_ones_by_channel(api: Client) -> None:
    sms, anything, _ = cap(api, channel="sms"), cap(api), cap(api, channel="email", enabled=False)
    jane = api.contact(phone="+14155552671")
    assert api.data("GET", f"/contacts/{jane['id']}/frequency-caps") == {
        "contact_id": jane["id"],
        "grouped_by_channel": {"sms": [sms]},
        "global_caps": [anything],
    }


def test_usage_says_how_full_a_cap_is_and_until_when(api: Client) -> None:
    cap(api, channel="sms")
    cap(api, limit=10, window_seconds=3600)
    jane = api.contact(phone="+14155552671")
    for channel in ("sms", "sms", "whatsapp"):
        assert send(api, jane, channel)["recorded"] is True
    shown = api.data("GET", f"/contacts/{jane['id']}/frequency-caps?include_usage=true")
    sms, anything = shown["grouped_by_channel"]["sms"][0], shown["global_caps"][0]
    assert (sms["used"], sms["remaining"], anything["used"], anything["remaining"]) == (2, 0, 3, 7)
    assert sms["resets_at"] > anything["resets_at"]
    nobody = api.contact(phone="+14155552672")
    unused = api.data("GET", f"/contacts/{nobody['id']}/frequency-caps?include_usage=True")["global_caps"][0]
    assert (unused["used"], unused["remaining"], unused["resets_at"]) == (0, 10, None)


def test_caps_of_nobody_are_not_found(api: Client, workspace: Workspace) -> None:
    other = workspace.test_api.contact(phone="+14155552671")
    for query in ("", "?include_usage=true"):
        assert api.get(f"/contacts/{other['id']}/frequency-caps{query}").status_code == 404
    made = cap(workspace.test_api)
    assert api.get(f"/frequency-caps/{made['id']}").status_code == 404
    assert api.delete(f"/frequency-caps/{made['id']}").status_code == 404
    assert workspace.test_api.data("GET", "/frequency-caps") == [made]
