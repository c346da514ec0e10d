"""The status of each channel as columns of a statement about contacts `c`: for work on many contacts at once.

They say what `service.consent_of` says of one contact: what is stored of its consent, and the suppressions of the
addresses it holds. A set of contacts is bounded once, so that each table is read along its index.
"""

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
# The limit, above the number of scopes, keeps the look-up one by the key of the list: it may be far longer than the
# stretch.
_CLOSED: LiteralString = """
    LEFT JOIN (
        SELECT i.cell_id, i.contact_id, array_agg(closes.channel) AS channels
        FROM contact_identifiers i
        CROSS JOIN LATERAL (
            SELECT s.kind, s.scope, s.lifted FROM suppressions s
            WHERE s.workspace_id = {workspace} AND s.address_hash = {hash} LIMIT 100
        ) AS suppressed
        CROSS JOIN LATERAL unnest({covered}) AS closes (channel)
        WHERE i.workspace_id = {workspace} AND i.cell_id = ANY({cells}) AND {within} AND i.kind = ANY({kinds})
          AND closes.channel <> ALL (suppressed.lifted)
        GROUP BY i.cell_id, i.contact_id
    ) AS closed ON closed.cell_id = c.cell_id AND closed.contact_id = c.id"""


def _literal(words: list[LiteralString]) -> LiteralString:
    return "ARRAY['" + "', '".join(words) + "']"


def _covered() -> LiteralString:
    """`channels.covers`."""
    every: list[LiteralString] = []
    for kind in KINDS:
        channels: list[LiteralString] = [channel for channel in CHANNELS if channel in covers(kind, "all")]
        every.append("WHEN suppressed.scope = 'all' AND suppressed.kind = '" + kind + "' THEN " + _literal(channels))
    return "CASE " + " ".join(every) + " ELSE ARRAY[suppressed.scope] END"


_COVERED = _covered()


def joins(where: Where, reader: Reader, known: Known, stretch: Stretch) -> LiteralString:
    """What a statement about the contacts of a stretch joins for its columns; binds its values in `where`."""
    joined: LiteralString = ""
    cells = where.bind(reader.caller.cells) if known.states or known.suppressed_kinds else ""
    if known.states:
        within = stretch.holds(where, "t.contact_id")
        joined += _SAID.replace("{cells}", cells).replace("{within}", within)
    if known.suppressed_kinds:
        key = hash_key(reader)
        closed = _CLOSED.replace("{hash}", hash_of_identifier(where.bind(key.inner), where.bind(key.outer)))
        closed = closed.replace("{covered}", _COVERED).replace("{cells}", cells)
        closed = closed.replace("{workspace}", where.bind(reader.caller.workspace_id))
        closed = closed.replace("{kinds}", where.bind(known.suppressed_kinds))
        joined += closed.replace("{within}", stretch.holds(where, "i.contact_id"))
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
