"""Importing a suppression list: chunks of rows, each in its own transaction; rows that fail are reported."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from orbit_contacts.core.database import Reader, Unbound
from orbit_contacts.features.consent import queries, suppression_list
from orbit_contacts.features.consent.models import ImportFault, ImportQuery, ImportResult
from orbit_contacts.features.consent.suppression_file import Entry, Row, open_file, read_rows
from orbit_contacts.features.contacts.address_hash import hash_key
from orbit_contacts.features.contacts.places import parse_country
from orbit_contacts.features.workspaces.service import audit

_CHUNK = 2000
_MAX_ERRORS = 100
SOURCE = "suppression_import"


async def import_file(work: Unbound, content: bytes, query: ImportQuery) -> ImportResult:
    """Suppress every address of a CSV file; with `dry_run` only check and count."""
    country = parse_country(query.default_country, "default_country") if query.default_country else None
    country = country or work.caller.default_region
    file = await asyncio.to_thread(open_file, content)
    result = ImportResult(
        dry_run=query.dry_run, total=0, added=0, already_suppressed=0, invalid=0, matched_contacts=0, errors=[]
    )
    matched: set[UUID] = set()
    seen: set[tuple[bytes, str]] = set()
    for start in range(0, len(file.rows), _CHUNK):
        chunk = file.rows[start : start + _CHUNK]
        # Numbers are parsed beside the event loop: a chunk of display forms takes tens of milliseconds.
        rows = await asyncio.to_thread(read_rows, file.columns, chunk, country, query.default_reason)
        entries = [entry for row in rows for entry in row.entries]
        if query.dry_run:
            async with work.reader() as reader:
                added = await _would_add(reader, entries, seen, matched)
        else:
            async with work.transaction() as tx:
                wanted = [suppression_list.Wanted(*entry) for entry in entries]
                outcomes, holders = await suppression_list.suppress(tx, wanted, SOURCE)
                added = [outcome.added for outcome in outcomes]
                matched |= holders
        _count(result, rows, added)
    result.matched_contacts = len(matched)
    if not query.dry_run:
        async with work.transaction() as tx:
            await audit(tx, "suppression.imported", "suppression_list", {"total": result.total, "added": result.added})
    return result


async def _would_add(
    reader: Reader, entries: Sequence[Entry], seen: set[tuple[bytes, str]], matched: set[UUID]
) -> list[bool]:
    key = hash_key(reader)
    keys = [(key.hash(entry.address.kind, entry.address.key), entry.scope) for entry in entries]
    rows = await queries.suppressions_of(reader, list({hash for hash, _ in keys}))
    seen |= {(row["hash"], row["scope"]) for row in rows if not row["lifted"]}
    matched |= set((await queries.holders(reader, {entry.address for entry in entries})).values())
    added: list[bool] = []
    for at in keys:
        added.append(at not in seen)
        seen.add(at)
    return added


def _count(result: ImportResult, rows: Sequence[Row], added: Sequence[bool]) -> None:
    outcomes = iter(added)
    for row in rows:
        result.total += 1
        own = [next(outcomes) for _ in row.entries]
        if row.fault is not None:
            result.invalid += 1
            if len(result.errors) < _MAX_ERRORS:
                field = str(row.fault.details.get("field", "address"))
                result.errors.append(
                    ImportFault(row=row.number, code=row.fault.code, field=field, message=row.fault.message)
                )
        elif any(own):
            result.added += 1
        else:
            result.already_suppressed += 1
