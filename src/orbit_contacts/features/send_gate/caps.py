"""Frequency caps as the gate sees them: what a cap counts, how full it is, when a place is free again. Pure."""

from typing import NamedTuple
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.clock import SECOND, Instant
from orbit_contacts.features.send_gate.quiet_hours import day_start

DAY_SECONDS = 86_400


class Cap(NamedTuple):
    id: UUID
    name: str
    channel: str | None
    category: str | None
    limit: int
    window_seconds: int
    kind: str

    @property
    def text(self) -> str:
        return ids.text("fcap", self.id)

    @property
    def days(self) -> int:
        """The calendar days of the window, today included."""
        return self.window_seconds // DAY_SECONDS

    def opens(self, zone: str, at: Instant) -> Instant:
        """The window at `at` holds the sends after this instant; a send of this very instant has just left it."""
        if self.kind == "rolling":
            return at - self.window_seconds * SECOND
        return day_start(zone, at, 1 - self.days) - 1

    def leaves(self, zone: str, sent_at: Instant) -> Instant:
        """When a send is no longer counted."""
        if self.kind == "rolling":
            return sent_at + self.window_seconds * SECOND
        return day_start(zone, sent_at, self.days)


class Usage:
    """How much of a cap a contact has used; `newest` are its last sends within the window, at most `limit` of them."""

    __slots__ = ("cap", "newest", "oldest", "used", "zone")

    def __init__(self, cap: Cap, zone: str, used: int, oldest: Instant | None, newest: list[Instant]) -> None:
        self.cap = cap
        self.zone = zone
        self.used = used
        self.oldest = oldest
        self.newest = newest

    @property
    def is_full(self) -> bool:
        return self.used >= self.cap.limit

    def frees_at(self) -> Instant:
        """When a full cap has a place again: the send that must leave is the limit-th newest."""
        return self.cap.leaves(self.zone, self.newest[self.cap.limit - 1])

    def resets_at(self) -> Instant | None:
        """When fewer sends count than now; for a full cap, when there is a place again."""
        if self.is_full:
            return self.frees_at()
        return None if self.oldest is None else self.cap.leaves(self.zone, self.oldest)

    def add(self, at: Instant) -> None:
        """Count one send more, as the newest."""
        self.used += 1
        self.oldest = at if self.oldest is None else self.oldest
        self.newest.insert(0, at)
