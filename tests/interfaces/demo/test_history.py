"""Invented histories: always the same for a seed, in the contract's words, true to hidden habits."""

import re
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.interfaces.demo.events import EVENT_TYPES, Event
from orbit_contacts.interfaces.demo.habits import LocalTime
from orbit_contacts.interfaces.demo.history import events
from orbit_contacts.interfaces.demo.people import Person, people
from orbit_contacts.interfaces.demo.rhythm import busy_weeks, hours_at, microseconds
from orbit_contacts.interfaces.demo.traits import PAYING_STAGES

SINCE = datetime(2022, 1, 1, tzinfo=UTC)
UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = 60_000_000
HOUR = 60 * MINUTE
CONTRACT_CHANNELS = set("email fax instagram line messenger push rcs sms viber voice whatsapp".split())


@pytest.fixture(scope="module")
def town() -> list[Person]:
    return [person for batch in people(7, 3000, since=SINCE, until=UNTIL) for person in batch]


@pytest.fixture(scope="module")
def told(town: list[Person]) -> list[Event]:
    return history(town)


def history(persons: list[Person], per_contact: float = 30.0, **options: Any) -> list[Event]:
    batches = events(7, persons, per_contact=per_contact, until=UNTIL, **options)
    return [event for batch in batches for event in batch.events(persons)]


def test_the_batch_size_changes_no_history(town: list[Person]) -> None:
    assert history(town[:200], batch=7) == history(town[:200], batch=1000)


def test_a_person_alone_has_the_same_history(town: list[Person], told: list[Event]) -> None:
    alone = history(town[42:43])
    assert [event._replace(person=42) for event in alone] == [event for event in told if event.person == 42]


def test_another_seed_tells_another_history(town: list[Person]) -> None:
    (one,), (other,) = (list(events(seed, town[:100], until=UNTIL)) for seed in (7, 8))
    assert not set(one.id.tolist()) & set(other.id.tolist())


def test_nobody_has_no_history() -> None:
    assert history([]) == []


@pytest.mark.parametrize("per_contact", [1, 10, 100])
def test_there_are_about_as_many_events_as_asked(town: list[Person], per_contact: float) -> None:
    known_long = [person for person in town if person.created_at < datetime(2025, 1, 1, tzinfo=UTC)]
    mean = len(history(known_long, per_contact)) / len(known_long)
    assert mean == pytest.approx(per_contact, rel=0.06)


def test_events_lie_between_creation_and_the_end_in_order(town: list[Person], told: list[Event]) -> None:
    end = microseconds(UNTIL)
    for place, own in groupby(told, key=lambda event: event.person):
        times = [event.occurred_at for event in own]
        assert times == sorted(times)
        assert microseconds(town[place].created_at) <= times[0] <= times[-1] < end
    assert [event.person for event in told] == sorted(event.person for event in told)


def test_words_and_references_are_the_contracts(told: list[Event]) -> None:
    assert {event.type for event in told} == set(EVENT_TYPES)
    assert all(re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*", kind) for kind in EVENT_TYPES)
    assert {event.channel for event in told} - {None} <= CONTRACT_CHANNELS
    assert len({event.event_id for event in told}) == len(told)
    for event in told:
        family = event.type.partition(".")[0]
        assert (event.message_id is not None) == (family == "message")
        assert (event.call_id is not None) == (family == "call")
        assert (event.ticket_id is not None) == (family == "ticket")
        assert (event.channel is not None) == (event.direction is not None) == (family in {"message", "call", "ticket"})


def test_a_message_goes_one_way(told: list[Event]) -> None:
    by_message: dict[str, dict[str, Event]] = defaultdict(dict)
    for event in told:
        if event.message_id:
            by_message[event.message_id][event.type.partition(".")[2]] = event
    for fate in by_message.values():
        if "received" in fate:
            assert list(fate) == ["received"]
            continue
        assert ("delivered" in fate) or ("failed" in fate) or fate["sent"].occurred_at > microseconds(UNTIL) - MINUTE
        assert not ("failed" in fate and len(fate) > 2)
        times = [fate[step].occurred_at for step in ("sent", "delivered", "clicked") if step in fate]
        assert times == sorted(times)
        for answer in ("clicked", "replied"):
            if answer in fate:
                waited = fate[answer].occurred_at - fate["sent"].occurred_at
                assert 0 < waited < 48 * HOUR
                seen = "opened" if fate["sent"].channel == "email" else "read"
                assert seen in fate or fate["sent"].channel == "sms"


def test_messages_use_channels_the_person_has(town: list[Person], told: list[Event]) -> None:
    for event in told:
        if event.channel == "email":
            assert town[event.person].email
        elif event.channel:
            assert town[event.person].phone


def test_calls_are_answered_or_missed(told: list[Event]) -> None:
    kinds = Counter(event.type for event in told)
    assert kinds["call.answered"] + kinds["call.missed"] == pytest.approx(kinds["call.started"], abs=3)
    assert kinds["call.ended"] == pytest.approx(kinds["call.answered"], abs=3)
    for event in told:
        assert ("duration_seconds" in event.data) == (event.type == "call.ended")


def test_only_those_who_pay_order_in_their_own_currency(town: list[Person], told: list[Event]) -> None:
    orders = [event for event in told if event.type.startswith("order.")]
    assert len(orders) > 500
    assert all(town[event.person].lifecycle_stage in PAYING_STAGES for event in orders)
    currencies = {town[event.person].country_code: event.data["currency"] for event in orders}
    assert (currencies["JP"], currencies["DE"], currencies["BR"]) == ("JPY", "EUR", "BRL")
    assert all(event.data["value"] > 0 for event in orders)
    assert all(event.data["value"] == round(event.data["value"]) for event in orders if event.data["currency"] == "JPY")


def test_some_addresses_take_nothing(told: list[Event]) -> None:
    fates: dict[tuple[int, str | None], list[bool]] = defaultdict(list)
    for event in told:
        if event.type in {"message.delivered", "message.failed"}:
            fates[event.person, event.channel].append(event.type == "message.delivered")
    often = [fate for fate in fates.values() if len(fate) >= 5]
    assert 0.01 < sum(not any(fate) for fate in often) / len(often) < 0.035


def test_who_answered_on_a_channel_answers_there_again(told: list[Event]) -> None:
    """The first half of each person's sends on a channel foretells the second."""
    early: dict[tuple[int, str], list[bool]] = defaultdict(list)
    for sent, is_answered in _sends(told):
        early[sent.person, sent.channel or ""].append(is_answered)
    rates = [(np.mean(s[: len(s) // 2]), np.mean(s[len(s) // 2 :])) for s in early.values() if len(s) >= 8]
    before, after = np.array(rates).T
    assert len(rates) > 300
    assert np.corrcoef(before, after)[0, 1] > 0.25


def test_answers_come_more_often_near_a_persons_own_hour(town: list[Person], told: list[Event]) -> None:
    """The hour at which a person writes unasked foretells when a message to them is answered."""
    hours: dict[int, list[float]] = defaultdict(list)
    for event in told:
        if event.type in {"message.received", "order.placed"}:
            hours[event.person].append(_local_hour(town[event.person], event.occurred_at))
    near: list[bool] = []
    far: list[bool] = []
    for sent, is_answered in _sends(told):
        if len(own := hours[sent.person]) >= 2:
            mean = np.angle(np.mean(np.exp(2j * np.pi * np.array(own) / 24))) / (2 * np.pi) * 24
            apart = abs((_local_hour(town[sent.person], sent.occurred_at) - mean + 12) % 24 - 12)
            (near if apart < 2.5 else far).append(is_answered)
    assert len(near) > 1000
    assert np.mean(near) > 1.5 * np.mean(far)


def _sends(told: list[Event]) -> list[tuple[Event, bool]]:
    answered = {event.message_id for event in told if event.type in {"message.clicked", "message.replied"}}
    return [(event, event.message_id in answered) for event in told if event.type == "message.sent"]


def _local_hour(person: Person, at: int) -> float:
    local = datetime.fromtimestamp(at / 1e6, ZoneInfo(person.timezone))
    return local.hour + local.minute / 60


def test_who_came_yesterday_had_little_time() -> None:
    yesterday = datetime(2025, 12, 31, tzinfo=UTC)
    newcomers = [person for batch in people(7, 200, since=yesterday, until=UNTIL) for person in batch]
    told = Counter(event.person for event in history(newcomers, 500))
    assert max(told.values()) <= 1 + 3 * 6


@pytest.mark.parametrize("per_contact", [0.5, 20_000, float("nan")])
def test_an_impossible_number_of_events_is_refused(town: list[Person], per_contact: float) -> None:
    with pytest.raises(InvalidRequest) as refused:
        events(7, town, per_contact=per_contact, until=UNTIL)
    assert refused.value.details["field"] == "per_contact"


def test_a_time_without_a_zone_is_refused(town: list[Person]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        events(7, town, until=datetime(2026, 1, 1))
    assert refused.value.details["field"] == "until"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Tokyo"])
def test_local_time_is_the_zones_own(zone: str) -> None:
    times = np.array([microseconds(datetime(2025, month, 15, 12, tzinfo=UTC)) for month in range(1, 13)])
    clock = LocalTime([zone], times, int(times.max()))
    offsets = clock.offset(clock.numbers([zone] * 12), times)
    wanted = [
        datetime(2025, month, 15, 12, tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset() for month in range(1, 13)
    ]
    assert [offset / 1e6 for offset in offsets.tolist()] == [w.total_seconds() for w in wanted if w is not None]


def test_working_time_runs_forward_and_back() -> None:
    hours = np.linspace(450_000, 490_000, 4001)
    weeks = busy_weeks(hours)
    assert (np.diff(weeks) > 0).all()
    assert np.allclose(hours_at(weeks), hours)
    monday = microseconds(datetime(2026, 3, 2, tzinfo=UTC)) / 3.6e9
    assert busy_weeks(np.array([monday]))[0] == pytest.approx(round(busy_weeks(np.array([monday]))[0]))
