"""What is known of one contact when the question is asked: the input of a decision.

Everything in it is a fact with an instant, never something already weighed against "now": so the same facts give
the same `fingerprint`, and a repeated question the same answer.
"""

import hashlib
from typing import Literal

import msgspec

from orbit_contacts.features.next_best_action.state import ContactState

Consent = Literal["opted_in", "opted_out", "unknown"]
TimezoneSource = Literal["contact", "country", "workspace"]


class ChannelSituation(msgspec.Struct, frozen=True):
    """One channel of one contact."""

    consent: Consent = "unknown"
    has_address: bool = False
    """a phone number, an e-mail address, a device: something to send to"""
    suppressed: bool = False
    """on the suppression or do-not-call list"""
    capped_until: int | None = None
    """microseconds at which a frequency cap that is full now has room again"""
    open_minutes: tuple[int, int] | None = None
    """minutes of the contact's local day between which quiet hours allow a send: [first, last); None: always"""


class Situation(msgspec.Struct, frozen=True):
    """One contact as the rules and the model see it."""

    contact_id: str
    """public id"""
    timezone: str
    timezone_source: TimezoneSource
    channels: list[ChannelSituation]
    """in the order of events.CHANNELS"""
    state: ContactState
    recent_sends: list[tuple[int, int]]
    """(channel, microseconds) of the sends since seven days before the epoch began, oldest first"""
    since: int
    """microseconds at which the contact was first heard of"""
    lifecycle_stage: str | None = None
    blocked: bool = False
    deleted: bool = False
    goal: Literal["engage", "purchase"] = "engage"


def fingerprint(of: Situation, model_version: str) -> bytes:
    """16 bytes that change whenever anything that the decision depends on does."""
    return hashlib.blake2b(msgspec.msgpack.encode(of), digest_size=16, key=model_version.encode()[:64]).digest()
