"""Whom one may not reach: opt-outs, blocked contacts, the suppression list."""

from starlette.responses import Response

from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.blocking import service as blocking
from orbit_contacts.features.consent import optouts, suppression_list
from orbit_contacts.features.consent.channels import CHANNELS, SCOPES
from orbit_contacts.features.consent.models import NewSuppression, OptOutsQuery, SuppressionQuery
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()

_SIZE = 50


@views.get("/opt-outs", "contacts:read")
async def show_opt_outs(visit: Visit) -> Response:
    params = visit.request.query_params
    query = OptOutsQuery(
        channel=params.get("channel") or None,
        search=params.get("search") or None,
        cursor=params.get("cursor"),
        limit=_SIZE,
    )
    async with visit.reader() as reader:
        page = await optouts.list_opt_outs(reader, query)
    return visit.page("reaching/opt_outs.html", contacts=page, query=query, channels=CHANNELS)


@views.get("/blocked", "contacts:read")
async def show_blocked(visit: Visit) -> Response:
    async with visit.reader() as reader:
        query = PageQuery(cursor=visit.request.query_params.get("cursor"), limit=_SIZE)
        page = await blocking.list_blocked(reader, query)
    return visit.page("reaching/blocked.html", contacts=page)


@views.get("/suppressions", "compliance:read")
async def show_suppressions(visit: Visit) -> Response:
    return await _suppressions(visit, None, {})


async def _suppressions(visit: Visit, refusal: Refusal | None, values: dict[str, str]) -> Response:
    params = visit.request.query_params
    query = SuppressionQuery(
        scope=params.get("scope") or None,
        address=params.get("address") or None,
        cursor=params.get("cursor"),
        limit=_SIZE,
    )
    async with visit.reader() as reader:
        page = await suppression_list.get(reader, query)
    status = 200 if refusal is None else refusal.status
    return visit.page(
        "reaching/suppressions.html", status, entries=page, query=query, scopes=SCOPES, refusal=refusal, values=values
    )


@views.post("/suppressions", "compliance:write")
async def suppress(visit: Visit) -> Response:
    values = {name: visit.field(name) for name in ("address", "scope", "reason")}
    new = NewSuppression(
        address=values["address"][:320], scope=values["scope"] or None, reason=values["reason"][:500] or None
    )
    try:
        async with visit.transaction() as tx:
            entry, is_new = await suppression_list.add(tx, new)
    except Refusal as refusal:
        return await _suppressions(visit, refusal, values)
    said = "{address} is suppressed." if is_new else "{address} was suppressed already."
    return visit.go("/suppressions", visit.t(said, address=entry.address or ""))


@views.post("/suppressions/{id}/remove", "compliance:write")
async def release(visit: Visit) -> Response:
    async with visit.transaction() as tx:
        await suppression_list.remove(tx, visit.id("sup"))
    return visit.go("/suppressions", visit.t("The address left the suppression list."))
