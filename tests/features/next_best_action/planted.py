"""A world planted in a workspace through the real API: contacts, consent, events; and the answers read back."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from orbit_contacts.core.clock import format_instant
from orbit_contacts.features.next_best_action.events import CHANNEL_INDEX, CHANNELS, VOICE, Code
from orbit_contacts.features.next_best_action.local_time import BLOCK_HOURS, BLOCKS
from tests.conftest import Client
from tests.features.next_best_action.worlds import ZONES, World

Ints = npt.NDArray[np.int64]
_BATCH = 10_000


def plant(api: Client, of: World) -> list[str]:
    """Ids of the world's contacts, which exist from now on with their consent and their history."""
    people: list[str] = []
    for number in range(len(of.cold)):
        stage = "lead" if of.lead[number] else "customer" if of.customer[number] else None
        person = api.contact(
            email=f"p{number}@example.com",
            phone=f"+4915{number:09d}",
            timezone=ZONES[int(of.contacts.zone_of[number])],
            **({"lifecycle_stage": stage} if stage else {}),
        )
        wanted = {name: True for index, name in enumerate(CHANNELS) if of.owned[number, index]}
        api.data("PUT", f"/contacts/{person['id']}/preferences", {"preferences": wanted})
        people.append(person["id"])
    told = list(_told(of, people))
    for first in range(0, len(told), _BATCH):
        batch = told[first : first + _BATCH]
        assert api.data("POST", "/events/batch", {"events": batch})["accepted"] == len(batch)
    return people


def _told(of: World, people: list[str]) -> Iterator[dict[str, Any]]:
    """The events as a sender reports them, with an open by a machine for every message."""
    events = of.events
    # Not in the order in which they happened: the API takes them as they come.
    for row in np.random.default_rng(1).permutation(len(events.key)).tolist():
        code, channel, at = Code(int(events.code[row])), int(events.channel[row]), int(events.instant[row])
        told: dict[str, Any] = {"contact_id": people[int(events.contact[row])], "timestamp": _exact(at)}
        if channel < len(CHANNELS):
            told["channel"] = CHANNELS[channel]
        if events.key[row]:
            told["call_id" if channel == VOICE else "message_id"] = f"m{int(events.key[row])}"
        if channel == VOICE and code is Code.SENT:
            yield told | {"type": "call.started", "direction": "outbound"}
        elif channel == VOICE and code is Code.ENGAGED:
            yield told | {"type": "call.ended", "direction": "outbound", "data": {"duration_seconds": 60}}
        elif channel == VOICE and code is Code.FAILED:
            yield told | {"type": "message.failed"}
        elif channel == VOICE:
            yield told | {"type": "call.started", "direction": "inbound"}
        else:
            if code is Code.SENT:
                yield told | {"type": "message.opened"}
            yield told | {"type": _TYPES[code]}


_TYPES = {
    Code.SENT: "message.sent",
    Code.FAILED: "message.failed",
    Code.ENGAGED: "message.clicked",
    Code.RECEIVED: "message.received",
    Code.ACTIVE: "page.viewed",
    Code.TICKET_OPENED: "ticket.opened",
}


def _exact(at: int) -> str:
    whole = format_instant(at).removesuffix("Z").split(".")[0]
    return f"{whole}.{at % 1_000_000:06d}Z"


def answers(api: Client, people: list[str]) -> list[dict[str, Any]]:
    return [api.data("GET", f"/contacts/{person}/next-best-action?explore=false") for person in people]


def send(answer: dict[str, Any]) -> dict[str, Any]:
    """The best send or call of an answer, whatever ranks above it: an open ticket, say."""
    return next(one["action"] for one in answer["suggestions"] if one["action"].get("send_at"))


def cell(action: dict[str, Any]) -> int:
    """channel x 16 + local-time bin of a send."""
    day, clock = action["local_time"].split()
    return (
        CHANNEL_INDEX[action["channel"]] * 16
        + BLOCKS * (day in ("Sat", "Sun"))
        + int(clock.split(":")[0]) // BLOCK_HOURS
    )


def captured(of: World, cells: Ints) -> float:
    """Share of (oracle - random) that the cells are worth."""
    random = of.truth.sum((1, 2)) / (16 * of.owned.sum(1))
    got = of.truth.reshape(len(cells), -1)[np.arange(len(cells)), cells]
    return float((got - random).sum() / (of.truth.max((1, 2)) - random).sum())
