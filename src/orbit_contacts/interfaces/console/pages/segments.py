"""Segments: the list, the builder with its preview, and who belongs."""

from typing import Any

import msgspec
from starlette.responses import Response

from orbit_contacts.core import ids
from orbit_contacts.core.database import Reader
from orbit_contacts.core.errors import InvalidRequest, Refusal
from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.custom_fields import service as custom_fields
from orbit_contacts.features.segments import explain, service
from orbit_contacts.features.segments.fields import FIELDS
from orbit_contacts.features.segments.models import NewSegment, PreviewRequest, SegmentChange
from orbit_contacts.features.segments.operators import OPERATORS
from orbit_contacts.interfaces.console.pages.contact import FIRST
from orbit_contacts.interfaces.console.pages.segment_draft import (
    Draft,
    Group,
    Line,
    from_rules,
    press,
    read_form,
    to_rules,
)
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()

OPERATOR_WORDS = {
    "$eq": "is",
    "$ne": "is not",
    "$in": "is one of",
    "$nin": "is none of",
    "$contains": "contains",
    "$not_contains": "does not contain",
    "$contains_any": "contains any of",
    "$contains_all": "contains all of",
    "$starts_with": "starts with",
    "$ends_with": "ends with",
    "$gt": "is over, after",
    "$gte": "is at least, on or after",
    "$lt": "is under, before",
    "$lte": "is at most, on or before",
    "$within_days": "in the last days",
    "$older_than_days": "more than days ago",
    "$exists": "is there (true or false)",
}
assert OPERATOR_WORDS.keys() == OPERATORS.keys()

READY_MADE: dict[str, dict[str, Any]] = {
    "New in the last 30 days": {"created_at": {"$within_days": 30}},
    "Customers who take e-mail": {"lifecycle_stage": "customer", "preferences.email": "opted_in"},
    "No phone number": {"phone": {"$exists": False}},
    "Quiet for 90 days": {"last_activity_at": {"$older_than_days": 90}},
}


@views.get("/segments", "contacts:read")
async def show_segments(visit: Visit) -> Response:
    query = PageQuery(cursor=visit.request.query_params.get("cursor"), limit=50)
    async with visit.reader() as reader:
        page = await service.list_segments(reader, query)
    return visit.page("segments/list.html", segments=page, ready_made=READY_MADE)


@views.get("/segments/new", "contacts:read")
async def new_segment(visit: Visit) -> Response:
    name = visit.request.query_params.get("from", "")
    rules = READY_MADE.get(name)
    draft = from_rules(rules) if rules else Draft(groups=[Group(lines=[Line()])])
    return await _builder(visit, None, visit.t(name) if rules else "", draft, {})


@views.get("/segments/{id}/edit", "contacts:read")
async def edit_segment(visit: Visit) -> Response:
    id = visit.id("seg")
    async with visit.reader() as reader:
        segment = await service.get(reader, id)
    rules = msgspec.json.decode(segment.rules)
    return await _builder(visit, segment.id, segment.name, from_rules(rules), rules)


async def _builder(
    visit: Visit, id: str | None, name: str, draft: Draft | None, rules: dict[str, Any], refusal: Refusal | None = None
) -> Response:
    """The form with its preview; `draft` is None for rules that are edited as JSON."""
    document = to_rules(draft) if draft is not None else rules
    preview = None
    async with visit.reader() as reader:
        fields = await _fields(visit, reader)
        if refusal is None:
            try:
                preview = await service.preview(reader, PreviewRequest(rules=document, sample_size=5))
            except Refusal as error:
                refusal = error
    return visit.page(
        "segments/builder.html",
        id=id,
        name=name,
        draft=draft,
        document=msgspec.json.format(msgspec.json.encode(document)).decode(),
        fields=fields,
        operators=OPERATOR_WORDS,
        preview=preview,
        refusal=refusal,
    )


async def _fields(visit: Visit, reader: Reader) -> dict[str, str]:
    names = {name: field.words for name, field in FIELDS.items() if name not in ("id", "deleted_at")}
    names |= {f"preferences.{channel}": f"consent: {channel}" for channel in FIRST}
    if visit.can("custom_fields:read"):
        known = (await custom_fields.list_fields(reader, PageQuery(limit=200))).items
        names |= {f"custom_fields.{field.key}": field.label for field in known}
    return names


@views.post("/segments/draft", "contacts:read")
async def save(visit: Visit) -> Response:
    """Every button of the builder: change the draft and show it again, or store it."""
    id = visit.field("id") or None
    name, button = visit.field("name"), visit.field("do")
    draft, rules = None, dict[str, Any]()
    try:
        if "json" in visit.form:
            rules = _document(visit.field("json"))
        else:
            draft = read_form({key: visit.field(key) for key in visit.form})
            press(draft, button)
            rules = to_rules(draft)
        if button != "save":
            return await _builder(visit, id, name, draft, rules)
        visit.caller.require("contacts:write")
        async with visit.transaction() as tx:
            segment_id = None if id is None else ids.parse("seg", id)
            if segment_id is None:
                stored = await service.create(tx, NewSegment(name=name, rules=rules))
            else:
                stored = await service.change(tx, segment_id, SegmentChange(name=name, rules=rules))
    except Refusal as refusal:
        return await _builder(visit, id, name, draft, rules, refusal)
    return visit.go(f"/segments/{stored.id}", visit.t("The segment was saved."))


def _document(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise InvalidRequest(
            f"The rules are no JSON object: {error}", field="json", value=text[:100], expected="a JSON object"
        ) from None


@views.get("/segments/{id}", "contacts:read")
async def show_segment(visit: Visit) -> Response:
    query = PageQuery(cursor=visit.request.query_params.get("cursor"), limit=50)
    async with visit.reader() as reader:
        segment = await service.get(reader, visit.id("seg"))
        members = await service.list_members(reader, visit.id("seg"), query)
    return visit.page("segments/segment.html", segment=segment, members=members)


@views.get("/segments/{id}/why/{contact_id}", "contacts:read")
async def why(visit: Visit) -> Response:
    """Why a contact belongs to the segment or not."""
    async with visit.reader() as reader:
        segment = await service.get(reader, visit.id("seg"))
        explanation = await explain.explain(reader, visit.id("seg"), visit.id("con", "contact_id"))
    return visit.page("segments/why.html", segment=segment, explanation=explanation)


@views.post("/segments/{id}/delete", "contacts:write")
async def delete(visit: Visit) -> Response:
    async with visit.transaction() as tx:
        await service.delete(tx, visit.id("seg"))
    return visit.go("/segments", visit.t("The segment was deleted; contacts are not affected."))
