"""What a contact's records add up to. Pure: the stored state is this fold of the chain, and so is any past one.

A channel is opted out when the person said so, or when a suppression of one of the contact's addresses covers it.
Only an explicit opt-in opens it again; it lifts its channel from every suppression before it.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from orbit_contacts.core.clock import Instant
from orbit_contacts.features.consent.channels import CHANNELS, covers

OPTED_IN = "opted_in"
OPTED_OUT = "opted_out"
UNKNOWN = "unknown"

# Suppressions the operator made of an address. They go with the address; all others are a person's own word and stay
# with the person.
OF_THE_OPERATOR = frozenset({"suppression_list", "suppression_import"})


class Recorded(Protocol):
    """The part of a record that the state depends on."""

    @property
    def id(self) -> UUID: ...
    @property
    def recorded_at(self) -> Instant: ...
    @property
    def status(self) -> str: ...
    @property
    def scope(self) -> str: ...
    @property
    def address_kind(self) -> str | None: ...
    @property
    def address_hash(self) -> bytes | None: ...
    @property
    def excluded(self) -> tuple[str, ...]: ...
    @property
    def source(self) -> str: ...


class Stance(msgspec.Struct, kw_only=True):
    """What the person said about a channel, and the record that says it."""

    status: str
    source: str
    at: Instant
    record: UUID


class Suppressed(msgspec.Struct, kw_only=True):
    """A suppression of one of the contact's addresses, with the channels it still closes."""

    kind: str
    hash: bytes
    scope: str
    covered: list[str]
    source: str
    at: Instant
    record: UUID


class State(msgspec.Struct, kw_only=True):
    """`last` is the instant of the newest record."""

    channels: dict[str, Stance] = {}
    suppressions: list[Suppressed] = []
    last: Instant = 0

    def apply(self, record: Recorded) -> None:
        """Take one record more into account."""
        self.last = record.recorded_at
        match record.status:
            case "opted_in" | "opted_out":
                self.channels[record.scope] = Stance(
                    status=record.status, source=record.source, at=record.recorded_at, record=record.id
                )
                if record.status == OPTED_IN:
                    self._lift(record.scope)
            case "unknown":
                self.channels.pop(record.scope, None)
            case "suppressed":
                self._suppress(record)
            case "released":
                self._drop(record.address_hash, record.scope)
            case _:
                self.channels.clear()
                self.suppressions.clear()

    def _suppress(self, record: Recorded) -> None:
        assert record.address_kind is not None
        assert record.address_hash is not None
        known = self.suppression(record.address_hash, record.scope)
        own_word = known is not None and known.source not in OF_THE_OPERATOR
        self._drop(record.address_hash, record.scope)
        self.suppressions.append(
            Suppressed(
                kind=record.address_kind,
                hash=record.address_hash,
                scope=record.scope,
                covered=sorted(covers(record.address_kind, record.scope).difference(record.excluded)),
                # The operator can widen what a person said, not take it over.
                source=known.source if known is not None and own_word else record.source,
                at=record.recorded_at,
                record=record.id,
            )
        )

    def _lift(self, channel: str) -> None:
        for suppression in self.suppressions:
            if channel in suppression.covered:
                suppression.covered.remove(channel)
        self.suppressions = [suppression for suppression in self.suppressions if suppression.covered]

    def _drop(self, hash: bytes | None, scope: str) -> None:
        self.suppressions = [s for s in self.suppressions if (s.hash, s.scope) != (hash, scope)]

    def suppression(self, hash: bytes, scope: str) -> Suppressed | None:
        return next((s for s in self.suppressions if (s.hash, s.scope) == (hash, scope)), None)

    def effective(self, channel: str) -> "Effective":
        """The state of a channel, and what decides it."""
        stance = self.channels.get(channel)
        if stance is not None and stance.status == OPTED_OUT:
            return Effective(OPTED_OUT, stance.source, stance.at, stance.record)
        covering = [s for s in reversed(self.suppressions) if channel in s.covered]
        if covering:
            decides = next((s for s in covering if s.source not in OF_THE_OPERATOR), covering[0])
            return Effective(OPTED_OUT, decides.source, decides.at, decides.record)
        if stance is not None:
            return Effective(stance.status, stance.source, stance.at, stance.record)
        return NOTHING

    def said(self, channel: str) -> str:
        """What the person said, whatever is suppressed."""
        stance = self.channels.get(channel)
        return UNKNOWN if stance is None else stance.status

    def refused(self) -> set[str]:
        """The channels the person said no to."""
        return {channel for channel, stance in self.channels.items() if stance.status == OPTED_OUT}

    def closed(self) -> dict[str, "Effective"]:
        """The channels that are opted out."""
        every = {channel: self.effective(channel) for channel in CHANNELS}
        return {channel: state for channel, state in every.items() if state.status == OPTED_OUT}


class Effective(NamedTuple):
    """The state of one channel: opted_in, opted_out or unknown, since when, and by which record."""

    status: str
    source: str | None = None
    since: Instant | None = None
    record_id: UUID | None = None


NOTHING = Effective(UNKNOWN)

_decoder = msgspec.json.Decoder(State)


def decode(document: msgspec.Raw | None) -> State:
    return State() if document is None else _decoder.decode(document)


def encode(state: State) -> bytes:
    return msgspec.json.encode(state)


def fold(records: Iterable[Recorded]) -> State:
    """The state that records, oldest first, add up to."""
    state = State()
    for record in records:
        state.apply(record)
    return state
