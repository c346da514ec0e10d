"""Who may be reached on which channel: the one model behind preferences, consent, keywords and suppressions.

Opting out always works and commits with the request; only an explicit opt-in opens a channel again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from orbit_contacts.core.clock import SECOND, Instant
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.core.ids import contact_text
from orbit_contacts.features.consent import changes, queries
from orbit_contacts.features.consent.channels import CHANNELS, OF_PHONE, check_channel, covers
from orbit_contacts.features.consent.keywords import keyword, meaning
from orbit_contacts.features.consent.person import Person
from orbit_contacts.features.consent.records import Evidence
from orbit_contacts.features.consent.state import (
    OF_THE_OPERATOR,
    OPTED_IN,
    OPTED_OUT,
    UNKNOWN,
    Effective,
    decode,
)
from orbit_contacts.features.contacts import lifecycle
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.address_hash import hash_key
from orbit_contacts.features.contacts.lifecycle import Kept, Participant
from orbit_contacts.features.timeline import inbound

_STATUSES = (OPTED_IN, OPTED_OUT, UNKNOWN)


class ContactConsent(NamedTuple):
    """The state of each of the 11 channels, the scopes in which an address is suppressed, and what the person said."""

    channels: dict[str, Effective]
    suppressed_scopes: list[str]
    suppressed: dict[str, Effective]
    """Channels closed by a suppression of an address, with the one that decides."""
    said: dict[str, str]
    """opted_in or opted_out, for the channels about which the person said anything."""


# kind, scope, lifted channels with commas, source, record_id, created_at
SuppressedAddress: TypeAlias = tuple[str, str, str, str, UUID, Instant]

NO_CONSENT = ContactConsent(dict.fromkeys(CHANNELS, Effective(UNKNOWN)), [], {}, {})


async def states(reader: Reader, contact_ids: Sequence[UUID]) -> dict[UUID, ContactConsent]:
    """The consent of contacts, in one statement; those that are not there are absent."""
    rows = await queries.consents(reader, contact_ids)
    return {row["contact_id"]: consent_of(row["consent"], row["suppressed"]) for row in rows}


def consent_of(
    stored: msgspec.Raw | None, suppressed: Sequence[SuppressedAddress] | None, asked: Iterable[str] = CHANNELS
) -> ContactConsent:
    """The consent of a contact, on the channels `asked`, from the two columns of `queries.CONSENT_OF_CONTACT`.

    Suppressions of addresses are looked up, not only what was noted of them, so that no way of writing contacts
    can lose one.
    """
    if stored is None and not suppressed:
        return NO_CONSENT
    state = decode(stored)
    scopes = {known.scope for known in state.suppressions}
    closing: dict[str, Effective] = {}
    for kind, scope, lifted, source, record_id, created_at in suppressed or ():
        covered = covers(kind, scope).difference(lifted.split(","))
        closing |= dict.fromkeys(covered, Effective(OPTED_OUT, source, created_at, record_id))
        if covered:
            scopes.add(scope)
    for known in state.suppressions:
        closing |= dict.fromkeys(known.covered, Effective(OPTED_OUT, known.source, known.at, known.record))
    channels: dict[str, Effective] = {}
    for channel in asked:
        effective = state.effective(channel)
        if effective.status != OPTED_OUT:
            effective = closing.get(channel, effective)
        channels[channel] = effective
    said = {channel: stance.status for channel, stance in state.channels.items()}
    return ContactConsent(channels, sorted(scopes), closing, said)


async def suppressed_channels(reader: Reader, kind: str, key: str) -> frozenset[str]:
    """The channels that the suppression list closes at an address, given by its match key, of a contact or not."""
    rows = await queries.suppressions_of(reader, [hash_key(reader).hash(kind, key)])
    return frozenset(channel for row in rows for channel in changes.suppression_of(row).covered())


async def of_contact(reader: Reader, contact_id: UUID) -> ContactConsent:
    """The consent of a live contact."""
    await contacts.get(reader, contact_id)
    return (await states(reader, [contact_id])).get(contact_id, NO_CONSENT)


def read_preferences(given: Mapping[str, bool | str | None]) -> dict[str, str]:
    """Booleans, tri-state words and null as statuses by channel."""
    wanted: dict[str, str] = {}
    for channel, value in given.items():
        check_channel(channel, f"preferences.{channel[:64]}")
        match value:
            case True:
                wanted[channel] = OPTED_IN
            case False:
                wanted[channel] = OPTED_OUT
            case None:
                wanted[channel] = UNKNOWN
            case _ if value in _STATUSES:
                wanted[channel] = value
            case _:
                raise InvalidRequest(
                    f"`preferences.{channel}` is no state of a channel.",
                    field=f"preferences.{channel}",
                    value=value[:64],
                    expected="true, false, null, opted_in, opted_out or unknown",
                )
    return wanted


async def set_preferences(
    tx: Transaction, contact_ids: Sequence[UUID], wanted: Mapping[str, str], evidence: Evidence
) -> set[UUID]:
    """Bring the named channels of contacts to a status; gives the contacts that are live.

    Only what changes is recorded. `unknown` takes back an opt-in and leaves an opt-out as it is.
    """
    changing = await changes.load(tx, contact_ids)
    for person in changing.people.values():
        for channel, status in wanted.items():
            _bring(person, channel, status, evidence)
        person.settle()
    await changing.save()
    return set(changing.people)


def _bring(person: Person, channel: str, status: str, evidence: Evidence) -> None:
    said = person.state.said(channel)
    if status == OPTED_OUT and said != OPTED_OUT:
        person.opt_out(channel, evidence)
    elif status == OPTED_IN and (said != OPTED_IN or person.is_closed(channel)):
        person.opt_in(channel, evidence)
    elif status == UNKNOWN:
        person.forget(channel, evidence)


async def record_consent(
    tx: Transaction, contact_id: UUID, channels: Sequence[str], *, opt_in: bool, evidence: Evidence
) -> list[UUID]:
    """Write down consent given or withdrawn, whether or not it changes anything; gives a record for each channel."""
    changing = await changes.load(tx, [contact_id])
    person = changing.people.get(contact_id)
    if person is None:
        raise contacts.not_found(contact_id)
    give = person.opt_in if opt_in else person.opt_out
    records = [give(channel, evidence) for channel in channels]
    person.settle()
    await changing.save()
    return records


class KeywordAnswer(NamedTuple):
    """What a keyword did, and the text to send back (None when nothing is to be sent)."""

    keyword: str
    meaning: str
    reply: str | None


STOPPED = "You have been unsubscribed and will receive no further messages. Reply START to subscribe again."
STARTED = "You have been subscribed again. Reply STOP to unsubscribe."
HELPED = "Reply STOP to unsubscribe, START to subscribe again."


async def inbound_keyword(
    tx: Transaction, contact_id: UUID, channel: str, text: str, sent_at: Instant | None = None
) -> KeywordAnswer | None:
    """Act on a message that is a keyword; None when it is none.

    `sent_at`: when the person sent it, now when absent. A START that is older than what closed the channel is told
    too late and opens nothing; a STOP always counts.

    STOP closes the channel it came on and, for a phone number, everything else that number is reached by. START
    opens the channel it came on, and only that. One confirmation: a second STOP is answered by nothing.
    """
    word = keyword(text)
    if word is None or channel not in CHANNELS:
        return None
    asked = meaning(word)
    if asked == "help":
        return KeywordAnswer(word, asked, HELPED)
    changing = await changes.load(tx, [contact_id])
    person = changing.people.get(contact_id)
    if person is None:
        return None
    sent_at = tx.now if sent_at is None else sent_at
    if asked == "start" and await _is_overtaken(tx, person, channel, sent_at):
        return None
    details = {"keyword": word, "channel": channel, "sent_at": sent_at}
    evidence = Evidence(source="keyword", details=details)
    was_closed = person.is_closed(channel)
    if asked == "stop":
        _stop(person, channel, evidence)
        reply = None if was_closed else STOPPED
    else:
        _bring(person, channel, OPTED_IN, evidence)
        reply = STARTED if was_closed else None
    person.settle()
    if reply is not None and person.happenings:
        # Whoever sends messages finds the confirmation with the event.
        person.happenings[0].data["reply"] = reply
    await changing.save()
    return KeywordAnswer(word, asked, reply)


async def _is_overtaken(tx: Transaction, person: Person, channel: str, sent_at: Instant) -> bool:
    """Whether the channel was closed after a START was sent; senders tell whole seconds."""
    decides = person.state.effective(channel)
    if decides.status != OPTED_OUT or decides.since is None or decides.record_id is None:
        return False
    closed_at = decides.since
    if decides.source == "keyword":
        closed_at = await queries.keyword_sent_at(tx, person.id, decides.record_id) or closed_at
    return closed_at // SECOND > sent_at // SECOND


def _stop(person: Person, channel: str, evidence: Evidence) -> None:
    _bring(person, channel, OPTED_OUT, evidence)
    if channel not in OF_PHONE:
        return
    phones = [held for held in person.held if held.kind == "phone"]
    for held in phones:
        person.suppress_once(held, "all", evidence)
    if not phones:
        for other in OF_PHONE.intersection(CHANNELS):
            _bring(person, other, OPTED_OUT, evidence)


async def _received(
    tx: Transaction, contact_id: UUID, channel: str, data: dict[str, Any], sent_at: Instant | None = None
) -> None:
    """An inbound message, as the timeline tells it."""
    text = data.get("text") or data.get("body")
    if isinstance(text, str):
        await inbound_keyword(tx, contact_id, channel, text, sent_at)


async def merge(tx: Transaction, survivor_id: UUID, source_ids: Sequence[UUID]) -> None:
    """The most restrictive consent of a survivor and the contacts merged into it becomes the survivor's.

    A channel stays opted in only if every one of them that can be reached on it is. Once the identifiers have moved,
    `contacts.lifecycle.identified` brings the suppressions of the sources' addresses with them.
    """
    changing = await changes.load(tx, [survivor_id, *source_ids], also_deleted=True)
    survivor = changing.people[survivor_id]
    sources = [changing.people[id] for id in source_ids if id in changing.people]
    for source in sources:
        source.settle()
        evidence = Evidence(source="merge", details={"metadata": {"merged_contact_id": contact_text(source.id)}})
        for channel in CHANNELS:
            theirs = source.state.effective(channel)
            if theirs.status == OPTED_OUT and theirs.source not in OF_THE_OPERATOR:
                _bring(survivor, channel, OPTED_OUT, evidence)
            elif theirs.status == UNKNOWN and source.has_address_for(channel):
                survivor.forget(channel, evidence)
    survivor.settle()
    await changing.save()


async def unmerge(tx: Transaction, survivor_id: UUID, source_ids: Sequence[UUID], manifest: Any = None) -> list[Kept]:
    """What is closed for the survivor closes for the sources too, which are live again and hold their identifiers.

    Nobody gains anything: the survivor keeps its opt-outs, the sources theirs.
    """
    changing = await changes.load(tx, [survivor_id, *source_ids])
    survivor = changing.people[survivor_id]
    evidence = Evidence(source="unmerge", details={"metadata": {"merged_contact_id": contact_text(survivor_id)}})
    for id in source_ids:
        if (source := changing.people.get(id)) is not None:
            for channel, ours in survivor.state.closed().items():
                if ours.source not in OF_THE_OPERATOR:
                    _bring(source, channel, OPTED_OUT, evidence)
            source.settle()
    survivor.settle()
    await changing.save()
    return []


inbound.received.append(_received)
lifecycle.identified.append(changes.settle)
lifecycle.releasing.append(changes.leave_behind)
lifecycle.deleting.append(changes.leave_tombstones)
lifecycle.erasing.append(changes.erase)
lifecycle.participants.append(Participant("consent", frozenset({"consent_states"}), merge, unmerge))
