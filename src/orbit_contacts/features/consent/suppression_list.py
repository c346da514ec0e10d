"""The suppression list: addresses that are dropped before dispatch, whichever way a send comes about."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import Conflict, InvalidChannel, NotFound
from orbit_contacts.core.pagination import Page, decode_cursor, limit_of, page_of
from orbit_contacts.features.consent import changes, ledger, queries
from orbit_contacts.features.consent.addresses import Address, read_address, subject_of
from orbit_contacts.features.consent.channels import SCOPES, check_scope, default_scope
from orbit_contacts.features.consent.models import NewSuppression, SuppressionEntry, SuppressionQuery
from orbit_contacts.features.consent.person import Held, Suppression
from orbit_contacts.features.consent.records import Entry, Evidence
from orbit_contacts.features.consent.state import OF_THE_OPERATOR
from orbit_contacts.features.contacts.address_hash import hash_key
from orbit_contacts.features.workspaces.service import audit

_NAME = "suppressions"
_TOTAL_CAP = 10_000


class Wanted(NamedTuple):
    """An address to suppress."""

    address: Address
    scope: str
    reason: str | None


class Outcome(NamedTuple):
    """What `suppress` did for one wanted entry."""

    row: Suppression
    added: bool


async def suppress(tx: Transaction, wanted: Sequence[Wanted], source: str) -> tuple[list[Outcome], set[UUID]]:
    """Put addresses on the list, each once, in the order given, and close the channels of the contacts that hold them.

    Gives an outcome for each, and the contacts that hold one of the addresses. What was suppressed stays as it was.
    """
    key = hash_key(tx)
    hashes = {entry.address: key.hash(entry.address.kind, entry.address.key) for entry in wanted}
    held_by = await queries.holders(tx, {entry.address for entry in wanted})
    changing = await changes.load(tx, held_by.values())
    rows = {
        (row["hash"], row["scope"]): changes.suppression_of(row)
        for row in await queries.suppressions_of(tx, list(set(hashes.values())))
    }
    outcomes: list[Outcome] = []
    fresh: dict[tuple[bytes, str], Suppression] = {}
    entries: list[Entry] = []
    for entry in wanted:
        at = (hashes[entry.address], entry.scope)
        known = rows.get(at)
        if known is not None and not known.lifted:
            outcomes.append(Outcome(known, False))
            continue
        evidence = Evidence(source=source, details={"reason": entry.reason})
        held = Held(entry.address.kind, at[0], entry.address.value)
        person = changing.people.get(held_by.get((entry.address.kind, entry.address.key), subject_of(at[0])))
        if person is not None:
            row = person.suppress(held, entry.scope, evidence, entry.reason)
        else:
            row, record = _without_contact(tx, known, held, entry, evidence)
            fresh[at] = row
            entries.append(record)
        rows[at] = row
        outcomes.append(Outcome(row, True))
    for person in changing.people.values():
        person.settle()
    await ledger.append(tx, entries)
    if fresh:
        await queries.put_suppressions(tx, list(fresh.values()))
    await changing.save()
    return outcomes, set(changing.people)


def _without_contact(
    tx: Transaction, known: Suppression | None, held: Held, wanted: Wanted, evidence: Evidence
) -> tuple[Suppression, Entry]:
    """The row and the record for an address that no contact holds."""
    record_id = ids.mint(tx.now)
    row = Suppression(
        id=known.id if known else ids.mint(tx.now),
        kind=held.kind,
        hash=held.hash,
        scope=wanted.scope,
        address=held.shown,
        source=known.source if known else evidence.source,
        reason=wanted.reason,
        record_id=record_id,
        created_by=tx.caller.actor,
        created_at=known.created_at if known else tx.now,
    )
    return row, _entry(held, record_id, "suppressed", wanted.scope, evidence)


def _entry(held: Held, id: UUID, status: str, scope: str, evidence: Evidence, cause: UUID | None = None) -> Entry:
    return Entry(
        id=id,
        subject="address",
        subject_id=subject_of(held.hash),
        status=status,
        scope=scope,
        evidence=evidence,
        address_kind=held.kind,
        address_hash=held.hash,
        cause=cause,
    )


async def add(tx: Transaction, new: NewSuppression) -> tuple[SuppressionEntry, bool]:
    """Suppress one address; gives the entry and whether it is new."""
    address = read_address(new.address, None, "address")
    scope = check_scope(new.scope or default_scope(address.kind), address.kind)
    reason = (new.reason or "").strip() or None
    outcomes, _ = await suppress(tx, [Wanted(address, scope, reason)], "suppression_list")
    shown = shown_entry(outcomes[0].row)
    if outcomes[0].added:
        await audit(tx, "suppression.added", shown.id, {"scope": scope, "kind": address.kind})
    return shown, outcomes[0].added


async def remove(tx: Transaction, id: UUID) -> None:
    """Take one of the operator's own entries off the list; what a person closed, only a person's opt-in opens."""
    found = await queries.find_suppression(tx, id)
    if found is None:
        raise NotFound(
            "There is no such entry.", field="id", value=ids.text("sup", id), expected="an entry of the list"
        )
    row = changes.suppression_of(found)
    if row.source not in OF_THE_OPERATOR:
        raise Conflict(
            "This entry comes from the person, so only an opt-in lifts it.",
            field="source",
            value=row.source,
            expected=f"{' or '.join(sorted(OF_THE_OPERATOR))}; to lift it, record consent with `opt_in: true`",
        )
    evidence = Evidence(source="suppression_removed")
    changing = await changes.load(tx, await queries.known_under(tx, row.hash))
    holder = next((p for p in changing.people.values() if (row.hash, row.scope) in p.rows), None)
    if holder is not None:
        holder.release(row, evidence)
        await changing.save()
    else:
        await queries.remove_suppressions(tx, [(row.hash, row.scope)])
        held = Held(row.kind, row.hash, "")
        await ledger.append(tx, [_entry(held, ids.mint(tx.now), "released", row.scope, evidence, row.record_id)])
    await audit(tx, "suppression.removed", ids.text("sup", id), {"scope": row.scope, "kind": row.kind})


async def get(reader: Reader, query: SuppressionQuery) -> Page[SuppressionEntry]:
    """Entries, newest first."""
    limit = limit_of(query)
    before = decode_cursor(reader, _NAME, query, UUID)
    if query.scope is not None and query.scope not in SCOPES:
        raise InvalidChannel(
            "The suppression scope is not known.", field="scope", value=query.scope[:64], expected=list(SCOPES)
        )
    hash = None
    if query.address is not None:
        address = read_address(query.address, None, "address")
        hash = hash_key(reader).hash(address.kind, address.key)
    rows = await queries.suppressions(reader, query.scope, hash, before, limit + 1)
    shown, cursor = page_of(reader, _NAME, query, rows, limit, lambda row: row["id"])
    total = await queries.count_suppressions(reader, query.scope, hash, _TOTAL_CAP + 1)
    entries = [shown_entry(changes.suppression_of(row)) for row in shown]
    return Page(entries, cursor, min(total, _TOTAL_CAP), total <= _TOTAL_CAP)


def shown_entry(row: Suppression) -> SuppressionEntry:
    return SuppressionEntry(
        id=ids.text("sup", row.id),
        kind=row.kind,
        address=row.address,
        scope=row.scope,
        lifted_channels=sorted(row.lifted),
        source=row.source,
        reason=row.reason,
        consent_record_id=ids.text("cr", row.record_id),
        created_by=row.created_by,
        created_at=format_instant(row.created_at),
    )
