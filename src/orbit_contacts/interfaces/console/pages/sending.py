"""How often and when people may be sent something: frequency caps, quiet hours, and what else the gate enforces."""

from typing import Any

import msgspec
from starlette.responses import Response

from orbit_contacts.core.errors import InvalidRequest, Refusal
from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.send_gate import by_phone, compliance, frequency_caps
from orbit_contacts.features.send_gate.models import (
    CapsQuery,
    ComplianceChange,
    FrequencyCap,
    FrequencyCapChange,
    NewFrequencyCap,
    PreviewQuery,
    QuietHoursPreview,
)
from orbit_contacts.interfaces.console.visit import Views, Visit

views = Views()

SPANS = {"minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
SPAN_WORDS = {"minute": "minutes", "hour": "hours", "day": "days", "week": "weeks"}
WINDOWS = {"rolling": "the last ones, at any moment", "calendar_day": "whole days where the person is, today included"}


@views.get("/sending", "frequency_caps:read")
async def show_caps(visit: Visit) -> Response:
    return await _caps(visit, None, {})


async def _caps(visit: Visit, refusal: Refusal | None, values: dict[str, str]) -> Response:
    async with visit.reader() as reader:
        page = await frequency_caps.page(reader, CapsQuery(limit=100))
    return visit.page(
        "sending/caps.html",
        200 if refusal is None else refusal.status,
        caps=page,
        span_of=span_of,
        channels=CHANNELS,
        spans=SPAN_WORDS,
        windows=WINDOWS,
        refusal=refusal,
        values=values,
    )


def span_of(seconds: int) -> tuple[int, str]:
    """The longest unit that measures a window without a rest: 172,800 is 2 days."""
    return next((seconds // size, unit) for unit, size in reversed(SPANS.items()) if seconds % size == 0 or size == 60)


@views.post("/sending/caps", "frequency_caps:write")
async def create_cap(visit: Visit) -> Response:
    values, given = _given(visit)
    try:
        async with visit.transaction() as tx:
            cap = await frequency_caps.create(tx, msgspec.convert(given, NewFrequencyCap))
    except msgspec.ValidationError as error:
        return await _caps(visit, _unreadable(error), values)
    except Refusal as refusal:
        return await _caps(visit, refusal, values)
    return visit.go("/sending", visit.t("“{name}” holds from now on.", name=cap.name))


def _given(visit: Visit) -> tuple[dict[str, str], dict[str, Any]]:
    """The form as it was typed, and as the service takes it."""
    names = ("name", "limit", "count", "unit", "channel", "category", "window")
    values = {name: visit.field(name) for name in names}
    given = {
        "name": values["name"],
        "limit": _number(values["limit"]),
        "window_seconds": _number(values["count"]) * SPANS.get(values["unit"], 1),
        "channel": values["channel"] or None,
        "category": values["category"] or None,
        "window": values["window"] or "rolling",
    }
    return values, given


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _unreadable(error: msgspec.ValidationError) -> InvalidRequest:
    message, _, place = str(error).partition(" - at `$.")
    return InvalidRequest(f"{message}.", field=place.rstrip("`") or "name", value=None, expected="what the form asks")


@views.get("/sending/caps/{id}", "frequency_caps:read")
async def show_cap(visit: Visit) -> Response:
    async with visit.reader() as reader:
        cap = await frequency_caps.get(reader, visit.id("fcap"))
    count, unit = span_of(cap.window_seconds)
    values = {"name": cap.name, "limit": str(cap.limit), "count": str(count), "unit": unit, "window": cap.window}
    return _cap(visit, cap, None, {**values, "channel": cap.channel or "", "category": cap.category or ""})


def _cap(visit: Visit, cap: FrequencyCap, refusal: Refusal | None, values: dict[str, str]) -> Response:
    return visit.page(
        "sending/cap.html",
        200 if refusal is None else refusal.status,
        cap=cap,
        channels=CHANNELS,
        spans=SPAN_WORDS,
        windows=WINDOWS,
        refusal=refusal,
        values=values,
    )


@views.post("/sending/caps/{id}", "frequency_caps:write")
async def change_cap(visit: Visit) -> Response:
    """`do` is `delete`, `pause` or `resume` for those buttons."""
    id, do = visit.id("fcap"), visit.field("do")
    async with visit.reader() as reader:
        cap = await frequency_caps.get(reader, id)
    if do == "delete":
        async with visit.transaction() as tx:
            await frequency_caps.delete(tx, id)
        return visit.go("/sending", visit.t("“{name}” is deleted.", name=cap.name))
    values, given = _given(visit)
    if do in ("pause", "resume"):
        given = {"enabled": do == "resume"}
    try:
        async with visit.transaction() as tx:
            await frequency_caps.change(tx, id, msgspec.convert(given, FrequencyCapChange))
    except msgspec.ValidationError as error:
        return _cap(visit, cap, _unreadable(error), values)
    except Refusal as refusal:
        return _cap(visit, cap, refusal, values)
    said = {"pause": "“{name}” is paused.", "resume": "“{name}” holds again."}.get(do, "“{name}” was changed.")
    return visit.go("/sending", visit.t(said, name=given.get("name", cap.name)))


@views.get("/sending/quiet-hours", "compliance:read")
async def show_quiet_hours(visit: Visit) -> Response:
    return await _quiet_hours(visit, None)


async def _quiet_hours(visit: Visit, refusal: Refusal | None) -> Response:
    params = visit.request.query_params
    asked = {name: params.get(name, "").strip()[:64] for name in ("phone", "channel")}
    preview: QuietHoursPreview | None = None
    unknown: Refusal | None = None
    async with visit.reader() as reader:
        settings = await compliance.get(reader)
        if asked["phone"]:
            try:
                query = PreviewQuery(phone=asked["phone"], channel=asked["channel"])
                preview = await by_phone.preview(reader, query)
            except Refusal as error:
                unknown = error
    return visit.page(
        "sending/quiet_hours.html",
        200 if refusal is None else refusal.status,
        settings=settings,
        channels=CHANNELS,
        preview=preview,
        asked=asked,
        unknown=unknown,
        refusal=refusal,
    )


@views.post("/sending/quiet-hours", "settings:write")
async def change_quiet_hours(visit: Visit) -> Response:
    windows: dict[str, Any] = {}
    for channel in CHANNELS:
        start, end = visit.field(f"{channel}.start"), visit.field(f"{channel}.end")
        any_hour = bool(visit.field(f"{channel}.any")) or not (start or end)
        windows[channel] = None if any_hour else {"start": start[:5], "end": end[:5]}
    exempt = [each.strip() for each in visit.field("exempt_categories").split(",") if each.strip()]
    quiet: dict[str, Any] = {"enabled": bool(visit.field("enabled")), "windows": windows, "exempt_categories": exempt}
    if timezone := visit.field("timezone"):
        quiet["timezone"] = timezone
    return await _changed(visit, {"quiet_hours": quiet})


@views.post("/sending/rules", "settings:write")
async def change_rules(visit: Visit) -> Response:
    dnc = {"enabled": bool(visit.field("dnc"))}
    return await _changed(visit, {"require_opt_in": bool(visit.field("require_opt_in")), "dnc": dnc})


async def _changed(visit: Visit, given: dict[str, Any]) -> Response:
    try:
        body = msgspec.convert(given, ComplianceChange)
        async with visit.transaction() as tx:
            await compliance.change(tx, body)
    except msgspec.ValidationError as error:
        return await _quiet_hours(visit, _unreadable(error))
    except Refusal as refusal:
        return await _quiet_hours(visit, refusal)
    return visit.go("/sending/quiet-hours", visit.t("Saved; it holds for the very next send."))
