"""Next best action of a contact: its facts gathered, decided once per epoch, logged with its propensity.

The contact's sums are made from its events when it is asked, so they are always those of a rebuild (why, and what the
bound on their number means: docs/adr/0011); the workspace's rates come from a sample of the contacts it wrote to lately
and are kept for ten minutes.
"""

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
from orbit_contacts.features.next_best_action import queries
from orbit_contacts.features.next_best_action.card import Card
from orbit_contacts.features.next_best_action.decision import decide
from orbit_contacts.features.next_best_action.events import CHANNELS
from orbit_contacts.features.next_best_action.exploration import decision_id, epoch_start
from orbit_contacts.features.next_best_action.features import Rates, Workspace, rates, workspace
from orbit_contacts.features.next_best_action.learned import columns, state_of
from orbit_contacts.features.next_best_action.local_time import Zone, zone
from orbit_contacts.features.next_best_action.model import COLD, Predictor, read
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
_SPAN = 14 * 7 * DAY
_KEPT_SECONDS = 600.0
_PHONE_CHANNELS = frozenset({"sms", "voice", "whatsapp", "rcs", "viber", "fax"})
_TIMEZONE_SOURCES: dict[str, TimezoneSource] = {"contact": "contact", "number": "country", "workspace": "workspace"}


class _Workspace(NamedTuple):
    """What is the same for every contact of a workspace for a while."""

    until: float
    trained_at: Instant | None
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
                has_address=_has_address(row, channel, state, index, _consent(said, channel) == "opted_in"),
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


def _has_address(row: Record, channel: str, state: ContactState, index: int, opted_in: bool) -> bool:
    """A number or an address; handles and devices are not stored: who opted in to the channel has one, and who was met
    there."""
    if channel == "email":
        return row["email"] is not None
    if channel in _PHONE_CHANNELS:
        return row["phone"] is not None
    return opted_in or state.inbound[index] > 0 or state.last_engaged[index] != NEVER


async def _workspace(reader: Reader) -> _Workspace:
    key = (reader.database_name, reader.caller.workspace_id)
    trained_at = await queries.latest_model_at(reader)
    kept = _workspaces.get(key)
    if kept is None or kept.until < time.monotonic() or kept.trained_at != trained_at:
        begun = time.monotonic()
        model = read(await queries.latest_model(reader))
        known = model.sums.faded(reader.now) if model.sums else await _sampled(reader)
        # A hundred times as long as it takes: a workspace that has just begun sees its first events at once.
        until = time.monotonic() + min(max((time.monotonic() - begun) * 100.0, 1.0), _KEPT_SECONDS)
        kept = _Workspace(until, trained_at, rates(known), Predictor(model))
        if len(_workspaces) > 1000:
            _workspaces.clear()
        _workspaces[key] = kept
    return kept


async def _sampled(reader: Reader) -> Workspace:
    """The sums of the contacts written to lately, before there is a fit that has seen more of them."""
    seen = await sample(reader, reader.now - _SPAN, _SAMPLED_SENDS, _SAMPLED_CONTACTS, _SAMPLED_EVENTS)
    state, _ = rebuild(columns(seen.events, seen.numbers), seen.contacts, reader.now)
    return workspace(state, reader.now)


def forget(reader: Reader) -> None:
    """Read the model and the rates of the workspace anew at the next question."""
    _workspaces.pop((reader.database_name, reader.caller.workspace_id), None)


class Sample(NamedTuple):
    """Contacts of a workspace with their events."""

    rows: Sequence[Record]
    events: Sequence[Record]
    zones: list[Zone]

    @property
    def numbers(self) -> dict[UUID, int]:
        return {row["id"]: number for number, row in enumerate(self.rows)}

    @property
    def contacts(self) -> Contacts:
        return Contacts(np.arange(len(self.rows), dtype=np.int64), self.zones)

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


async def sample(reader: Reader, since: Instant, sends: int, most_contacts: int, most_events: int) -> Sample:
    """Contacts among the newest `sends` of the workspace, with their events from `since` on."""
    written = await queries.recently_written_to(reader, since, sends, most_contacts)
    rows = await queries.profiles(reader, written)
    rules = compliance.decode(await gate_queries.compliance_settings(reader))
    zones = [zone(quiet_hours.place_of(row["timezone"], row["phone"], rules.timezone).zones[0]) for row in rows]
    events = await queries.events_of_many(reader, [row["id"] for row in rows], since, most_events)
    return Sample(rows, events, zones)


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
        trust=model.trust,
        card=card,
    )


async def forget_old(tx: Transaction) -> int:
    return await queries.forget_old(tx, tx.now - 100 * DAY)
