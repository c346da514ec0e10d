"""Counting what was sent to the contacts of some checks, for every cap that applies.

The newest sends of a contact are read with it and counted here; of contacts with more than that, PostgreSQL counts.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader
from orbit_contacts.features.send_gate import send_queries
from orbit_contacts.features.send_gate.caps import Cap, Usage
from orbit_contacts.features.send_gate.compliance import Compliance
from orbit_contacts.features.send_gate.gate import Recipient, applies
from orbit_contacts.features.send_gate.quiet_hours import place_of
from orbit_contacts.features.send_gate.send_queries import Counted

READ_SENDS = 100
"""Sends of a contact that are read and counted one by one; more than that is left to PostgreSQL."""


class Check(NamedTuple):
    """A send that is asked for."""

    contact_id: UUID
    channel: str
    category: str = "marketing"
    message_id: str | None = None


class Sent(NamedTuple):
    """A send that was recorded, or told by an event."""

    at: Instant
    channel: str
    category: str
    message_id: str | None


class Counters:
    """How full each cap is for each check, by the sends up to `until`, for the windows that stand open at `at`.

    A message that is checked again does not count against itself.
    """

    def __init__(self, caps: Sequence[Cap], settings: Compliance, at: Instant, until: Instant) -> None:
        self._caps = caps
        self._settings = settings
        self._at = at
        self._until = until
        self._applying: dict[tuple[str, str], list[int]] = {}
        self._unused: dict[tuple[str, str], list[Usage]] = {}
        # Newest first.
        self._sent: dict[UUID, list[Sent]] = {}
        # Of busy contacts, by message, then by the cap's place among the caps.
        self._busy: dict[UUID, dict[str | None, dict[int, Usage]]] = {}
        # Messages that are recorded: a repeated one is counted already.
        self._recorded: set[tuple[UUID, str, str]] = set()

    def know(self, contact_id: UUID, sent: Sequence[tuple[Instant, str, str, str | None]]) -> bool:
        """Take the newest sends of a contact, newest first; gives whether they are so many that it is a busy one."""
        if len(sent) > READ_SENDS:
            self._busy[contact_id] = defaultdict(dict)
            return True
        self._sent[contact_id] = known = [Sent(*each) for each in sent]
        if known:
            self._recorded.update((contact_id, s.channel, s.message_id) for s in known if s.message_id is not None)
        return False

    async def count_busy(self, reader: Reader, checks: Sequence[Check], recipients: dict[UUID, Recipient]) -> None:
        """Have the sends of busy contacts counted, and learn which of the messages are recorded."""
        wanted = {
            (asked.contact_id, asked.message_id, place)
            for asked in checks
            if asked.contact_id in self._busy
            for place in self._applying_to(asked)
        }
        if not wanted:
            return
        ordered = list(wanted)
        counted: list[Counted] = []
        zones: list[str] = []
        for contact_id, message_id, place in ordered:
            cap = self._caps[place]
            zone = zone_of(recipients[contact_id], cap, self._settings)
            since = cap.opens(zone, self._at)
            counted.append(Counted(contact_id, since, cap.limit, cap.channel, cap.category, message_id))
            zones.append(zone)
        rows = await send_queries.count_sends(reader, counted, self._until)
        for (contact_id, message_id, place), zone, row in zip(ordered, zones, rows, strict=True):
            self._busy[contact_id][message_id][place] = Usage(self._caps[place], zone, row[0], row[1], row[2])

    async def learn_recorded(self, reader: Reader, checks: Sequence[Check]) -> None:
        """Learn of messages that were recorded before every window opened, or that of busy contacts."""
        asked = [check for check in checks if check.message_id is not None and not self.is_recorded(check)]
        if self._caps and asked:
            self._recorded |= await send_queries.recorded_messages(reader, asked)

    def is_recorded(self, asked: Check) -> bool:
        """Whether this very message was counted before."""
        return asked.message_id is not None and (asked.contact_id, asked.channel, asked.message_id) in self._recorded

    def of(self, asked: Check, recipient: Recipient) -> list[Usage]:
        """How full the caps are that apply to a check."""
        applying = self._applying_to(asked)
        if not applying:
            return []
        if (busy := self._busy.get(asked.contact_id)) is not None:
            return [busy[asked.message_id][place] for place in applying]
        sent = self._sent[asked.contact_id]
        if not sent:
            return self._unused_by(asked, applying)
        return [self._count(sent, self._caps[place], recipient, asked) for place in applying]

    def _unused_by(self, asked: Check, applying: Sequence[int]) -> list[Usage]:
        """What most contacts have used of caps, made once: nothing, whatever their zone."""
        found = self._unused.get((asked.channel, asked.category))
        if found is None:
            found = [Usage(self._caps[place], "UTC", 0, None, []) for place in applying]
            self._unused[asked.channel, asked.category] = found
        return found

    def _applying_to(self, asked: Check) -> list[int]:
        """The places of the caps that count such a send."""
        found = self._applying.get((asked.channel, asked.category))
        if found is None:
            found = [place for place, cap in enumerate(self._caps) if applies(cap, asked.channel, asked.category)]
            self._applying[asked.channel, asked.category] = found
        return found

    def _count(self, sent: Sequence[Sent], cap: Cap, recipient: Recipient, asked: Check) -> Usage:
        zone = zone_of(recipient, cap, self._settings)
        since = cap.opens(zone, self._at)
        own = asked.message_id
        newest = [
            each.at
            for each in sent
            if since < each.at <= self._until
            and applies(cap, each.channel, each.category)
            and (own is None or each.message_id != own)
        ]
        return Usage(cap, zone, len(newest), newest[-1] if newest else None, newest[: cap.limit])

    def add(self, asked: Check) -> None:
        """Count a send in every cap it counts in, for the checks that follow."""
        if self.is_recorded(asked):
            return
        if asked.message_id is not None:
            self._recorded.add((asked.contact_id, asked.channel, asked.message_id))
        if (busy := self._busy.get(asked.contact_id)) is None:
            sent = Sent(self._at, asked.channel, asked.category, asked.message_id)
            insort(self._sent[asked.contact_id], sent, key=_newest_first)
            return
        for message_id, usages in busy.items():
            if message_id is None or message_id != asked.message_id:
                for place in self._applying_to(asked):
                    if place in usages:
                        usages[place].add(self._at)


def _newest_first(sent: Sent) -> int:
    return -sent.at


def zone_of(recipient: Recipient, cap: Cap, settings: Compliance) -> str:
    """By whose calendar a cap counts days; rolling windows need none."""
    if cap.kind == "rolling":
        return "UTC"
    return place_of(recipient.timezone, recipient.phone, settings.timezone).zones[0]
