"""The profile: every part of section 28, from what other features keep."""

from typing import Any

import pytest

from orbit_contacts.core.clock import DAY, format_instant, now
from orbit_contacts.features.profile import scores
from orbit_contacts.features.profile.scores import Behaviour, Purchases, Seen
from tests.conftest import Client

NOW = 1_790_000_000_000_000


def ago(days: float) -> str:
    return format_instant(now() - int(days * DAY))


def post(api: Client, contact: dict[str, Any], *events: dict[str, Any]) -> None:
    named = [event | {"contact_id": contact["id"]} for event in events]
    assert api.data("POST", "/events/batch", {"events": named})["accepted"] == len(events)


def test_a_new_contacts_profile_has_every_part(api: Client) -> None:
    ada = api.contact(phone="+14155550111", email="ada@example.com", first_name="Ada")
    told = api.data("GET", f"/contacts/{ada['id']}/profile")
    assert told["contact"] == ada
    assert told["identities"] == [
        {"type": "phone", "value": "+14155550111", "verified": False},
        {"type": "email", "value": "ada@example.com", "verified": False},
    ]
    assert set(told["preferences"].values()) == {"unknown"}
    assert len(told["preferences"]) == 11
    assert (told["suppression"], told["blocked"], told["lists"], told["segments"]) == ({"scopes": []}, False, [], [])
    assert told["stats"] == {
        **dict.fromkeys(("messages_sent", "messages_received", "calls", "tickets_open", "events", "notes"), 0),
        **dict.fromkeys(("last_inbound_at", "last_outbound_at", "last_activity_at", "preferred_channel")),
    }
    assert told["scores"] == {"engagement": 0, "churn_risk": 0.0, "rfm_label": "new"}
    assert (told["derived_trait_tags"], told["custom_fields"]) == ([], {})
    assert [item["type"] for item in told["recent_activity"]] == ["contact.created"]


def test_stats_and_recent_activity(api: Client) -> None:
    ada = api.contact()
    post(
        api,
        ada,
        {"type": "message.sent", "channel": "email", "timestamp": "2026-01-01"},
        {"type": "message.received", "channel": "sms", "timestamp": "2026-01-02"},
        {"type": "call.started", "call_id": "c1", "timestamp": "2026-01-03T10:00:00Z", "direction": "outbound"},
        {"type": "call.ended", "call_id": "c1", "timestamp": "2026-01-03T10:05:00Z", "direction": "outbound"},
        {"type": "call.missed", "call_id": "c2", "timestamp": "2026-01-04", "direction": "inbound"},
        {"type": "ticket.opened", "timestamp": "2026-01-05"},
        {"type": "ticket.opened", "timestamp": "2026-01-05"},
        {"type": "ticket.closed", "timestamp": "2026-01-06"},
        {"type": "page.viewed", "timestamp": "2026-01-07"},
    )
    api.data("POST", f"/contacts/{ada['id']}/notes", {"body": "Likes tea"})
    told = api.data("GET", f"/contacts/{ada['id']}/profile")
    assert told["stats"] == {
        "messages_sent": 1,
        "messages_received": 1,
        "calls": 2,
        "tickets_open": 1,
        "events": 1,
        "notes": 1,
        "last_inbound_at": "2026-01-04T00:00:00Z",
        "last_outbound_at": "2026-01-03T10:05:00Z",
        "last_activity_at": "2026-01-07T00:00:00Z",
        "preferred_channel": "sms",
    }
    assert len(told["recent_activity"]) == 10
    assert "open_ticket" in told["derived_trait_tags"]


def test_consent_lists_segments_and_blocks(api: Client) -> None:
    ada = api.contact(email="ada@example.com", tags=["vip"])
    path = f"/contacts/{ada['id']}"
    chosen = api.data("POST", "/contacts/lists", {"name": "Chosen"})
    api.data("POST", f"/contacts/lists/{chosen['id']}/members", {"contact_ids": [ada["id"]]})
    vips = api.data("POST", "/contacts/segments", {"name": "VIPs", "rules": {"tags": "vip"}})
    api.data("POST", "/contacts/segments", {"name": "Others", "rules": {"tags": "other"}})
    active = api.data(
        "POST", "/contacts/segments", {"name": "Active", "rules": {"last_activity_at": {"$exists": True}}}
    )
    api.data("PUT", path + "/preferences", {"preferences": {"email": False}})
    api.data("POST", path + "/block", {})
    post(api, ada, {"type": "page.viewed"})
    told = api.data("GET", path + "/profile")
    assert told["preferences"]["email"] == "opted_out"
    assert told["suppression"] == {"scopes": ["email"]}
    assert told["blocked"] is True
    assert told["lists"] == [{"id": chosen["id"], "name": "Chosen"}]
    assert told["segments"] == [{"id": active["id"], "name": "Active"}, {"id": vips["id"], "name": "VIPs"}]


def test_identities_won_by_a_merge(api: Client) -> None:
    ada, ben = api.contact(email="ada@example.com"), api.contact(email="ben@example.com")
    api.data("POST", f"/contacts/{ada['id']}/merge", {"source_ids": [ben["id"]]})
    told = api.data("GET", f"/contacts/{ada['id']}/profile")["identities"]
    assert [identity["value"] for identity in told] == ["ada@example.com", "ben@example.com"]


def test_profiles_of_contacts_that_are_not_there(api: Client, workspace: Any) -> None:
    foreign = workspace.test_api.contact()
    gone = api.contact()
    api.delete(f"/contacts/{gone['id']}?soft=true")
    for id in (foreign["id"], gone["id"], "nonsense"):
        assert api.get(f"/contacts/{id}/profile").status_code == 404


def test_a_buyer_is_a_champion(api: Client) -> None:
    ada = api.contact()
    orders = [{"type": "order.placed", "timestamp": ago(days), "data": {"value": 20}} for days in (1, 20, 40, 60)]
    post(api, ada, *orders)
    told = api.data("GET", f"/contacts/{ada['id']}/profile")
    assert told["scores"]["rfm_label"] == "champion"
    assert {"buyer", "repeat_buyer"} <= set(told["derived_trait_tags"])


@pytest.mark.parametrize(
    ("orders", "days", "label"),
    [
        (4, 30, "champion"),
        (2, 30, "loyal"),
        (1, 30, "new_customer"),
        (4, 31, "loyal"),
        (1, 90, "promising"),
        (2, 91, "at_risk"),
        (1, 180, "needs_attention"),
        (9, 181, "lost"),
    ],
)
def test_rfm_labels_of_buyers(orders: int, days: int, label: str) -> None:
    assert scores.rfm_label(Purchases(orders, NOW - days * DAY), None, 0, NOW) == label


@pytest.mark.parametrize(
    ("last_act", "age", "label"),
    [(90, 400, "prospect"), (91, 400, "inactive"), (None, 30, "new"), (None, 31, "inactive")],
)
def test_rfm_labels_without_orders(last_act: int | None, age: int, label: str) -> None:
    act = None if last_act is None else NOW - last_act * DAY
    assert scores.rfm_label(Purchases(0, None), act, NOW - age * DAY, NOW) == label


def acts(*days: float, type: str = "message.received", channel: str = "sms") -> list[Seen]:
    return [Seen(NOW - int(day * DAY), type, channel, "inbound") for day in days]


def test_engagement_grows_with_acts_and_fades() -> None:
    one, two, old = (Behaviour(acts(*days), NOW).engagement() for days in ((0,), (0, 0), (60,)))
    assert (Behaviour([], NOW).engagement(), one, two) == (0, 26, 45)
    assert 0 < old < one
    assert Behaviour(acts(*[0] * 100), NOW).engagement() == 100


def test_what_others_did_is_no_engagement() -> None:
    sent = Seen(NOW, "message.sent", "email", "outbound")
    assert Behaviour([sent] * 50, NOW).engagement() == 0
    assert Behaviour([sent], NOW).preferred_channel() is None


def test_churn_risk_is_measured_by_the_contacts_own_rhythm() -> None:
    weekly = Behaviour(acts(28, 35, 42, 49), NOW).churn_risk(0)
    quarterly = Behaviour(acts(28, 118, 208, 298), NOW).churn_risk(0)
    assert (weekly, quarterly) == (0.75, 0.102)
    assert Behaviour([], NOW).churn_risk(NOW - 60 * DAY) == 0.5


def test_opened_mail_is_no_sign_of_life() -> None:
    opened = Behaviour(acts(0, type="message.opened", channel="email"), NOW)
    assert (opened.last_act, opened.preferred_channel()) == (None, None)
    assert opened.engagement() == 5


def test_of_equal_channels_the_latest_is_preferred() -> None:
    seen = acts(5, channel="sms") + acts(4, channel="whatsapp")
    assert Behaviour(seen, NOW).preferred_channel() == "whatsapp"
