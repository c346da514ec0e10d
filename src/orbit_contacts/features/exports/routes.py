"""`/contacts/export` and the finished files."""

from orbit_contacts.core.database import Reader, Transaction, Unbound
from orbit_contacts.core.errors import NotFound
from orbit_contacts.core.ids import ContactId, ExportId
from orbit_contacts.core.operations import JSON, Answer, Request, Routes, Stream
from orbit_contacts.core.pagination import Page, PageQuery
from orbit_contacts.features.exports import jobs as jobs  # registers the job
from orbit_contacts.features.exports import person, service
from orbit_contacts.features.exports.models import CONTENT_TYPES, Export, ExportExpired, ExportNotReady, NewExport

routes = Routes("Exports")


@routes.post("/contacts/export", scope="contacts:read", also=(202,), refuses=(NotFound,), produces=(JSON, "text/csv"))
async def export_contacts(tx: Transaction, body: NewExport, request: Request) -> Answer[Export] | Stream:
    """Export contacts to a file.

    Up to 5,000 contacts are written at once (200), more in the background (202); the file can be downloaded for
    24 hours. With `Accept: text/csv` the answer is the CSV file itself. Blocked and opted-out contacts are
    included, with their state in `blocked` and `preferences.*`; the file can be imported again as it is.
    """
    if "text/csv" in (request.header("Accept") or ""):
        service.check_streamable(body)
        return service.stream_of("csv", service.streamed(tx.unbound(), body))
    export, is_done = await service.start(tx, body)
    return Answer(export, status=200 if is_done else 202)


@routes.get("/contacts/exports", scope="contacts:read")
async def list_exports(reader: Reader, query: PageQuery) -> Page[Export]:
    """List exports, newest first."""
    return await service.list_exports(reader, query)


@routes.get("/contacts/exports/{id}", scope="contacts:read")
async def get_export(reader: Reader, id: ExportId) -> Export:
    """Get an export with its state."""
    return await service.get(reader, id)


@routes.get(
    "/contacts/exports/{id}/download",
    scope="contacts:read",
    refuses=(ExportExpired, ExportNotReady),
    produces=tuple(kind.partition(";")[0] for kind in CONTENT_TYPES.values()),
)
async def download_export(work: Unbound, id: ExportId) -> Stream:
    """Download the file of a completed export."""
    return await service.download(work, id)


@routes.get("/contacts/{id}/export", scope="contacts:read", produces=("application/json",))
async def export_person(work: Unbound, id: ContactId) -> Stream:
    """Export everything stored about one person, as JSON: what an access request asks for.

    The contact, its identifiers, preferences and consent history, lists, notes and events.
    """
    return await person.export_person(work, id)
