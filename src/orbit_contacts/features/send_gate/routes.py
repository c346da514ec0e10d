"""Frequency caps, quiet hours, do-not-call, compliance settings, and the send check itself."""

from orbit_contacts.core.database import Reader, Transaction, Unbound
from orbit_contacts.core.errors import InvalidChannel, InvalidPhoneNumber, InvalidRequest, MissingField
from orbit_contacts.core.ids import ContactId, FrequencyCapId
from orbit_contacts.core.operations import Request, Routes
from orbit_contacts.core.pagination import Page
from orbit_contacts.features.send_gate import by_phone, compliance, frequency_caps, send_check
from orbit_contacts.features.send_gate.models import (
    CapsQuery,
    ComplianceChange,
    ComplianceSettings,
    ContactCaps,
    DncAnswer,
    DncQuery,
    DncSyncNotEnabled,
    FrequencyCap,
    FrequencyCapChange,
    NewFrequencyCap,
    PreviewQuery,
    QuietHoursPreview,
    SendCheck,
    SendChecks,
    SendVerdict,
    SendVerdicts,
    UsageQuery,
)

routes = Routes("Send gate")


@routes.post(
    "/contacts/{id}/send-check", scope="contacts:write", refuses=(InvalidChannel, InvalidRequest), claims_key=True
)
async def check_send(unbound: Unbound, request: Request, id: ContactId, body: SendCheck) -> SendVerdict:
    """May this contact be sent something on this channel now? Always 200, with every rule's verdict in order.

    With `record: true` an allowed send is recorded in the same step, so two checks never both take the last place
    under a cap. When only time refuses, `next_allowed_at` says when to come back.
    """
    return await send_check.one(unbound, request.once, id, body)


@routes.post("/contacts/send-check", scope="contacts:write", max_body=2 << 20, refuses=(InvalidChannel, InvalidRequest))
async def check_sends(tx: Transaction, body: SendChecks) -> SendVerdicts:
    """Check 1 to 1,000 sends; with `record: true`, each sees those recorded before it."""
    return await send_check.many(tx, body)


@routes.get("/contacts/{id}/frequency-caps", scope="contacts:read")
async def contact_frequency_caps(reader: Reader, id: ContactId, query: UsageQuery) -> ContactCaps:
    """The enabled frequency caps that apply to a contact; with `include_usage=true`, how full they are."""
    return await frequency_caps.of_contact(reader, id, include_usage=query.include_usage)


@routes.get("/frequency-caps", scope="frequency_caps:read")
async def list_frequency_caps(reader: Reader, query: CapsQuery) -> Page[FrequencyCap]:
    """Frequency caps, newest first."""
    return await frequency_caps.page(reader, query)


@routes.post("/frequency-caps", scope="frequency_caps:write", status=201, refuses=(InvalidChannel, InvalidRequest))
async def create_frequency_cap(tx: Transaction, body: NewFrequencyCap) -> FrequencyCap:
    """Limit how often a contact is sent something: `limit` sends within a window, for a channel and category or all."""
    return await frequency_caps.create(tx, body)


@routes.get("/frequency-caps/{id}", scope="frequency_caps:read")
async def get_frequency_cap(reader: Reader, id: FrequencyCapId) -> FrequencyCap:
    """One frequency cap."""
    return await frequency_caps.get(reader, id)


@routes.patch("/frequency-caps/{id}", scope="frequency_caps:write", refuses=(InvalidChannel, InvalidRequest))
async def change_frequency_cap(tx: Transaction, id: FrequencyCapId, body: FrequencyCapChange) -> FrequencyCap:
    """Change a frequency cap; it holds for the very next check, past sends included."""
    return await frequency_caps.change(tx, id, body)


@routes.delete("/frequency-caps/{id}", scope="frequency_caps:write", status=204)
async def delete_frequency_cap(tx: Transaction, id: FrequencyCapId) -> None:
    """Delete a frequency cap."""
    await frequency_caps.delete(tx, id)


@routes.get(
    "/compliance/quiet-hours/preview",
    scope="compliance:read",
    refuses=(InvalidChannel, InvalidPhoneNumber, InvalidRequest, MissingField),
)
async def preview_quiet_hours(reader: Reader, query: PreviewQuery) -> QuietHoursPreview:
    """May this number be reached on this channel at this hour? As if quiet hours were on, whether they are or not."""
    return await by_phone.preview(reader, query)


@routes.get(
    "/compliance/dnc/check",
    scope="compliance:read",
    refuses=(DncSyncNotEnabled, InvalidPhoneNumber, InvalidRequest, MissingField),
)
async def check_dnc(reader: Reader, query: DncQuery) -> DncAnswer:
    """Is this number on the do-not-call list? From the workspace's own records; no government list is fetched."""
    return await by_phone.dnc(reader, query)


@routes.get("/settings/compliance", scope="compliance:read")
async def get_compliance_settings(reader: Reader) -> ComplianceSettings:
    """What the gate enforces: opt-in, quiet hours, do-not-call. Everything is off until it is set."""
    return await compliance.get(reader)


@routes.patch("/settings/compliance", scope="settings:write", refuses=(InvalidChannel, InvalidRequest))
async def change_compliance_settings(tx: Transaction, body: ComplianceChange) -> ComplianceSettings:
    """Change what the gate enforces; only what is sent changes."""
    return await compliance.change(tx, body)
