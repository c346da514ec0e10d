"""A look into a file before it is imported."""

import asyncio
from itertools import islice

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.database import Transaction, Unbound
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.imports import limits, running, service
from orbit_contacts.features.imports.deciding import Batch
from orbit_contacts.features.imports.models import (
    Encoding,
    ImportResult,
    Preview,
    PreviewColumn,
    PreviewRow,
    RowError,
)
from orbit_contacts.features.imports.readers import FileFormat, detect_file, sheet_names
from orbit_contacts.features.imports.seen import Seen
from orbit_contacts.features.imports.sources import RECORDS, SourceRow, Survey, count_rows, read_rows
from orbit_contacts.features.imports.upload import Upload
from orbit_contacts.features.imports.writing import Outcome, write
from orbit_contacts.features.lists import service as lists

FIRST_ROWS = 10
SAMPLES = 5
TRIED_ROWS = 1_000
_SHOWN = 200


async def preview(work: Unbound, upload: Upload) -> Preview:
    """How the file would be read; with `dry_run`, what would become of its first rows."""
    if upload.contacts is not None:
        raise InvalidRequest(
            "A preview is for files.", field="Content-Type", value="application/json", expected="a file, or a form"
        )
    if upload.list_ids:
        async with work.transaction() as tx:
            await lists.hold(tx, upload.list_ids, "list_ids")
    detected = await asyncio.to_thread(detect_file, upload.content, upload.file_name, upload.content_type)
    found = await service.look_into(work, upload)
    total = await asyncio.to_thread(count_rows, upload.content, found.reading, limits.upload)
    sheets = await asyncio.to_thread(sheet_names, upload.content, found.reading.format, limits.upload)
    tried = None
    if upload.options.dry_run or found.reading.format.kind in RECORDS:
        rows = await asyncio.to_thread(_first_rows, upload, found, TRIED_ROWS)
        if upload.options.dry_run:
            tried = await _try(work, upload, rows)
        shown = [
            PreviewRow(
                row=row.number,
                cells=[cell[:_SHOWN] for cell in row.as_cells()],
                fault=row.fault.message if row.fault else None,
            )
            for row in rows[:FIRST_ROWS]
        ]
    else:
        shown = [
            PreviewRow(
                row=row.number,
                cells=[cell[:_SHOWN] for cell in row.cells],
                fault=row.fault.message if row.fault else None,
            )
            for row in found.sample[:FIRST_ROWS]
        ]
    return _shown(found, detected, sheets, total, shown, tried)


def _first_rows(upload: Upload, found: Survey, count: int) -> list[SourceRow]:
    return list(islice(read_rows(upload.content, found.reading, limits.upload), count))


async def _try(work: Unbound, upload: Upload, rows: list[SourceRow]) -> ImportResult:
    options = msgspec.structs.replace(upload.options, dry_run=True)
    region = options.default_country_code or work.caller.default_region
    _, good, refused = await asyncio.to_thread(running.prepare_rows, rows, options, region)
    id = ids.mint(work.now)

    async def attempt(tx: Transaction) -> Outcome:
        chosen = msgspec.structs.replace(options, list_ids=await lists.hold(tx, upload.list_ids, "list_ids"))
        return await write(tx, Batch(id, chosen, region), good, Seen()) if good else Outcome()

    outcome = await running.persistently(work, attempt)
    skipped = sorted([*refused, *outcome.skipped], key=running.number_of)
    return ImportResult(
        import_job_id=ids.text("imp", id),
        status="completed",
        total=len(rows),
        created=outcome.created,
        updated=outcome.updated,
        unchanged=outcome.unchanged,
        skipped=len(skipped),
        errors=[
            RowError(row=each.row.number, code=each.code, field=each.field, message=each.message)
            for each in skipped[:100]
        ],
        warnings=outcome.warnings[:100],
        skipped_csv_url="",
        rollback_expires_at=None,
        dry_run=True,
        created_at=format_instant(work.now),
    )


def _shown(
    found: Survey,
    detected: FileFormat,
    sheets: list[str],
    total: int,
    rows: list[PreviewRow],
    tried: ImportResult | None,
) -> Preview:
    form = found.reading.format
    fields = {each.column: each.field for each in found.reading.mapping}
    columns: list[PreviewColumn] = []
    for place, proposal in enumerate(found.proposals):
        values = (row.cells[place] for row in found.sample if place < len(row.cells) and row.cells[place])
        field = fields.get(place)
        same = field == proposal.field
        columns.append(
            PreviewColumn(
                header=proposal.header,
                field=field,
                confidence=proposal.confidence if same or field is None else 1.0,
                why=proposal.why if same or field is None else "As you said.",
                samples=[value[:_SHOWN] for value in islice(dict.fromkeys(values), SAMPLES)],
            )
        )
    return Preview(
        kind=form.kind,
        compression=form.compression,
        encoding=form.encoding,
        encodings=[
            Encoding(name=each.name, confidence=each.confidence, sample=each.sample) for each in detected.candidates
        ],
        delimiter=form.dialect.delimiter if form.kind == "csv" else None,
        sheets=sheets,
        has_header=form.dialect.has_header,
        total=total,
        columns=columns,
        rows=rows,
        dry_run=tried,
    )
