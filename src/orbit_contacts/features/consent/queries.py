"""Every statement on consent states and the suppression list; those on the ledger are in `ledger_queries`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import LiteralString, NamedTuple
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.features.consent.addresses import Address
from orbit_contacts.features.consent.person import Suppression
from orbit_contacts.features.consent.state import State, encode
from orbit_contacts.features.contacts.address_hash import HASH_OF_IDENTIFIER, HashKey, hash_key

# Contacts as $2 (their cells) and $3. Seen through a subquery, an array looks the same to the planner whatever it
# holds, so the prepared plan is kept; as a plain parameter it would be planned anew for each call, which costs more
# than the statement itself.
CELLS: LiteralString = "ANY((SELECT $2::bigint[])::bigint[])"
CONTACTS: LiteralString = "ANY((SELECT $3::uuid[])::uuid[])"


async def lock_contacts(tx: Transaction, contact_ids: Sequence[UUID], also_deleted: bool) -> list[Record]:
    """Contacts among `contact_ids`, live ones unless `also_deleted`, locked in the order of their ids."""
    return await tx.fetch_all(
        """
        SELECT id, phone, email, external_id, dnc FROM contacts
        WHERE cell_id = ANY((SELECT $1::bigint[])::bigint[])
          AND id = ANY((SELECT $2::uuid[])::uuid[]) AND (deleted_at IS NULL OR $3)
        ORDER BY id FOR UPDATE
        """,
        tx.caller.cells,
        list(contact_ids),
        also_deleted,
    )


async def stored_states(reader: Reader, contact_ids: Sequence[UUID]) -> dict[UUID, Record]:
    """The folded states of contacts: state, addresses."""
    rows = await reader.fetch_all(
        f"""
        SELECT contact_id, state, addresses FROM consent_states
        WHERE workspace_id = $1 AND cell_id = {CELLS} AND contact_id = {CONTACTS}
        """,
        reader.caller.workspace_id,
        reader.caller.cells,
        list(contact_ids),
    )
    return {row["contact_id"]: row for row in rows}


async def held_addresses(reader: Reader, contact_ids: Sequence[UUID], key: HashKey) -> list[Record]:
    """Each identifier of each contact with its hash, once per suppression of it (or once, with none: `id` is null)."""
    return await reader.fetch_all(
        f"""
        SELECT i.contact_id, i.kind, i.value, i.hash,
               s.id, s.scope, s.address, s.lifted, s.source, s.reason, s.record_id, s.created_by, s.created_at
        FROM (SELECT i.workspace_id, i.contact_id, i.kind, i.value, {HASH_OF_IDENTIFIER} AS hash
              FROM contact_identifiers i
              WHERE i.workspace_id = $1 AND i.cell_id = {CELLS} AND i.contact_id = {CONTACTS}) i
        LEFT JOIN suppressions s ON s.workspace_id = i.workspace_id AND s.address_hash = i.hash
        """,
        reader.caller.workspace_id,
        reader.caller.cells,
        list(contact_ids),
        key.inner,
        key.outer,
    )


async def what_is_known(reader: Reader) -> Record:
    """Whether any contact has a consent state, and whether an address of each kind is suppressed: four columns."""
    row = await reader.fetch_one(
        """
        SELECT EXISTS (SELECT FROM consent_states WHERE cell_id = ANY($2)),
               EXISTS (SELECT FROM suppressions WHERE workspace_id = $1 AND kind = 'phone'),
               EXISTS (SELECT FROM suppressions WHERE workspace_id = $1 AND kind = 'email'),
               EXISTS (SELECT FROM suppressions WHERE workspace_id = $1 AND kind = 'external_id')
        """,
        reader.caller.workspace_id,
        reader.caller.cells,
    )
    assert row is not None
    return row


async def touched(reader: Reader, contact_ids: Sequence[UUID]) -> set[UUID]:
    """The contacts to which consent has anything to say: opted out, or holding a suppressed address."""
    key = hash_key(reader)
    rows = await reader.fetch_all(
        f"""
        SELECT i.contact_id FROM contact_identifiers i
        JOIN suppressions s ON s.workspace_id = i.workspace_id AND s.address_hash = {HASH_OF_IDENTIFIER}
        WHERE i.workspace_id = $1 AND i.cell_id = {CELLS} AND i.contact_id = {CONTACTS}
        UNION
        SELECT contact_id FROM consent_states WHERE cell_id = {CELLS} AND contact_id = {CONTACTS}
        """,
        reader.caller.workspace_id,
        reader.caller.cells,
        list(contact_ids),
        key.inner,
        key.outer,
    )
    return {row["contact_id"] for row in rows}


# Two columns of a statement about contacts `c`: what is stored of a contact's consent, and the suppressions of its
# addresses. $1 is the workspace, $4 and $5 are those of `HASH_OF_IDENTIFIER`.
CONSENT_OF_CONTACT: LiteralString = f"""
    (SELECT t.state FROM consent_states t WHERE t.cell_id = c.cell_id AND t.contact_id = c.id) AS consent,
    (SELECT array_agg((s.kind, s.scope, array_to_string(s.lifted, ','), s.source, s.record_id, s.created_at))
     FROM contact_identifiers i
     JOIN suppressions s ON s.workspace_id = i.workspace_id AND s.address_hash = {HASH_OF_IDENTIFIER}
     WHERE i.workspace_id = $1 AND i.cell_id = c.cell_id AND i.contact_id = c.id) AS suppressed
"""


async def consents(reader: Reader, contact_ids: Sequence[UUID]) -> list[Record]:
    """Contacts, live or not: contact_id, consent, suppressed."""
    key = hash_key(reader)
    return await reader.fetch_all(
        f"""
        SELECT c.id AS contact_id, {CONSENT_OF_CONTACT}
        FROM contacts c WHERE c.workspace_id = $1 AND c.cell_id = {CELLS} AND c.id = {CONTACTS}
        """,
        reader.caller.workspace_id,
        reader.caller.cells,
        list(contact_ids),
        key.inner,
        key.outer,
    )


async def holders(reader: Reader, addresses: Iterable[Address]) -> dict[tuple[str, str], UUID]:
    """Who holds addresses now: (kind, key) > contact."""
    asked = list(addresses)
    rows = await reader.fetch_all(
        """
        SELECT i.kind, i.value, i.contact_id FROM contact_identifiers i
        WHERE i.workspace_id = $1
          AND (i.kind, i.value) IN (SELECT kind, value FROM unnest($2::text[], $3::text[]) AS asked (kind, value))
        """,
        reader.caller.workspace_id,
        [address.kind for address in asked],
        [address.key for address in asked],
    )
    return {(row["kind"], row["value"]): row["contact_id"] for row in rows}


class StateRow(NamedTuple):
    contact_id: UUID
    state: State
    addresses: list[bytes]


async def put_states(tx: Transaction, rows: Sequence[StateRow]) -> None:
    closed = [row.state.closed() for row in rows]
    last = [max((effective.since or 0 for effective in each.values()), default=None) for each in closed]
    opted_in = [sorted(c for c, stance in row.state.channels.items() if stance.status == "opted_in") for row in rows]
    await tx.execute(
        """
        INSERT INTO consent_states (workspace_id, cell_id, contact_id, opted_in, opted_out, opted_out_at, state,
                                    addresses)
        SELECT $1, cell_id, contact_id, string_to_array(opted_in, ','),
               string_to_array(opted_out, ','), opted_out_at, state,
               array(SELECT decode(hash, 'hex') FROM unnest(string_to_array(addresses, ',')) AS hash)
        FROM unnest($2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::jsonb[], $8::text[])
          AS put (cell_id, contact_id, opted_in, opted_out, opted_out_at, state, addresses)
        ON CONFLICT (cell_id, contact_id) DO UPDATE
        SET opted_in = excluded.opted_in, opted_out = excluded.opted_out, opted_out_at = excluded.opted_out_at,
            state = excluded.state, addresses = excluded.addresses
        """,
        tx.caller.workspace_id,
        [tx.caller.cell(ids.cell_number(row.contact_id)) for row in rows],
        [row.contact_id for row in rows],
        [",".join(c for c in channels if c not in closed[n]) for n, channels in enumerate(opted_in)],
        [",".join(each) for each in closed],
        last,
        [encode(row.state) for row in rows],
        [",".join(address.hex() for address in row.addresses) for row in rows],
    )


async def set_dnc(tx: Transaction, flags: Mapping[UUID, bool]) -> None:
    """Flag contacts as on the do-not-call list, or no longer."""
    await tx.execute(
        """
        UPDATE contacts c SET dnc = flagged.dnc, updated_at = greatest($4, c.updated_at + interval '1 microsecond')
        FROM unnest($2::uuid[], $3::boolean[]) AS flagged (id, dnc)
        WHERE c.cell_id = ANY($1) AND c.id = flagged.id
        """,
        tx.caller.cells,
        list(flags),
        list(flags.values()),
        tx.now,
    )


async def put_suppressions(tx: Transaction, rows: Sequence[Suppression]) -> None:
    """Add entries, or change what is known of them; in the order of their keys, so that two writers never cross."""
    ordered = sorted(rows, key=lambda row: (row.hash, row.scope))
    await tx.execute(
        """
        INSERT INTO suppressions (workspace_id, address_hash, scope, id, kind, address, lifted, source, reason,
                                  record_id, created_by, created_at)
        SELECT $1, address_hash, scope, id, kind, address, string_to_array(lifted, ','),
               source, reason, record_id, created_by, created_at
        FROM unnest($2::bytea[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                    $10::uuid[], $11::text[], $12::timestamptz[])
          AS put (address_hash, scope, id, kind, address, lifted, source, reason, record_id, created_by, created_at)
        ON CONFLICT (workspace_id, address_hash, scope) DO UPDATE
        SET address = excluded.address, lifted = excluded.lifted, source = excluded.source, reason = excluded.reason,
            record_id = excluded.record_id
        """,
        tx.caller.workspace_id,
        [row.hash for row in ordered],
        [row.scope for row in ordered],
        [row.id for row in ordered],
        [row.kind for row in ordered],
        [row.address for row in ordered],
        [",".join(sorted(row.lifted)) for row in ordered],
        [row.source for row in ordered],
        [row.reason for row in ordered],
        [row.record_id for row in ordered],
        [row.created_by for row in ordered],
        [row.created_at for row in ordered],
    )


async def remove_suppressions(tx: Transaction, keys: Sequence[tuple[bytes, str]]) -> None:
    await tx.execute(
        """
        DELETE FROM suppressions
        WHERE workspace_id = $1 AND (address_hash, scope) IN (
            SELECT address_hash, scope FROM unnest($2::bytea[], $3::text[]) AS removed (address_hash, scope))
        """,
        tx.caller.workspace_id,
        [hash for hash, _ in keys],
        [scope for _, scope in keys],
    )


async def forget_addresses(tx: Transaction, hashes: Sequence[bytes]) -> None:
    """Of erased people's suppressions only the keyed hash remains."""
    await tx.execute(
        "UPDATE suppressions SET address = NULL, reason = NULL WHERE workspace_id = $1 AND address_hash = ANY($2)",
        tx.caller.workspace_id,
        list(hashes),
    )


async def suppressions_of(reader: Reader, hashes: Sequence[bytes]) -> list[Record]:
    """The entries of addresses."""
    return await reader.fetch_all(
        """
        SELECT id, kind, address_hash AS hash, scope, address, lifted, source, reason, record_id, created_by, created_at
        FROM suppressions WHERE workspace_id = $1 AND address_hash = ANY($2)
        """,
        reader.caller.workspace_id,
        list(hashes),
    )


async def known_under(reader: Reader, hash: bytes) -> list[UUID]:
    """Contacts with a consent state that hold an address, or once did."""
    rows = await reader.fetch_all(
        "SELECT contact_id FROM consent_states WHERE cell_id = ANY($1) AND addresses @> $2::bytea[]",
        reader.caller.cells,
        [hash],
    )
    return [row["contact_id"] for row in rows]


async def find_suppression(reader: Reader, id: UUID) -> Record | None:
    return await reader.fetch_one(
        """
        SELECT id, kind, address_hash AS hash, scope, address, lifted, source, reason, record_id, created_by, created_at
        FROM suppressions WHERE workspace_id = $1 AND id = $2
        """,
        reader.caller.workspace_id,
        id,
    )


async def suppressions(
    reader: Reader, scope: str | None, hash: bytes | None, before: UUID | None, limit: int
) -> list[Record]:
    """Entries of a scope and an address, if given, newest first."""
    return await reader.fetch_all(
        """
        SELECT id, kind, address_hash AS hash, scope, address, lifted, source, reason, record_id, created_by, created_at
        FROM suppressions
        WHERE workspace_id = $1 AND ($2::text IS NULL OR scope = $2) AND ($3::bytea IS NULL OR address_hash = $3)
          AND ($4::uuid IS NULL OR id < $4)
        ORDER BY id DESC LIMIT $5
        """,
        reader.caller.workspace_id,
        scope,
        hash,
        before,
        limit,
    )


async def count_suppressions(reader: Reader, scope: str | None, hash: bytes | None, cap: int) -> int:
    return await reader.fetch_value(
        """
        SELECT count(*) FROM (
            SELECT FROM suppressions
            WHERE workspace_id = $1 AND ($2::text IS NULL OR scope = $2) AND ($3::bytea IS NULL OR address_hash = $3)
            LIMIT $4) AS counted
        """,
        reader.caller.workspace_id,
        scope,
        hash,
        cap,
    )


async def keyword_sent_at(reader: Reader, contact_id: UUID, record_id: UUID) -> Instant | None:
    """When the message was sent that a record of a keyword is about."""
    details = await reader.fetch_value(
        "SELECT details FROM consent_records WHERE cell_id = $1 AND id = $2",
        reader.caller.cell(ids.cell_number(contact_id)),
        record_id,
    )
    return None if details is None else msgspec.json.decode(details).get("sent_at")
