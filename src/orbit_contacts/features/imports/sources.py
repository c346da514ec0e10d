"""What was sent, as numbered rows of input for contacts, whichever format it came in. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple, cast

import msgspec

from orbit_contacts.core.csv_values import encode_value, join_tags
from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.imports.cell_text import clean_header
from orbit_contacts.features.imports.mapping import ColumnProposal, propose_mapping
from orbit_contacts.features.imports.models import ConsentFields, Reading
from orbit_contacts.features.imports.readers import Fault, FileFormat, ReadLimits, Row, open_records, open_rows
from orbit_contacts.features.imports.readers.sources import Readable
from orbit_contacts.features.imports.transforms import ColumnMapping, RowTransform, check_mapping

SAMPLE_ROWS = 200
CERTAIN_ENOUGH = 0.5

RECORDS = ("ndjson", "json")
# The columns of `skipped.csv` for what came as JSON; the last holds what could not be read at all.
RECORD_HEADER = [
    *("phone", "email", "external_id", "first_name", "last_name", "display_name", "company", "country_code"),
    *("timezone", "language", "lifecycle_stage", "tags", "metadata", "custom_fields", "record"),
]
_ALIASES = {"display_name": "name", "company": "organization", "metadata": "custom_attributes"}

_decoder = msgspec.json.Decoder(ConsentFields)


class SourceRow(NamedTuple):
    """One row: its cells (or the JSON it was), and the input for a contact unless there is a fault."""

    number: int
    cells: list[str] | None
    raw: bytes
    contact: dict[str, Any] | ConsentFields | None
    fault: Fault | None

    def as_cells(self) -> list[str]:
        """For `skipped.csv`."""
        return self.cells if self.cells is not None else _record_cells(self.raw)


class Survey(NamedTuple):
    """A file looked into: how it is read, what was proposed for its columns, and its first rows."""

    reading: Reading
    proposals: list[ColumnProposal]
    sample: list[Row]


def survey(
    readable: Readable,
    form: FileFormat,
    wanted: Mapping[str, Any],
    remembered: Mapping[bytes, Any],
    limits: ReadLimits,
) -> Survey:
    """Decide which column is which: as told in `wanted` (header to field, to null, or to an object of
    `ColumnMapping`'s options), as remembered for this header, else as proposed where that is certain enough."""
    if form.kind in RECORDS:
        return Survey(Reading(format=form, header=RECORD_HEADER), [], [])
    table = open_rows(readable, form, limits)
    sample = [row for row, _ in zip(table.rows, range(SAMPLE_ROWS), strict=False)]
    header = table.header
    proposals = propose_mapping(header, [row.cells for row in sample if row.fault is None])
    known = remembered.get(header_hash(header))
    if known is not None:
        proposals = [
            msgspec.structs.replace(each, field=field, confidence=1.0, why="As in the last file with these columns.")
            for each, field in zip(proposals, known, strict=True)
        ]
    mapping: dict[int, ColumnMapping] = {
        place: ColumnMapping(column=place, field=each.field)
        for place, each in enumerate(proposals)
        if each.field is not None and each.confidence >= CERTAIN_ENOUGH
    }
    told = _told(header, wanted)
    named = {each.field for each in told.values() if each is not None and each.field != "tags"}
    mapping = {place: each for place, each in mapping.items() if place not in told and each.field not in named}
    mapping |= {place: each for place, each in told.items() if each is not None}
    chosen = [mapping[place] for place in sorted(mapping)]
    check_mapping(header, chosen)
    reading = Reading(
        format=msgspec.structs.replace(form, candidates=[]),
        header=header,
        mapping=chosen,
        own=table.guarded,
        remember=bool(wanted),
    )
    return Survey(reading, proposals, sample)


def header_hash(header: Sequence[str]) -> bytes:
    return blake2b("\0".join(header).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _told(header: Sequence[str], wanted: Mapping[str, Any]) -> dict[int, ColumnMapping | None]:
    told: dict[int, ColumnMapping | None] = {}
    for name, target in wanted.items():
        if target in (None, ""):
            told[_place(header, name)] = None
            continue
        options = cast("dict[str, Any]", {"field": target} if isinstance(target, str) else target)
        try:
            # A column may be named by its place: two of them can have the same header.
            place = options["column"] if "column" in options else _place(header, name)
            if "field" in options and options["field"] is None and isinstance(place, int):
                told[place] = None
            else:
                column = msgspec.convert({**options, "column": place}, ColumnMapping)
                told[column.column] = column
        except (msgspec.ValidationError, TypeError) as error:
            raise InvalidRequest(
                f"The mapping of `{name[:100]}` cannot be read: {error}.",
                field="mapping",
                value=str(target)[:100],
                expected="a field, null, or an object with `field` and its options",
            ) from None
    return told


def _place(header: Sequence[str], name: str) -> int:
    if name in header:
        return header.index(name)
    bare = [clean_header(each).casefold() for each in header]
    if (wanted := clean_header(name).casefold()) in bare:
        return bare.index(wanted)
    raise InvalidRequest(
        f"The file has no column `{name[:100]}`.", field="mapping", value=name[:100], expected=list(header)[:50]
    )


def count_rows(readable: Readable, reading: Reading, limits: ReadLimits) -> int:
    """How many rows there are, good and bad; refuses a file beyond the limits."""
    if reading.format.kind in RECORDS:
        return sum(1 for _ in open_records(readable, reading.format, bytes, limits))
    return sum(1 for _ in open_rows(readable, reading.format, limits).rows)


def read_rows(readable: Readable, reading: Reading, limits: ReadLimits) -> Iterator[SourceRow]:
    """The rows, one after the other."""
    if reading.format.kind in RECORDS:
        for record in open_records(readable, reading.format, bytes, limits):
            yield _of_record(record.number, record.raw, record.fault)
        return
    table = open_rows(readable, reading.format, limits)
    transform = RowTransform(table.header, reading.mapping, own=reading.own)
    for row in table.rows:
        if row.fault is not None:
            yield SourceRow(row.number, row.cells, b"", None, row.fault)
            continue
        contact, fault = transform.apply(row.cells)
        yield SourceRow(row.number, row.cells, b"", contact, fault)


def rows_of_records(contacts: Iterable[bytes]) -> Iterator[SourceRow]:
    """The contacts of a JSON body, numbered from 1."""
    for number, raw in enumerate(contacts, 1):
        yield _of_record(number, raw, None)


def _of_record(number: int, raw: bytes, fault: Fault | None) -> SourceRow:
    if fault is None:
        try:
            return SourceRow(number, None, raw, _decoder.decode(raw), None)
        except msgspec.ValidationError as error:
            message, _, place = str(error).partition(" - at `$")
            fault = Fault("wrong_type", f"{message}.", place.rstrip("`").lstrip(".") or None)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            fault = Fault("bad_json", f"This is not valid JSON: {str(error) or 'nested too deeply'}.")
    return SourceRow(number, None, raw, None, fault)


def _record_cells(raw: bytes) -> list[str]:
    """A contact in JSON as the cells of `RECORD_HEADER`, so that it can be corrected in a spreadsheet."""
    try:
        contact = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [*[""] * (len(RECORD_HEADER) - 1), _storable(raw.decode("utf-8", "replace"))]
    return [_storable(_cell(contact, name)) for name in RECORD_HEADER]


def _cell(contact: dict[str, Any], name: str) -> str:
    value = contact.get(name)
    if value is None and name in _ALIASES:
        value = contact.get(_ALIASES[name])
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if name == "tags" and isinstance(value, list):
        tags: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return join_tags(str(tag) for tag in tags)
    return encode_value(value)


def _storable(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:65_536]
