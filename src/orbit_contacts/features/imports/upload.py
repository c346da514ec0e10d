"""An import request read: the contacts or the file, and the options beside it."""

import asyncio
import zlib
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET
from python_multipart.exceptions import FormParserError
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from orbit_contacts.core.decoding import decode_body, decode_query, list_fields
from orbit_contacts.core.errors import InvalidRequest, MissingField, PayloadTooLarge, UnsupportedMediaType
from orbit_contacts.core.operations import Request
from orbit_contacts.features.contacts.places import parse_country
from orbit_contacts.features.contacts.rules import tidy_tags
from orbit_contacts.features.imports import limits
from orbit_contacts.features.imports.models import (
    MAX_CONTACTS,
    BulkBody,
    BulkQuery,
    Collision,
    ImportOptions,
    OptionFields,
)

MAX_UNPACKED_JSON = 64 * 1024 * 1024

JSON = "application/json"
FORM = "multipart/form-data"
FILES = (
    "text/csv",
    "text/tab-separated-values",
    "text/plain",
    "text/vcard",
    "text/x-vcard",
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/gzip",
    "application/octet-stream",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.oasis.opendocument.spreadsheet",
)
ACCEPTED = (JSON, FORM, *FILES)

_body = msgspec.json.Decoder(BulkBody)
_mapping = msgspec.json.Decoder(dict[str, Any])
_collisions = msgspec.json.Decoder(dict[str, Collision])
_query_lists = list_fields(BulkQuery)


class Upload(NamedTuple):
    """`contacts` of a JSON body, or the bytes of a file with what is told about it."""

    options: ImportOptions
    list_ids: list[str]
    contacts: list[bytes] | None
    content: bytes
    file_name: str | None
    content_type: str
    mapping: dict[str, Any]
    encoding: str | None
    delimiter: str | None
    sheet: str | None


async def read_upload(request: Request, query: BulkQuery) -> Upload:
    """Read what was sent. Raises `Refusal` for what is no import at all, never for a bad row."""
    given = (request.header("content-type") or "").strip()
    kind = given.partition(";")[0].strip().lower()
    body = request.body
    if kind == FORM:
        if _is_gzipped(request):
            body = await asyncio.to_thread(_unpack, body, limits.upload.max_bytes + limits.AROUND)
        return await _read_form(request, body, query)
    if kind == JSON or (not kind and body.lstrip()[:1] in (b"{", b"[", b"")):
        if _is_gzipped(request):
            body = await asyncio.to_thread(_unpack, body, MAX_UNPACKED_JSON)
        return await asyncio.to_thread(_read_json, body, query)
    if kind and kind not in FILES:
        raise UnsupportedMediaType(field="Content-Type", value=kind[:100], expected=", ".join(ACCEPTED))
    # A compressed file needs no unpacking here: the reader does it, within its limits.
    return upload_of_file(body, query.filename, given, query)


def _is_gzipped(request: Request) -> bool:
    return (request.header("content-encoding") or "").strip().lower() == "gzip"


def _unpack(body: bytes, limit: int) -> bytes:
    inflate = zlib.decompressobj(wbits=31)
    try:
        unpacked = inflate.decompress(body, limit + 1)
    except zlib.error as error:
        raise InvalidRequest(
            "The body cannot be unpacked.",
            field="body",
            value=str(error)[:100],
            expected="gzip, as Content-Encoding says",
        ) from None
    if len(unpacked) > limit:
        raise PayloadTooLarge(
            "The body unpacks to too much.", field="body", value=len(unpacked), expected=f"at most {limit} bytes"
        )
    return unpacked


def _read_json(body: bytes, query: BulkQuery) -> Upload:
    try:
        given = _body.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        given = decode_body(body, _body, True)  # says what is wrong, in the shape of every refusal
    if given.contacts is UNSET:
        raise MissingField("`contacts` is required.", field="contacts", value=None, expected="a list of contacts")
    if not 1 <= len(given.contacts) <= MAX_CONTACTS:
        raise InvalidRequest(
            f"`contacts` must hold 1 to {MAX_CONTACTS:,} contacts.",
            field="contacts",
            value=len(given.contacts),
            expected=f"1-{MAX_CONTACTS} contacts; more fit in a file",
        )
    options = _options(_over(query, given), given.collisions)
    contacts = [bytes(contact) for contact in given.contacts]
    lists = _lists(_over(query, given))
    return Upload(options, lists, contacts, b"", query.filename, JSON, {}, None, None, None)


def _over(query: OptionFields, given: OptionFields) -> OptionFields:
    """What the body says goes before what the query says."""
    chosen = OptionFields()
    for name in OptionFields.__struct_fields__:
        value = getattr(given, name)
        setattr(chosen, name, value if value not in (None, []) else getattr(query, name))
    return chosen


async def _read_form(request: Request, content: bytes, query: BulkQuery) -> Upload:
    async def body() -> AsyncGenerator[bytes]:
        yield content

    headers = Headers(raw=list(request.headers.items()))
    try:
        form = await MultiPartParser(headers, body(), max_files=1, max_fields=40, max_part_size=1 << 20).parse()
    except (MultiPartException, FormParserError, KeyError, ValueError) as error:
        raise InvalidRequest(
            "The form cannot be read.", field="body", value=str(error)[:100], expected=f"{FORM} with one file"
        ) from None
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise MissingField("`file` is required.", field="file", value=None, expected="a file")
    texts = [(name, value) for name, value in form.multi_items() if isinstance(value, str) and value]
    fields = decode_query(_as_query(texts), BulkQuery, _query_lists)
    for name in BulkQuery.__struct_fields__:
        if getattr(fields, name) in (None, []):
            setattr(fields, name, getattr(query, name))
    return upload_of_file(await file.read(), fields.filename or file.filename, file.content_type or "", fields)


def _as_query(pairs: list[tuple[str, str]]) -> bytes:
    from urllib.parse import urlencode

    return urlencode([(name, value) for name, value in pairs if name in BulkQuery.__struct_fields__]).encode()


def upload_of_file(content: bytes, name: str | None, content_type: str, fields: BulkQuery) -> Upload:
    """The bytes of a file with the options beside it. Raises `Refusal` for options that cannot be meant."""
    if len(content) > limits.upload.max_bytes:
        raise PayloadTooLarge(
            "The file is too large.",
            field="file",
            value=len(content),
            expected=f"at most {limits.upload.max_bytes} bytes",
        )
    mapping: dict[str, Any] = _json(fields.mapping, _mapping, "mapping") if fields.mapping else {}
    collisions: dict[str, Collision] = _json(fields.collisions, _collisions, "collisions") if fields.collisions else {}
    return Upload(
        _options(fields, collisions),
        _lists(fields),
        None,
        content,
        _tidy_name(name),
        content_type,
        mapping,
        fields.encoding,
        fields.delimiter,
        fields.sheet,
    )


def _json(text: str, decoder: msgspec.json.Decoder[Any], field: str) -> Any:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(
            f"`{field}` cannot be read: {error}.", field=field, value=text[:100], expected="a JSON object"
        ) from None


def _tidy_name(name: str | None) -> str | None:
    text = (name or "").replace("\\", "/").rpartition("/")[2].replace("\0", "")[:200]
    return text.encode(errors="replace").decode() or None


def _lists(fields: OptionFields) -> list[str]:
    return list(dict.fromkeys([*([fields.list_id] if fields.list_id else []), *fields.list_ids]))


def _options(fields: OptionFields, collisions: dict[str, Collision]) -> ImportOptions:
    country = fields.default_country_code
    return ImportOptions(
        mode=fields.mode or "upsert",
        dedupe_by=fields.dedupe_by or "auto",
        tags=tidy_tags(fields.tags),
        default_country_code=parse_country(country, "default_country_code") if country else None,
        dry_run=bool(fields.dry_run),
        emit_events=fields.emit_events is not False,
        if_deleted=fields.if_deleted or "create",
        collision=fields.collision or "overwrite",
        collisions=collisions,
    )
