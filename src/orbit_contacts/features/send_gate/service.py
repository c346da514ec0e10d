"""Asking the gate for sends: one contact or a thousand, in one statement; and recording what was sent.

Two checks never both take the last place under a cap, and no send is recorded beside an opt-out that is being
committed: recorded sends of a contact are numbered, and a contact that somebody else holds is waited for.
"""

import asyncio
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
from orbit_contacts.features.send_gate import compliance, queries, send_queries
from orbit_contacts.features.send_gate.caps import Cap, Usage
from orbit_contacts.features.send_gate.compliance import Compliance
from orbit_contacts.features.send_gate.counting import READ_SENDS, Check, Counters, zone_of
from orbit_contacts.features.send_gate.gate import Recipient, Verdict, judge
from orbit_contacts.features.send_gate.send_queries import Counted, Send
from orbit_contacts.features.timeline import outbound
from orbit_contacts.features.timeline.outbound import SentEvent

_AHEAD = 5 * 60 * SECOND
# Whoever recorded before us may have begun after us, or on a faster clock: its send is not overlooked.
_LATE = _AHEAD + DAY
_AT_ONCE = 250
_KEPT_DAYS = 367  # the longest window, and a day for zones


class Rules(NamedTuple):
    """What a workspace has set. `version` changes with it, and is read with every contact, so none is used stale."""

    version: str | None
    compliance: Compliance
    caps: list[Cap]

    def oldest(self, at: Instant) -> Instant:
        """No cap looks further back; a day more for days that begin elsewhere, and for clocks put forward."""
        return at - max((cap.window_seconds for cap in self.caps), default=0) * SECOND - DAY


_known_rules: dict[tuple[str, int], Rules] = {}


async def _rules(reader: Reader) -> Rules:
    """The rules as this process knows them; the contacts that are read next tell whether they are in force."""
    known = _known_rules.get((reader.database_name, reader.caller.workspace_id))
    return await _renewed_rules(reader) if known is None else known


async def _renewed_rules(reader: Reader) -> Rules:
    if len(_known_rules) > 10_000:
        _known_rules.clear()
    renewed = _known_rules[reader.database_name, reader.caller.workspace_id] = await _read_rules(reader)
    return renewed


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
    """The verdict for each contact and channel, in one statement; contacts that are not live are absent."""
    wanted = list(channels)
    checks = [Check(id, channel, category) for id in contact_ids for channel in wanted]
    found = await check(reader, checks, at)
    return {
        (asked.contact_id, asked.channel): verdict
        for asked, verdict in zip(checks, found, strict=True)
        if verdict is not None
    }


async def check(reader: Reader, checks: Sequence[Check], at: Instant | None = None) -> list[Verdict | None]:
    """A verdict for each check, in order; None for a contact that is not live. Nothing is recorded.

    Of many, PostgreSQL reads the next ones while the verdicts on those before are made.
    """
    moment = reader.now if at is None else at
    parts = [checks[first : first + _AT_ONCE] for first in range(0, len(checks), _AT_ONCE)]
    found: list[Verdict | None] = []
    reading = asyncio.create_task(_read(reader, parts[0], moment, until=moment)) if parts else None
    try:
        for n, part in enumerate(parts, 1):
            assert reading is not None
            asking = await reading
            if n < len(parts):
                reading = asyncio.create_task(_read(reader, parts[n], moment, until=moment))
                # One turn of the loop in which the statement is begun, and one in which it is sent.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            found += [asking.judge(asked) for asked in part]
    finally:
        if reading is not None and not reading.done():
            await asyncio.wait([reading])  # nothing else may use the connection before
    return found


class Overtaken(Exception):
    """The contact changed between a check and its recording; nothing was recorded."""


async def check_and_record_alone(reader: Reader, asked: Check, at: Instant | None = None) -> Verdict | None:
    """A verdict for one check, and its send recorded if it is allowed: two statements, each its own transaction.

    The second writes only if the contact is as the first saw it and nobody took the number that the first saw free.
    Else this raises `Overtaken`, and `check_and_record` must be asked, which waits for others to end.
    """
    moment = _recordable(reader, at)
    asking = await _read(reader, [asked], moment, until=moment + _LATE)
    verdict = asking.judge(asked)
    if verdict is not None and verdict.allowed and not asking.counters.is_recorded(asked):
        row = asking.rows[asked.contact_id]
        if not await send_queries.insert_send_if_unchanged(
            reader, _send(reader, asked, moment, (row["number"] or 0) + 1), row["updated_at"]
        ):
            raise Overtaken
    return verdict


async def check_and_record(tx: Transaction, checks: Sequence[Check], at: Instant | None = None) -> list[Verdict | None]:
    """A verdict for each check, and every send that is allowed is recorded, in one atomic step; later ones see those
    before them."""
    moment = _recordable(tx, at)
    await send_queries.lock_recipients(tx, list({asked.contact_id for asked in checks}))
    asking = await _read(tx, checks, moment, until=moment + _LATE)
    await asking.counters.learn_recorded(tx, checks)
    numbers = {id: row["number"] or 0 for id, row in asking.rows.items()}
    found: list[Verdict | None] = []
    sent: list[Send] = []
    for asked in checks:
        verdict = asking.judge(asked)
        found.append(verdict)
        if verdict is not None and verdict.allowed:
            asking.counters.add(asked)
            numbers[asked.contact_id] += 1
            sent.append(_send(tx, asked, moment, numbers[asked.contact_id]))
    if sent:
        await send_queries.insert_sends(tx, sent)
    return found


def _recordable(reader: Reader, at: Instant | None) -> Instant:
    """The moment of a send that is to be recorded."""
    moment = reader.now if at is None else at
    if moment > reader.now + _AHEAD:
        raise InvalidRequest(
            "A send cannot be recorded ahead of time.",
            field="at",
            value=format_instant(moment),
            expected="with `record`, at most 5 minutes ahead",
        )
    return moment


def _send(reader: Reader, asked: Check, moment: Instant, number: int) -> Send:
    return Send(asked.contact_id, ids.mint(reader.now), moment, asked.channel, asked.category, asked.message_id, number)


class _Asking(NamedTuple):
    """Everything that verdicts need, read."""

    rules: Rules
    rows: dict[UUID, Record]
    counters: Counters
    at: Instant

    def judge(self, asked: Check) -> Verdict | None:
        row = self.rows.get(asked.contact_id)
        if row is None:
            return None
        recipient = _recipient(row)
        state = consent.consent_of(row["consent"], row["suppressed"], (asked.channel,))
        usages = self.counters.of(asked, recipient)
        return judge(recipient, state, asked.channel, asked.category, usages, self.rules.compliance, self.at)


async def _read(reader: Reader, checks: Sequence[Check], at: Instant, *, until: Instant) -> _Asking:
    """Read contacts, their consent and their sends, and the rules if they changed since they were read last."""
    contact_ids = list({asked.contact_id for asked in checks})
    rules = await _rules(reader)
    rows = await _read_rows(reader, contact_ids, rules, at)
    while rows and rows[0]["rules_version"] != rules.version:
        rules = await _renewed_rules(reader)
        rows = await _read_rows(reader, contact_ids, rules, at)
    counters = Counters(rules.caps, rules.compliance, at, until)
    busy = {row["id"]: _recipient(row) for row in rows if counters.know(row["id"], row["sent"])}
    if busy:
        await counters.count_busy(reader, checks, busy)
    return _Asking(rules, {row["id"]: row for row in rows}, counters, at)


async def _read_rows(reader: Reader, contact_ids: Sequence[UUID], rules: Rules, at: Instant) -> list[Record]:
    limit = READ_SENDS + 1 if rules.caps else 0
    return await send_queries.recipients(reader, contact_ids, rules.oldest(at), limit)


def _recipient(row: Record) -> Recipient:
    return Recipient(row["id"], row["phone"], row["timezone"], row["blocked_at"], row["block_reason"], row["dnc"])


async def find_recipient(reader: Reader, contact_id: UUID) -> Recipient:
    rows = await send_queries.recipients(reader, [contact_id], reader.now, 0)
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
    rows = await send_queries.count_sends(reader, asked, reader.now) if asked else []
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
        await send_queries.insert_sends(tx, sorted(sent, key=_by_contact))


def _by_contact(send: Send) -> int:
    return send.contact_id.int


async def forget_old_sends(tx: Transaction) -> int:
    return await send_queries.forget_sends(tx, tx.now - _KEPT_DAYS * DAY)


async def merge(tx: Transaction, survivor: UUID, sources: Sequence[UUID]) -> None:
    """Sends to any of them count for the survivor."""
    for source in sources:
        await send_queries.copy_sends(tx, source, survivor)


async def unmerge(tx: Transaction, survivor: UUID, sources: Sequence[UUID], manifest: None) -> list[Kept]:
    """The sources still have their sends; the survivor keeps what it counted, for it was sent to the same person."""
    return []


outbound.sent.append(count_told)
lifecycle.participants.append(Participant("send_gate", frozenset({"contact_sends"}), merge, unmerge))
