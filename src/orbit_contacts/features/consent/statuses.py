"""The status of each channel as columns of a statement about contacts `c`: for work on many contacts at once.

They say what `service.consent_of` says of one contact: what is stored of its consent, and the suppressions of the
addresses it holds. A set of contacts is bounded once, so that each table is read along its index.
"""

from bisect import bisect_right
from typing import LiteralString, NamedTuple
from uuid import UUID

from orbit_contacts.core.database import Reader
from orbit_contacts.core.where import Where
from orbit_contacts.features.consent import queries
from orbit_contacts.features.consent.channels import CHANNELS, covers
from orbit_contacts.features.contacts.address_hash import hash_key, hash_of_identifier

KINDS: tuple[LiteralString, ...] = ("phone", "email", "external_id")


class Stretch(NamedTuple):
    """Contacts by their ids: those beyond `after`, up to and with `last`; of these only `ids`, when given."""

    after: UUID | None
    last: UUID
    ids: list[UUID] | None = None

    def holds(self, where: Where, id: LiteralString) -> LiteralString:
        """The condition that a column is the id of one of them."""
        if self.ids is not None:
            return id + " = ANY(" + where.bind(self.ids) + ")"
        within: LiteralString = id + " <= " + where.bind(self.last)
        return within if self.after is None else within + " AND " + id + " > " + where.bind(self.after)


class Known(NamedTuple):
    """What there can be to look up in a workspace: states of contacts, and suppressions of these kinds of address."""

    states: bool
    suppressed_kinds: list[str]


async def known(reader: Reader) -> Known:
    """Addresses are hashed to be looked up, which is most of the work, so only kinds that are suppressed at all are."""
    states, *kinds = await queries.what_is_known(reader)
    return Known(states, [kind for kind, suppressed in zip(KINDS, kinds, strict=True) if suppressed])


_SAID: LiteralString = """
    LEFT JOIN (
        SELECT t.cell_id, t.contact_id, t.opted_in, t.opted_out FROM consent_states t
        WHERE t.cell_id = ANY({cells}) AND {within}
    ) AS said ON said.cell_id = c.cell_id AND said.contact_id = c.id"""
_CLOSED: LiteralString = """
    SELECT i.contact_id, string_agg(closes.channel, ',') AS channels
    FROM contact_identifiers i
    JOIN suppressions s ON s.workspace_id = i.workspace_id AND s.address_hash = {hash}
    CROSS JOIN LATERAL unnest({covered}) AS closes (channel)
    WHERE i.workspace_id = {workspace} AND i.cell_id = ANY({cells}) AND {within} AND i.kind = ANY({kinds})
      AND closes.channel <> ALL (s.lifted)
    GROUP BY i.contact_id ORDER BY i.contact_id"""
_JOINED: LiteralString = """
    LEFT JOIN (
        SELECT contact_id, string_to_array(channels, ',') AS channels
        FROM unnest({ids}::uuid[], {channels}::text[]) AS listed (contact_id, channels)
    ) AS closed ON closed.contact_id = c.id"""


def _literal(words: list[LiteralString]) -> LiteralString:
    return "ARRAY['" + "', '".join(words) + "']"


def _covered() -> LiteralString:
    """`channels.covers`."""
    every: list[LiteralString] = []
    for kind in KINDS:
        channels: list[LiteralString] = [channel for channel in CHANNELS if channel in covers(kind, "all")]
        every.append("WHEN s.scope = 'all' AND s.kind = '" + kind + "' THEN " + _literal(channels))
    return "CASE " + " ".join(every) + " ELSE ARRAY[s.scope] END"


_COVERED = _covered()


class Closed(NamedTuple):
    """Contacts of whose addresses one is suppressed, in the order of their ids, and the channels that this closes."""

    ids: list[UUID]
    channels: list[str]

    def of(self, stretch: Stretch) -> "Closed":
        """Those of a part of the stretch."""
        first = 0 if stretch.after is None else bisect_right(self.ids, stretch.after)
        end = bisect_right(self.ids, stretch.last)
        return Closed(self.ids[first:end], self.channels[first:end])


async def closed(reader: Reader, known: Known, stretch: Stretch) -> Closed:
    """Best of a long stretch: the list is read once, and each address of the stretch is hashed once."""
    if not known.suppressed_kinds:
        return Closed([], [])
    where, key = Where(), hash_key(reader)
    statement = _CLOSED.replace("{hash}", hash_of_identifier(where.bind(key.inner), where.bind(key.outer)))
    statement = statement.replace("{workspace}", where.bind(reader.caller.workspace_id)).replace("{covered}", _COVERED)
    statement = statement.replace("{cells}", where.bind(reader.caller.cells))
    statement = statement.replace("{kinds}", where.bind(known.suppressed_kinds))
    rows = await reader.fetch_all(statement.replace("{within}", stretch.holds(where, "i.contact_id")), *where.args)
    return Closed([row[0] for row in rows], [row[1] for row in rows])


def joins(where: Where, reader: Reader, known: Known, stretch: Stretch, closed: Closed) -> LiteralString:
    """What a statement about the contacts of a stretch joins for its columns; binds its values in `where`."""
    joined: LiteralString = ""
    if known.states:
        cells = where.bind(reader.caller.cells)
        joined += _SAID.replace("{cells}", cells).replace("{within}", stretch.holds(where, "t.contact_id"))
    if known.suppressed_kinds:
        ids, channels = where.bind(closed.ids), where.bind(closed.channels)
        joined += _JOINED.replace("{ids}", ids).replace("{channels}", channels)
    return joined


def columns(known: Known) -> dict[str, LiteralString]:
    """The status of each channel, as an expression over what `joins` joined: opted_in, opted_out or unknown."""
    return {channel: _status(channel, known) for channel in CHANNELS}


def _status(channel: LiteralString, known: Known) -> LiteralString:
    cases: LiteralString = ""
    if known.states:
        cases += " WHEN '" + channel + "' = ANY (said.opted_out) THEN 'opted_out'"
    if known.suppressed_kinds:
        cases += " WHEN '" + channel + "' = ANY (closed.channels) THEN 'opted_out'"
    if known.states:
        cases += " WHEN '" + channel + "' = ANY (said.opted_in) THEN 'opted_in'"
    return "CASE" + cases + " ELSE 'unknown' END" if cases else "'unknown'"
