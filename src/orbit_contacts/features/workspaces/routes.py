"""`/settings/api-keys` and the audit log."""

import msgspec

from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import Conflict
from orbit_contacts.core.ids import KeyId
from orbit_contacts.core.operations import Answer, Routes
from orbit_contacts.core.pagination import Page, PageQuery
from orbit_contacts.features.workspaces import service
from orbit_contacts.features.workspaces.models import ApiKey, AuditEntry, CreatedApiKey, NewApiKey, Revocation

routes = Routes("Settings")


def _shown_once(created: CreatedApiKey) -> Answer[CreatedApiKey]:
    """The key is in this answer only: a repetition of the request is told everything else."""
    again = msgspec.structs.replace(created, key=None)
    return Answer(created, headers={"Cache-Control": "no-store"}, again=again)


@routes.get("/settings/api-keys", scope="api_keys:read")
async def list_api_keys(reader: Reader, query: PageQuery) -> Page[ApiKey]:
    """List the organization's API keys."""
    return await service.list_keys(reader, query)


@routes.post("/settings/api-keys", scope="api_keys:write", status=201)
async def create_api_key(tx: Transaction, body: NewApiKey) -> Answer[CreatedApiKey]:
    """Create an API key; the key itself is in this answer only."""
    return _shown_once(await service.create_key(tx, body))


@routes.delete("/settings/api-keys/{id}", scope="api_keys:write", status=204)
async def revoke_api_key(tx: Transaction, id: KeyId) -> None:
    """Revoke a key now and for good."""
    await service.revoke_key(tx, id)


@routes.post("/settings/api-keys/{id}/rotate", scope="api_keys:write", status=201, refuses=(Conflict,))
async def rotate_api_key(tx: Transaction, id: KeyId) -> Answer[CreatedApiKey]:
    """Replace a key by one with the same scopes and lifetime; the old one works for 24 more hours."""
    return _shown_once(await service.rotate_key(tx, id))


@routes.post("/settings/api-keys/{id}/schedule-revoke", scope="api_keys:write", refuses=(Conflict,))
async def schedule_api_key_revocation(tx: Transaction, id: KeyId, body: Revocation) -> ApiKey:
    """Set the instant at which a key stops working."""
    return await service.schedule_revocation(tx, id, body.revoke_at)


@routes.post("/settings/api-keys/{id}/cancel-revoke", scope="api_keys:write", refuses=(Conflict,))
async def cancel_api_key_revocation(tx: Transaction, id: KeyId) -> ApiKey:
    """Keep a key whose revocation was scheduled."""
    return await service.schedule_revocation(tx, id, None)


@routes.get("/settings/audit-log", scope="audit:read")
async def list_audit_log(reader: Reader, query: PageQuery) -> Page[AuditEntry]:
    """List who changed what, newest first."""
    return await service.list_audit(reader, query)
