"""Whoever holds the link of an export gets its file, without a key, until it expires."""

import msgspec

from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import now
from orbit_contacts.core.database import Database, Unbound
from orbit_contacts.core.errors import NotFound
from orbit_contacts.core.operations import Stream
from orbit_contacts.features.exports import service, signing
from orbit_contacts.features.exports.models import ExportExpired
from orbit_contacts.features.workspaces.queries import find_workspace

_BEARER = Caller(
    workspace_id=0,
    cell_count=1,
    mode="live",
    scopes=frozenset(),
    actor_type="recipient",
    actor_id="export_link",
    actor_name="export link",
)


async def open_link(database: Database, text: str) -> Stream:
    """The file behind the last part of a link; 404 for one that we did not make, 410 after its end."""
    async with database.reader(_BEARER) as reader:
        link = signing.read(reader, text)
        row = None if link is None else await find_workspace(reader.connection, link.workspace_id)
    if link is None or row is None:
        raise NotFound("This link is not valid.", field="link", value=None, expected="`download_url` as it was given")
    if link.expires_at <= now():
        raise ExportExpired(field="link", value=None, expected="a link of the last 24 hours")
    bearer = msgspec.structs.replace(_BEARER, workspace_id=row["id"], cell_count=row["cell_count"], mode=row["mode"])
    return await service.download(Unbound(database, bearer, now()), link.export_id)
