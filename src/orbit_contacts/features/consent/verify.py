"""Walking the ledger: does every record stand where it was written, unchanged, and does the state follow from it?"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from asyncpg.protocol import Record as Row

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Snapshot
from orbit_contacts.features.consent import ledger_queries, queries
from orbit_contacts.features.consent.checkpoints import checkpoint_hash, head_of
from orbit_contacts.features.consent.records import GENESIS, Record
from orbit_contacts.features.consent.state import decode, fold

_PAGE = 5000
_MAX_FAULTS = 1000
_FIRST = UUID(int=0)


class Fault(NamedTuple):
    """What is wrong: in which chain (a contact's id or an address's number), at which record, and how it shows."""

    subject: str
    sequence: int | None
    problem: str


class Report(NamedTuple):
    """What was walked in the caller's workspace, and the first 1,000 faults."""

    records: int
    subjects: int
    checkpoints: int
    faults: list[Fault]
    last_checkpoint: str | None
    """Hash of the newest checkpoint, to be compared with one kept elsewhere."""
    verified_at: Instant

    @property
    def is_intact(self) -> bool:
        return not self.faults


async def verify(reader: Snapshot) -> Report:
    """Recompute every hash of the workspace's ledger, its heads, its checkpoints, and the states it adds up to.

    Takes a `Snapshot`, so that what is written meanwhile does not look like a fault; 5,000 records at a time.
    """
    walk = _Walk(reader)
    for cell_id in reader.caller.cells:
        await walk.records_of(cell_id)
        await walk.heads_of(cell_id)
    await walk.checkpoints()
    last = walk.last_checkpoint.hex() if walk.checked else None
    return Report(walk.records, walk.subjects, walk.checked, walk.faults, last, reader.now)


class _Walk:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.records = 0
        self.subjects = 0
        self.checked = 0
        self.last_checkpoint = GENESIS
        self.faults: list[Fault] = []

    def fault(self, subject: str, sequence: int | None, problem: str) -> None:
        if len(self.faults) < _MAX_FAULTS:
            self.faults.append(Fault(subject, sequence, problem))

    async def records_of(self, cell_id: int) -> None:
        """Chain by chain; one that goes on over a page is taken up again with what was read of it."""
        after, open_chain = (_FIRST, 0), list[Record]()
        while rows := await ledger_queries.walk(self._reader, cell_id, after, _PAGE):
            chains = list(_by_subject([*open_chain, *map(ledger_queries.record_of, rows)]))
            complete = chains[:-1] if len(rows) == _PAGE else chains
            open_chain = chains[-1] if len(rows) == _PAGE else []
            await self._check(complete)
            after = (rows[-1]["subject_id"], rows[-1]["sequence"])
            if len(rows) < _PAGE:
                return
        if open_chain:
            await self._check([open_chain])

    async def _check(self, chains: Sequence[list[Record]]) -> None:
        for chain in chains:
            self._check_chain(chain)
        await self._check_ends(chains)
        of_contacts = {chain[0].subject_id: chain for chain in chains if chain[0].subject == "contact"}
        stored = await queries.stored_states(self._reader, list(of_contacts))
        for id, chain in of_contacts.items():
            if id in stored and decode(stored[id]["state"]) != fold(chain):
                self.fault(ids.contact_text(id), None, "the contact's state is not what its records add up to")
            elif id not in stored and chain[-1].status != "erased":
                self.fault(ids.contact_text(id), None, "the contact's state is gone")

    async def _check_ends(self, chains: Sequence[list[Record]]) -> None:
        ends = {chain[-1].subject_id: chain[-1] for chain in chains}
        heads = await ledger_queries.heads_of(self._reader, [(end.cell_id, id) for id, end in ends.items()])
        for id, end in ends.items():
            head = heads.get(id)
            if head is None or (head["sequence"], head["hash"], head["recorded_at"]) != (
                end.sequence,
                end.hash,
                end.recorded_at,
            ):
                self.fault(_name(end), end.sequence, "the chain does not end where its head says")

    def _check_chain(self, chain: list[Record]) -> None:
        self.subjects += 1
        self.records += len(chain)
        subject = _name(chain[0])
        erased = chain[-1].status == "erased"
        previous, latest = GENESIS, chain[0].recorded_at
        for place, record in enumerate(chain, 1):
            if record.sequence != place:
                self.fault(subject, place, f"record {place} is missing")
                return
            if record.previous_hash != previous:
                self.fault(subject, place, "it does not continue the record before")
            if record.content_hash() != record.hash:
                self.fault(subject, place, "a field was changed")
            if record.recorded_at < latest:
                self.fault(subject, place, "it is older than the record before")
            if not record.details_match() and not (erased and record.details is None and record.salt is None):
                self.fault(subject, place, "its purpose, proof or metadata was changed or removed")
            previous, latest = record.hash, record.recorded_at

    async def heads_of(self, cell_id: int) -> None:
        """Heads whose chain is gone altogether; the others are compared with their chain."""
        after = _FIRST
        while rows := await ledger_queries.heads(self._reader, cell_id, after, _PAGE):
            for row in rows:
                if row["record_hash"] is None or row["anchored_sequence"] > row["sequence"]:
                    self.fault(_text(row), row["sequence"], "its records are gone")
            after = rows[-1]["subject_id"]

    async def checkpoints(self) -> None:
        previous, number = GENESIS, 0
        while rows := await ledger_queries.checkpoints(self._reader, number, _PAGE):
            for row in rows:
                number += 1
                await self._check_checkpoint(row, number, previous)
                previous, number = row["hash"], row["number"]
                self.checked += 1
        self.last_checkpoint = previous

    async def _check_checkpoint(self, row: Row, number: int, previous: bytes) -> None:
        label = f"checkpoint {row['number']}"
        named = await ledger_queries.checkpoint_heads(self._reader, row["number"])
        hash = checkpoint_hash(self._reader.caller.workspace_id, row["number"], previous, map(head_of, named))
        whole = row["number"] == number and row["previous_hash"] == previous and row["subjects"] == len(named)
        if not whole or hash != row["hash"]:
            self.fault(label, None, "it was changed, or one before it is missing")
        for head in named:
            if head["record_hash"] != head["hash"]:
                self.fault(_text(head), head["sequence"], f"the record that {label} names is changed or gone")


def _by_subject(records: Sequence[Record]) -> Iterator[list[Record]]:
    chain: list[Record] = []
    for record in records:
        if chain and chain[0].subject_id != record.subject_id:
            yield chain
            chain = []
        chain.append(record)
    if chain:
        yield chain


def _name(record: Record) -> str:
    return ids.contact_text(record.subject_id) if record.subject == "contact" else f"address {record.subject_id.hex}"


def _text(row: Row) -> str:
    return ids.contact_text(row["subject_id"])
