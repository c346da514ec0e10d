"""`/contacts/{id}/merge` and what undoes it."""

from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import Conflict, NotFound
from orbit_contacts.core.ids import ContactId
from orbit_contacts.core.operations import Routes
from orbit_contacts.core.pagination import Page, PageQuery
from orbit_contacts.features.merging import duplicates, jobs, participants, service, unmerging, visitors
from orbit_contacts.features.merging.models import (
    Dismissal,
    DuplicatePair,
    DuplicatesQuery,
    MergeAlreadyUndone,
    Merged,
    MergeExpired,
    MergeRecord,
    MergeRequest,
    Unmerged,
    UnmergeRequest,
)

# Importing them registers them.
__all__ = ["jobs", "participants", "routes", "visitors"]

routes = Routes("Merging")


@routes.post("/contacts/{id}/merge", scope="contacts:write")
async def merge_contacts(tx: Transaction, id: ContactId, body: MergeRequest) -> Merged:
    """Merge up to 10 contacts into this one.

    It keeps its own values, gaps are filled from the sources; tags, lists, metadata and custom fields are united, notes
    and timeline move here, the most restrictive consent wins, a block stays. Whoever looks up a phone, an e-mail or an
    external id of a source finds this contact. The sources are hidden; for 30 days the merge can be undone.
    """
    return await service.merge(tx, id, body.source_ids)


@routes.post("/contacts/{id}/unmerge", scope="contacts:write", refuses=(Conflict, MergeExpired, MergeAlreadyUndone))
async def unmerge_contacts(tx: Transaction, id: ContactId, body: UnmergeRequest) -> Unmerged:
    """Undo a merge of the last 30 days, the latest unless another is named.

    The sources come back as they were. What was edited here since stays and is told in `kept`. Consent is never
    loosened: what was opted out on either side stays so.
    """
    return await unmerging.unmerge(tx, id, body.merge_id)


@routes.get("/contacts/{id}/merges", scope="contacts:read")
async def list_merges(reader: Reader, id: ContactId, query: PageQuery) -> Page[MergeRecord]:
    """List what was merged into a contact, newest first."""
    return await service.list_merges(reader, id, query)


@routes.get("/contacts/duplicates", scope="contacts:read", refuses=(NotFound,))
async def list_duplicates(tx: Transaction, query: DuplicatesQuery) -> Page[DuplicatePair]:
    """List pairs of contacts that may be one person, the likeliest first, each with its reasons.

    Contacts that changed are compared when somebody asks: up to 200 in the call, the rest in the background, and then
    `total_is_exact` is false. A pair is about the contacts as they were compared last.
    """
    return await duplicates.list_duplicates(tx, query)


@routes.post("/contacts/duplicates/dismiss", scope="contacts:write", status=204, refuses=(NotFound,))
async def dismiss_duplicate(tx: Transaction, body: Dismissal) -> None:
    """Say that two contacts are two people: the pair is not proposed again."""
    await duplicates.dismiss(tx, body)
