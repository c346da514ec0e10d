"""`send-check` as callers ask it: texts into instants and ids, verdicts into answers."""

from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.clock import format_instant, parse_instant
from orbit_contacts.core.database import Reader, Transaction, Unbound
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.core.idempotency import Once
from orbit_contacts.features.consent.channels import check_channel
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.send_gate import service
from orbit_contacts.features.send_gate.counting import Check
from orbit_contacts.features.send_gate.gate import Verdict
from orbit_contacts.features.send_gate.models import RuleResult, SendCheck, SendChecks, SendVerdict, SendVerdicts

_MESSAGE_ID = 255
_UNKNOWN = Verdict(False, "contact", "NOT_FOUND", None, [RuleResult(rule="contact", passed=False, code="NOT_FOUND")])


async def one(unbound: Unbound, once: Once, contact_id: UUID, body: SendCheck) -> SendVerdict:
    """Ask the gate for one send to a live contact."""
    asked = Check(contact_id, check_channel(body.channel), body.category, _message_id(body.message_id, "message_id"))
    instant = None if body.at is None else parse_instant(body.at, "at")

    def shown(verdict: Verdict | None) -> SendVerdict:
        if verdict is None:
            raise contacts.not_found(contact_id)
        return _shown(ids.contact_text(contact_id), asked, verdict, body.record)

    async def in_transaction(tx: Transaction) -> SendVerdict:
        await once.claim(tx)
        try:
            answer = await alone(tx) if once.has_key else await waiting(tx)
        except service.Overtaken:
            answer = await waiting(tx)
        await once.store(tx, answer)
        return answer

    async def alone(reader: Reader) -> SendVerdict:
        if body.record:
            return shown(await service.check_and_record_alone(reader, asked, instant))
        return shown((await service.check(reader, [asked], instant))[0])

    async def waiting(tx: Transaction) -> SendVerdict:
        return shown((await service.check_and_record(tx, [asked], instant))[0])

    if not once.has_key:
        try:
            return await unbound.database.run(Reader, unbound.caller, alone)
        except service.Overtaken:
            pass
    return await unbound.database.run(Transaction, unbound.caller, in_transaction)


async def many(tx: Transaction, body: SendChecks) -> SendVerdicts:
    """Ask for up to 1,000 sends; a contact that is not there is a verdict, not a failure."""
    asked: list[Check] = []
    for n, each in enumerate(body.checks):
        # A text that is no id is the id of nobody.
        id = ids.parse("con", each.contact_id) or UUID(int=0)
        channel = check_channel(each.channel, f"checks.{n}.channel")
        asked.append(Check(id, channel, each.category, _message_id(each.message_id, f"checks.{n}.message_id")))
    instant = None if body.at is None else parse_instant(body.at, "at")
    ask = service.check_and_record if body.record else service.check
    verdicts = await ask(tx, asked, instant)
    return SendVerdicts(
        results=[
            _shown(each.contact_id, check, verdict or _UNKNOWN, body.record)
            for each, check, verdict in zip(body.checks, asked, verdicts, strict=True)
        ]
    )


def _message_id(text: str | None, field: str) -> str | None:
    if text is not None and not 1 <= len(text) <= _MESSAGE_ID:
        raise InvalidRequest(
            f"`{field}` cannot be used.", field=field, value=text[:100], expected=f"1-{_MESSAGE_ID} characters"
        )
    return text


def _shown(contact_id: str, asked: Check, verdict: Verdict, record: bool) -> SendVerdict:
    later = verdict.next_allowed_at
    return SendVerdict(
        contact_id=contact_id,
        channel=asked.channel,
        category=asked.category,
        allowed=verdict.allowed,
        blocked_by=verdict.blocked_by,
        code=verdict.code,
        next_allowed_at=None if later is None else format_instant(later),
        recorded=record and verdict.allowed,
        checks=verdict.checks,
    )
