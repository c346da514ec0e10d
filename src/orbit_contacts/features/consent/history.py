"""Reading the ledger: a contact's history, its state at any time and why, and the records about an address."""

from typing import Any
from uuid import UUID

import msgspec
from asyncpg.protocol import Record as Row

from orbit_contacts.core import ids
from orbit_contacts.core.clock import SECOND, Instant, format_instant, parse_instant
from orbit_contacts.core.database import Reader
from orbit_contacts.core.errors import InvalidRequest, MissingField, NotFound
from orbit_contacts.core.pagination import Page, PageQuery, decode_cursor, limit_of, page_of
from orbit_contacts.features.consent import ledger_queries, service
from orbit_contacts.features.consent.addresses import read_address
from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.consent.models import (
    AtQuery,
    ChannelAt,
    ChannelState,
    Checkpoint,
    ConsentAt,
    ConsentRecord,
    Preferences,
    RecordsQuery,
)
from orbit_contacts.features.consent.records import Record
from orbit_contacts.features.consent.state import Effective, fold
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.address_hash import hash_key


async def preferences(reader: Reader, contact_id: UUID) -> Preferences:
    """The state of every channel, as it is now."""
    consent = await service.of_contact(reader, contact_id)
    return Preferences(
        contact_id=ids.contact_text(contact_id),
        preferences={channel: consent.channels[channel].status for channel in CHANNELS},
        details={channel: _shown_state(consent.channels[channel]) for channel in CHANNELS},
        suppressed_scopes=consent.suppressed_scopes,
    )


def _shown_state(state: Effective) -> ChannelState:
    return ChannelState(
        status=state.status,
        source=state.source,
        updated_at=None if state.since is None else format_instant(state.since),
        consent_record_id=None if state.record_id is None else ids.text("cr", state.record_id),
    )


async def of_contact(reader: Reader, contact_id: UUID, query: PageQuery) -> Page[ConsentRecord]:
    """The records of a live contact, newest first."""
    await contacts.get(reader, contact_id)
    limit = limit_of(query)
    name = f"consent/{contact_id}"
    before = decode_cursor(reader, name, query, int)
    cell_id = reader.caller.cell(ids.cell_number(contact_id))
    rows = await ledger_queries.history(reader, cell_id, contact_id, before, limit + 1)
    total = await ledger_queries.count(reader, cell_id, contact_id)
    shown, cursor = page_of(reader, name, query, rows, limit, lambda row: row["sequence"])
    return Page([_shown(row) for row in shown], cursor, total)


async def at(reader: Reader, contact_id: UUID, query: AtQuery) -> ConsentAt:
    """The state of a contact's channels at an instant, each with the record that decided it."""
    await contacts.get(reader, contact_id)
    instant = reader.now if query.at is None else _instant_of(query.at)
    cell_id = reader.caller.cell(ids.cell_number(contact_id))
    rows = await ledger_queries.chain(reader, cell_id, contact_id, instant)
    records = {row["id"]: ledger_queries.record_of(row) for row in rows}
    state = fold(records.values())
    channels: dict[str, ChannelAt] = {}
    for channel in CHANNELS:
        effective = state.effective(channel)
        record = records[effective.record_id] if effective.record_id is not None else None
        channels[channel] = ChannelAt(
            status=effective.status,
            since=None if effective.since is None else format_instant(effective.since),
            source=effective.source,
            record=None if record is None else shown_record(record),
        )
    return ConsentAt(
        contact_id=ids.contact_text(contact_id),
        at=format_instant(instant),
        channels=channels,
        suppressed_scopes=sorted({*(s.scope for s in state.suppressions), *state.refused()}),
    )


def _instant_of(text: str) -> Instant:
    """Answers print whole seconds, so a time without a fraction means all of its second."""
    instant = parse_instant(text, "at")
    return instant if "." in text else instant + SECOND - 1


async def records(reader: Reader, query: RecordsQuery) -> Page[ConsentRecord]:
    """Records about an address or a contact, whether or not it is still there; newest first."""
    limit = limit_of(query)
    name = "consent_records"
    if (query.identifier is None) == (query.contact_id is None):
        raise MissingField(
            "Say whose records: `identifier` or `contact_id`.",
            field="identifier",
            value=query.identifier,
            expected="exactly one of identifier, contact_id",
        )
    if query.identifier is not None:
        address = read_address(query.identifier, None, "identifier")
        hash = hash_key(reader).hash(address.kind, address.key)
        before = decode_cursor(reader, name, query, UUID)
        rows = await ledger_queries.of_address(reader, hash, before, limit + 1)
        shown, cursor = page_of(reader, name, query, rows, limit, lambda row: row["id"])
        return Page([_shown(row) for row in shown], cursor)
    contact_id = ids.parse("con", query.contact_id or "")
    if contact_id is None:
        raise InvalidRequest(
            "This is no contact's id.", field="contact_id", value=(query.contact_id or "")[:64], expected="con_…"
        )
    sequence = decode_cursor(reader, name, query, int)
    cell_id = reader.caller.cell(ids.cell_number(contact_id))
    rows = await ledger_queries.history(reader, cell_id, contact_id, sequence, limit + 1)
    shown, cursor = page_of(reader, name, query, rows, limit, lambda row: row["sequence"])
    return Page([_shown(row) for row in shown], cursor, await ledger_queries.count(reader, cell_id, contact_id))


async def record(reader: Reader, id: UUID) -> ConsentRecord:
    row = await ledger_queries.find(reader, reader.caller.cell(ids.cell_number(id)), id)
    if row is None:
        raise NotFound("There is no such record.", field="id", value=ids.text("cr", id), expected="a consent record")
    return _shown(row)


async def checkpoints(reader: Reader, query: PageQuery) -> Page[Checkpoint]:
    limit = limit_of(query)
    before = decode_cursor(reader, "checkpoints", query, int)
    rows = await ledger_queries.newest_checkpoints(reader, before, limit + 1)
    shown, cursor = page_of(reader, "checkpoints", query, rows, limit, lambda row: row["number"])
    return Page([_shown_checkpoint(row) for row in shown], cursor)


def _shown_checkpoint(row: Row) -> Checkpoint:
    return Checkpoint(
        number=row["number"],
        created_at=format_instant(row["created_at"]),
        subjects=row["subjects"],
        previous_hash=row["previous_hash"].hex(),
        hash=row["hash"].hex(),
    )


def _shown(row: Row) -> ConsentRecord:
    return shown_record(ledger_queries.record_of(row))


class _Details(msgspec.Struct):
    """The words of a record, as they are kept."""

    purpose: str | None = None
    consent_proof_url: str | None = None
    keyword: str | None = None
    metadata: dict[str, Any] | None = None
    reason: str | None = None


def _details(record: Record) -> _Details:
    return _Details() if record.details is None else msgspec.json.decode(record.details, type=_Details)


def shown_record(record: Record) -> ConsentRecord:
    details = _details(record)
    return ConsentRecord(
        id=ids.text("cr", record.id),
        contact_id=ids.contact_text(record.subject_id) if record.subject == "contact" else None,
        sequence=record.sequence,
        status=record.status,
        channel=record.scope if record.scope in CHANNELS else None,
        scope=record.scope,
        source=record.source,
        actor=record.actor,
        consent_type=record.consent_type,
        lawful_basis=record.lawful_basis,
        purpose=details.purpose,
        consent_text_version=record.text_version,
        consent_proof_url=details.consent_proof_url,
        keyword=details.keyword,
        reason=details.reason,
        metadata=details.metadata,
        address_kind=record.address_kind,
        address_hash=record.address_hash.hex() if record.address_hash is not None else None,
        excluded=list(record.excluded),
        caused_by=ids.text("cr", record.cause) if record.cause is not None else None,
        anonymised=record.details is None and record.details_hash is not None,
        recorded_at=format_instant(record.recorded_at),
        previous_hash=record.previous_hash.hex(),
        hash=record.hash.hex(),
    )
