"""Loading people, changing their consent, and storing it: ledger, state, suppression list, flag and events together.

Everything that changes consent goes through `load` and `save`, in one transaction, a handful of statements for one
contact or for thousands.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.features.consent import ledger, queries
from orbit_contacts.features.consent.addresses import Address
from orbit_contacts.features.consent.person import Held, Person, Suppression
from orbit_contacts.features.consent.queries import StateRow
from orbit_contacts.features.consent.state import decode
from orbit_contacts.features.contacts.address_hash import hash_key
from orbit_contacts.features.contacts.emails import email_key
from orbit_contacts.features.contacts.lifecycle import Release
from orbit_contacts.features.contacts.phones import phone_key
from orbit_contacts.features.timeline import service as timeline

KINDS = ("phone", "email", "external_id")


class Changing:
    """People whose contacts are locked until the transaction ends."""

    def __init__(self, tx: Transaction, people: dict[UUID, Person], dnc: dict[UUID, bool]) -> None:
        self.tx = tx
        self.people = people
        self._dnc = dnc

    async def save(self, *, every_state: bool = False) -> set[UUID]:
        """Store all that was decided; gives the contacts whose own row changed (the do-not-call flag)."""
        tx = self.tx
        everyone = self.people.values()
        await ledger.append(tx, [entry for person in everyone for entry in person.entries])
        if removed := [key for person in everyone for key in person.removed]:
            await queries.remove_suppressions(tx, removed)
        if written := [person.rows[key] for person in everyone for key in person.written]:
            await queries.put_suppressions(tx, written)
        if changed := [p for p in everyone if every_state or p.entries or p.written or p.removed]:
            await queries.put_states(tx, [StateRow(p.id, p.state, sorted(p.hashes)) for p in changed])
        flags = {id: flag for id, person in self.people.items() if (flag := person.is_dnc()) != self._dnc[id]}
        if flags:
            await queries.set_dnc(tx, flags)
        for person in everyone:
            for happening in person.happenings:
                await timeline.record(tx, person.id, happening.type, happening.data, channel=happening.channel)
        return set(flags)


async def load(tx: Transaction, contact_ids: Iterable[UUID], *, also_deleted: bool = False) -> Changing:
    """Lock the live contacts among `contact_ids` and read what is known of their consent."""
    locked = await queries.lock_contacts(tx, sorted(set(contact_ids)), also_deleted)
    rows = {row["id"]: row for row in locked}
    people: dict[UUID, Person] = {}
    if rows:
        states = await queries.stored_states(tx, list(rows))
        held = await _held(tx, rows)
        for id in rows:
            addresses, suppressions = held[id]
            stored = states.get(id)
            people[id] = Person(
                id,
                addresses,
                decode(stored["state"] if stored else None),
                suppressions,
                hashes=stored["addresses"] if stored else (),
                kinds=[kind for kind in KINDS if rows[id][kind] is not None],
                now=tx.now,
                actor=tx.caller.actor,
            )
    return Changing(tx, people, {id: row["dnc"] for id, row in rows.items()})


async def _held(tx: Reader, contacts: dict[UUID, Record]) -> dict[UUID, tuple[list[Held], list[Suppression]]]:
    """The addresses of contacts, the contact's main phone and e-mail first, and what suppresses them."""
    found: dict[UUID, tuple[list[Held], list[Suppression]]] = defaultdict(lambda: ([], []))
    for row in await queries.held_addresses(tx, list(contacts), hash_key(tx)):
        addresses, suppressions = found[row["contact_id"]]
        shown = _shown(contacts[row["contact_id"]], row["kind"], row["value"])
        held = Held(row["kind"], row["hash"], shown or row["value"])
        if held not in addresses:
            addresses.insert(0 if shown else len(addresses), held)
        if row["id"] is not None:
            suppressions.append(suppression_of(row))
    for addresses, _ in found.values():
        addresses.sort(key=_by_kind)
    return found


def _by_kind(held: Held) -> int:
    return KINDS.index(held.kind)


def _shown(contact: Record, kind: str, key: str) -> str | None:
    """The contact's own spelling of an identifier, if it is its main one."""
    value: str | None = contact[kind]
    if value is None:
        return None
    return value if _key(kind, value) == key else None


def suppression_of(row: Record) -> Suppression:
    return Suppression(
        id=row["id"],
        kind=row["kind"],
        hash=row["hash"],
        scope=row["scope"],
        address=row["address"],
        lifted=frozenset(row["lifted"]),
        source=row["source"],
        reason=row["reason"],
        record_id=row["record_id"],
        created_by=row["created_by"],
        created_at=row["created_at"],
    )


async def settle(tx: Transaction, contact_ids: Sequence[UUID]) -> set[UUID]:
    """After contacts gained identifiers; gives those whose own row changed. One statement when consent has no say."""
    touched = await queries.touched(tx, contact_ids)
    if not touched:
        return set()
    changing = await load(tx, touched)
    for person in changing.people.values():
        person.settle()
    return await changing.save()


async def leave_tombstones(tx: Transaction, contact_ids: Sequence[UUID]) -> None:
    """Before contacts are deleted: what they closed stays closed to whoever comes back under their identifiers."""
    touched = await queries.touched(tx, contact_ids)
    if not touched:
        return
    changing = await load(tx, touched)
    for person in changing.people.values():
        person.settle()
        person.leave_tombstones()
    # Of all of them, so that erasing finds every address that was written down for them.
    await changing.save(every_state=True)


async def leave_behind(tx: Transaction, releases: Sequence[Release]) -> None:
    """Before live contacts give up identifiers: what they closed at them stays closed to whoever holds them next."""
    touched = await queries.touched(tx, sorted({each.contact_id for each in releases}))
    if not touched:
        return
    key = hash_key(tx)
    given_up = {key.hash(each.kind, each.key) for each in releases}
    changing = await load(tx, touched)
    for person in changing.people.values():
        person.settle()
        person.leave_tombstones(given_up)
    await changing.save()


async def erase(tx: Transaction, contact_id: UUID) -> None:
    """The ledger and the suppressions outlive the contact; its words and addresses do not."""
    states = await queries.stored_states(tx, [contact_id])
    if contact_id not in states:
        return
    held = await _held_by_others(tx, states[contact_id]["addresses"])
    await queries.forget_addresses(tx, [hash for hash in states[contact_id]["addresses"] if hash not in held])
    await ledger.close(tx, contact_id)


async def _held_by_others(tx: Transaction, hashes: Sequence[bytes]) -> set[bytes]:
    """The suppressed addresses among `hashes` that a live contact holds: whoever the erased one was merged into, or
    whoever has its former number now."""
    named = {
        row["hash"]: Address(row["kind"], _key(row["kind"], row["address"]), row["address"])
        for row in await queries.suppressions_of(tx, hashes)
        if row["address"] is not None
    }
    holders = await queries.holders(tx, named.values())
    return {hash for hash, address in named.items() if (address.kind, address.key) in holders}


def _key(kind: str, value: str) -> str:
    return phone_key(value) if kind == "phone" else email_key(value) if kind == "email" else value
