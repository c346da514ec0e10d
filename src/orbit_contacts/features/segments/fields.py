"""What a rule may ask about: every field with its kind, its SQL and its name in plain words."""

from dataclasses import dataclass
from enum import StrEnum
from typing import LiteralString


class Kind(StrEnum):
    """How the values of a field compare; decides which operators it takes."""

    TEXT = "text"
    ID = "id"
    BOOLEAN = "boolean"
    NUMBER = "number"
    DATE = "date"
    TEXTS = "array of texts"
    LISTS = "array of lists"
    SEGMENTS = "array of segments"
    STATE = "consent state"
    JSON = "any JSON value"


class Source(StrEnum):
    """Where the value of a field lies."""

    COLUMN = "column"
    METADATA = "metadata"
    CUSTOM_FIELDS = "custom_fields"
    EVENT_DATA = "data"
    LISTS = "lists"
    SEGMENTS = "segments"
    CONSENT = "preferences"
    ACTIVITY = "activity"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a rule. `path` are the keys below a JSON map; `sql` is the expression over `contacts c`."""

    name: str
    kind: Kind
    words: str
    source: Source = Source.COLUMN
    sql: LiteralString = ""
    path: tuple[str, ...] = ()
    plural: bool = False
    searchable: bool = False  # part of `search_text`, whose trigram index finds candidates
    format: str = ""  # how values are normalised: email, phone, country, language, timezone
    note: str = ""


def _text(
    name: str, words: str, sql: LiteralString, note: str = "", *, searchable: bool = False, format: str = ""
) -> Field:
    return Field(name, Kind.TEXT, words, sql=sql, searchable=searchable, format=format, note=note)


_COLUMNS = (
    Field("id", Kind.ID, "contact", sql="c.id", note="`con_…`"),
    _text("phone", "phone", "c.phone", "E.164; `$eq` reads any written form", searchable=True, format="phone"),
    _text("phone_extension", "phone extension", "c.phone_extension"),
    _text("email", "e-mail", "c.email", "`$eq` ignores case", searchable=True, format="email"),
    _text("external_id", "external id", "c.external_id"),
    _text("first_name", "first name", "c.first_name", searchable=True),
    _text("last_name", "last name", "c.last_name", searchable=True),
    _text("display_name", "display name", "c.display_name", "also `name`", searchable=True),
    _text("company", "company", "c.company", "also `organization`", searchable=True),
    _text("country_code", "country", "c.country_code", "ISO 3166-1 alpha-2; `$eq` ignores case", format="country"),
    _text("timezone", "time zone", "c.timezone", "IANA name", format="timezone"),
    _text("language", "language", "c.language", "ISO 639-1", format="language"),
    _text("lifecycle_stage", "lifecycle stage", "c.lifecycle_stage"),
    _text("source", "source", "c.source", "api, import, sdk, inbound, console"),
    _text("block_reason", "block reason", "c.block_reason"),
    Field("blocked", Kind.BOOLEAN, "blocked", sql="(c.blocked_at IS NOT NULL)"),
    Field("dnc", Kind.BOOLEAN, "do-not-call", sql="c.dnc"),
    Field("created_at", Kind.DATE, "creation date", sql="c.created_at"),
    Field("updated_at", Kind.DATE, "last change", sql="c.updated_at"),
    Field("blocked_at", Kind.DATE, "blocking date", sql="c.blocked_at"),
    Field("deleted_at", Kind.DATE, "deletion date", sql="c.deleted_at", note="never set on live contacts"),
    Field(
        "last_activity_at",
        Kind.DATE,
        "last activity",
        Source.ACTIVITY,
        note="the newest message, call, ticket or custom event",
    ),
    Field("tags", Kind.TEXTS, "tags", sql="c.tags", plural=True),
    Field("lists", Kind.LISTS, "lists", Source.LISTS, plural=True, note="ids `lst_…`"),
    Field("segments", Kind.SEGMENTS, "segments", Source.SEGMENTS, plural=True, note="ids `seg_…`; also `segment`"),
)

FIELDS: dict[str, Field] = {field.name: field for field in _COLUMNS}

ALIASES = {
    "name": "display_name",
    "organization": "company",
    "segment": "segments",
    "list": "lists",
    "custom_attributes": "metadata",
    "attributes": "metadata",
}

MAPS = ("metadata", "custom_fields", "preferences")
MAX_PATH = 5
MAX_KEY_LENGTH = 255


def split_path(text: str) -> tuple[str, ...] | None:
    """The keys of `plan.name`; a dot inside a key is written `\\.`. None when a key is empty or too long."""
    keys, key, escaped = list[str](), "", False
    for character in text:
        if escaped:
            key, escaped = key + character, False
        elif character == "\\":
            escaped = True
        elif character == ".":
            keys.append(key)
            key = ""
        else:
            key += character
    keys.append(key)
    if escaped or len(keys) > MAX_PATH or not all(1 <= len(key) <= MAX_KEY_LENGTH for key in keys):
        return None
    return tuple(keys)


def json_field(source: Source, path: tuple[str, ...], kind: Kind = Kind.JSON, format: str = "") -> Field:
    """A value below `metadata`, `custom_fields` or an event's `data`."""
    sql: LiteralString = "c.metadata"
    if source is Source.CUSTOM_FIELDS:
        sql = "c.custom_fields"
    elif source is Source.EVENT_DATA:
        sql = "e.data"
    name = f"{source}." + ".".join(key.replace("\\", "\\\\").replace(".", "\\.") for key in path)
    return Field(name, kind, ".".join(path), source, sql, path, format=format)


def consent_field(channel: str) -> Field:
    """The consent state of one channel."""
    return Field(f"preferences.{channel}", Kind.STATE, f"consent for {channel}", Source.CONSENT, path=(channel,))
