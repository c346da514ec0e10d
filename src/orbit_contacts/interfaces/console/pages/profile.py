"""What is known of one contact beyond its facts: figures and charts, the next best action, and its data as files."""

import re
from functools import partial

import msgspec
from starlette.responses import Response, StreamingResponse

from orbit_contacts.core import ids
from orbit_contacts.core.clock import now, parse_instant
from orbit_contacts.core.database import Snapshot, Unbound
from orbit_contacts.core.ids import ContactId
from orbit_contacts.core.operations import Stream
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.exports import person
from orbit_contacts.features.next_best_action import service as next_best_action
from orbit_contacts.features.next_best_action.answer import Answer, Reason
from orbit_contacts.features.next_best_action.models import NextActionQuery
from orbit_contacts.features.profile import service, weekly
from orbit_contacts.features.timeline import journey, journey_csv
from orbit_contacts.features.timeline.models import JourneyQuery
from orbit_contacts.interfaces.console import charts, guard
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()

ACTIONS = {
    "send_message": "Send a message by {channel}",
    "call": "Call the contact",
    "resolve_ticket": "Resolve the open ticket first",
    "request_consent": "Ask for consent to {for_channel}",
    "convert_lead": "Win the lead as a customer, by {channel}",
    "re_engage": "Wake the contact up, by {channel}",
    "win_back": "Win the customer back, by {channel}",
    "fix_contact_data": "Mend the address for {for_channel}",
    "hold_off": "Wait",
    "suppressed": "Send nothing",
}
BLOCKED = {
    "blocked": "the contact is blocked",
    "deleted": "the contact is deleted",
    "opted_out": "opted out",
    "unknown_consent": "no consent known",
    "suppressed": "on the suppression list",
    "no_address": "no address",
    "unreachable": "messages do not arrive",
    "frequency_cap": "the frequency cap is reached",
    "quiet_hours": "quiet hours",
}
CONFIDENCE = {
    "cold": "Rests on other workspaces' experience: there are too few own sends to learn from.",
    "low": "Rests mostly on other contacts: this one has had few messages.",
    "medium": "Rests partly on this contact's own answers.",
    "high": "Rests mostly on this contact's own answers.",
}
RFM = {
    "champion": "Bought lately and often",
    "loyal": "Buys again and again",
    "new_customer": "Bought for the first time lately",
    "promising": "Bought in the last 90 days",
    "at_risk": "Bought repeatedly, but not lately",
    "needs_attention": "Bought once, some time ago",
    "lost": "Has not bought for half a year",
    "prospect": "Active, has not bought yet",
    "new": "Came in the last 30 days",
    "inactive": "Neither active nor a buyer",
}
# What a reason says, by its code and whether it speaks for the action.
REASONS = {
    ("channel", True): "{channel} is answered more than the average channel here.",
    ("channel", False): "{channel} is answered less than the average channel here.",
    ("slot", True): "Messages by {channel} at this time of the week are answered more than others here.",
    ("slot", False): "Messages by {channel} at this time of the week are answered less than others here.",
    ("contact_rate", True): "Answered about {s} of {n} messages, all channels taken together.",
    ("contact_channel_rate", True): "Answered about {s} of {n} messages by {channel}.",
    ("contact_hours", True): "About {s} of {n} acts of their own fall near this hour.",
    ("contact_slot", True): "Answered about {s} of {n} messages sent near this hour.",
    ("inbound_channel", True): "Wrote or called by {channel} about {s} of {n} times.",
    ("activity", True): "Acts of their own accord: about {n} lately; contacts like that answer more.",
    ("activity", False): "Acts of their own accord: about {n} lately; contacts like that answer less.",
    ("history", True): "About {n} messages by {channel} and {sends} in all so far.",
    ("recent_sends", True): "{n} messages in the last seven days.",
    ("lifecycle_stage", True): "Contacts in this stage answer more.",
    ("lifecycle_stage", False): "Contacts in this stage answer less.",
    ("open_ticket", True): "Contacts with {n} open tickets answer more.",
    ("open_ticket", False): "Contacts with {n} open tickets answer less.",
}
_MOST_SUGGESTIONS = 4


@views.get("/contacts/{id}/profile", "contacts:read")
async def show(visit: Visit) -> Response:
    """Figures and charts; the page of the contact fetches them once it stands."""
    id = visit.id("con")
    async with visit.database.session(Snapshot, visit.caller) as snapshot:
        profile = await service.profile(snapshot, id)
        weeks = await weekly.weekly(snapshot, id)
    return visit.page(
        "contact/profile.html",
        contact=profile.contact,
        profile=profile,
        messages=charts.stacked(weeks),
        engagement=charts.line(weeks),
        rfm=RFM,
    )


@views.get("/contacts/{id}/next-best-action", "contacts:read")
async def show_next(visit: Visit) -> Response:
    """The next best action as it stands; looking at it neither explores nor is logged as a decision."""
    id = visit.id("con")
    async with visit.transaction() as tx:
        contact = await contacts.get(tx, id)
        raw = await next_best_action.next_best_action(tx, id, NextActionQuery(explore=False))
    answer = msgspec.json.decode(raw, type=Answer)
    return visit.page(
        "contact/next.html",
        contact=contact,
        answer=answer,
        others=answer.suggestions[1 : 1 + _MOST_SUGGESTIONS],
        actions=ACTIONS,
        why_blocked=BLOCKED,
        confidence=CONFIDENCE,
        told=partial(_told, visit, answer.action.channel or ""),
    )


def _told(visit: Visit, channel: str, reason: Reason) -> str:
    """A reason in the reader's language; English is the service's own text, with the hours it names."""
    if visit.wording.language == "en":
        said = re.sub(rf"\b{re.escape(channel)}\b", visit.t(channel), reason.text) if channel else reason.text
        return said[:1].upper() + said[1:]
    text = REASONS.get((reason.code, reason.effect > 0)) or REASONS[reason.code, True]
    figures = {name: visit.wording.number(n) for name, n in reason.evidence.items() if isinstance(n, int | float)}
    values = {"n": "0", "s": "0", "sends": "0", "stage": "", **reason.evidence, **figures, "channel": visit.t(channel)}
    return visit.t(text, **values)


@views.get("/contacts/{id}/journey.csv", "contacts:read")
async def journey_file(visit: Visit) -> Response:
    id = visit.id("con")
    async with visit.reader() as reader:
        contact = await contacts.get(reader, id)
    traveller = journey.Traveller(id, parse_instant(contact.created_at, "created_at"), contact.lifecycle_stage)
    pages = journey.events_in_pages(_unbound(visit), traveller, JourneyQuery(), most=journey_csv.MAX_ROWS)
    name = f"contact_{ids.contact_text(id)}_journey.csv"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return _file(Stream("text/csv; charset=utf-8", journey_csv.lines(pages), disposition))


@views.get("/contacts/{id}/export.json", "contacts:read")
async def person_file(visit: Visit) -> Response:
    """Everything stored about the person, for an access request."""
    return _file(await person.export_person(_unbound(visit), ContactId(visit.id("con"))))


def _unbound(visit: Visit) -> Unbound:
    return Unbound(visit.database, visit.caller, now())


def _file(stream: Stream) -> Response:
    return StreamingResponse(stream.chunks, headers={**guard.HEADERS, **stream.headers}, media_type=stream.content_type)
