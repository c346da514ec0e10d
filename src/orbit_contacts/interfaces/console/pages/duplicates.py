"""Duplicates: pairs that may be one person, compared side by side, merged, and taken apart again."""

from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from starlette.responses import Response

from orbit_contacts.core import ids
from orbit_contacts.core.errors import InvalidRequest, NotFound, Refusal
from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.contacts import listing
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.models import Contact, ListQuery
from orbit_contacts.features.merging import duplicates, rehearsal, service, unmerging
from orbit_contacts.features.merging.models import Dismissal, DuplicatesQuery
from orbit_contacts.features.merging.rehearsal import Outcome
from orbit_contacts.interfaces.console.templating import name_of
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()

REASONS = {
    "same_name": "Same name",
    "similar_name": "Similar name",
    "same_company": "Same company",
    "same_mailbox": "Same mailbox name",
    "same_email_domain": "Same e-mail domain",
    "same_phone_ending": "Phones end alike",
    "same_external_id": "Same external id",
    "different_name": "Different name",
    "different_company": "Different company",
    "different_country": "Different country",
}
SCORES = {"": "All that are likely", "0.7": "Likely (70 % and more)", "0.9": "Nearly sure (90 % and more)"}
FACTS = {
    "first_name": "First name",
    "last_name": "Last name",
    "display_name": "Full name",
    "email": "E-mail",
    "phone": "Phone",
    "company": "Company",
    "external_id": "External id",
    "lifecycle_stage": "Stage",
    "country_code": "Country",
    "language": "Language",
    "timezone": "Time zone",
}
_OFFERED = 20
_LIKELY = 5


@views.get("/duplicates", "contacts:read")
async def show_all(visit: Visit) -> Response:
    params = visit.request.query_params
    given = params.get("min_score", "")
    query = DuplicatesQuery(
        contact_id=params.get("contact_id") or None,
        min_score=float(given) if given in SCORES and given else None,
        cursor=params.get("cursor"),
        limit=25,
    )
    async with visit.transaction() as tx:
        page = await duplicates.list_duplicates(tx, query)
    shown = {"min_score": given, "contact_id": query.contact_id or ""}
    return visit.page("duplicates/page.html", pairs=page, query=shown, reasons=REASONS, scores=SCORES)


class Row(NamedTuple):
    """One fact of the two and of what a merge leaves; `differs` where they do not agree."""

    label: str
    values: tuple[str, str, str]
    differs: bool


@views.get("/duplicates/{one}/{other}", "contacts:write")
async def compare(visit: Visit) -> Response:
    """Side by side with what the merge would leave: it is done in the transaction, and taken back."""
    pair = _pair(visit)
    survivor = _survivor(pair, visit.request.query_params.get("keep"))
    refusal = None
    async with visit.transaction() as tx:
        both = [await rehearsal.of_contact(tx, id) for id in pair]
        try:
            merged = await rehearsal.rehearse(tx, survivor, pair[0] if survivor == pair[1] else pair[1])
        except Refusal as error:
            refusal, merged = error, both[pair.index(survivor)]
    sides = (both[0], both[1], merged)
    return visit.page(
        "duplicates/compare.html",
        200 if refusal is None else refusal.status,
        sides=sides,
        keep=merged.contact.id,
        rows=_rows(visit, sides),
        consent=_consent(sides),
        aliases=merged.aliases,
        refusal=refusal,
    )


def _pair(visit: Visit) -> tuple[UUID, UUID]:
    one, other = visit.id("con", "one"), visit.id("con", "other")
    if one == other:
        raise NotFound("A pair is of two contacts.", field="other", value=None, expected="another contact")
    return one, other


def _survivor(pair: tuple[UUID, UUID], chosen: str | None) -> UUID:
    """The one that somebody chose; the older one where nobody did."""
    wanted = ids.parse("con", chosen) if chosen else min(pair)
    if wanted is None or wanted not in pair:
        raise InvalidRequest("Keep one of the two.", field="keep", value=chosen, expected="one of the two contacts")
    return wanted


def _rows(visit: Visit, sides: tuple[Outcome, Outcome, Outcome]) -> list[Row]:
    rows = [_row(visit, label, [getattr(side.contact, name) or "" for side in sides]) for name, label in FACTS.items()]
    rows.append(_row(visit, "Tags", [", ".join(sorted(side.contact.tags)) for side in sides]))
    rows.append(_row(visit, "Lists", [", ".join(sorted(known.name for known in side.lists)) for side in sides]))
    for name in ("custom_fields", "metadata"):
        maps = [msgspec.json.decode(getattr(side.contact, name), type=dict[str, Any]) for side in sides]
        for key in sorted({key for known in maps for key in known}):
            rows.append(_row(visit, key, [_text(known.get(key)) for known in maps]))
    blocked = [(side.contact.block_reason or visit.t("yes")) if side.contact.blocked else "" for side in sides]
    rows.append(_row(visit, "Blocked", blocked))
    rows.append(_row(visit, "Since", [visit.wording.date(side.contact.created_at) for side in sides]))
    return [row for row in rows if any(row.values)]


def _row(visit: Visit, label: str, values: list[str]) -> Row:
    one, other, merged = values
    return Row(visit.t(label), (one, other, merged), one != other)


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _consent(sides: tuple[Outcome, Outcome, Outcome]) -> list[tuple[str, list[str]]]:
    """The channels about which anything is known: the states of the two and of what a merge leaves."""
    found = [(channel, [side.consent.channels[channel].status for side in sides]) for channel in CHANNELS]
    return [(channel, states) for channel, states in found if set(states) != {"unknown"}]


@views.post("/duplicates/{one}/{other}/merge", "contacts:write")
async def merge(visit: Visit) -> Response:
    pair = _pair(visit)
    survivor = _survivor(pair, visit.field("keep"))
    source = pair[0] if survivor == pair[1] else pair[1]
    async with visit.transaction() as tx:
        merged = await service.merge(tx, survivor, [ids.contact_text(source)])
    return visit.go(
        f"/contacts/{merged.contact_id}",
        visit.t("The two are one contact now. It can be taken apart for 30 days."),
        action=f"/contacts/{merged.contact_id}/merges/{merged.merge_id}/undo",
        label=visit.t("Undo"),
    )


@views.post("/duplicates/{one}/{other}/dismiss", "contacts:write")
async def dismiss(visit: Visit) -> Response:
    return await _settled(visit, True)


@views.post("/duplicates/{one}/{other}/propose", "contacts:write")
async def propose(visit: Visit) -> Response:
    return await _settled(visit, False)


async def _settled(visit: Visit, dismissed: bool) -> Response:
    pair = [ids.contact_text(id) for id in _pair(visit)]
    async with visit.transaction() as tx:
        await duplicates.dismiss(tx, Dismissal(contact_ids=pair, dismissed=dismissed))
    if not dismissed:
        return visit.go("/duplicates", visit.t("The pair is proposed again."))
    action = f"/duplicates/{pair[0]}/{pair[1]}/propose"
    said = visit.t("Two people: the pair is not proposed again.")
    return visit.go("/duplicates", said, action=action, label=visit.t("Undo"))


@views.get("/contacts/{id}/merge", "contacts:write")
async def choose_other(visit: Visit) -> Response:
    """Whom to merge a contact with: those a search finds; before anything is searched, its likely duplicates."""
    id = visit.id("con")
    words = visit.request.query_params.get("q", "").strip()[:200]
    found: list[Contact] = []
    likely: list[Contact] = []
    async with visit.transaction() as tx:
        contact = await contacts.get(tx, id)
        if words:
            found = (await listing.list_contacts(tx, ListQuery(search=words, limit=_OFFERED))).items
        else:
            pairs = await duplicates.list_duplicates(tx, DuplicatesQuery(contact_id=contact.id, limit=_LIKELY))
            likely = [each for pair in pairs.items for each in (pair.contact, pair.duplicate)]
    others = [each for each in found or likely if each.id != contact.id]
    return visit.page("duplicates/choose.html", contact=contact, words=words, others=others)


@views.get("/contacts/{id}/merges", "contacts:read")
async def show_merges(visit: Visit) -> Response:
    id = visit.id("con")
    async with visit.reader() as reader:
        contact = await contacts.get(reader, id)
        query = PageQuery(cursor=visit.request.query_params.get("cursor"), limit=25)
        page = await service.list_merges(reader, id, query)
        aliases = await service.aliases(reader, id)
    return visit.page("duplicates/merges.html", contact=contact, merges=page, aliases=aliases)


@views.post("/contacts/{id}/merges/{merge}/undo", "contacts:write")
async def undo(visit: Visit) -> Response:
    id, merge_id = visit.id("con"), visit.id("mrg", "merge")
    async with visit.transaction() as tx:
        undone = await unmerging.unmerge(tx, id, ids.text("mrg", merge_id))
    names = ", ".join(name_of(contact)[:60] for contact in undone.restored)
    said = visit.t("{names} is a contact of its own again.", names=names)
    if undone.kept:
        fields = ", ".join(sorted({each.field for each in undone.kept}))
        said += " " + visit.t("Changed since, and kept: {fields}.", fields=fields)
    return visit.go(f"/contacts/{ids.contact_text(id)}", said)
