"""No sequence of changes ever loosens consent without an explicit opt-in.

Sequences of everything that happens to contacts are run on the services, and after each step the send gate's verdicts
are held against a small model of what is closed: what a person closed stays closed for the person, for the addresses
it was said about, and for whoever comes back under an identifier of somebody who was deleted.
"""

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, Snapshot, Transaction
from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.ids import contact_text
from orbit_contacts.features.blocking import service as blocking
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.consent import suppression_list
from orbit_contacts.features.consent.channels import CHANNELS, OF_PERSON, OF_PHONE, covers, reaches
from orbit_contacts.features.consent.models import NewSuppression
from orbit_contacts.features.consent.records import Evidence
from orbit_contacts.features.consent.verify import verify
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import ContactInput, NewContact
from orbit_contacts.features.merging import service as merging
from orbit_contacts.features.merging import unmerging
from orbit_contacts.features.send_gate import service as send_gate
from tests.conftest import Server, make_workspace

PHONES = ["+14155552671", "+14155552672"]
EMAILS = ["jane@example.com", "ada@example.com"]
NAMES = ["jane-1", "ada-1"]
WATCHED = ("sms", "email", "whatsapp", "push")
EVIDENCE = Evidence(source="test")

Identifier = tuple[str, str]

identities = st.fixed_dictionaries(
    {},
    optional={
        "phone": st.sampled_from(PHONES),
        "email": st.sampled_from(EMAILS),
        "external_id": st.sampled_from(NAMES),
    },
).filter(bool)
changes = st.fixed_dictionaries(
    {},
    optional={"phone": st.sampled_from([*PHONES, None]), "email": st.sampled_from([*EMAILS, None])},
).filter(bool)
who = st.integers(0, 4)
channel = st.sampled_from(WATCHED)
steps = st.one_of(
    st.tuples(st.just("create"), identities),
    st.tuples(st.just("upsert"), identities),
    st.tuples(st.just("update"), who, changes),
    st.tuples(st.just("delete"), who, st.booleans()),
    st.tuples(st.just("restore"), who),
    st.tuples(st.just("merge"), who, who),
    st.tuples(st.just("unmerge"), who),
    st.tuples(st.just("block"), who),
    st.tuples(st.just("unblock"), who),
    st.tuples(st.just("opt_out"), who, channel),
    st.tuples(st.just("opt_in"), who, channel),
    st.tuples(st.just("forget"), who, channel),
    st.tuples(st.just("keyword"), who, channel, st.sampled_from(["STOP", "START"])),
    st.tuples(st.just("suppress"), st.sampled_from(PHONES + EMAILS)),
)


class World:
    """A workspace, and what must be closed in it."""

    def __init__(self, database: Database, caller: Caller) -> None:
        self.database = database
        self.caller = caller
        self.everyone: list[UUID] = []
        self.held: dict[UUID, set[Identifier]] = {}
        self.closed: dict[UUID, set[str]] = defaultdict(set)
        self.at_address: dict[Identifier, set[str]] = defaultdict(set)
        self.by_operator: dict[Identifier, set[str]] = defaultdict(set)
        self.left_behind: dict[Identifier, set[str]] = defaultdict(set)
        self.blocked: set[UUID] = set()
        self.blocked_names: set[Identifier] = set()

    async def step(self, action: str, *args: Any) -> None:
        with contextlib.suppress(Refusal):
            await getattr(self, action)(*args)
        await self.look()

    async def do(self, work: Any) -> Any:
        return await self.database.run(Transaction, self.caller, work)

    def one(self, number: int) -> UUID | None:
        live = [id for id in self.everyone if id in self.held]
        return live[number % len(live)] if live else None

    async def look(self) -> None:
        """Who is live and holds what; closings travel from identifiers to holders and back."""
        async with self.database.reader(self.caller) as reader:
            rows = await reader.fetch_all(
                "SELECT contact_id, kind, value FROM contact_identifiers WHERE workspace_id = $1",
                self.caller.workspace_id,
            )
        self.held = defaultdict(set)
        for row in rows:
            self.held[row["contact_id"]].add((row["kind"], row["value"]))
        for id, names in self.held.items():
            for name in names:
                self.closed[id] |= self.left_behind[name] | self.at_address[name]
            for name in names:
                self.at_address[name] |= {each for each in self.closed[id] if reaches(each, name[0])}
            if names & self.blocked_names:
                self.blocked.add(id)

    async def check(self) -> None:
        async with self.database.reader(self.caller) as reader:
            verdicts = await send_gate.verdicts(reader, list(self.held), WATCHED)
        for (id, each), verdict in verdicts.items():
            names = self.held[id]
            must_be_closed = each in self.closed[id] or any(each in self.by_operator[name] for name in names)
            refused = [check.rule for check in verdict.checks if not check.passed]
            if must_be_closed:
                assert "suppression" in refused or "opt_out" in refused, (contact_text(id), each)
            if id in self.blocked:
                assert "blocked" in refused, contact_text(id)

    async def create(self, fields: dict[str, str], upsert: bool = False) -> None:
        contact, is_new = await self.do(lambda tx: contacts.create(tx, NewContact(**fields), upsert=upsert))
        if is_new:
            self.everyone.append(consent_id(contact.id))

    async def upsert(self, fields: dict[str, str]) -> None:
        await self.create(fields, upsert=True)

    async def update(self, number: int, fields: dict[str, str | None]) -> None:
        if (id := self.one(number)) is not None:
            await self.do(lambda tx: contacts.update(tx, id, ContactInput(**fields)))

    async def delete(self, number: int, soft: bool) -> None:
        if (id := self.one(number)) is not None:
            await self.do(lambda tx: contacts.delete(tx, id, soft=soft))
            for name in self.held[id]:
                self.left_behind[name] |= self.closed[id]
                if id in self.blocked:
                    self.blocked_names.add(name)

    async def restore(self, number: int) -> None:
        gone = [id for id in self.everyone if id not in self.held]
        if gone:
            await self.do(lambda tx: contacts.restore(tx, gone[number % len(gone)]))

    async def merge(self, number: int, other: int) -> None:
        survivor, source = self.one(number), self.one(other)
        if survivor is not None and source is not None:
            await self.do(lambda tx: merging.merge(tx, survivor, [contact_text(source)]))
            self.closed[survivor] |= self.closed[source]
            if source in self.blocked:
                self.blocked.add(survivor)

    async def unmerge(self, number: int) -> None:
        if (survivor := self.one(number)) is not None:
            undone = await self.do(lambda tx: unmerging.unmerge(tx, survivor, None))
            sources = [consent_id(contact.id) for contact in undone.restored]
            for source in sources:
                self.closed[source] |= self.closed[survivor]
            # A block goes back to whom it was of.
            for contact in (undone.contact, *undone.restored):
                if not contact.blocked:
                    self.blocked.discard(consent_id(contact.id))

    async def block(self, number: int) -> None:
        if (id := self.one(number)) is not None:
            await self.do(lambda tx: blocking.block(tx, id, None))
            self.blocked.add(id)

    async def unblock(self, number: int) -> None:
        if (id := self.one(number)) is not None:
            await self.do(lambda tx: blocking.unblock(tx, id))
            self.blocked.discard(id)
            self.blocked_names -= self.held[id]

    async def opt_out(self, number: int, each: str) -> None:
        await self._prefer(number, each, "opted_out")

    async def forget(self, number: int, each: str) -> None:
        await self._prefer(number, each, "unknown")

    async def opt_in(self, number: int, each: str) -> None:
        await self._prefer(number, each, "opted_in")

    async def _prefer(self, number: int, each: str, status: str) -> None:
        if (id := self.one(number)) is not None:
            await self.do(lambda tx: consent.set_preferences(tx, [id], {each: status}, EVIDENCE))
            if status == "opted_out":
                self.closed[id].add(each)
            elif status == "opted_in":
                self._open(id, each)

    def _open(self, id: UUID, each: str) -> None:
        self.closed[id].discard(each)
        for name in self.held[id]:
            for table in (self.at_address, self.by_operator, self.left_behind):
                table[name].discard(each)

    async def keyword(self, number: int, each: str, word: str) -> None:
        if (id := self.one(number)) is None:
            return
        await self.do(lambda tx: consent.inbound_keyword(tx, id, each, word))
        if word == "START":
            self._open(id, each)
            return
        self.closed[id].add(each)
        if each in OF_PHONE:
            has_phone = any(kind == "phone" for kind, _ in self.held[id])
            self.closed[id] |= OF_PHONE | OF_PERSON if has_phone else OF_PHONE.intersection(CHANNELS)

    async def suppress(self, address: str) -> None:
        await self.do(lambda tx: suppression_list.add(tx, NewSuppression(address=address)))
        name = ("email", address) if "@" in address else ("phone", address)
        self.by_operator[name] |= covers(name[0], "email" if name[0] == "email" else "all")


def consent_id(text: str) -> UUID:
    from orbit_contacts.core import ids

    id = ids.parse("con", text)
    assert id is not None
    return id


@pytest.fixture
def make_caller(dsn: str, server: Server):
    async def make() -> Caller:
        return (await make_workspace(dsn, server.url)).caller

    return make


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(steps, min_size=4, max_size=14))
async def test_nothing_opens_without_an_opt_in(make_caller: Any, database: Database, taken: Sequence[Any]) -> None:
    note(str(list(taken)))
    world = World(database, await make_caller())
    for step in taken:
        await world.step(*step)
        await world.check()
    async with database.session(Snapshot, world.caller) as snapshot:
        assert (await verify(snapshot)).faults == []
