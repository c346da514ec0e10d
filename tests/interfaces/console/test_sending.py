"""Frequency caps, quiet hours and the rules of sending, by plain forms."""

import pytest

from orbit_contacts.interfaces.console.pages.sending import SPANS, span_of
from tests.conftest import Client
from tests.interfaces.console.conftest import Visitor

CAP = {"name": "Once a day", "limit": "1", "count": "1", "unit": "day", "category": "marketing"}


def test_a_cap_is_added_changed_paused_and_deleted(api: Client, visitor: Visitor) -> None:
    page = visitor.post("/sending/caps", **CAP)
    assert "At most 1 send within 1 day" in page.text
    [cap] = api.data("GET", "/frequency-caps")
    assert (cap["window_seconds"], cap["category"], cap["channel"]) == (86_400, "marketing", None)
    address = f"/sending/caps/{cap['id']}"
    visitor.post(address, **{**CAP, "count": "2", "unit": "week", "channel": "sms", "category": ""})
    changed = api.data("GET", f"/frequency-caps/{cap['id']}")
    assert (changed["window_seconds"], changed["category"], changed["channel"]) == (1_209_600, None, "sms")
    assert 'value="2"' in visitor.get(address).text
    visitor.post(address, do="pause")
    assert api.data("GET", f"/frequency-caps/{cap['id']}")["enabled"] is False
    visitor.post(address, do="resume")
    assert api.data("GET", f"/frequency-caps/{cap['id']}")["enabled"] is True
    visitor.post(address, do="delete")
    assert api.data("GET", "/frequency-caps") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"limit": "0"},
        {"count": "many"},
        {"channel": "pigeon"},
        {"unit": "hour", "window": "calendar_day"},
    ],
)
def test_a_cap_that_cannot_be_meant_is_refused_with_what_was_typed(visitor: Visitor, wrong: dict[str, str]) -> None:
    page = visitor.post("/sending/caps", **{**CAP, **wrong})
    assert page.status_code == 422
    assert 'role="alert"' in page.text
    assert 'value="marketing"' in page.text


@pytest.mark.parametrize("unit", SPANS)
def test_a_window_is_told_in_its_longest_unit(unit: str) -> None:
    assert span_of(SPANS[unit] * 5) == (5, unit)


def test_quiet_hours_are_set_for_each_channel(api: Client, visitor: Visitor) -> None:
    given = {"enabled": "1", "timezone": "Europe/Berlin", "exempt_categories": "transactional, alarms"}
    visitor.post("/sending/quiet-hours", **{**given, "email.start": "09:00", "email.end": "18:00", "sms.any": "1"})
    quiet = api.data("GET", "/settings/compliance")["quiet_hours"]
    assert (quiet["enabled"], quiet["timezone"]) == (True, "Europe/Berlin")
    assert quiet["windows"]["email"] == {"start": "09:00", "end": "18:00"}
    assert quiet["windows"]["sms"] is None
    assert quiet["exempt_categories"] == ["alarms", "transactional"]


@pytest.mark.parametrize("wrong", [{"timezone": "Mars/Base"}, {"email.start": "25:00", "email.end": "26:00"}])
def test_hours_that_cannot_be_are_refused(api: Client, visitor: Visitor, wrong: dict[str, str]) -> None:
    before = api.data("GET", "/settings/compliance")
    assert visitor.post("/sending/quiet-hours", enabled="1", **wrong).status_code == 422
    assert api.data("GET", "/settings/compliance") == before


def test_the_rules_of_every_send(api: Client, visitor: Visitor) -> None:
    visitor.post("/sending/rules", require_opt_in="1")
    stored = api.data("GET", "/settings/compliance")
    assert (stored["require_opt_in"], stored["dnc"]["enabled"]) == (True, False)


def test_a_number_is_tried(visitor: Visitor) -> None:
    page = visitor.get("/sending/quiet-hours?phone=%2B4915123456789&channel=sms").text
    assert "SMS from 08:00 to 21:00 in Europe/Berlin." in page
    assert "Quiet hours are off" in page
    assert 'role="alert"' in visitor.get("/sending/quiet-hours?phone=12&channel=sms").text
