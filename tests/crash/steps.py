"""What writers do to a contact in the crash test, and what must be true of it afterwards.

A step is a request and its effect on what is known of the contact. A feature joins by adding its steps to `STEPS`,
what they change to `Known`, and how to read that back to `READ`.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

# Gives the data of a GET, or None when it is 404.
Get = Callable[[str], Any]


@dataclass(frozen=True)
class Known:
    """What a contact must look like once a step was acknowledged."""

    id: str
    external_id: str
    life: str = "live"  # live, deleted, erased
    first_name: str | None = None
    lifecycle_stage: str | None = None
    tags: tuple[str, ...] = ()
    on_list: bool = False
    sms: str = "unknown"
    blocked: bool = False
    notes: int = 0
    events: dict[str, int] = field(default_factory=lambda: {"contact.created": 1})

    def after(self, event: str | None, count: int = 1, **changes: Any) -> "Known":
        """With changes made, and one more event of a type, or several."""
        events = dict(self.events)
        if event is not None:
            events[event] = events.get(event, 0) + count
        return replace(self, events=events, **changes)


class Step(NamedTuple):
    """`request(known, word, list_id)` is method, path and body; `effect(known, word)` what is known after it."""

    request: Callable[[Known, str, str], tuple[str, str, Any]]
    effect: Callable[[Known, str], Known]
    possible: Callable[[Known], bool] = lambda known: known.life == "live"
    weight: int = 3


STEPS: dict[str, Step] = {
    "rename": Step(
        lambda known, word, lst: ("PATCH", f"/contacts/{known.id}", {"first_name": word}),
        lambda known, word: known.after("contact.updated", first_name=word),
    ),
    "move to a stage": Step(
        lambda known, word, lst: ("PUT", f"/contacts/{known.id}", {"lifecycle_stage": word[-1]}),
        lambda known, word: (
            known if known.lifecycle_stage == word[-1] else known.after("contact.updated", lifecycle_stage=word[-1])
        ),
    ),
    "tag": Step(
        lambda known, word, lst: ("POST", f"/contacts/{known.id}/tags", {"tags": [word]}),
        lambda known, word: known.after("contact.updated", tags=(*known.tags, word)),
        lambda known: known.life == "live" and len(known.tags) < 50,
    ),
    "join the list": Step(
        lambda known, word, lst: ("POST", f"/contacts/lists/{lst}/members", {"contact_ids": [known.id]}),
        lambda known, word: known.after(None, on_list=True),
    ),
    "leave the list": Step(
        lambda known, word, lst: ("DELETE", f"/contacts/lists/{lst}/members/{known.id}", None),
        lambda known, word: known.after(None, on_list=False),
    ),
    "opt out": Step(
        lambda known, word, lst: ("PUT", f"/contacts/{known.id}/preferences", {"preferences": {"sms": False}}),
        lambda known, word: known.after(None, sms="opted_out"),
    ),
    "opt in": Step(
        lambda known, word, lst: ("PUT", f"/contacts/{known.id}/preferences", {"preferences": {"sms": True}}),
        lambda known, word: known.after(None, sms="opted_in"),
    ),
    "block": Step(
        lambda known, word, lst: ("POST", f"/contacts/{known.id}/block", {"reason": word}),
        lambda known, word: known if known.blocked else known.after("contact.blocked", blocked=True),
    ),
    "unblock": Step(
        lambda known, word, lst: ("POST", f"/contacts/{known.id}/unblock", {}),
        lambda known, word: known.after("contact.unblocked", blocked=False) if known.blocked else known,
    ),
    "note": Step(
        lambda known, word, lst: ("POST", f"/contacts/{known.id}/notes", {"body": word}),
        lambda known, word: known.after("note.created", notes=known.notes + 1),
    ),
    "tell an event": Step(
        lambda known, word, lst: (
            "POST",
            f"/contacts/{known.id}/events",
            {"type": "order.placed", "event_id": word, "data": {"value": 1}},
        ),
        lambda known, word: known.after("order.placed"),
    ),
    "tell a batch": Step(
        lambda known, word, lst: (
            "POST",
            "/events/batch",
            {
                "events": [
                    {
                        "type": "message.sent",
                        "channel": "sms",
                        "message_id": f"{word}.{n}",
                        "external_id": known.external_id,
                    }
                    for n in range(120)
                ]
            },
        ),
        lambda known, word: known.after("message.sent", 120),
        weight=1,
    ),
    "say STOP": Step(
        lambda known, word, lst: (
            "POST",
            f"/contacts/{known.id}/events",
            {"type": "message.received", "channel": "sms", "event_id": word, "data": {"text": "STOP"}},
        ),
        lambda known, word: known.after("message.received", sms="opted_out"),
        weight=2,
    ),
    "delete": Step(
        lambda known, word, lst: ("DELETE", f"/contacts/{known.id}?soft=true", None),
        lambda known, word: known.after("contact.deleted", life="deleted"),
        weight=1,
    ),
    "restore": Step(
        lambda known, word, lst: ("POST", f"/contacts/{known.id}/restore", None),
        lambda known, word: known.after("contact.restored", life="live"),
        lambda known: known.life == "deleted",
        weight=20,
    ),
    "erase": Step(
        lambda known, word, lst: ("DELETE", f"/contacts/{known.id}", None),
        lambda known, word: replace(
            known, life="erased", on_list=False, notes=0, events={"contact.deleted": 1}, sms="unknown", blocked=False
        ),
        weight=1,
    ),
}

# Field of `Known` to how the API tells it, of a live contact: (contact, GET) to the value.
READ: dict[str, Callable[[dict[str, Any], Get], Any]] = {
    "first_name": lambda contact, get: contact["first_name"],
    "lifecycle_stage": lambda contact, get: contact["lifecycle_stage"],
    "tags": lambda contact, get: tuple(contact["tags"]),
    "blocked": lambda contact, get: contact["blocked"],
    "sms": lambda contact, get: get(f"/contacts/{contact['id']}/preferences")["preferences"]["sms"],
    "notes": lambda contact, get: len(get(f"/contacts/{contact['id']}/notes?limit=200")),
}


def choose(chance: random.Random, known: Known) -> Step | None:
    """A step that is possible now."""
    possible = [step for step in STEPS.values() if step.possible(known)]
    return chance.choices(possible, [step.weight for step in possible])[0] if possible else None
