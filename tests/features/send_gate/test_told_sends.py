"""Sends that events tell of: they count under frequency caps like those the gate recorded itself."""

from typing import Any

import pytest

from orbit_contacts.core.clock import DAY, format_instant, now
from tests.conftest import Client


@pytest.fixture
def jane(api: Client) -> dict[str, Any]:
    api.data("POST", "/frequency-caps", {"name": "Weekly", "limit": 10, "window_seconds": 7 * 86_400})
    return api.contact(phone="+905321234567")


def tell(api: Client, contact: dict[str, Any], **event: Any) -> None:
    response = api.post(f"/contacts/{contact['id']}/events", {"type": "message.sent", "channel": "sms", **event})
    assert response.status_code == 202, response.text


def used(api: Client, contact: dict[str, Any]) -> int:
    shown = api.data("GET", f"/contacts/{contact['id']}/frequency-caps?include_usage=true")
    return shown["global_caps"][0]["used"]


def test_a_send_that_an_event_tells_of_counts(api: Client, jane: dict[str, Any]) -> None:
    tell(api, jane)
    tell(api, jane, category="transactional")
    tell(api, jane, direction="inbound", type="message.received")
    assert used(api, jane) == 1


def test_it_counts_at_the_time_it_was_sent(api: Client, jane: dict[str, Any]) -> None:
    tell(api, jane, timestamp=format_instant(now() - 8 * DAY))
    tell(api, jane, timestamp=format_instant(now() - 6 * DAY))
    tell(api, jane, timestamp=format_instant(now() - 900 * DAY))
    assert used(api, jane) == 1


def test_the_same_message_is_one_send(api: Client, jane: dict[str, Any]) -> None:
    check = {"channel": "sms", "record": True, "message_id": "msg_1"}
    assert api.data("POST", f"/contacts/{jane['id']}/send-check", check)["recorded"] is True
    for _ in range(2):
        tell(api, jane, message_id="msg_1")
    tell(api, jane, message_id="msg_2")
    assert used(api, jane) == 2
