"""The builder of segments: a form that is a rule, with its count, a sample and the rule in plain words."""

from typing import Any, NamedTuple

import msgspec
from starlette.responses import Response

from orbit_contacts.core import ids
from orbit_contacts.core.database import Reader
from orbit_contacts.core.errors import InvalidRequest, Refusal
from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.contacts.facets import facets
from orbit_contacts.features.custom_fields import service as custom_fields
from orbit_contacts.features.lists import service as lists
from orbit_contacts.features.segments import service
from orbit_contacts.features.segments.fields import FIELDS, Kind
from orbit_contacts.features.segments.models import NewSegment, PreviewRequest, SegmentChange
from orbit_contacts.features.segments.operators import COUNTS, OPERATORS
from orbit_contacts.features.timeline.kinds import CHANNELS
from orbit_contacts.interfaces.console.pages import segment_draft
from orbit_contacts.interfaces.console.pages.contact import ORDER
from orbit_contacts.interfaces.console.pages.segment_draft import EVENT, METADATA, Draft, Group, Line
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
    "$exists": "is there",
}
assert OPERATOR_WORDS.keys() == OPERATORS.keys()

READY_MADE: dict[str, dict[str, Any]] = {
    "New in the last 30 days": {"created_at": {"$within_days": 30}},
    "Customers who take e-mail": {"lifecycle_stage": "customer", "preferences.email": "opted_in"},
    "Opened a message in the last 30 days": {EVENT: {"type": "message.opened", "within_days": 30}},
    "Bought at least twice in 90 days": {EVENT: {"type": "order.placed", "within_days": 90, "count": {"$gte": 2}}},
    "Written to, but silent for 30 days": {
        "$and": [
            {EVENT: {"type": "message.sent", "within_days": 30}},
            {"$not": {EVENT: {"type": "message.replied, message.received".split(", "), "within_days": 30}}},
        ]
    },
    "No phone number": {"phone": {"$exists": False}},
    "Quiet for 90 days": {"last_activity_at": {"$older_than_days": 90}},
}

# Types of events that are offered while one is typed.
EVENT_TYPES = (
    "message.sent",
    "message.delivered",
    "message.opened",
    "message.read",
    "message.clicked",
    "message.replied",
    "message.received",
    "message.failed",
    "call.started",
    "call.answered",
    "call.missed",
    "ticket.opened",
    "ticket.closed",
    "order.placed",
    "order.refunded",
    "page.viewed",
)
_FIRST_LINE = Line("created_at", "$within_days", "30")
_STATES = ("opted_in", "opted_out", "unknown")
_HIDDEN = frozenset({"id", "deleted_at"})
_SEVERAL = frozenset({"$in", "$nin", "$contains_any", "$contains_all"})


class Known(NamedTuple):
    """What a rule can be made of in this workspace: field groups, types of custom fields, and values to choose from."""

    fields: dict[str, dict[str, str]]
    custom: dict[str, str]
    choices: dict[str, dict[str, str]]
    total: int


class Input(NamedTuple):
    """How the value of a condition is given: a choice, several, or something typed."""

    kind: str
    choices: dict[str, str]
    several: bool = False


@views.get("/segments/new", "contacts:read")
async def new_segment(visit: Visit) -> Response:
    name = visit.request.query_params.get("from", "")
    rules = READY_MADE.get(name)
    draft = segment_draft.from_rules(rules) if rules else Draft(groups=[Group(lines=[_FIRST_LINE])])
    return await _builder(visit, None, visit.t(name) if rules else "", draft, {})


@views.get("/segments/{id}/edit", "contacts:read")
async def edit_segment(visit: Visit) -> Response:
    id = visit.id("seg")
    async with visit.reader() as reader:
        segment = await service.get(reader, id)
    rules = msgspec.json.decode(segment.rules)
    return await _builder(visit, segment.id, segment.name, segment_draft.from_rules(rules), rules)


async def _builder(
    visit: Visit, id: str | None, name: str, draft: Draft | None, rules: dict[str, Any], refusal: Refusal | None = None
) -> Response:
    """The form with its preview; `draft` is None for rules that are edited as JSON."""
    preview = None
    async with visit.reader() as reader:
        known = await _known(visit, reader)
        if draft is not None:
            segment_draft.fit(draft, known.custom)
            rules = segment_draft.to_rules(draft)
        if refusal is None:
            try:
                preview = await service.preview(reader, PreviewRequest(rules=rules, sample_size=5))
            except Refusal as error:
                refusal = error
    return visit.page(
        "segments/builder.html",
        id=id,
        name=name,
        draft=draft,
        document=msgspec.json.format(msgspec.json.encode(rules)).decode(),
        known=known,
        operators=OPERATOR_WORDS,
        counts=COUNTS,
        event=EVENT,
        metadata=METADATA,
        event_types=EVENT_TYPES,
        channels=CHANNELS,
        input_of=_input_of,
        operators_of=_operators_of,
        ready_made=READY_MADE,
        preview=preview,
        refusal=refusal,
    )


async def _known(visit: Visit, reader: Reader) -> Known:
    counted = await facets(reader)
    stored = (await lists.list_lists(reader, PageQuery(limit=200))).items
    others = (await service.list_segments(reader, PageQuery(limit=200))).items
    choices = {
        "lists": {known.id: known.name for known in stored},
        "segments": {known.id: known.name for known in others},
        "lifecycle_stage": dict.fromkeys(counted.stages, ""),
        "country_code": {code: visit.wording.country(code) for code in counted.countries},
    }
    people = {n: visit.t(f.words) for n, f in FIELDS.items() if n not in (*_HIDDEN, "lists", "segments")}
    fields = {
        visit.t("What they did"): {EVENT: visit.t("behaviour")},
        visit.t("Facts"): people,
        visit.t("Membership"): {name: visit.t(FIELDS[name].words) for name in ("lists", "segments")},
        visit.t("Consent"): {
            f"preferences.{name}": visit.t("consent: {channel}", channel=visit.t(name)) for name in ORDER
        },
    }
    custom: dict[str, str] = {}
    if visit.can("custom_fields:read"):
        defined = (await custom_fields.list_fields(reader, PageQuery(limit=200))).items
        custom = {field.key: field.type for field in defined}
        choices |= {f"custom_fields.{f.key}": dict.fromkeys(f.options, "") for f in defined if f.options}
        if defined:
            fields[visit.t("Custom fields")] = {f"custom_fields.{field.key}": field.label for field in defined}
    fields[visit.t("Metadata")] = {METADATA: visit.t("a value in the metadata")}
    return Known(fields, custom, choices, counted.total)


def _operators_of(line: Line, known: Known) -> list[str]:
    return segment_draft.operators_of(segment_draft.kind_of(line.field, known.custom))


def _input_of(line: Line, known: Known) -> Input:
    """The field of the form for a condition's value."""
    kind = segment_draft.kind_of(line.field, known.custom)
    several = line.op in _SEVERAL
    if line.op == "$exists":
        return Input("choice", {"true": "yes", "false": "no"})
    if line.op in ("$within_days", "$older_than_days"):
        return Input("number", {})
    if kind is Kind.BOOLEAN:
        return Input("choice", {"true": "yes", "false": "no"})
    if kind is Kind.STATE:
        return Input("choice", {state: state for state in _STATES}, several)
    if kind in (Kind.LISTS, Kind.SEGMENTS):
        return Input("choice", known.choices["lists" if kind is Kind.LISTS else "segments"], several)
    if kind is Kind.DATE and not several:
        return Input("date", {})
    if kind is Kind.NUMBER and not several:
        return Input("number", {})
    return Input("text", known.choices.get(line.field, {}), several)


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
            draft = segment_draft.read_form({key: ", ".join(visit.fields(key)) for key in visit.form})
            segment_draft.press(draft, button)
            rules = segment_draft.to_rules(draft)
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
