"""`/contacts/bulk` and `/contacts/import-jobs`."""

from orbit_contacts.core.database import Reader, Transaction, Unbound
from orbit_contacts.core.errors import Conflict, InvalidRequest, MalformedBody, MissingField, PayloadTooLarge
from orbit_contacts.core.ids import ImportId
from orbit_contacts.core.operations import Answer, Request, Routes, Stream
from orbit_contacts.core.pagination import Page, PageQuery
from orbit_contacts.features.imports import jobs, limits, preview, rolling_back, service
from orbit_contacts.features.imports.limits import MAX_BODY
from orbit_contacts.features.imports.models import (
    BulkImport,
    BulkQuery,
    ImportAlreadyRolledBack,
    ImportJob,
    ImportNotRollbackable,
    ImportResult,
    ImportRollbackExpired,
    Preview,
    Rollback,
)
from orbit_contacts.features.imports.upload import ACCEPTED, read_upload

# Importing `jobs` registers them.
__all__ = ["jobs", "routes"]

routes = Routes("Imports")

_REFUSES = (InvalidRequest, MalformedBody, MissingField, PayloadTooLarge)


@routes.post(
    "/contacts/bulk",
    scope="contacts:write",
    also=(202,),
    accepts=ACCEPTED,
    max_body=MAX_BODY,
    refuses=_REFUSES,
    reads=BulkImport,
    claims_key=True,
)
async def import_contacts(work: Unbound, query: BulkQuery, request: Request) -> Answer[ImportResult]:
    """Import contacts: up to 10,000 as JSON, or a file of up to 100,000 rows and 25 MB.

    CSV, XLSX, XLS, ODS, vCard and NDJSON are recognised, gzipped too; a form brings the file as `file` and the
    options as fields. Up to 1,000 rows are in when the answer comes (200), more are queued (202). A bad row is
    skipped and reported and never fails the call. Imports never open a channel that is closed, nor unblock anybody.
    """
    return await service.receive(work, await read_upload(request, query), request.once)


@routes.get("/contacts/import-jobs", scope="contacts:read")
async def list_import_jobs(reader: Reader, query: PageQuery) -> Page[ImportJob]:
    """List imports, newest first."""
    return await service.list_jobs(reader, query)


@routes.post(
    "/contacts/import-jobs/preview",
    scope="contacts:write",
    accepts=ACCEPTED,
    max_body=MAX_BODY,
    refuses=_REFUSES,
)
async def preview_import(work: Unbound, query: BulkQuery, request: Request) -> Preview:
    """Look into a file: its format, encodings to choose from, what its columns seem to hold, the first rows.

    With `dry_run=true` also what would become of the first 1,000 rows. Nothing is stored.
    """
    return await preview.preview(work, await read_upload(request, query))


@routes.get("/contacts/import-jobs/{id}", scope="contacts:read")
async def get_import_job(reader: Reader, id: ImportId) -> ImportJob:
    """Get an import with its progress, pace and counts."""
    return await service.get(reader, id)


@routes.get("/contacts/import-jobs/{id}/skipped.csv", scope="contacts:read", produces=("text/csv",))
async def get_skipped_rows(work: Unbound, id: ImportId) -> Stream:
    """Download the rows that did not get in, with their reasons; corrected, the file can be imported as it is."""
    return Stream(
        "text/csv; charset=utf-8",
        await service.skipped_csv(work, id),
        {"content-disposition": 'attachment; filename="skipped.csv"'},
    )


@routes.post("/contacts/import-jobs/{id}/cancel", scope="contacts:write", refuses=(Conflict,))
async def cancel_import(tx: Transaction, id: ImportId) -> ImportJob:
    """Stop an import; the rows that are in by then stay, and can be rolled back."""
    return await service.cancel(tx, id)


@routes.post(
    "/contacts/import-jobs/{id}/rollback",
    scope="contacts:write",
    also=(202,),
    refuses=(ImportNotRollbackable, ImportRollbackExpired, ImportAlreadyRolledBack),
)
async def roll_back_import(tx: Transaction, id: ImportId) -> Answer[Rollback]:
    """Undo an import within 24 hours: what it created goes, what it changed returns, what was edited since stays.

    More than 1,000 contacts are undone in the background (202, `status` "rolling_back"): see the import job.
    """
    return await rolling_back.roll_back(tx, id)


def allow(max_rows: int, max_bytes: int) -> None:
    """Take larger files than usual; `limits.allow`."""
    limits.allow(max_rows, max_bytes)
    for operation in routes.operations:
        if operation.max_body is not None:
            operation.max_body = max_bytes + limits.AROUND
