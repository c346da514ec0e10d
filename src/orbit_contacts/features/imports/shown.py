"""Stored jobs as the API shows them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import SECOND, Instant, format_instant
from orbit_contacts.core.database import Reader
from orbit_contacts.features.imports import file_queries
from orbit_contacts.features.imports.models import ImportJob, ImportResult, Reading, Rollback, RowError, Warning
from orbit_contacts.features.imports.sources import RECORDS

SHOWN_ERRORS = 100

_warnings = msgspec.json.Decoder(list[Warning])
_reading = msgspec.json.Decoder(Reading)
_rollback = msgspec.json.Decoder(Rollback)


async def results(reader: Reader, rows: Sequence[Record]) -> list[ImportJob]:
    """Jobs with their progress and their first errors, in two statements for all of them."""
    with_errors = [row["id"] for row in rows if row["skipped"]]
    errors: dict[Any, list[RowError]] = {}
    if with_errors:
        for row in await file_queries.skipped_of(reader, with_errors, SHOWN_ERRORS):
            error = RowError(row=row["row_number"], code=row["code"], field=row["field"], message=row["message"])
            errors.setdefault(row["import_id"], []).append(error)
    return [_job(row, errors.get(row["id"], [])) for row in rows]


async def result(reader: Reader, row: Record) -> ImportResult:
    """What `POST /contacts/bulk` answers."""
    job = (await results(reader, [row]))[0]
    return ImportResult(**{name: getattr(job, name) for name in ImportResult.__struct_fields__})


def _job(row: Record, errors: list[RowError]) -> ImportJob:
    id = ids.text("imp", row["id"])
    reading = _reading.decode(row["reading"])
    rate, eta = _pace(row)
    total = row["total"]
    expires = row["rollback_expires_at"]
    return ImportJob(
        import_job_id=id,
        status=row["status"],
        total=total,
        created=row["created"],
        updated=row["updated"],
        unchanged=row["unchanged"],
        skipped=row["skipped"],
        errors=errors,
        warnings=_warnings.decode(row["warnings"]),
        skipped_csv_url=f"/api/v1/contacts/import-jobs/{id}/skipped.csv",
        rollback_expires_at=None if expires is None else format_instant(expires),
        dry_run=row["dry_run"],
        created_at=format_instant(row["created_at"]),
        processed=row["position"],
        progress=round(row["position"] / total, 4) if total else float(row["finished_at"] is not None),
        rows_per_second=rate,
        eta_seconds=eta,
        file_name=row["file_name"],
        format=reading.format.kind,
        columns=_columns(reading),
        options=row["options"],
        error=row["error"],
        created_by=row["created_by"],
        started_at=_when(row["started_at"]),
        finished_at=_when(row["finished_at"]),
        rollback=None if row["rollback"] is None else _rollback.decode(row["rollback"]),
    )


def _when(instant: Instant | None) -> str | None:
    return None if instant is None else format_instant(instant)


def _pace(row: Record) -> tuple[float | None, float | None]:
    """Rows a second since the start, and the seconds that are left at that pace."""
    started, position = row["started_at"], row["position"]
    until = row["finished_at"] or row["progress_at"]
    if started is None or until is None or until <= started or not position:
        return None, None
    rate = position * SECOND / (until - started)
    eta = (row["total"] - position) / rate if row["status"] == "processing" else None
    return round(rate, 1), None if eta is None else round(eta, 1)


def _columns(reading: Reading) -> dict[str, str | None]:
    if reading.format.kind in RECORDS:
        return {}
    fields = {each.column: each.field for each in reading.mapping}
    return {header: fields.get(place) for place, header in enumerate(reading.header)}
