"""What the console tells of one contact beyond its facts: figures, charts, the next best action, files."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbit_contacts.core.clock import DAY, format_instant, now
from orbit_contacts.features.profile.models import Week
from orbit_contacts.interfaces.console import charts
from orbit_contacts.interfaces.console.pages.profile import REASONS
from tests.conftest import Client
from tests.interfaces.console.conftest import Visitor

weeks = st.lists(
    st.builds(
        Week,
        ends_at=st.just("2026-03-08T12:00:00Z"),
        messages=st.dictionaries(
            st.sampled_from("email sms whatsapp voice rcs viber push".split()), st.integers(1, 999)
        ),
        engagement=st.integers(0, 100),
    ),
    max_size=20,
)


def ago(days: float) -> str:
    return format_instant(now() - int(days * DAY))


@given(weeks)
def test_every_message_stands_in_the_chart_and_none_beyond_it(given: list[Week]) -> None:
    chart = charts.stacked(given)
    assert sum(bar.messages for column in chart.columns for bar in column.bars) == sum(
        sum(week.messages.values()) for week in given
    )
    assert all(
        bar.y >= charts.TOP and bar.y + bar.height <= charts.BOTTOM + 0.5 for c in chart.columns for bar in c.bars
    )
    assert len(chart.names) <= charts.SERIES
    assert len(charts.line(given).points) == len(given)


@given(st.integers(0, 10**6))
def test_the_scale_holds_the_most_and_is_divided_evenly(most: int) -> None:
    top = charts.ceiling(most)
    assert top >= most
    assert top % 2 == 0
    assert top <= max(2, most * 5 // 2)


def test_figures_charts_and_segments_of_a_contact(api: Client, visitor: Visitor) -> None:
    ada = api.contact(first_name="Ada", email="ada@example.com", tags=["vip"])
    segment = api.data(
        "POST", "/contacts/segments", {"name": "Very important", "rules": {"tags": {"$contains": "vip"}}}
    )
    for days, type in ((1, "message.sent"), (8, "message.sent"), (8, "message.received"), (300, "message.sent")):
        event = {"type": type, "channel": "email", "timestamp": ago(days)}
        api.data("POST", f"/contacts/{ada['id']}/events", event)
    page = visitor.get(f"/contacts/{ada['id']}/profile").text
    assert re.search(r"<dt>Messages</dt><dd>4</dd>", page)
    assert page.count('class="s0"') == 2, "two weeks have messages, the one of last year is not in the chart"
    assert f"/segments/{segment['id']}/why/{ada['id']}" in page
    assert "prefers e-mail" in page


def test_what_is_best_next_and_what_is_not_allowed(api: Client, visitor: Visitor) -> None:
    ada = api.contact(first_name="Ada", email="ada@example.com", phone="+4915123456789")
    api.data("PUT", f"/contacts/{ada['id']}/preferences", {"preferences": {"email": True, "sms": False}})
    page = visitor.get(f"/contacts/{ada['id']}/next-best-action").text
    answer = api.get(f"/contacts/{ada['id']}/next-best-action", explore="false").json()["data"]
    assert re.search(rf"Not allowed: {len(answer['blocked'])}\b", page)
    assert "opted out" in page
    assert "/console/model" in page
    for reason in answer["reasons"]:
        said = reason["text"].replace("email", "e-mail")
        assert said[:1].upper() + said[1:] in page


def test_reasons_are_told_in_the_readers_language_with_their_figures(api: Client, visitor: Visitor) -> None:
    assert all(text.format(n="1", s="1", sends="1", channel="x") for text in REASONS.values())


def test_the_files_for_an_access_request(api: Client, visitor: Visitor) -> None:
    ada = api.contact(first_name="Ada", email="ada@example.com")
    table = visitor.get(f"/contacts/{ada['id']}/journey.csv")
    assert [row["type"] for row in csv.DictReader(io.StringIO(table.text))] == ["contact.created"]
    document = visitor.get(f"/contacts/{ada['id']}/export.json")
    assert document.json()["data"]["contact"]["email"] == "ada@example.com"
    for file in (table, document):
        assert file.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("path", ["profile", "next-best-action", "journey.csv", "export.json"])
def test_a_contact_of_nobody_is_not_found(visitor: Visitor, path: str) -> None:
    assert visitor.get(f"/contacts/con_01jd3w9k2e8a7v5n0q4r6t8y1z/{path}").status_code == 404


def test_consent_tells_source_time_and_proof(api: Client, visitor: Visitor) -> None:
    ada = api.contact(first_name="Ada", email="ada@example.com")
    api.data(
        "POST",
        "/compliance/consent",
        {
            "contact_id": ada["id"],
            "channels": ["email"],
            "opt_in": True,
            "source": "web_form",
            "consent_proof_url": "https://proof.example/1",
        },
    )
    page = visitor.get(f"/contacts/{ada['id']}").text
    assert "web form" in page
    assert 'href="https://proof.example/1"' in page


def test_the_timeline_keeps_to_its_filters(api: Client, visitor: Visitor) -> None:
    ada = api.contact(first_name="Ada")
    for channel, at in (("email", "2026-01-01"), ("sms", "2026-02-01"), ("email", "2026-03-01")):
        event = {"type": "message.received", "channel": channel, "timestamp": at}
        api.data("POST", f"/contacts/{ada['id']}/events", event)
    page = visitor.get(f"/contacts/{ada['id']}?kind=message&channel=email&from=2026-02-15").text
    assert page.count('class="happened"') == 1
    assert "/contacts/" + ada["id"] + "?kind=call&amp;channel=email&amp;from=2026-02-15" in page
