"""Next best action of a contact: its facts gathered, decided once per epoch, logged with its propensity.

The contact's sums are made from its events when it is asked, so they are always those of a rebuild (why, and what the
bound on their number means: docs/adr/0011); the workspace's rates come from a sample of the contacts it wrote to lately
and are kept for ten minutes.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import numpy as np
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY, Instant, format_instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.next_best_action import nightly, queries
from orbit_contacts.features.next_best_action.card import Card
from orbit_contacts.features.next_best_action.decision import decide
from orbit_contacts.features.next_best_action.events import CHANNELS
from orbit_contacts.features.next_best_action.exploration import decision_id, epoch_start
from orbit_contacts.features.next_best_action.features import Rates, rates, workspace
from orbit_contacts.features.next_best_action.learned import columns, state_of
from orbit_contacts.features.next_best_action.local_time import Zone, zone
from orbit_contacts.features.next_best_action.model import COLD, Model, Predictor, shipped
from orbit_contacts.features.next_best_action.models import ModelCard, NextActionQuery
from orbit_contacts.features.next_best_action.rebuild import Contacts, rebuild
from orbit_contacts.features.next_best_action.scoring import Economics
from orbit_contacts.features.next_best_action.situation import ChannelSituation, Situation, TimezoneSource, fingerprint
from orbit_contacts.features.next_best_action.state import NEVER, ContactState
from orbit_contacts.features.next_best_action.training import Profile
from orbit_contacts.features.send_gate import compliance, gate, quiet_hours
from orbit_contacts.features.send_gate import queries as gate_queries
from orbit_contacts.features.send_gate import service as send_gate

_EVENTS_OF_ONE = 2_000
_SAMPLED_SENDS = 20_000
_SAMPLED_CONTACTS = 500
_SAMPLED_EVENTS = 100_000
_TRAINING_CONTACTS = 5_000
_TRAINING_EVENTS = 1_000_000
_SPAN = 14 * 7 * DAY
_KEPT_SECONDS = 600.0
_PHONE_CHANNELS = frozenset({"sms", "voice", "whatsapp", "rcs", "viber", "fax"})
_TIMEZONE_SOURCES: dict[str, TimezoneSource] = {"contact": "contact", "number": "country", "workspace": "workspace"}


class _Workspace(NamedTuple):
    """What is the same for every contact of a workspace for some minutes."""

    until: float
    rates: Rates
    predictor: Predictor


_workspaces: dict[tuple[str, int], _Workspace] = {}


async def next_best_action(tx: Transaction, id: UUID, query: NextActionQuery) -> msgspec.Raw:
    """The answer as JSON; the same bytes for the same facts within an epoch."""
    row = await contacts.locked(tx, id)
    known = await _workspace(tx)
    situation = await _situation(tx, row, query)
    facts = fingerprint(situation, known.predictor.model.version)
    secret = tx.secret(f"next best action {tx.caller.workspace_id}")
    if query.explore is False:
        decided = decide(situation, known.rates, known.predictor, Economics(), secret, tx.now)
        return msgspec.Raw(msgspec.json.encode(decided.answer))
    epoch = epoch_start(tx.now)
    earlier = await queries.latest_decision(tx, id, facts, ids.floor(epoch))
    if earlier is not None and earlier["expires_at"] > tx.now:
        return msgspec.Raw(earlier["answer"])
    follows = None if earlier is None else earlier["id"]
    decision = decision_id(secret, id, epoch, facts, follows)
    decided = decide(situation, known.rates, known.predictor, Economics(), secret, tx.now, decision)
    await queries.insert_decision(
        tx,
        id,
        decision,
        facts,
        decided.record.expires_at,
        msgspec.json.encode(decided.record),
        msgspec.json.encode(decided.answer),
    )
    stored = await queries.stored_answer(tx, id, decision)
    assert stored is not None
    return msgspec.Raw(stored)


async def _situation(tx: Transaction, row: Record, query: NextActionQuery) -> Situation:
    id: UUID = row["id"]
    rules = compliance.decode(await gate_queries.compliance_settings(tx))
    place = quiet_hours.place_of(row["timezone"], row["phone"], rules.timezone)
    events = await queries.events_of(tx, id, _EVENTS_OF_ONE)
    epoch = epoch_start(tx.now)
    state, sends = state_of(events, zone(place.zones[0]), tx.now)
    if len(events) == _EVENTS_OF_ONE:
        state = await _with_totals(tx, id, state)
    said = await consent.of_contact(tx, id)
    usages = (await send_gate.usages(tx, id)).values()
    channels: list[ChannelSituation] = []
    for index, channel in enumerate(CHANNELS):
        full = [usage.frees_at() for usage in usages if usage.is_full and gate.applies(usage.cap, channel, "marketing")]
        window = rules.window(channel, "marketing")
        on_dnc = bool(rules.dnc and row["dnc"] and channel in ("voice", "sms"))
        channels.append(
            ChannelSituation(
                consent=_consent(said, channel),
                has_address=_has_address(row, channel, state, index),
                suppressed=on_dnc or channel in said.suppressed,
                capped_until=max(full, default=None),
                open_minutes=None if window is None else (window.start, window.end),
            )
        )
    return Situation(
        contact_id=ids.contact_text(id),
        timezone=place.zones[0],
        timezone_source=_TIMEZONE_SOURCES.get(place.source, "workspace"),
        channels=channels,
        state=state,
        recent_sends=[(channel, at) for channel, at in sends if at >= epoch - 7 * DAY],
        since=row["created_at"],
        lifecycle_stage=row["lifecycle_stage"],
        blocked=row["blocked_at"] is not None,
        goal=query.goal or "engage",
    )


async def _with_totals(reader: Reader, contact_id: UUID, state: ContactState) -> ContactState:
    """What does not fade, of all events: older ones than were read count too. The sums are kept with the events."""
    row = await queries.totals(reader, contact_id)
    if row is None:
        return state
    return msgspec.structs.replace(
        state,
        orders=float(row["orders"]),
        order_value=row["order_value"],
        open_tickets=float(row["tickets_opened"] - row["tickets_closed"]),
    )


def _consent(said: consent.ContactConsent, channel: str) -> Any:
    return said.said.get(channel, "unknown")


def _has_address(row: Record, channel: str, state: ContactState, index: int) -> bool:
    """A number, an address, or a channel on which the person has been met: devices and handles are not stored."""
    if channel == "email":
        return row["email"] is not None
    if channel in _PHONE_CHANNELS:
        return row["phone"] is not None
    return state.inbound[index] > 0 or state.last_engaged[index] != NEVER


async def _workspace(reader: Reader) -> _Workspace:
    key = (reader.database_name, reader.caller.workspace_id)
    kept = _workspaces.get(key)
    if kept is None or kept.until < time.monotonic():
        stored = await queries.latest_model(reader)
        model = shipped() if stored is None else msgspec.json.decode(stored, type=Model)
        sample = await _sample(reader, _SAMPLED_CONTACTS, _SAMPLED_EVENTS)
        kept = _Workspace(time.monotonic() + _KEPT_SECONDS, sample.rates(reader.now), Predictor(model))
        if len(_workspaces) > 1000:
            _workspaces.clear()
        _workspaces[key] = kept
    return kept


class _Sample(NamedTuple):
    """Contacts of a workspace with all their events of fourteen weeks."""

    rows: Sequence[Record]
    events: Sequence[Record]
    zones: list[Zone]

    @property
    def numbers(self) -> dict[UUID, int]:
        return {row["id"]: number for number, row in enumerate(self.rows)}

    @property
    def contacts(self) -> Contacts:
        return Contacts(np.arange(len(self.rows), dtype=np.int64), self.zones)

    def rates(self, now: Instant) -> Rates:
        state, _ = rebuild(columns(self.events, self.numbers), self.contacts, now)
        return rates(workspace(state, now))

    @property
    def profile(self) -> Profile:
        stages = [row["lifecycle_stage"] for row in self.rows]
        available = [
            [
                row["email"] is not None
                if channel == "email"
                else row["phone"] is not None and channel in _PHONE_CHANNELS
                for channel in CHANNELS
            ]
            for row in self.rows
        ]
        return Profile(
            np.array([stage == "lead" for stage in stages], dtype=np.float64),
            np.array([stage == "customer" for stage in stages], dtype=np.float64),
            np.array(available, dtype=np.bool_).reshape(len(self.rows), len(CHANNELS)),
        )


async def _sample(reader: Reader, most_contacts: int, most_events: int) -> _Sample:
    since = reader.now - _SPAN
    written = await queries.recently_written_to(reader, since, _SAMPLED_SENDS, most_contacts)
    rows = await queries.profiles(reader, written)
    rules = compliance.decode(await gate_queries.compliance_settings(reader))
    zones = [zone(quiet_hours.place_of(row["timezone"], row["phone"], rules.timezone).zones[0]) for row in rows]
    events = await queries.events_of_many(reader, [row["id"] for row in rows], since, most_events)
    return _Sample(rows, events, zones)


async def fit(tx: Transaction) -> Model | None:
    """Train on a sample of the workspace and keep the version; None while there is too little to learn from."""
    sample = await _sample(tx, _TRAINING_CONTACTS, _TRAINING_EVENTS)
    if not sample.events:
        return None
    stored = await queries.latest_model(tx)
    current = None if stored is None else msgspec.json.decode(stored, type=Model)
    version = f"{format_instant(tx.now)[:10]}-{tx.caller.workspace_id}"
    learned = columns(sample.events, sample.numbers)
    model = await asyncio.to_thread(nightly.train, learned, sample.contacts, sample.profile, tx.now, version, current)
    if model.sends < COLD:
        return None
    await queries.insert_model(tx, msgspec.json.encode(model))
    _workspaces.pop((tx.database_name, tx.caller.workspace_id), None)
    return model


async def model_card(reader: Reader) -> ModelCard:
    """What is in force and how well it did on the last two weeks."""
    known = await _workspace(reader)
    model = known.predictor.model
    card: Card | None = model.card
    return ModelCard(
        version=model.version,
        tier=model.tier,
        trained_at=None if model.trained_at is None else format_instant(model.trained_at),
        level="cold" if model.sends < COLD else "fitted",
        sends=model.sends,
        coefficients=model.coefficients,
        calibration=model.calibration.kind,
        card=card,
    )


async def forget_old(tx: Transaction) -> int:
    return await queries.forget_old(tx, tx.now - 100 * DAY)
