"""A contact within one change of consent: what is known, what changes, and what is to be written. Pure.

`queries` loads people and `changes` stores them; in between, everything is decided here, for one contact or thousands.
"""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.features.consent.channels import CHANNELS, covers, reaches
from orbit_contacts.features.consent.records import Entry, Evidence
from orbit_contacts.features.consent.state import OF_THE_OPERATOR, OPTED_IN, OPTED_OUT, UNKNOWN, State

_DNC_SCOPES = frozenset({"all", "sms", "voice"})
_DNC_CHANNELS = frozenset({"sms", "voice"})


class Held(NamedTuple):
    """An address that the contact holds; `shown` is its readable form."""

    kind: str
    hash: bytes
    shown: str


class Suppression(msgspec.Struct, kw_only=True):
    """A row of the suppression list; `lifted` are the channels that were opened again since."""

    id: UUID
    kind: str
    hash: bytes
    scope: str
    address: str | None
    source: str
    reason: str | None
    record_id: UUID
    created_by: str
    created_at: Instant
    lifted: frozenset[str] = frozenset()

    def covered(self) -> frozenset[str]:
        """The channels it closes."""
        return covers(self.kind, self.scope) - self.lifted


class Happening(NamedTuple):
    """An event for the contact's timeline."""

    type: str
    channel: str | None
    data: dict[str, Any]


class _Applied(NamedTuple):
    """An entry as the state sees it: at the instant at which it will be recorded."""

    id: UUID
    recorded_at: Instant
    status: str
    scope: str
    address_kind: str | None
    address_hash: bytes | None
    excluded: tuple[str, ...]
    source: str


class Person:
    """`hashes` are those of every address the contact is known to have held, `kinds` those of its main identifiers."""

    def __init__(
        self,
        id: UUID,
        held: list[Held],
        state: State,
        rows: Iterable[Suppression],
        *,
        hashes: Iterable[bytes] = (),
        kinds: Iterable[str] = (),
        now: Instant,
        actor: str,
    ) -> None:
        self.id = id
        self.held = held
        self.hashes = {*hashes, *(address.hash for address in held)}
        self.state = state
        self._kinds = {*kinds, *(address.kind for address in held)}
        self.rows = {(row.hash, row.scope): row for row in rows}
        self.entries: list[Entry] = []
        self.happenings: list[Happening] = []
        self.written: set[tuple[bytes, str]] = set()
        self.removed: set[tuple[bytes, str]] = set()
        # A chain's times never run backwards, whichever transaction began first.
        self._at = max(now, state.last)
        self._now = now
        self._actor = actor

    def mint(self) -> UUID:
        return ids.mint(self._now, ids.cell_number(self.id))

    def reached(self, channel: str) -> list[Held]:
        """The addresses a message on `channel` may go to; every identifier when there is none of the kind."""
        return [held for held in self.held if reaches(channel, held.kind)] or self.held

    def opt_out(self, channel: str, evidence: Evidence) -> UUID:
        """The person wants nothing more on this channel; gives the record's id."""
        record_id = self._say(OPTED_OUT, channel, evidence)
        for held in self.reached(channel):
            self._put(held, channel, evidence.source, record_id)
        return record_id

    def opt_in(self, channel: str, evidence: Evidence) -> UUID:
        """The person agrees to messages on this channel: the only thing that lifts anything."""
        record_id = self._say(OPTED_IN, channel, evidence)
        for key, row in list(self.rows.items()):
            if channel in row.covered():
                lifted = msgspec.structs.replace(row, lifted=row.lifted | {channel})
                if lifted.covered():
                    self.rows[key] = lifted
                    self.written.add(key)
                else:
                    self._remove(key)
        return record_id

    def forget(self, channel: str, evidence: Evidence) -> UUID | None:
        """Take back an opt-in; an opt-out is not forgotten."""
        return self._say(UNKNOWN, channel, evidence) if self.state.said(channel) == OPTED_IN else None

    def suppress(self, held: Held, scope: str, evidence: Evidence, reason: str | None = None) -> Suppression:
        """Close every channel of `scope` at an address; the operator can widen what a person said, not take it over."""
        known = self.rows.get((held.hash, scope))
        record_id, source = self.mint(), evidence.source
        if known is not None and source in OF_THE_OPERATOR:
            if not known.lifted:
                return known
            source = known.source
        row = self._put(held, scope, source, record_id, reason)
        self._append("suppressed", scope, evidence, id=record_id, address=held)
        return row

    def suppress_once(self, held: Held, scope: str, evidence: Evidence) -> None:
        """Close `scope` at an address unless the person did so before."""
        known = self.rows.get((held.hash, scope))
        if known is None or known.lifted or known.source in OF_THE_OPERATOR:
            self.suppress(held, scope, evidence)

    def is_closed(self, channel: str) -> bool:
        """Whether the channel is opted out, or suppressed at an address of the contact."""
        return self.state.effective(channel).status == OPTED_OUT or any(
            channel in row.covered() for row in self.rows.values()
        )

    def has_address_for(self, channel: str) -> bool:
        return any(reaches(channel, kind) for kind in self._kinds)

    def release(self, row: Suppression, evidence: Evidence) -> None:
        """Take one of the operator's own entries off the list."""
        self._remove((row.hash, row.scope))
        if self.state.suppression(row.hash, row.scope) is not None:
            held = Held(row.kind, row.hash, "")
            self._append("released", row.scope, evidence, address=held, cause=row.record_id)
        self.settle()

    def settle(self) -> None:
        """Bring the state and the suppressions of the contact's addresses into agreement, only ever restricting.

        A person's own word reaches addresses that the contact gained; suppressions of gained addresses reach the
        contact; the operator's entries on addresses it gave up leave it.
        """
        self._extend_to_held()
        said_no = self.state.refused()
        for row in list(self.rows.values()):
            known = self.state.suppression(row.hash, row.scope)
            covered = row.covered()
            if known is not None and covered <= set(known.covered):
                continue
            if known is None and covered.intersection(CHANNELS) <= said_no:
                continue
            open_yet = row.lifted.difference(known.covered if known is not None else ())
            self._append(
                "suppressed",
                row.scope,
                Evidence(source=row.source),
                address=Held(row.kind, row.hash, ""),
                cause=row.record_id,
                excluded=tuple(open_yet),
            )
        for known in list(self.state.suppressions):
            if known.source in OF_THE_OPERATOR and (known.hash, known.scope) not in self.rows:
                held = Held(known.kind, known.hash, "")
                self._append(
                    "released", known.scope, Evidence(source="address_changed"), address=held, cause=known.record
                )

    def _extend_to_held(self) -> None:
        for channel, stance in self.state.channels.items():
            if stance.status == OPTED_OUT:
                for held in self.reached(channel):
                    if not self._is_covered(held, channel):
                        self._put(held, channel, stance.source, stance.record)
        for known in self.state.suppressions:
            if known.source in OF_THE_OPERATOR:
                continue
            for held in self.held:
                if held.kind == known.kind and any(not self._is_covered(held, c) for c in known.covered):
                    lifted = covers(known.kind, known.scope).difference(known.covered)
                    self._put(held, known.scope, known.source, known.record, lifted=lifted)

    def leave_tombstones(self, given_up: Collection[bytes] | None = None) -> None:
        """Before the contact goes, its identifiers keep the channels that the person closed; before it gives some
        up, by their hashes, those keep the channels that reach them."""
        for channel, effective in self.state.closed().items():
            if effective.source is None or effective.record_id is None or effective.source in OF_THE_OPERATOR:
                continue
            for held in self.held:
                leaves = given_up is None or (held.hash in given_up and reaches(channel, held.kind))
                if leaves and not self._is_covered(held, channel):
                    self._put(held._replace(shown=""), channel, effective.source, effective.record_id)

    def _is_covered(self, held: Held, channel: str) -> bool:
        return any(row.hash == held.hash and channel in row.covered() for row in self.rows.values())

    def is_dnc(self) -> bool:
        """Whether a suppression of a phone number puts the contact on the do-not-call list."""
        return any(
            row.kind == "phone" and row.scope in _DNC_SCOPES and row.covered() & _DNC_CHANNELS
            for row in self.rows.values()
        )

    def _say(self, status: str, channel: str, evidence: Evidence) -> UUID:
        reached = self.reached(channel)
        return self._append(status, channel, evidence, address=reached[0] if reached else None)

    def _put(
        self,
        held: Held,
        scope: str,
        source: str,
        record_id: UUID,
        reason: str | None = None,
        lifted: frozenset[str] = frozenset(),
    ) -> Suppression:
        key = (held.hash, scope)
        known = self.rows.get(key)
        row = Suppression(
            id=known.id if known is not None else self.mint(),
            kind=held.kind,
            hash=held.hash,
            scope=scope,
            address=held.shown or (known.address if known is not None else None),
            source=source,
            reason=reason or (known.reason if known is not None else None),
            record_id=record_id,
            created_by=self._actor,
            created_at=known.created_at if known is not None else self._now,
            lifted=lifted,
        )
        self.rows[key] = row
        self.written.add(key)
        self.removed.discard(key)
        return row

    def _remove(self, key: tuple[bytes, str]) -> None:
        del self.rows[key]
        self.written.discard(key)
        self.removed.add(key)

    def _append(
        self,
        status: str,
        scope: str,
        evidence: Evidence,
        *,
        address: Held | None,
        id: UUID | None = None,
        cause: UUID | None = None,
        excluded: tuple[str, ...] = (),
    ) -> UUID:
        entry = Entry(
            id=id or self.mint(),
            subject="contact",
            subject_id=self.id,
            status=status,
            scope=scope,
            evidence=evidence,
            address_kind=address.kind if address else None,
            address_hash=address.hash if address else None,
            excluded=excluded,
            cause=cause,
        )
        before = {channel: self.state.effective(channel).status for channel in CHANNELS}
        self.state.apply(
            _Applied(
                entry.id, self._at, status, scope, entry.address_kind, entry.address_hash, excluded, evidence.source
            )
        )
        self.entries.append(entry)
        self._notice(before, entry)
        return entry.id

    def _notice(self, before: dict[str, str], entry: Entry) -> None:
        """A channel that opens or closes is an event, with where that came from."""
        for status in (OPTED_IN, OPTED_OUT):
            moved = [c for c in CHANNELS if before[c] != status == self.state.effective(c).status]
            if moved:
                channel = None if entry.scope == "all" else entry.scope
                data: dict[str, Any] = {
                    "contact_id": ids.contact_text(self.id),
                    "channel": channel,
                    "scope": entry.scope,
                    "channels": moved,
                    "source": entry.evidence.source,
                    "consent_record_id": ids.text("cr", entry.id),
                }
                if keyword := entry.evidence.details.get("keyword"):
                    data["keyword"] = keyword
                self.happenings.append(Happening(f"contact.{status}", channel, data))
