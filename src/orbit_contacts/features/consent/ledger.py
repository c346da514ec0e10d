"""Appending to the ledger: each record continues the chain of its subject, under the lock of that chain's head."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.database import Transaction
from orbit_contacts.features.consent import ledger_queries
from orbit_contacts.features.consent.records import Entry, Evidence, Record, record


async def append(tx: Transaction, entries: Sequence[Entry]) -> list[Record]:
    """Write entries down, in their order within each subject."""
    if not entries:
        return []
    by_subject: dict[UUID, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_subject[entry.subject_id].append(entry)
    cells = {subject: tx.caller.cell(ids.cell_number(subject)) for subject in by_subject}
    heads = await ledger_queries.lock_heads(tx, [(cell, subject) for subject, cell in cells.items()])
    records: list[Record] = []
    for subject, own in by_subject.items():
        head = heads[subject]
        sequence, previous_hash = head["sequence"], head["hash"]
        # A transaction that began earlier may come later: time within a chain never runs backwards.
        recorded_at = max(tx.now, head["recorded_at"])
        for entry in own:
            sequence += 1
            written = record(
                entry,
                workspace_id=tx.caller.workspace_id,
                cell_id=cells[subject],
                sequence=sequence,
                previous_hash=previous_hash,
                recorded_at=recorded_at,
                actor=tx.caller.actor,
            )
            previous_hash = written.hash
            records.append(written)
    await ledger_queries.insert_records(tx, records)
    return records


async def close(tx: Transaction, contact_id: UUID) -> None:
    """End the chain of a contact that is erased: one last record, and no word in it any more that names a person."""
    cell_id = tx.caller.cell(ids.cell_number(contact_id))
    await append(
        tx,
        [
            Entry(
                id=ids.mint(tx.now, ids.cell_number(contact_id)),
                subject="contact",
                subject_id=contact_id,
                status="erased",
                scope="all",
                evidence=Evidence(source="erasure"),
            )
        ],
    )
    await ledger_queries.anonymise(tx, cell_id, contact_id)
