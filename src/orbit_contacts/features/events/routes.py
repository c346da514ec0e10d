"""Events in and out: `/contacts/{id}/events`, `/events/batch`, activity, timeline, journey; `/sdk` for browsers."""

from orbit_contacts.core.database import Reader, Transaction, Unbound
from orbit_contacts.core.errors import InvalidChannel, InvalidEmail, InvalidPhoneNumber, InvalidRequest
from orbit_contacts.core.ids import ContactId, contact_text
from orbit_contacts.core.operations import JSON, Request, Routes, Stream
from orbit_contacts.core.pagination import Page, PagedObject
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import ContactAlreadyExists
from orbit_contacts.features.events import queries, reading, sdk, service
from orbit_contacts.features.events.models import (
    Accepted,
    AcceptedEvent,
    BatchQuery,
    EventBatch,
    Identification,
    Identified,
    NewEvent,
    Tracked,
)
from orbit_contacts.features.timeline import journey, journey_csv, listing
from orbit_contacts.features.timeline.models import (
    Activity,
    Item,
    Journey,
    JourneyQuery,
    TimelineQuery,
)

routes = Routes("Events")
sdk_routes = Routes("SDK")

NDJSON = "application/x-ndjson"
_MAX_BODY = 32 << 20


@routes.post("/contacts/{id}/events", scope="contacts:write", status=202, refuses=(InvalidChannel,))
async def add_event(tx: Transaction, id: ContactId, body: NewEvent) -> AcceptedEvent:
    """Record an event of a contact.

    It can be read at once. An event known already is counted as a duplicate and changes nothing.
    """
    return await service.add_one(tx, id, body, source="api")


@routes.post(
    "/events/batch", scope="contacts:write", status=202, accepts=(JSON, NDJSON), reads=EventBatch, max_body=_MAX_BODY
)
async def add_events(tx: Transaction, query: BatchQuery, request: Request) -> Accepted:
    """Record up to 10,000 events of any contacts.

    Each names its contact by `contact_id`, `external_id`, `phone` or `email`. As `application/x-ndjson` every line is
    one event. An event that is wrong is rejected by itself; the others are recorded and can be read at once.
    """
    content_type = request.header("content-type") or JSON
    if "ndjson" in content_type or "jsonl" in content_type:
        given, create = reading.read_lines(request.body), False
    else:
        given, create = reading.read_document(request.body, is_json="json" in content_type)
    return await service.add_batch(tx, given, create=create or query.create_contacts, source="api")


@routes.get("/contacts/{id}/activity", scope="contacts:read", refuses=(InvalidChannel, InvalidRequest))
async def list_activity(reader: Reader, id: ContactId, query: TimelineQuery) -> Page[Activity]:
    """List a contact's communications, newest first (`order=asc` turns it): messages, calls, tickets and notes."""
    await _traveller(reader, id)
    return await listing.activity(reader, id, query)


@routes.get("/contacts/{id}/timeline", scope="contacts:read", refuses=(InvalidChannel,))
async def get_timeline(reader: Reader, id: ContactId, query: TimelineQuery) -> Page[Item]:
    """Everything that happened to a contact, newest first: messages, calls, tickets, events, notes, changes.

    `total` counts to 1,000.
    """
    await _traveller(reader, id)
    return await listing.timeline(reader, id, query)


@routes.get("/contacts/{id}/journey", scope="contacts:read", refuses=(InvalidChannel,))
async def get_journey(reader: Reader, id: ContactId, query: JourneyQuery) -> PagedObject[Journey]:
    """A contact's journey, oldest first: its stages with their durations, and what happened in which.

    `order=desc` turns the events. `summary` and `stages` tell the whole journey; filters and pages apply to `events`.
    """
    return await journey.journey(reader, await _traveller(reader, id), query)


@routes.get("/contacts/{id}/journey.csv", scope="contacts:read", produces=("text/csv",), refuses=(InvalidChannel,))
async def export_journey(work: Unbound, id: ContactId, query: JourneyQuery) -> Stream:
    """A contact's journey as a CSV file, oldest first (`order=desc` turns it), at most 50,000 rows.

    Cells that a spreadsheet would take for a formula get a leading apostrophe.
    """
    async with work.reader() as reader:
        contact = await _traveller(reader, id)
        journey.check(reader, id, query)  # before the file begins
    pages = journey.events_in_pages(work, contact, query, most=journey_csv.MAX_ROWS)
    name = f"contact_{contact_text(id)}_journey.csv"
    return Stream(
        "text/csv; charset=utf-8",
        journey_csv.lines(pages),
        {"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _traveller(reader: Reader, id: ContactId) -> journey.Traveller:
    """The live contact of this id; refuses every other."""
    row = await queries.beginning_and_stage(reader, id)
    if row is None:
        raise contacts.not_found(id)
    return journey.Traveller(id, row["created_at"], row["lifecycle_stage"])


_IDENTIFIERS = (InvalidPhoneNumber, InvalidEmail, ContactAlreadyExists)


@sdk_routes.post("/sdk/identify", scope="contacts:write", public=True, refuses=_IDENTIFIERS)
async def identify(tx: Transaction, body: Identification) -> Identified:
    """Tell who a visitor is; makes the contact or brings it up to date.

    For browsers, with a public key, from any origin. A public key adds identifiers but never replaces one.
    """
    return await sdk.identify(tx, body)


@sdk_routes.post("/sdk/track", scope="contacts:write", public=True, status=202, refuses=_IDENTIFIERS)
async def track(tx: Transaction, body: Tracked) -> AcceptedEvent:
    """Tell what a visitor did.

    For browsers, with a public key, from any origin. A visitor not known yet becomes a contact.
    """
    return await sdk.track(tx, body)
