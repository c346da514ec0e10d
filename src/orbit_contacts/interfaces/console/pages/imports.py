"""Imports: a file chosen, looked into, started, followed, and taken back."""

from uuid import UUID

import msgspec
from starlette.datastructures import UploadFile
from starlette.responses import Response, StreamingResponse

from orbit_contacts.core import ids
from orbit_contacts.core.clock import format_instant, now
from orbit_contacts.core.database import Unbound
from orbit_contacts.core.errors import InvalidRequest, MissingField, Refusal
from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.contacts import queries as contact_queries
from orbit_contacts.features.imports import drafts, rolling_back, service
from orbit_contacts.features.imports.limits import MAX_BODY
from orbit_contacts.features.imports.models import BulkQuery, ImportJob, Preview
from orbit_contacts.features.lists import service as lists
from orbit_contacts.interfaces.console import guard
from orbit_contacts.interfaces.console.pages import import_draft
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()

STATES = {
    "queued": "waiting",
    "processing": "running",
    "completed": "done",
    "failed": "failed",
    "cancelled": "stopped",
    "rolling_back": "being undone",
    "rolled_back": "undone",
}
_SHOWN_KEPT = 50


@views.get("/imports", "contacts:read")
async def show_all(visit: Visit) -> Response:
    return await _start_page(visit, None)


async def _start_page(visit: Visit, refusal: Refusal | None) -> Response:
    query = PageQuery(cursor=visit.request.query_params.get("cursor"), limit=25)
    async with visit.reader() as reader:
        page = await service.list_jobs(reader, query)
    status = 200 if refusal is None else refusal.status
    return visit.page("imports/page.html", status, jobs=page, states=STATES, refusal=refusal)


@views.post("/imports", "contacts:write", MAX_BODY)
async def receive(visit: Visit) -> Response:
    """A file, chosen or dropped, or text that was pasted."""
    file = visit.form.get("file")
    try:
        if isinstance(file, UploadFile) and file.filename:
            content, name, kind = await file.read(), file.filename, file.content_type or ""
        else:
            content, name, kind = visit.field("text").encode(), visit.t("pasted text"), "text/plain; charset=utf-8"
            if not content:
                raise MissingField("Choose a file, or paste its rows.", field="file", value=None, expected="a file")
        id = await drafts.keep(_work(visit), content, name, kind)
    except Refusal as refusal:
        return await _start_page(visit, refusal)
    return visit.go(f"/imports/drafts/{ids.text('dft', id)}")


def _work(visit: Visit) -> Unbound:
    return Unbound(visit.database, visit.caller, now())


@views.get("/imports/drafts/{id}", "contacts:write")
async def look(visit: Visit) -> Response:
    draft = await _found(visit)
    if draft.import_id is not None:
        return _to_import(visit, draft.import_id)
    return await _looked_into(visit, draft, draft.choices, None)


async def _found(visit: Visit) -> drafts.Draft:
    async with visit.reader() as reader:
        return await drafts.get(reader, visit.id("dft"))


def _to_import(visit: Visit, id: UUID) -> Response:
    return visit.go(f"/imports/{ids.text('imp', id)}")


async def _looked_into(visit: Visit, draft: drafts.Draft, choices: BulkQuery, refusal: Refusal | None) -> Response:
    """The wizard's page; without columns where the file cannot be read as it was chosen."""
    preview: Preview | None = None
    try:
        preview = await drafts.preview(_work(visit), draft, choices)
    except Refusal as error:
        refusal = error
    return await _wizard(visit, draft, choices, preview, refusal)


async def _wizard(
    visit: Visit, draft: drafts.Draft, choices: BulkQuery, preview: Preview | None, refusal: Refusal | None
) -> Response:
    groups = await import_draft.targets(visit)
    async with visit.reader() as reader:
        known_lists = (await lists.list_lists(reader, PageQuery(limit=200))).items
    return visit.page(
        "imports/draft.html",
        200 if refusal is None else refusal.status,
        draft=draft,
        draft_id=ids.text("dft", draft.id),
        choices=choices,
        preview=preview,
        refusal=refusal,
        groups=groups,
        own=[import_draft.own_targets(visit, column, groups) for column in preview.columns] if preview else [],
        whys=[import_draft.why_of(visit, column) for column in preview.columns] if preview else [],
        rules=import_draft.rules_of(choices, preview) if preview else {},
        lists=known_lists,
        words=import_draft,
    )


@views.post("/imports/drafts/{id}", "contacts:write")
async def choose(visit: Visit) -> Response:
    """Every control of the wizard; `do` is `start` for its button and `discard` for giving up."""
    draft = await _found(visit)
    if draft.import_id is not None:
        return _to_import(visit, draft.import_id)
    if visit.field("do") == "discard":
        async with visit.transaction() as tx:
            await drafts.discard(tx, draft.id)
        return visit.go("/imports", visit.t("The file was put away; nothing was imported."))
    preview = None
    try:
        choices = import_draft.choices_of(visit, draft.choices)
        if visit.field("do") != "start":
            preview = await drafts.preview(_work(visit), draft, choices)
        async with visit.transaction() as tx:
            await drafts.choose(tx, draft.id, choices)
        if visit.field("do") == "start":
            result = await drafts.start(_work(visit), draft.id)
            return visit.go(f"/imports/{result.import_job_id}")
    except drafts.AlreadyStarted as started:
        return _to_import(visit, started.import_id)
    except msgspec.ValidationError as error:
        refusal = InvalidRequest(str(error), field="options", value=None, expected="what the form offers")
        return await _looked_into(visit, draft, draft.choices, refusal)
    except Refusal as refusal:
        return await _looked_into(visit, draft, draft.choices, refusal)
    if visit.request.headers.get("hx-request"):
        return await _wizard(visit, draft, choices, preview, None)
    return visit.go(f"/imports/drafts/{ids.text('dft', draft.id)}")


@views.get("/imports/{id}", "contacts:read")
async def show(visit: Visit) -> Response:
    async with visit.reader() as reader:
        job = await service.get(reader, visit.id("imp"))
        kept = job.rollback.kept[:_SHOWN_KEPT] if job.rollback else []
        people = [id for each in kept if (id := ids.parse("con", each.contact_id))]
        known = [contact_queries.contact_of(row) for row in await contact_queries.find_many(reader, people)]
    return visit.page(
        "imports/import.html",
        job=job,
        states=STATES,
        kept=kept,
        people={contact.id: contact for contact in known},
        can_undo=_can_undo(job),
        options=msgspec.json.decode(job.options),
        words=import_draft,
    )


def _can_undo(job: ImportJob) -> bool:
    expires = job.rollback_expires_at
    ended = job.status in ("completed", "failed", "cancelled")
    return ended and bool(job.created + job.updated) and expires is not None and expires > format_instant(now())


@views.get("/imports/{id}/skipped.csv", "contacts:read")
async def download_skipped(visit: Visit) -> Response:
    chunks = await service.skipped_csv(_work(visit), visit.id("imp"))
    headers = {**guard.HEADERS, "Content-Disposition": 'attachment; filename="skipped.csv"'}
    return StreamingResponse(chunks, headers=headers, media_type="text/csv; charset=utf-8")


@views.post("/imports/{id}/cancel", "contacts:write")
async def cancel(visit: Visit) -> Response:
    id = visit.id("imp")
    async with visit.transaction() as tx:
        await service.cancel(tx, id)
    return visit.go(f"/imports/{ids.text('imp', id)}", visit.t("Stopped; what is in stays, and can be undone."))


@views.post("/imports/{id}/undo", "contacts:write")
async def undo(visit: Visit) -> Response:
    id = visit.id("imp")
    async with visit.transaction() as tx:
        done = (await rolling_back.roll_back(tx, id)).data
    address = f"/imports/{ids.text('imp', id)}"
    if done.status == "rolling_back":
        return visit.go(address, visit.t("The import is being undone."))
    said = visit.t(
        "Undone: {deleted} contacts deleted, {restored} put back.",
        deleted=visit.wording.number(done.deleted),
        restored=visit.wording.number(done.restored),
    )
    return visit.go(address, said)
