"""From a row of a file to what can be stored: validated fields, identity, and the channels it closes. Pure."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.contacts import rules
from orbit_contacts.features.custom_fields import values
from orbit_contacts.features.custom_fields.models import Definition
from orbit_contacts.features.imports.models import ConsentFields
from orbit_contacts.features.imports.seen import hash_of
from orbit_contacts.features.imports.sources import SourceRow

_TEXTS = ("first_name", "last_name", "display_name", "company", "external_id", "lifecycle_stage")
_NUL = b"\\u0000"


class Skip(NamedTuple):
    """A row that does not get in, and why."""

    row: SourceRow
    code: str
    field: str | None
    message: str


class Prepared(msgspec.Struct, gc=False):
    """A row that can be stored: `fields` without blanks, `hashes` of its identifiers in the same order."""

    row: SourceRow
    fields: dict[str, Any]
    identifiers: list[rules.Identifier]
    hashes: list[int]
    lists: list[str]
    closed: dict[str, str]
    proof: dict[str, Any]


class Settled(NamedTuple):
    """What rows may refer to, as it is now: lists by their public id, definitions of custom fields, and those of the
    lists that every row joins which exist."""

    lists: Mapping[str, UUID]
    definitions: Mapping[str, Definition]
    joined: Set[UUID]


def prepare(rows: Iterable[SourceRow], region: str | None, tags: Sequence[str]) -> tuple[list[Prepared], list[Skip]]:
    """Validate rows one by one; `tags` are those of the whole import."""
    good: list[Prepared] = []
    skipped: list[Skip] = []
    plain = _is_plain_text("".join(tags))
    for row in rows:
        if row.fault is not None:
            fault = row.fault
            skipped.append(Skip(row, fault.code, fault.field, fault.message))
            continue
        try:
            good.append(_prepared(row, region, tags, plain))
        except Refusal as refusal:
            skipped.append(skip_of(row, refusal))
        except msgspec.ValidationError as error:
            message, _, place = str(error).partition(" - at `$.")
            skipped.append(Skip(row, "VALIDATION_ERROR", place.rstrip("`") or None, message))
    return good, skipped


def skip_of(row: SourceRow, refusal: Refusal) -> Skip:
    field = refusal.details.get("field")
    message = refusal.message
    if expected := refusal.details.get("expected"):
        message = f"{message.rstrip('.')}; expected {expected}."
    return Skip(row, refusal.code, field if isinstance(field, str) else None, message)


def _prepared(row: SourceRow, region: str | None, tags: Sequence[str], plain: bool) -> Prepared:
    given = row.contact
    if isinstance(given, dict):
        given = msgspec.convert(given, ConsentFields)
    assert given is not None
    fields = {
        name: value for name, value in rules.normalise(given, region).items() if value is not None and value != []
    }
    rules.require_identifier(fields)
    if tags:
        fields["tags"] = rules.tidy_tags([*fields.get("tags", ()), *tags])
    if "metadata" in fields:
        # Null and blank never erase, not even a key of the metadata.
        fields["metadata"] = rules.merge_metadata({}, fields["metadata"])
    if not (plain and _is_plain(row)):
        _check_text(fields)
    identifiers = rules.identifiers(fields)
    closed = _closed(given.preferences, given.consent)
    return Prepared(
        row,
        fields,
        identifiers,
        [hash_of(identifier.kind, identifier.key) for identifier in identifiers],
        given.list_ids,
        closed,
        _proof(given.consent) if closed else {},
    )


def _is_plain(row: SourceRow) -> bool:
    """True for most rows: there is nothing in it that could be unstorable."""
    if row.cells is None:
        return b"\\u" not in row.raw  # only an escape makes NUL or half a character
    return _is_plain_text("".join(row.cells))


def _is_plain_text(text: str) -> bool:
    return text.isascii() and "\0" not in text and "\\u" not in text


def _check_text(fields: dict[str, Any]) -> None:
    """What PostgreSQL cannot hold as text: NUL and half characters."""
    for name in _TEXTS:
        text = fields.get(name)
        if text is not None and ("\0" in text or not _is_whole(text)):
            raise _unstorable(name, text)
    for tag in fields.get("tags", ()):
        if "\0" in tag or not _is_whole(tag):
            raise _unstorable("tags", tag)
    for name in ("metadata", "custom_fields"):
        if name in fields:
            try:
                broken = _NUL in msgspec.json.encode(fields[name])
            except (UnicodeEncodeError, RecursionError):
                broken = True
            if broken:
                raise _unstorable(name, "")


def _is_whole(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unstorable(name: str, text: str) -> Refusal:
    return rules.InvalidRequest(
        f"`{name}` holds a character that cannot be stored.",
        field=name,
        value=text[:60].encode(errors="replace").decode(),
        expected="text without NUL and half characters",
    )


def _closed(preferences: Any, consent: Any) -> dict[str, str]:
    """Channel to reason, for what a row closes; whatever opens a channel is left aside."""
    closed: dict[str, str] = {}
    if isinstance(preferences, dict):
        given: dict[Any, Any] = preferences  # pyright: ignore[reportUnknownVariableType]
        for channel, value in given.items():
            if value is False or value == "opted_out":
                closed[str(channel)] = "opted_out"
    if isinstance(consent, dict):
        told: dict[Any, Any] = consent  # pyright: ignore[reportUnknownVariableType]
        for key, value in told.items():
            channel, _, state = str(key).partition(".")
            if value not in (False, None) and state in ("opted_out", "bounced"):
                for each in CHANNELS if channel == "all" else (channel,):
                    closed.setdefault(each, state)
    return {channel: reason for channel, reason in closed.items() if channel in CHANNELS}


def _proof(consent: Any) -> dict[str, Any]:
    """What the file says about when and why, as texts."""
    if not isinstance(consent, dict):
        return {}
    told: dict[Any, Any] = consent  # pyright: ignore[reportUnknownVariableType]
    return {str(key): str(value)[:200] for key, value in told.items() if value not in (False, True, None)}


def settle(
    rows: Sequence[Prepared], settled: Settled, region: str | None
) -> tuple[list[Prepared], dict[int, list[UUID]], list[Skip]]:
    """Check what rows refer to. Gives the good rows, the lists that a row names by the row's place in `rows` kept,
    and the skipped."""
    good: list[Prepared] = []
    lists: dict[int, list[UUID]] = {}
    skipped: list[Skip] = []
    for row in rows:
        try:
            if row.lists:
                lists[len(good)] = [_list_of(settled, text) for text in row.lists]
            if "custom_fields" in row.fields:
                # The rows stay as they are: they may be settled once more.
                custom_fields = _custom_fields(row, settled, region)
                good.append(msgspec.structs.replace(row, fields={**row.fields, "custom_fields": custom_fields}))
            else:
                good.append(row)
        except Refusal as refusal:
            lists.pop(len(good), None)
            skipped.append(skip_of(row.row, refusal))
    return good, lists, skipped


def _list_of(settled: Settled, text: str) -> UUID:
    if text not in settled.lists:
        raise rules.InvalidRequest(
            f"There is no list `{text[:64]}`.", field="list_ids", value=text[:100], expected="ids of lists"
        )
    return settled.lists[text]


def _custom_fields(row: Prepared, settled: Settled, region: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in row.fields["custom_fields"].items():
        definition = settled.definitions.get(key)
        if definition is None:
            raise rules.InvalidRequest(
                f"There is no custom field `{key[:64]}`.",
                field=f"custom_fields.{key[:64]}",
                value=key[:100],
                expected="the key of a custom field",
            )
        # A file holds texts, whatever the type of the field; JSON holds typed values.
        own_region = row.fields.get("country_code") or region
        if isinstance(value, str) and row.row.cells is not None:
            value = values.from_text(definition, value, own_region)
        else:
            value = values.parse(definition, value, own_region)
        if value is not None:
            found[key] = value
    return found
