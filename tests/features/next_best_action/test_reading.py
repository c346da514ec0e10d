"""What a question reads of the timeline are the sums of a rebuild, however the events came in."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import SECOND, format_instant, now
from orbit_contacts.core.database import Database
from orbit_contacts.features.next_best_action import queries, service
from orbit_contacts.features.next_best_action.events import OF_A_MESSAGE, classify
from orbit_contacts.features.next_best_action.learned import contact_of, state_of
from orbit_contacts.features.next_best_action.local_time import zone
from orbit_contacts.features.next_best_action.messages import Events
from orbit_contacts.features.next_best_action.models import NextActionQuery
from orbit_contacts.features.next_best_action.rebuild import Contacts, rebuild
from orbit_contacts.features.next_best_action.situation import Situation
from tests.conftest import Client

BERLIN = zone("Europe/Berlin")
TYPES = (
    *("message.sent", "message.delivered", "message.failed", "message.clicked", "message.replied", "message.opened"),
    *("message.received", "call.started", "call.ended", "order.placed", "order.refunded", "ticket.opened"),
    *("ticket.closed", "page.viewed", "note.created"),
)


class Told(NamedTuple):
    type: str
    message: int
    minutes: int
    category: str | None
    amount: int

    def body(self, contact: str, number: int, at: int) -> dict[str, Any]:
        """As it is sent; its `event_id` makes it known again."""
        name = "call_id" if self.type.startswith("call.") else "message_id"
        of_a_message = self.type.startswith(("message.", "call."))
        return {
            "contact_id": contact,
            "event_id": f"e{number}",
            "type": self.type,
            "timestamp": format_instant(self.instant(at)),
            "channel": self.channel,
            "category": self.category,
            "data": {"value": self.amount, "duration_seconds": self.amount},
        } | ({name: f"m{self.message}"} if of_a_message and self.message else {})

    def instant(self, at: int) -> int:
        return (at - self.minutes * 60 * SECOND) // SECOND * SECOND

    @property
    def channel(self) -> str | None:
        if self.type.startswith("message."):
            return ("email", "whatsapp")[self.message % 2]
        return "voice" if self.type.startswith("call.") else None


told = st.builds(
    Told,
    st.sampled_from(TYPES),
    st.integers(0, 4),
    st.integers(1, 60 * 24 * 30),
    st.sampled_from([None, "marketing", "transactional"]),
    st.integers(0, 60),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(told, min_size=1, max_size=25), st.randoms(use_true_random=False), st.lists(st.integers(0, 40), max_size=3)
)
async def test_shuffled_repeated_and_late_events_are_read_as_a_rebuild_has_them(
    api: Client, database: Database, caller: Caller, history: list[Told], random: Random, cuts: list[int]
) -> None:
    at = now()
    person = api.contact(email=f"p{at}@example.com")
    arrivals = [each.body(person["id"], number, at) for number, each in enumerate(history)] * 2
    random.shuffle(arrivals)
    for first, last in pairwise([0, *sorted(min(cut, len(arrivals)) for cut in cuts), len(arrivals)]):
        if first < last:
            api.data("POST", "/events/batch", {"events": arrivals[first:last]})
    id = ids.parse("con", person["id"])
    assert id is not None
    async with database.reader(caller) as reader:
        read, sends = state_of(await queries.events_of(reader, id, 1000), BERLIN, at)
    whole, messages = rebuild(_columns(history, at), Contacts(np.zeros(1, dtype=np.int64), [BERLIN]), at)
    expected = contact_of(whole, 0)
    for name in expected.__struct_fields__:
        np.testing.assert_allclose(getattr(read, name), getattr(expected, name), rtol=1e-9, atol=1e-9, err_msg=name)
    assert len(sends) == int(messages.known.sum())


def _columns(history: Sequence[Told], at: int) -> Events:
    """The same events as the model means them, without the database."""
    rows: list[tuple[int, int, int, int, float]] = []
    for each in history:
        amounts = {"value": each.amount, "duration_seconds": each.amount}
        direction = "outbound" if each.type in ("message.sent", "message.delivered", "message.failed") else None
        meaning = classify(each.type, each.channel, direction, each.category, amounts)
        if meaning is not None:
            key = (1 + each.message if each.type.startswith("call.") else 100 + each.message) if each.message else 0
            key = key if meaning.code in OF_A_MESSAGE else 0
            rows.append((meaning.code, meaning.channel, each.instant(at), key, meaning.value))
    columns = [np.array([row[place] for row in rows]) for place in range(5)]
    return Events(
        np.zeros(len(rows), dtype=np.int64),
        columns[0].astype(np.uint8),
        columns[1].astype(np.uint8),
        columns[2].astype(np.int64),
        columns[3].astype(np.int64),
        columns[4].astype(np.float64),
    )


async def test_totals_count_events_beyond_those_that_are_read(
    api: Client, database: Database, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_EVENTS_OF_ONE", 3)
    seen: list[Situation] = []
    decide = service.decide

    def watched(situation: Situation, *args: Any) -> Any:
        seen.append(situation)
        return decide(situation, *args)

    monkeypatch.setattr(service, "decide", watched)
    jane = api.contact(email="jane@example.com")
    at = now()
    orders = [
        {"type": "order.placed", "timestamp": format_instant(at - hour * 3600 * SECOND), "data": {"value": 10}}
        for hour in range(1, 8)
    ]
    for order in [*orders, {"type": "ticket.opened", "timestamp": format_instant(at - 9 * 24 * 3600 * SECOND)}]:
        api.data("POST", f"/contacts/{jane['id']}/events", order)
    id = ids.parse("con", jane["id"])
    assert id is not None
    async with database.transaction(caller) as tx:
        await service.next_best_action(tx, id, NextActionQuery(explore=False))
    state = seen[0].state
    assert (state.orders, state.order_value, state.open_tickets) == (7.0, 70.0, 1.0)
    assert state.last_order == at // SECOND * SECOND - int(timedelta(hours=1).total_seconds()) * SECOND
