"""Frequency caps: made, changed, deleted, and as they stand for one contact."""

from typing import Any
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant, format_instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import InvalidRequest, NotFound
from orbit_contacts.core.pagination import Page, decode_cursor, limit_of, page_of
from orbit_contacts.features.consent.channels import check_channel
from orbit_contacts.features.send_gate import queries, service
from orbit_contacts.features.send_gate.caps import DAY_SECONDS, Usage
from orbit_contacts.features.send_gate.models import (
    CapsQuery,
    ContactCaps,
    FrequencyCap,
    FrequencyCapChange,
    NewFrequencyCap,
)

MAX_CAPS = 100
_NAME = "frequency_caps"


async def create(tx: Transaction, new: NewFrequencyCap) -> FrequencyCap:
    if (count := await queries.count_caps(tx)) >= MAX_CAPS:
        raise InvalidRequest(
            "There are too many caps.", field="name", value=count, expected=f"at most {MAX_CAPS} caps in a workspace"
        )
    id = ids.mint(tx.now)
    row = await queries.insert_cap(tx, id, _checked(msgspec.structs.asdict(new)))
    await queries.renew_rules(tx, str(ids.mint(tx.now)))
    return _shown(row)


def _checked(fields: dict[str, Any]) -> list[Any]:
    """The values of a cap in the order of its columns."""
    if fields["channel"] is not None:
        check_channel(fields["channel"])
    name = fields["name"].strip()
    if not name:
        raise InvalidRequest("The name is blank.", field="name", value=fields["name"], expected="1-120 characters")
    if fields["window"] == "calendar_day" and fields["window_seconds"] % DAY_SECONDS:
        raise InvalidRequest(
            "A window of calendar days has whole days.",
            field="window_seconds",
            value=fields["window_seconds"],
            expected=f"a multiple of {DAY_SECONDS}",
        )
    return [
        name,
        fields["channel"],
        fields["category"],
        fields["limit"],
        fields["window_seconds"],
        fields["window"],
        fields["enabled"],
    ]


async def page(reader: Reader, query: CapsQuery) -> Page[FrequencyCap]:
    limit = limit_of(query)
    before = decode_cursor(reader, _NAME, query, UUID)
    rows = await queries.caps(reader, query.enabled, before, limit + 1)
    shown, cursor = page_of(reader, _NAME, query, rows, limit, lambda row: row["id"])
    total = None
    if query.enabled is None:
        total = await queries.count_caps(reader)
    return Page([_shown(row) for row in shown], cursor, total)


async def get(reader: Reader, id: UUID) -> FrequencyCap:
    row = await queries.find_cap(reader, id)
    if row is None:
        raise _not_found(id)
    return _shown(row)


def _not_found(id: UUID) -> NotFound:
    text = ids.text("fcap", id)
    return NotFound(f"There is no cap `{text}`.", field="id", value=text, expected="the id of a frequency cap")


async def change(tx: Transaction, id: UUID, given: FrequencyCapChange) -> FrequencyCap:
    """Change what was sent and nothing else."""
    row = await queries.lock_cap(tx, id)
    if row is None:
        raise _not_found(id)
    stored: dict[str, Any] = {
        "name": row["name"],
        "channel": row["channel"],
        "category": row["category"],
        "limit": row["max_sends"],
        "window_seconds": row["window_seconds"],
        "window": row["kind"],
        "enabled": row["enabled"],
    }
    sent = {name: value for name, value in msgspec.structs.asdict(given).items() if value is not msgspec.UNSET}
    written = await queries.update_cap(tx, id, _checked(stored | sent))
    await queries.renew_rules(tx, str(ids.mint(tx.now)))
    return _shown(written)


async def delete(tx: Transaction, id: UUID) -> None:
    if not await queries.delete_cap(tx, id):
        raise _not_found(id)
    await queries.renew_rules(tx, str(ids.mint(tx.now)))


async def of_contact(reader: Reader, contact_id: UUID, *, include_usage: bool) -> ContactCaps:
    """The enabled caps that apply to a contact, by channel; with how full they are, if asked."""
    usages = await service.usages(reader, contact_id) if include_usage else None
    if usages is None:
        await service.find_recipient(reader, contact_id)
    rows = await queries.caps(reader, True, None, MAX_CAPS)
    caps = [_shown(row, usages[row["id"]] if usages is not None else None) for row in rows]
    channels = sorted({cap.channel for cap in caps if cap.channel is not None})
    return ContactCaps(
        contact_id=ids.contact_text(contact_id),
        grouped_by_channel={channel: [cap for cap in caps if cap.channel == channel] for channel in channels},
        global_caps=[cap for cap in caps if cap.channel is None],
    )


def _shown(row: Record, usage: Usage | None = None) -> FrequencyCap:
    shown = FrequencyCap(
        id=ids.text("fcap", row["id"]),
        name=row["name"],
        channel=row["channel"],
        category=row["category"],
        limit=row["max_sends"],
        window_seconds=row["window_seconds"],
        window=row["kind"],
        enabled=row["enabled"],
        created_at=format_instant(row["created_at"]),
        updated_at=format_instant(row["updated_at"]),
    )
    if usage is not None:
        shown.used = usage.used
        shown.remaining = max(usage.cap.limit - usage.used, 0)
        shown.resets_at = _text(usage.resets_at())
    return shown


def _text(instant: Instant | None) -> str | None:
    return None if instant is None else format_instant(instant)
