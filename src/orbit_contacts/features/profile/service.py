"""A contact's profile: each part is one function, all of them see the database at one instant.

Totals come from the sums kept with the events, everything else from a bounded number of the newest ones, so that a
contact with 50,000 events costs what one with 500 does.
"""

from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import Instant, format_instant
from orbit_contacts.core.database import Snapshot
from orbit_contacts.features.consent import service as consent
from orbit_contacts.features.contacts import queries as contact_queries
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import Contact
from orbit_contacts.features.lists import service as lists
from orbit_contacts.features.merging import service as merging
from orbit_contacts.features.notes import queries as notes
from orbit_contacts.features.profile import queries, scores
from orbit_contacts.features.profile.models import Identity, Profile, Scores, SegmentName, Stats, SuppressedScopes
from orbit_contacts.features.profile.scores import Behaviour, Purchases, Seen
from orbit_contacts.features.segments import explain, stored
from orbit_contacts.features.segments import queries as segment_queries
from orbit_contacts.features.segments import rules as segment_rules
from orbit_contacts.features.segments.evaluate import matches
from orbit_contacts.features.segments.tree import AllOf
from orbit_contacts.features.timeline import listing

NEWEST = 500
RECENT = 10
MAX_SEGMENTS = 200


async def profile(snapshot: Snapshot, contact_id: UUID) -> Profile:
    """Everything about a live contact. Raises `NotFound`."""
    cell_id = snapshot.caller.cell(ids.cell_number(contact_id))
    row = await contact_queries.find(snapshot, cell_id, contact_id)
    if row is None:
        raise contacts.not_found(contact_id)
    contact = contact_queries.contact_of(row)
    agreed = (await consent.states(snapshot, [contact_id])).get(contact_id, consent.NO_CONSENT)
    sums = await queries.sums(snapshot, cell_id, contact_id)
    behaviour = await _behaviour(snapshot, cell_id, contact_id)
    stats = _stats(sums, await notes.count(snapshot, cell_id, contact_id), behaviour.preferred_channel())
    purchases = Purchases(0, None) if sums is None else Purchases(sums["orders"], sums["last_order_at"])
    return Profile(
        contact=contact,
        identities=await _identities(snapshot, contact_id, contact),
        preferences={channel: effective.status for channel, effective in agreed.channels.items()},
        suppression=SuppressedScopes(scopes=agreed.suppressed_scopes),
        blocked=contact.blocked,
        lists=await lists.lists_of(snapshot, contact_id),
        segments=await _segments(snapshot, contact_id),
        stats=stats,
        scores=_scores(behaviour, purchases, row["created_at"], snapshot.now),
        derived_trait_tags=scores.trait_tags(behaviour, purchases, tickets_open=stats.tickets_open, now=snapshot.now),
        recent_activity=await listing.recent(snapshot, contact_id, RECENT),
        custom_fields=contact.custom_fields,
    )


async def _behaviour(snapshot: Snapshot, cell_id: int, contact_id: UUID) -> Behaviour:
    rows = await queries.newest(snapshot, cell_id, contact_id, NEWEST)
    return Behaviour([Seen(*row) for row in rows], snapshot.now)


def _stats(sums: Record | None, note_count: int, preferred_channel: str | None) -> Stats:
    counted = {} if sums is None else dict(sums)
    return Stats(
        messages_sent=counted.get("messages_sent", 0),
        messages_received=counted.get("messages_received", 0),
        # Senders tell the beginning of a call, its end, or both.
        calls=max(counted.get("calls_started", 0), counted.get("calls_ended", 0)),
        tickets_open=max(counted.get("tickets_opened", 0) - counted.get("tickets_closed", 0), 0),
        events=counted.get("events", 0),
        notes=note_count,
        last_inbound_at=_shown(counted.get("last_inbound_at")),
        last_outbound_at=_shown(counted.get("last_outbound_at")),
        last_activity_at=_shown(counted.get("last_activity_at")),
        preferred_channel=preferred_channel,
    )


def _shown(instant: Instant | None) -> str | None:
    return None if instant is None else format_instant(instant)


async def _identities(snapshot: Snapshot, contact_id: UUID, contact: Contact) -> list[Identity]:
    """The contact's own identifiers, then those it won by merges."""
    own = [("phone", contact.phone), ("email", contact.email), ("external_id", contact.external_id)]
    further = [(alias.kind, alias.value) for alias in await merging.aliases(snapshot, contact_id)]
    return [Identity(type=kind, value=value, verified=False) for kind, value in own + further if value is not None]


async def _segments(snapshot: Snapshot, contact_id: UUID) -> list[SegmentName]:
    """The segments the contact belongs to, by name: its values are read once, every rule is evaluated on them."""
    rows = await segment_queries.page(snapshot, None, MAX_SEGMENTS)
    if not rows:
        return []
    documents = [stored.document_of(row) for row in rows]
    types = await stored.definitions(snapshot, documents)
    region = snapshot.caller.default_region
    trees = [segment_rules.read_stored(document, types, region) for document in documents]
    members = await stored.members_of(snapshot, AllOf(tuple(trees)))
    person = await explain.person_of(snapshot, contact_id, members)
    found = [
        SegmentName(id=ids.text("seg", row["id"]), name=row["name"])
        for row, tree in zip(rows, trees, strict=True)
        if matches(tree, person, snapshot.now, members.segments)
    ]
    return sorted(found, key=_name_of)


def _name_of(segment: SegmentName) -> str:
    return segment.name.casefold()


def _scores(behaviour: Behaviour, purchases: Purchases, created_at: Instant, now: Instant) -> Scores:
    return Scores(
        engagement=behaviour.engagement(),
        churn_risk=behaviour.churn_risk(created_at),
        rfm_label=scores.rfm_label(purchases, behaviour.last_act, created_at, now),
    )
