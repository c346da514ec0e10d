"""What is asked by phone number, of a contact or not: quiet hours, and the do-not-call list."""

from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.database import Reader
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.consent.channels import check_channel
from orbit_contacts.features.contacts.phones import from_query, parse_phone, phone_key
from orbit_contacts.features.contacts.places import parse_country, parse_timezone
from orbit_contacts.features.send_gate import queries
from orbit_contacts.features.send_gate.compliance import decode
from orbit_contacts.features.send_gate.models import (
    DncAnswer,
    DncQuery,
    DncSyncNotEnabled,
    PreviewQuery,
    QuietHoursPreview,
)
from orbit_contacts.features.send_gate.quiet_hours import Place, clock_text, closed_zone, local, next_open, place_of

_CALLS = ("sms", "voice")


async def preview(reader: Reader, query: PreviewQuery) -> QuietHoursPreview:
    """Whether a number may be reached on a channel at this hour, as if quiet hours were on."""
    channel = check_channel(query.channel)
    e164 = parse_phone(from_query(query.phone), reader.caller.default_region).e164
    settings = decode(await queries.compliance_settings(reader))
    if query.timezone_override is not None:
        place = Place((parse_timezone(query.timezone_override, "timezone_override"),), "override")
    else:
        contact = await queries.contact_of_phone(reader, phone_key(e164))
        place = place_of(contact["timezone"] if contact else None, e164, settings.timezone)
    window = settings.window_of(channel)
    closed = None if window is None else closed_zone(window, place.zones, reader.now)
    opens = reader.now if closed is None or window is None else next_open(window, place.zones, reader.now)
    zone = closed or place.zones[0]
    return QuietHoursPreview(
        channel=channel,
        allowed_now=closed is None,
        local_hour=local(reader.now, zone).hour,
        local_timezone=zone,
        timezone_source=place.source,
        window_start_local=None if window is None else clock_text(window.start),
        window_end_local=None if window is None else clock_text(window.end),
        next_allowed_at=None if opens is None else format_instant(opens),
        reason=None if closed is None else "outside_window",
    )


async def dnc(reader: Reader, query: DncQuery) -> DncAnswer:
    """Whether a number is on the do-not-call list, and by which source."""
    settings = decode(await queries.compliance_settings(reader))
    if not settings.dnc:
        raise DncSyncNotEnabled(field="dnc.enabled", value=False, expected="true; see `PATCH /settings/compliance`")
    region = parse_country(query.country, "country") if query.country else reader.caller.default_region
    e164 = parse_phone(from_query(query.phone), region).e164
    key = phone_key(e164)
    contact = await queries.contact_of_phone(reader, key)
    sources: list[str] = []
    if contact is not None and contact["dnc"]:
        sources.append("contact_flag")
    suppressed = await consent.suppressed_channels(reader, "phone", key)
    if suppressed.intersection(_CALLS):
        sources.append("suppression_list")
    if contact is not None:
        said = (await consent.states(reader, [contact["id"]])).get(contact["id"], consent.NO_CONSENT).said
        if any(said.get(channel) == "opted_out" for channel in _CALLS):
            sources.append("consent_opt_out")
    return DncAnswer(phone=e164, on_dnc=bool(sources), source=sources[0] if sources else None, sources=sources)
