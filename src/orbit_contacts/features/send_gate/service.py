"""Asking the gate for sends: one contact or a thousand, in a handful of statements; and recording what was sent.

Recording locks the contacts first, so two checks never both take the last place under a cap, and no send is
recorded beside an opt-out that is being committed.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY, SECOND, Instant, format_instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.contacts import lifecycle
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.lifecycle import Kept, Participant
from orbit_contacts.features.send_gate import compliance, queries
from orbit_contacts.features.send_gate.caps import Cap, Usage
from orbit_contacts.features.send_gate.compliance import Compliance
from orbit_contacts.features.send_gate.counting import Check, Counters, zone_of
from orbit_contacts.features.send_gate.gate import Recipient, Verdict, judge
from orbit_contacts.features.send_gate.queries import Counted, Send
from orbit_contacts.features.timeline import outbound
from orbit_contacts.features.timeline.outbound import SentEvent

_AHEAD = 5 * 60 * SECOND
_KEPT_DAYS = 367  # the longest window, and a day for zones


class Rules(NamedTuple):
    """What a workspace has set. `version` changes with it, and is read with every contact, so none is used stale."""

    version: str | None
    compliance: Compliance
    caps: list[Cap]


_known_rules: dict[tuple[str, int], Rules] = {}


async def rules_of(reader: Reader, version: str | None) -> Rules:
    """The rules in force; read again only when they are of another version than those this process knows."""
    key = (reader.database_name, reader.caller.workspace_id)
    known = _known_rules.get(key)
    if known is None or known.version != version:
        if len(_known_rules) > 10_000:
            _known_rules.clear()
        known = _known_rules[key] = await _read_rules(reader)
    return known


async def _read_rules(reader: Reader) -> Rules:
    rows = await queries.rules(reader)
    found = [_cap(row) for row in rows if row["id"] is not None]
    return Rules(rows[0]["rules_version"], compliance.decode(rows[0]["compliance"]), found)


def _cap(row: Record) -> Cap:
    return Cap(
        row["id"], row["name"], row["channel"], row["category"], row["max_sends"], row["window_seconds"], row["kind"]
    )


async def verdicts(
    reader: Reader,
    contact_ids: Iterable[UUID],
    channels: Iterable[str],
    at: Instant | None = None,
    *,
    category: str = "marketing",
) -> dict[tuple[UUID, str], Verdict]:
    """The verdict for each contact and channel, in four statements; contacts that are not live are absent."""
    wanted = list(channels)
    checks = [Check(id, channel, category) for id in contact_ids for channel in wanted]
    found = await check(reader, checks, at)
    return {
        (asked.contact_id, asked.channel): verdict
        for asked, verdict in zip(checks, found, strict=True)
        if verdict is not None
    }


async def check(reader: Reader, checks: Sequence[Check], at: Instant | None = None) -> list[Verdict | None]:
    """A verdict for each check, in order; None for a contact that is not live. Nothing is recorded."""
    rows = await queries.recipients(reader, list({asked.contact_id for asked in checks}))
    return await _judge(reader, checks, rows, reader.now if at is None else at, record=False)


async def check_and_record(tx: Transaction, checks: Sequence[Check], at: Instant | None = None) -> list[Verdict | None]:
    """The same, and every send that is allowed is recorded, in one atomic step; later ones see those before them."""
    moment = tx.now if at is None else at
    if moment > tx.now + _AHEAD:
        raise InvalidRequest(
            "A send cannot be recorded ahead of time.",
            field="at",
            value=format_instant(moment),
            expected="with `record`, at most 5 minutes ahead",
        )
    rows = await queries.lock_recipients(tx, list({asked.contact_id for asked in checks}))
    found = await _judge(tx, checks, rows, moment, record=True)
    sent = [
        Send(asked.contact_id, ids.mint(tx.now), moment, asked.channel, asked.category, asked.message_id)
        for asked, verdict in zip(checks, found, strict=True)
        if verdict is not None and verdict.allowed
    ]
    if sent:
        await queries.insert_sends(tx, sent)
    return found


async def _judge(
    reader: Reader, checks: Sequence[Check], rows: Sequence[Record], at: Instant, *, record: bool
) -> list[Verdict | None]:
    recipients = {row["id"]: _recipient(row) for row in rows}
    if not recipients:
        return [None] * len(checks)
    rules = await rules_of(reader, rows[0]["rules_version"])
    consents = await consent.states(reader, list(recipients))
    # Whoever held the lock before us may have begun after us, or on a faster clock: its send is not overlooked.
    until = at + _AHEAD + DAY if record else at
    counters = Counters(rules.caps)
    await counters.read(reader, checks, recipients, rules.compliance, at, until)
    if record:
        await counters.read_messages(reader, checks)
    found: list[Verdict | None] = []
    for asked in checks:
        recipient = recipients.get(asked.contact_id)
        if recipient is None:
            found.append(None)
            continue
        usages = counters.of(asked)
        state = consents.get(asked.contact_id, consent.NO_CONSENT)
        verdict = judge(recipient, state, asked.channel, asked.category, usages, rules.compliance, at)
        if record and verdict.allowed:
            counters.add(asked, at)
        found.append(verdict)
    return found


def _recipient(row: Record) -> Recipient:
    return Recipient(row["id"], row["phone"], row["timezone"], row["blocked_at"], row["block_reason"], row["dnc"])


async def find_recipient(reader: Reader, contact_id: UUID) -> Recipient:
    rows = await queries.recipients(reader, [contact_id])
    if not rows:
        raise contacts.not_found(contact_id)
    return _recipient(rows[0])


async def usages(reader: Reader, contact_id: UUID) -> dict[UUID, Usage]:
    """How full every enabled cap of the workspace is for a contact, by the cap's id."""
    recipient = await find_recipient(reader, contact_id)
    rules = await _read_rules(reader)
    zones = [zone_of(recipient, cap, rules.compliance) for cap in rules.caps]
    asked = [
        Counted(contact_id, cap.opens(zone, reader.now), cap.limit, cap.channel, cap.category, None)
        for cap, zone in zip(rules.caps, zones, strict=True)
    ]
    rows = await queries.sends(reader, asked, reader.now) if asked else []
    return {
        cap.id: Usage(cap, zone, row[0], row[1], row[2]) for cap, zone, row in zip(rules.caps, zones, rows, strict=True)
    }


async def count_told(tx: Transaction, events: Sequence[SentEvent]) -> None:
    """Sends that somebody else dispatched count too, once their events tell of them.

    One that was recorded by a check before is the same send if both name the same `message_id`.
    """
    oldest = tx.now - _KEPT_DAYS * DAY
    sent = [
        Send(
            event.contact_id,
            event.id,
            event.occurred_at,
            event.channel,
            event.category or "marketing",
            event.message_id,
        )
        for event in events
        if event.channel in CHANNELS and event.occurred_at > oldest
    ]
    if sent:
        await queries.insert_sends(tx, sorted(sent, key=_by_contact))


def _by_contact(send: Send) -> int:
    return send.contact_id.int


async def forget_old_sends(tx: Transaction) -> int:
    return await queries.forget_sends(tx, tx.now - _KEPT_DAYS * DAY)


async def merge(tx: Transaction, survivor: UUID, sources: Sequence[UUID]) -> None:
    """Sends to any of them count for the survivor."""
    for source in sources:
        await queries.copy_sends(tx, source, survivor)


async def unmerge(tx: Transaction, survivor: UUID, sources: Sequence[UUID], manifest: None) -> list[Kept]:
    """The sources still have their sends; the survivor keeps what it counted, for it was sent to the same person."""
    return []


outbound.sent.append(count_told)
lifecycle.participants.append(Participant("send_gate", frozenset({"contact_sends"}), merge, unmerge))
