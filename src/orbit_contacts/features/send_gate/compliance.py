"""A workspace's compliance settings: require opt-in, quiet hours, do-not-call. Everything is off until it is set."""

from typing import Any

import msgspec
from msgspec import UNSET

from orbit_contacts.core import ids
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.consent.channels import CHANNELS, check_channel
from orbit_contacts.features.contacts.places import parse_timezone
from orbit_contacts.features.send_gate import queries
from orbit_contacts.features.send_gate.models import (
    ComplianceChange,
    ComplianceSettings,
    DncSettings,
    QuietHoursChange,
    QuietHoursSettings,
    QuietWindow,
)
from orbit_contacts.features.send_gate.quiet_hours import DEFAULT_WINDOWS, Window, clock_text
from orbit_contacts.features.workspaces.service import audit


class Compliance(msgspec.Struct, kw_only=True):
    """The settings as they are stored: windows in minutes, and only where they differ from the default."""

    require_opt_in: bool = False
    quiet_hours: bool = False
    windows: dict[str, tuple[int, int] | None] = {}
    timezone: str = "UTC"
    exempt_categories: list[str] = []
    dnc: bool = False

    def window_of(self, channel: str) -> Window | None:
        """When the channel may be used, if quiet hours were on."""
        if channel in self.windows:
            own = self.windows[channel]
            return None if own is None else Window(*own)
        return DEFAULT_WINDOWS.get(channel)

    def window(self, channel: str, category: str) -> Window | None:
        """The window a send must fall into; None when it may go at any hour."""
        if not self.quiet_hours or category in self.exempt_categories:
            return None
        return self.window_of(channel)


def decode(document: msgspec.Raw | None) -> Compliance:
    return Compliance() if document is None else msgspec.json.decode(document, type=Compliance)


async def get(reader: Reader) -> ComplianceSettings:
    return _shown(decode(await queries.compliance_settings(reader)))


async def change(tx: Transaction, body: ComplianceChange) -> ComplianceSettings:
    """Change what was sent and nothing else."""
    stored = decode(await queries.lock_compliance_settings(tx))
    changed = msgspec.structs.replace(stored)
    if body.require_opt_in is not UNSET:
        changed.require_opt_in = body.require_opt_in
    if body.dnc is not UNSET and body.dnc.enabled is not UNSET:
        changed.dnc = body.dnc.enabled
    if body.quiet_hours is not UNSET:
        _change_quiet_hours(changed, body.quiet_hours)
    shown = _shown(changed)
    if changed != stored:
        await queries.put_compliance_settings(tx, msgspec.json.encode(changed))
        await queries.renew_rules(tx, str(ids.mint(tx.now)))
        details: dict[str, Any] = {"old": _shown(stored), "new": shown}
        await audit(tx, "settings.compliance_changed", "compliance", details)
    return shown


def _change_quiet_hours(settings: Compliance, body: QuietHoursChange) -> None:
    if body.enabled is not UNSET:
        settings.quiet_hours = body.enabled
    if body.timezone is not UNSET:
        settings.timezone = parse_timezone(body.timezone, "quiet_hours.timezone")
    if body.exempt_categories is not UNSET:
        settings.exempt_categories = sorted(set(body.exempt_categories))
    if body.windows is not UNSET:
        settings.windows = settings.windows | {
            check_channel(channel, f"quiet_hours.windows.{channel[:64]}"): _minutes(channel, window)
            for channel, window in body.windows.items()
        }


def _minutes(channel: str, window: QuietWindow | None) -> tuple[int, int] | None:
    if window is None:
        return None
    start, end = (int(text[:2]) * 60 + int(text[3:]) for text in (window.start, window.end))
    if start == end:
        raise InvalidRequest(
            "The window is empty.",
            field=f"quiet_hours.windows.{channel}",
            value=f"{window.start}-{window.end}",
            expected="a start that differs from the end, or null for no quiet hours",
        )
    return start, end


def _shown(settings: Compliance) -> ComplianceSettings:
    windows = {channel: settings.window_of(channel) for channel in CHANNELS}
    return ComplianceSettings(
        require_opt_in=settings.require_opt_in,
        quiet_hours=QuietHoursSettings(
            enabled=settings.quiet_hours,
            windows={
                channel: None if w is None else QuietWindow(start=clock_text(w.start), end=clock_text(w.end))
                for channel, w in windows.items()
            },
            timezone=settings.timezone,
            exempt_categories=settings.exempt_categories,
        ),
        dnc=DncSettings(enabled=settings.dnc),
    )
