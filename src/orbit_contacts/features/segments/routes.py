"""`/contacts/segments`."""

from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.ids import ContactId, SegmentId
from orbit_contacts.core.operations import Routes
from orbit_contacts.core.pagination import Page, PageQuery
from orbit_contacts.features.contacts.models import Contact
from orbit_contacts.features.segments import explain, service
from orbit_contacts.features.segments.faults import InvalidSegmentRules
from orbit_contacts.features.segments.models import (
    Explanation,
    NewSegment,
    Preview,
    PreviewRequest,
    Segment,
    SegmentChange,
    SegmentInUse,
    SegmentNameTaken,
)

routes = Routes("Segments")


@routes.post("/contacts/segments", scope="contacts:write", status=201, refuses=(SegmentNameTaken, InvalidSegmentRules))
async def create_segment(tx: Transaction, body: NewSegment) -> Segment:
    """Create a segment: a rule that contacts meet or not, decided each time it is asked.

    Without `rules` it is every contact. Refusals of a rule say in `details.path` where it is wrong.
    """
    return await service.create(tx, body)


@routes.get("/contacts/segments", scope="contacts:read")
async def list_segments(reader: Reader, query: PageQuery) -> Page[Segment]:
    """List segments, newest first; counts are at most about a minute old, `as_of` says how old."""
    return await service.list_segments(reader, query)


@routes.post("/contacts/segments/preview", scope="contacts:read", refuses=(InvalidSegmentRules,))
async def preview_segment(reader: Reader, body: PreviewRequest) -> Preview:
    """Preview a rule without storing it: how many contacts meet it, and some of them.

    Counting stops at 10,000 (`at_least`), or when it takes too long; the number is then `estimated` from a sample.
    """
    return await service.preview(reader, body)


@routes.get("/contacts/segments/{id}", scope="contacts:read")
async def get_segment(reader: Reader, id: SegmentId) -> Segment:
    """Get a segment with its count.

    The count is made anew if that is cheap. A dear one is shown again for ten times as long as it took, at most a
    minute; `as_of` is the instant for which it is exact.
    """
    return await service.get(reader, id)


@routes.put("/contacts/segments/{id}", scope="contacts:write", refuses=(SegmentNameTaken, InvalidSegmentRules))
async def update_segment(tx: Transaction, id: SegmentId, body: SegmentChange) -> Segment:
    """Change a segment's name, its rules (as a whole), or both."""
    return await service.change(tx, id, body)


@routes.patch("/contacts/segments/{id}", scope="contacts:write", refuses=(SegmentNameTaken, InvalidSegmentRules))
async def patch_segment(tx: Transaction, id: SegmentId, body: SegmentChange) -> Segment:
    """Change a segment; the same as PUT."""
    return await service.change(tx, id, body)


@routes.delete("/contacts/segments/{id}", scope="contacts:write", status=204, refuses=(SegmentInUse,))
async def delete_segment(tx: Transaction, id: SegmentId) -> None:
    """Delete a segment; contacts are not affected. Refused while another segment names it in its rules."""
    await service.delete(tx, id)


@routes.get("/contacts/segments/{id}/contacts", scope="contacts:read")
async def list_segment_contacts(reader: Reader, id: SegmentId, query: PageQuery) -> Page[Contact]:
    """List the contacts of a segment as of now, newest first."""
    return await service.list_members(reader, id, query)


@routes.get("/contacts/segments/{id}/members", scope="contacts:read")
async def list_segment_members(reader: Reader, id: SegmentId, query: PageQuery) -> Page[Contact]:
    """List the contacts of a segment; the same as `/contacts/segments/{id}/contacts`."""
    return await service.list_members(reader, id, query)


@routes.get("/contacts/segments/{id}/explain/{contact_id}", scope="contacts:read")
async def explain_membership(reader: Reader, id: SegmentId, contact_id: ContactId) -> Explanation:
    """Explain why a contact belongs to a segment or not: each condition, whether it passed, and on which value."""
    return await explain.explain(reader, id, contact_id)
