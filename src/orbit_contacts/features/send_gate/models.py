"""Frequency caps, quiet hours, compliance settings and send checks, as callers send them and as they get them."""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.pagination import PageQuery

CapWindow: TypeAlias = Literal["rolling", "calendar_day"]
Name = Annotated[str, Meta(min_length=1, max_length=120)]
Limit = Annotated[int, Meta(ge=1, le=10_000, description="Sends allowed within the window.")]
Seconds = Annotated[
    int, Meta(ge=60, le=31_536_000, description="Length of the window; whole days (86,400) for `calendar_day`.")
]
Category = Annotated[str, Meta(min_length=1, max_length=64, description="E.g. marketing, transactional.")]
Clock = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["08:00"])]


class DncSyncNotEnabled(Refusal):
    code, status, summary = "DNC_SYNC_NOT_ENABLED", 403, "Do-not-call checks are not enabled for this workspace."


class NewFrequencyCap(msgspec.Struct, kw_only=True):
    name: Name
    limit: Limit
    window_seconds: Seconds
    channel: Annotated[str | None, Meta(description="Null counts the sends of all channels.")] = None
    category: Annotated[Category | None, Meta(description="Null counts every category but `transactional`.")] = None
    window: Annotated[
        CapWindow, Meta(description="`calendar_day` counts whole days of the contact's own time zone, today included.")
    ] = "rolling"
    enabled: bool = True


class FrequencyCapChange(msgspec.Struct, kw_only=True):
    """Only what is sent changes."""

    name: Name | UnsetType = UNSET
    limit: Limit | UnsetType = UNSET
    window_seconds: Seconds | UnsetType = UNSET
    channel: str | None | UnsetType = UNSET
    category: Category | None | UnsetType = UNSET
    window: CapWindow | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class FrequencyCap(msgspec.Struct, kw_only=True):
    id: Annotated[str, Meta(examples=["fcap_01jd3w9k2e8a7v5n0q4r6t8y1z"])]
    name: str
    channel: str | None
    category: str | None
    limit: int
    window_seconds: int
    window: str
    enabled: bool
    created_at: str
    updated_at: str
    used: Annotated[int | UnsetType, Meta(description="Sends within the window; with `include_usage=true`.")] = UNSET
    remaining: int | UnsetType = UNSET
    resets_at: Annotated[
        str | None | UnsetType, Meta(description="When the oldest counted send leaves the window.")
    ] = UNSET


class CapsQuery(PageQuery, kw_only=True):
    enabled: bool | None = None


class UsageQuery(msgspec.Struct, kw_only=True):
    include_usage: Annotated[bool, Meta(description="Add `used`, `remaining` and `resets_at`.")] = False


class ContactCaps(msgspec.Struct, kw_only=True):
    contact_id: str
    grouped_by_channel: Annotated[dict[str, list[FrequencyCap]], Meta(description="Enabled caps, by channel.")]
    global_caps: Annotated[list[FrequencyCap], Meta(description="Enabled caps without a channel.")]


class QuietWindow(msgspec.Struct, kw_only=True):
    """Sends are allowed from `start` to `end`, local time; an `end` before `start` is the next day's."""

    start: Clock
    end: Clock


class QuietHoursSettings(msgspec.Struct, kw_only=True):
    enabled: bool
    windows: Annotated[dict[str, QuietWindow | None], Meta(description="By channel; null: no quiet hours.")]
    timezone: Annotated[str, Meta(description="For contacts whose place is not known.")]
    exempt_categories: Annotated[list[str], Meta(description="Categories that may be sent at any hour.")]


class DncSettings(msgspec.Struct, kw_only=True):
    enabled: bool


class ComplianceSettings(msgspec.Struct, kw_only=True):
    require_opt_in: Annotated[bool, Meta(description="Refuse sends on channels nobody opted in to.")]
    quiet_hours: QuietHoursSettings
    dnc: DncSettings


class QuietHoursChange(msgspec.Struct, kw_only=True):
    enabled: bool | UnsetType = UNSET
    windows: dict[str, QuietWindow | None] | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    exempt_categories: Annotated[list[Category], Meta(max_length=50)] | UnsetType = UNSET


class DncChange(msgspec.Struct, kw_only=True):
    enabled: bool | UnsetType = UNSET


class ComplianceChange(msgspec.Struct, kw_only=True):
    """Only what is sent changes; of `windows`, only the channels named."""

    require_opt_in: bool | UnsetType = UNSET
    quiet_hours: QuietHoursChange | UnsetType = UNSET
    dnc: DncChange | UnsetType = UNSET


class PreviewQuery(msgspec.Struct, kw_only=True):
    phone: Annotated[str, Meta(description="Number whose place decides, unless a contact with it has a time zone.")]
    channel: str
    timezone_override: Annotated[str | None, Meta(description="IANA name to use instead.")] = None


class QuietHoursPreview(msgspec.Struct, kw_only=True):
    channel: str
    allowed_now: bool
    local_hour: int
    local_timezone: str
    timezone_source: Annotated[str, Meta(description="override, contact, number or workspace.")]
    window_start_local: str | None
    window_end_local: str | None
    next_allowed_at: Annotated[str | None, Meta(description="Now, when allowed.")]
    reason: Annotated[str | None, Meta(description="`outside_window`, or null.")]


class DncQuery(msgspec.Struct, kw_only=True):
    phone: str
    country: Annotated[str | None, Meta(description="ISO 3166-1 alpha-2, for a national number.")] = None


class DncAnswer(msgspec.Struct, kw_only=True):
    phone: str
    on_dnc: bool
    source: Annotated[
        str | None, Meta(description="contact_flag, suppression_list or consent_opt_out; the first that applies.")
    ]
    sources: list[str]
    federal_feeds_synced: Annotated[bool, Meta(description="Always false: no government list is fetched.")] = False


class SendCheck(msgspec.Struct, kw_only=True):
    channel: str
    category: Category = "marketing"
    at: Annotated[str | None, Meta(description="Instant to check for; now when absent.")] = None
    record: Annotated[bool, Meta(description="Record the send, in the same step, if it is allowed.")] = False
    message_id: Annotated[
        str | None, Meta(description="Your id of the message: recording it again counts it once.")
    ] = None


class BatchedCheck(msgspec.Struct, kw_only=True, gc=False):
    contact_id: str
    channel: str
    category: Category = "marketing"
    message_id: str | None = None


class SendChecks(msgspec.Struct, kw_only=True):
    checks: Annotated[list[BatchedCheck], Meta(min_length=1, max_length=1000)]
    record: bool = False
    at: str | None = None


class RuleResult(msgspec.Struct, kw_only=True, gc=False):
    """One rule's verdict, in the order of the gate."""

    rule: str
    passed: bool
    code: str | UnsetType = UNSET
    details: dict[str, Any] = {}


class SendVerdict(msgspec.Struct, kw_only=True, gc=False):
    contact_id: str
    channel: str
    category: str
    allowed: bool
    blocked_by: Annotated[str | None, Meta(description="The first rule that refuses.")]
    code: Annotated[str | None, Meta(description="Its code, as a refused send has it elsewhere.")]
    next_allowed_at: Annotated[
        str | None, Meta(description="When only time refuses: the first instant at which the send is allowed.")
    ]
    recorded: bool
    checks: list[RuleResult]


class SendVerdicts(msgspec.Struct, kw_only=True):
    results: Annotated[list[SendVerdict], Meta(description="In the order asked.")]
