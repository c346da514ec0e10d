"""The form of a file that is about to be imported: what its columns can hold, and what a person chose."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from orbit_contacts.core.pagination import PageQuery
from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.custom_fields import service as custom_fields
from orbit_contacts.features.imports.contact_fields import CONSENT_FIELDS, READ_ONLY_FIELDS
from orbit_contacts.features.imports.drafts import settle
from orbit_contacts.features.imports.mapping import metadata_field
from orbit_contacts.features.imports.models import BulkQuery, Encoding, ImportResult, Preview, PreviewColumn
from orbit_contacts.interfaces.console.visit import Visit

FIELDS = {
    "first_name": "First name",
    "last_name": "Last name",
    "display_name": "Full name",
    "email": "E-mail",
    "phone": "Phone",
    "phone_extension": "Phone extension",
    "company": "Company",
    "country_code": "Country",
    "language": "Language",
    "timezone": "Time zone",
    "lifecycle_stage": "Stage",
    "tags": "Tags",
    "external_id": "External id",
    "metadata": "Metadata (JSON)",
    "custom_fields": "Custom fields (JSON)",
}
MODES = {
    "upsert": "Add new contacts and update known ones",
    "create": "Only add new contacts",
    "update": "Only update known contacts",
}
KEYS = {
    "auto": "External id, then phone, then e-mail",
    "external_id": "External id",
    "phone": "Phone",
    "email": "E-mail",
}
RULES = {
    "overwrite": "Take the file's value",
    "only_if_blank": "Only fill what is empty",
    "never": "Keep what is there",
}
SHORT_RULES = {"overwrite": "overwrite", "only_if_blank": "fill if empty", "never": "keep"}
IF_DELETED = {"create": "Create them anew", "skip": "Skip them"}
DELIMITERS = {",": "Comma ,", ";": "Semicolon ;", "\t": "Tab", "|": "Bar |"}
ENCODINGS = {
    "utf-8": "Unicode (UTF-8)",
    "utf-16-le": "Unicode (UTF-16)",
    "utf-16-be": "Unicode (UTF-16, big-endian)",
    "cp1252": "Western European (Windows-1252)",
    "cp1254": "Turkish (Windows-1254)",
    "cp1250": "Central European (Windows-1250)",
    "cp1251": "Cyrillic (Windows-1251)",
    "cp1253": "Greek (Windows-1253)",
    "cp1255": "Hebrew (Windows-1255)",
    "cp1256": "Arabic (Windows-1256)",
    "cp1257": "Baltic (Windows-1257)",
    "cp1258": "Vietnamese (Windows-1258)",
    "cp874": "Thai (Windows-874)",
    "iso8859_2": "Central European (ISO 8859-2)",
    "iso8859_15": "Western European (ISO 8859-15)",
    "koi8_r": "Russian (KOI8-R)",
    "koi8_u": "Ukrainian (KOI8-U)",
    "mac_roman": "Western European (Mac)",
    "cp437": "DOS, American (437)",
    "cp850": "DOS, Western European (850)",
    "cp852": "DOS, Central European (852)",
    "cp857": "DOS, Turkish (857)",
    "cp866": "DOS, Cyrillic (866)",
    "cp932": "Japanese (Shift JIS)",
    "euc_jp": "Japanese (EUC)",
    "gb18030": "Chinese (GB 18030)",
    "big5": "Chinese, traditional (Big5)",
    "euc_kr": "Korean (EUC)",
}

NAMES = {
    "": "One name, not split",
    "first_last": "Split: first name first",
    "last_first": "Split: last name first",
}
DATES = {"": "Dates as they are", "day_first": "Dates: day before month", "month_first": "Dates: month before day"}

_SHOWN = 3
# Sentences of a proposal that name something.
_MEANT = re.compile(r"The name of the column means (\S+)\.")
_TAKEN = re.compile(r"Another column is the (\S+) already\.")
_EXPORTED = re.compile(r"(.+) exports the field under this name\.")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
Groups = list[tuple[str, dict[str, str]]]


async def targets(visit: Visit) -> Groups:
    """What any column can be read as, in groups."""
    groups = [(visit.t("Contact"), {name: visit.t(label) for name, label in FIELDS.items()})]
    if visit.can("custom_fields:read"):
        async with visit.reader() as reader:
            known = (await custom_fields.list_fields(reader, PageQuery(limit=200))).items
        if known:
            groups.append((visit.t("Custom fields"), {f"custom_fields.{field.key}": field.label for field in known}))
    consent = {
        f"preferences.{channel}": visit.t("Consent: {channel}", channel=visit.t(channel)) for channel in CHANNELS
    }
    consent |= {name: name.removeprefix("consent.").replace(".", ": ").replace("_", " ") for name in CONSENT_FIELDS}
    return [*groups, (visit.t("Consent (an import only closes channels)"), consent)]


def own_targets(visit: Visit, column: PreviewColumn, groups: Groups) -> dict[str, str]:
    """What this one column can be read as besides: kept under its own name, or as it was proposed."""
    aside = metadata_field(column.header)
    own = {aside: visit.t("Keep as {name}", name=aside.removeprefix("metadata."))}
    field = column.field
    if field and field not in own and not any(field in names for _, names in groups):
        own[field] = _label(visit, field)
    return own


def _label(visit: Visit, field: str) -> str:
    if field in READ_ONLY_FIELDS:
        return visit.t("{name} (is not imported)", name=field)
    if field.startswith("metadata."):
        return visit.t("Keep as {name}", name=field.removeprefix("metadata."))
    return field


def why_of(visit: Visit, column: PreviewColumn) -> str:
    """Why a column is read as it is, sentence by sentence, in the reader's language."""
    return " ".join(_said(visit, sentence) for sentence in re.split(r"(?<=\.) (?=[A-Z])", column.why))


def _said(visit: Visit, sentence: str) -> str:
    if found := _MEANT.fullmatch(sentence):
        return visit.t("The name of the column means {field}.", field=_named(visit, found[1]))
    if found := _TAKEN.fullmatch(sentence):
        return visit.t("Another column is the {field} already.", field=_named(visit, found[1]))
    if found := _EXPORTED.fullmatch(sentence):
        return visit.t("{product} exports the field under this name.", product=found[1])
    return visit.t(sentence)


def _named(visit: Visit, field: str) -> str:
    return visit.t(FIELDS.get(field, field))


def has_dates(column: PreviewColumn) -> bool:
    """Whether the order of day and month matters to a column."""
    return _takes_dates(column.field or "") and any(_DATE.match(each) for each in column.samples)


def _takes_dates(field: str) -> bool:
    if field in CONSENT_FIELDS:
        return field == "consent.proof.time" or not field.startswith("consent.proof.")
    return field.startswith(("metadata.", "custom_fields."))


def dates_of(field: str) -> dict[str, str]:
    """How the dates of a field can be read; those of consent are never kept as text."""
    return {order: label for order, label in DATES.items() if order or field not in CONSENT_FIELDS}


def names_order(choices: BulkQuery, place: int) -> str:
    """How the whole name in a column is split; empty when it is not."""
    return _told(choices, place).get("split_name") or ""


def dates_order(choices: BulkQuery, place: int) -> str:
    """The order of day and month that somebody chose for a column."""
    return _told(choices, place).get("date_order") or ""


def _told(choices: BulkQuery, place: int) -> dict[str, Any]:
    """What was chosen for one column."""
    mapping: dict[str, dict[str, Any]] = msgspec.json.decode(choices.mapping) if choices.mapping else {}
    return mapping.get(str(place), {})


def encodings(preview: Preview) -> list[Encoding]:
    """The likeliest three, and the one that is chosen."""
    return [each for place, each in enumerate(preview.encodings) if place < _SHOWN or each.name == preview.encoding]


def faults(result: ImportResult) -> list[tuple[str, int, int]]:
    """Why rows are skipped: each reason with its first row and how many there are, the most frequent first."""
    found: dict[str, tuple[int, int]] = {}
    for error in result.errors:
        first, count = found.get(error.message, (error.row, 0))
        found[error.message] = (first, count + 1)
    return sorted(((message, *rows) for message, rows in found.items()), key=lambda each: -each[2])[:5]


def choices_of(visit: Visit, before: BulkQuery) -> BulkQuery:
    """The form as the options of an import; `before` are those it was made for."""
    shown = _numbered(visit, "was-")
    wanted = settle(shown, _numbered(visit, "field-"))
    options = _options(visit, wanted)
    delimiter, sheet = visit.field("delimiter") or before.delimiter, visit.field("sheet") or None
    mapping = before.mapping
    if (delimiter != before.delimiter and before.delimiter is not None) or sheet != before.sheet:
        mapping = None  # other columns
    elif wanted != shown or options or mapping is not None:
        columns = {place: {"column": place, "field": field or None} for place, field in wanted.items()}
        mapping = _json({str(place): column | options.get(place, {}) for place, column in columns.items()})
    default = visit.field("collision") or "overwrite"
    # A column that followed the rule for all goes on to follow it.
    usual = (default, before.collision or "overwrite")
    rules = {wanted.get(place): rule for place, rule in _numbered(visit, "rule-").items() if rule not in usual}
    list_id, tags = visit.field("list_id"), visit.field("tags")
    given = {
        "mode": visit.field("mode") or None,
        "dedupe_by": visit.field("dedupe_by") or None,
        "if_deleted": visit.field("if_deleted") or None,
        "collision": default,
        "collisions": _json({field: rule for field, rule in rules.items() if field}),
        "list_id": list_id or None,
        "tags": [tag.strip() for tag in tags.split(",") if tag.strip()],
        "default_country_code": visit.field("default_country_code") or None,
        "mapping": mapping,
        "encoding": visit.field("other_encoding") or visit.field("encoding") or before.encoding,
        "delimiter": delimiter,
        "sheet": sheet,
    }
    return msgspec.convert(given, BulkQuery)


def _options(visit: Visit, wanted: Mapping[int, str]) -> dict[int, dict[str, Any]]:
    """What else is told about columns: how whole names are split, and how dates are read."""
    names, dates = _numbered(visit, "names-"), _numbered(visit, "dates-")
    found: dict[int, dict[str, Any]] = {}
    for place, field in wanted.items():
        if field == "display_name" and names.get(place):
            found[place] = {"split_name": names[place]}
        elif field in CONSENT_FIELDS and dates.get(place) not in (None, "", "day_first"):
            found[place] = {"date_order": dates[place]}
        elif _takes_dates(field) and field not in CONSENT_FIELDS and dates.get(place):
            found[place] = {"date_order": dates[place], "as_date": True}
    return found


def _numbered(visit: Visit, prefix: str) -> dict[int, str]:
    """The fields `prefix0`, `prefix1`, … of the form by their number."""
    found: dict[int, str] = {}
    for name, value in visit.form.multi_items():
        number = name.removeprefix(prefix)
        if name.startswith(prefix) and number.isdecimal() and len(number) < 6 and isinstance(value, str):
            found[int(number)] = value
    return found


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def rules_of(choices: BulkQuery, preview: Preview) -> dict[str, str]:
    """The collision rule of each field that has one."""
    stored: dict[str, str] = msgspec.json.decode(choices.collisions) if choices.collisions else {}
    default = choices.collision or "overwrite"
    return {column.field: stored.get(column.field, default) for column in preview.columns if column.field}
