"""The send gate: may this contact be sent something on this channel now, and if not, which rule says so? Pure.

Every rule is asked, in the order of the law: blocked, suppressed, opted out, not opted in where that is required,
do-not-call, quiet hours, frequency caps. The first that refuses gives the code.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.clock import SECOND, Instant, format_instant
from orbit_contacts.features.consent.service import ContactConsent
from orbit_contacts.features.contacts.phones import phone_region
from orbit_contacts.features.send_gate.caps import Cap, Usage
from orbit_contacts.features.send_gate.compliance import Compliance
from orbit_contacts.features.send_gate.models import RuleResult
from orbit_contacts.features.send_gate.quiet_hours import (
    FEDERAL,
    Place,
    Window,
    clock_text,
    closed_zone,
    local,
    next_open,
    place_of,
)

CONTACT_BLOCKED = "CONTACT_BLOCKED"
RECIPIENT_SUPPRESSED = "RECIPIENT_SUPPRESSED"
RECIPIENT_OPTED_OUT = "RECIPIENT_OPTED_OUT"
CONSENT_REQUIRED = "CONSENT_REQUIRED"
RECIPIENT_ON_DNC = "RECIPIENT_ON_DNC"
QUIET_HOURS = "QUIET_HOURS"
FEDERAL_WINDOW = "TCPA_FEDERAL_DIALING_WINDOW_BLOCKED"
FREQUENCY_CAP_EXCEEDED = "FREQUENCY_CAP_EXCEEDED"

TRANSACTIONAL = "transactional"
_TRIES = 12
_CALLS = frozenset({"sms", "voice"})


class Recipient(NamedTuple):
    """What the gate looks at of a contact."""

    id: UUID
    phone: str | None
    timezone: str | None
    blocked_at: Instant | None
    block_reason: str | None
    dnc: bool


class Verdict(NamedTuple):
    """Whether a send is allowed; `checks` has every rule in order."""

    allowed: bool
    blocked_by: str | None
    code: str | None
    next_allowed_at: Instant | None
    checks: list[RuleResult]


def _passed(rule: str) -> RuleResult:
    return RuleResult(rule=rule, passed=True)


def _off(rule: str) -> RuleResult:
    return RuleResult(rule=rule, passed=True, details={"enabled": False})


# What most sends are told, made once.
_NOT_BLOCKED = _passed("blocked")
_NOT_SUPPRESSED = _passed("suppression")
_NOT_OPTED_OUT = _passed("opt_out")
_NO_OPT_IN_NEEDED = _off("opt_in")
_OPTED_IN = _passed("opt_in")
_NO_DNC = _off("dnc")
_NOT_ON_DNC = _passed("dnc")
_NO_QUIET_HOURS = _off("quiet_hours")
_NO_CAPS = _passed("frequency_cap")


def judge(
    recipient: Recipient,
    consent: ContactConsent,
    channel: str,
    category: str,
    usages: Sequence[Usage],
    compliance: Compliance,
    at: Instant,
) -> Verdict:
    """The verdict for one send; `usages` are the caps that apply to it."""
    hours = _hours(recipient, channel, category, compliance)
    checks = [
        _blocked(recipient),
        _suppression(consent, channel),
        _opt_out(consent, channel),
        _opt_in(consent, channel, compliance),
        _dnc(recipient, consent, channel, compliance),
        _quiet_hours(hours, at),
        _frequency_caps(usages, at),
    ]
    refusal = next((check for check in checks if not check.passed), None)
    if refusal is None:
        return Verdict(True, None, None, None, checks)
    only_time = all(check.passed for check in checks[:5])
    later = _next_allowed(hours, usages, at) if only_time else None
    return Verdict(False, refusal.rule, str(refusal.code), later, checks)


def _blocked(recipient: Recipient) -> RuleResult:
    if recipient.blocked_at is None:
        return _NOT_BLOCKED
    details = {"blocked_at": format_instant(recipient.blocked_at), "reason": recipient.block_reason}
    return RuleResult(rule="blocked", passed=False, code=CONTACT_BLOCKED, details=details)


def _suppression(consent: ContactConsent, channel: str) -> RuleResult:
    effective = consent.suppressed.get(channel)
    if effective is None:
        return _NOT_SUPPRESSED
    details = {"scopes": consent.suppressed_scopes, **_proof(effective.source, effective.since, effective.record_id)}
    return RuleResult(rule="suppression", passed=False, code=RECIPIENT_SUPPRESSED, details=details)


def _opt_out(consent: ContactConsent, channel: str) -> RuleResult:
    if consent.said.get(channel) != "opted_out":
        return _NOT_OPTED_OUT
    effective = consent.channels[channel]
    details = {"channel": channel, **_proof(effective.source, effective.since, effective.record_id)}
    return RuleResult(rule="opt_out", passed=False, code=RECIPIENT_OPTED_OUT, details=details)


def _proof(source: str | None, since: Instant | None, record_id: UUID | None) -> dict[str, Any]:
    return {
        "source": source,
        "since": None if since is None else format_instant(since),
        "consent_record_id": None if record_id is None else ids.text("cr", record_id),
    }


def _opt_in(consent: ContactConsent, channel: str, compliance: Compliance) -> RuleResult:
    if not compliance.require_opt_in:
        return _NO_OPT_IN_NEEDED
    if consent.said.get(channel) == "opted_in":
        return _OPTED_IN
    details = {"status": consent.channels[channel].status}
    return RuleResult(rule="opt_in", passed=False, code=CONSENT_REQUIRED, details=details)


def _dnc(recipient: Recipient, consent: ContactConsent, channel: str, compliance: Compliance) -> RuleResult:
    if not compliance.dnc or channel not in _CALLS:
        return _NO_DNC
    # Express consent to this very channel stands above a list.
    if not recipient.dnc or consent.said.get(channel) == "opted_in":
        return _NOT_ON_DNC
    return RuleResult(rule="dnc", passed=False, code=RECIPIENT_ON_DNC, details={"source": "contact_flag"})


class _Hours(NamedTuple):
    """A window a send must fall into, by whose clocks, and the code of one that does not."""

    window: Window
    place: Place
    code: str


def _hours(recipient: Recipient, channel: str, category: str, compliance: Compliance) -> tuple[_Hours, ...]:
    """The workspace's window if quiet hours are on, and the one jurisdiction's rule that is on for everybody."""
    window = compliance.window(channel, category)
    federal = channel == "voice" and category != TRANSACTIONAL and recipient.phone is not None
    federal = federal and phone_region(recipient.phone or "") == "US"
    if window is None and not federal:
        return ()
    place = place_of(recipient.timezone, recipient.phone, compliance.timezone)
    own = (_Hours(window, place, QUIET_HOURS),) if window is not None else ()
    return (*own, _Hours(FEDERAL, place, FEDERAL_WINDOW)) if federal else own


# Contacts of the same place are told the same at the same instant.
@lru_cache(4096)
def _quiet_hours(every: tuple[_Hours, ...], at: Instant) -> RuleResult:
    if not every:
        return _NO_QUIET_HOURS
    closed = next((hours for hours in every if closed_zone(hours.window, hours.place.zones, at) is not None), None)
    hours = closed or every[0]
    zone = closed_zone(hours.window, hours.place.zones, at) or hours.place.zones[0]
    details: dict[str, Any] = {
        "local_time": f"{local(at, zone):%H:%M}",
        "timezone": zone,
        "timezone_source": hours.place.source,
        "window_start_local": clock_text(hours.window.start),
        "window_end_local": clock_text(hours.window.end),
    }
    if closed is None:
        return RuleResult(rule="quiet_hours", passed=True, details=details)
    opens = _opens(every, at)
    details["next_allowed_at"] = None if opens is None else format_instant(opens)
    return RuleResult(rule="quiet_hours", passed=False, code=hours.code, details=details)


def _opens(every: Sequence[_Hours], at: Instant) -> Instant | None:
    """The first instant from `at` on that lies in all windows."""
    later = at
    for _ in range(_TRIES):
        before = later
        for hours in every:
            opens = next_open(hours.window, hours.place.zones, later)
            if opens is None:
                return None
            later = opens
        if later == before:
            return later
    return None


def _frequency_caps(usages: Sequence[Usage], at: Instant) -> RuleResult:
    if not usages:
        return _NO_CAPS
    exceeded = [usage for usage in usages if usage.is_full]
    if not exceeded:
        return _caps_passed(len(usages))
    # The cap that keeps the send waiting longest.
    worst = max(exceeded, key=_frees)
    details = {
        "rule_id": worst.cap.text,
        "channel": worst.cap.channel,
        "limit": worst.cap.limit,
        "window_seconds": worst.cap.window_seconds,
        "current_count": worst.used,
        "retry_after": max(-(-(worst.frees_at() - at) // SECOND), 1),
    }
    return RuleResult(rule="frequency_cap", passed=False, code=FREQUENCY_CAP_EXCEEDED, details=details)


@lru_cache(128)
def _caps_passed(count: int) -> RuleResult:
    return RuleResult(rule="frequency_cap", passed=True, details={"caps": count})


def _frees(usage: Usage) -> Instant:
    return usage.frees_at()


def _next_allowed(every: Sequence[_Hours], usages: Sequence[Usage], at: Instant) -> Instant | None:
    """The first instant at which neither the hour nor a cap refuses; whole seconds, as it is printed."""
    later = max([at, *(usage.frees_at() for usage in usages if usage.is_full)])
    return _opens(every, -(-later // SECOND) * SECOND)


def applies(cap: Cap, channel: str, category: str) -> bool:
    """Whether a cap counts, and so limits, a send."""
    if cap.channel is not None and cap.channel != channel:
        return False
    return category == cap.category if cap.category is not None else category != TRANSACTIONAL
