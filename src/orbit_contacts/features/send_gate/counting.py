"""Counting what was sent to the contacts of some checks, for every cap that applies: one statement for all of them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader
from orbit_contacts.features.send_gate import queries
from orbit_contacts.features.send_gate.caps import Cap, Usage
from orbit_contacts.features.send_gate.compliance import Compliance
from orbit_contacts.features.send_gate.gate import Recipient, applies
from orbit_contacts.features.send_gate.queries import Counted
from orbit_contacts.features.send_gate.quiet_hours import place_of


class Check(NamedTuple):
    """A send that is asked for."""

    contact_id: UUID
    channel: str
    category: str = "marketing"
    message_id: str | None = None


class Counters:
    """How full each cap is for each check; a message that is checked again does not count against itself."""

    def __init__(self, caps: Sequence[Cap]) -> None:
        self._caps = caps
        self._applying: dict[tuple[str, str], list[int]] = {}
        # By contact and message, then by the cap's place among the caps.
        self._usages: dict[UUID, dict[str | None, dict[int, Usage]]] = defaultdict(dict)
        # Messages that are recorded: a repeated one is counted already.
        self._recorded: set[tuple[UUID, str, str]] = set()

    def applying(self, channel: str, category: str) -> list[int]:
        """The places of the caps that count such a send."""
        found = self._applying.get((channel, category))
        if found is None:
            found = [place for place, cap in enumerate(self._caps) if applies(cap, channel, category)]
            self._applying[channel, category] = found
        return found

    async def read(
        self,
        reader: Reader,
        checks: Sequence[Check],
        recipients: dict[UUID, Recipient],
        settings: Compliance,
        at: Instant,
        until: Instant,
    ) -> None:
        """Count the sends up to `until` for the windows that stand open at `at`."""
        places: dict[tuple[UUID, str | None], set[int]] = defaultdict(set)
        for asked in checks:
            if asked.contact_id in recipients:
                places[asked.contact_id, asked.message_id].update(self.applying(asked.channel, asked.category))
        wanted = [(key, place) for key, applying in places.items() for place in applying]
        if not wanted:
            return
        counted: list[Counted] = []
        zones: list[str] = []
        for (contact_id, message_id), place in wanted:
            cap = self._caps[place]
            zone = zone_of(recipients[contact_id], cap, settings)
            counted.append(Counted(contact_id, cap.opens(zone, at), cap.limit, cap.channel, cap.category, message_id))
            zones.append(zone)
        rows = await queries.sends(reader, counted, until)
        for ((contact_id, message_id), place), zone, row in zip(wanted, zones, rows, strict=True):
            usage = Usage(self._caps[place], zone, row[0], row[1], row[2])
            self._usages[contact_id].setdefault(message_id, {})[place] = usage

    async def read_messages(self, reader: Reader, checks: Sequence[Check]) -> None:
        """Learn which messages are recorded, before more is."""
        messages = [asked for asked in checks if asked.message_id is not None]
        if self._caps and messages:
            self._recorded = await queries.recorded_messages(reader, messages)

    def of(self, asked: Check) -> list[Usage]:
        """How full the caps are that apply to a check."""
        applying = self.applying(asked.channel, asked.category)
        if not applying:
            return []
        usages = self._usages[asked.contact_id][asked.message_id]
        return [usages[place] for place in applying]

    def add(self, asked: Check, at: Instant) -> None:
        """Count a send in every cap it counts in, for the checks that follow."""
        if asked.message_id is not None:
            message = (asked.contact_id, asked.channel, asked.message_id)
            if message in self._recorded:
                return
            self._recorded.add(message)
        applying = self.applying(asked.channel, asked.category)
        if not applying:
            return
        for message_id, usages in self._usages[asked.contact_id].items():
            if message_id is None or message_id != asked.message_id:
                for place in applying:
                    if place in usages:
                        usages[place].add(at)


def zone_of(recipient: Recipient, cap: Cap, settings: Compliance) -> str:
    """By whose calendar a cap counts days; rolling windows need none."""
    if cap.kind == "rolling":
        return "UTC"
    return place_of(recipient.timezone, recipient.phone, settings.timezone).zones[0]
